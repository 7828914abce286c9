//! hpc-compose's files with a `sweep` block: parameters, matrix and objective as they are, the one service's command
//! and environment, Slurm's options. Never a container: what an image held must be there without it.

use std::path::Path;

use crate::error::{Error, Result};
use crate::spec::Position;
use crate::spec::yaml::{Entry, Kind, Node};

use super::{Draft, entries, find, misplaced, scalar, write};

/// Keys of `x-slurm` that are options of sbatch.
const SBATCH: [&str; 24] = [
    "account",
    "constraint",
    "cpus_per_gpu",
    "cpus_per_task",
    "exclude",
    "gpus",
    "gpus_per_node",
    "gpus_per_task",
    "gres",
    "licenses",
    "mail_type",
    "mail_user",
    "mem",
    "mem_per_cpu",
    "mem_per_gpu",
    "nodelist",
    "nodes",
    "ntasks",
    "ntasks_per_node",
    "partition",
    "qos",
    "reservation",
    "time",
    "tmp",
];

/// hpc-compose's variables and ours.
const VARIABLES: [(&str, &str); 5] = [
    ("HPC_COMPOSE_SWEEP_ID", "SWEEP_ID"),
    ("HPC_COMPOSE_SWEEP_TRIAL_INDEX", "SWEEP_TRIAL_INDEX"),
    ("HPC_COMPOSE_SWEEP_TRIAL", "SWEEP_TRIAL"),
    ("HPC_COMPOSE_SWEEP_REPLICATE", "SWEEP_REPLICATE"),
    ("HPC_COMPOSE_SWEEP_SEED", "SWEEP_SEED"),
];

/// Reads the file's tree.
pub(super) fn read(path: &Path, root: &Node) -> Result<Draft> {
    let mut draft = Draft::default();
    let top = entries(path, root, "a compose file")?;
    let Some(block) = find(top, "sweep") else {
        return Err(Error::user(format!("`{}` has no `sweep` block", path.display()))
            .hint("only a compose file with a top-level `sweep:` is a search"));
    };
    let sweep = entries(path, &block.value, "`sweep`")?;
    let parameters =
        find(sweep, "parameters").ok_or_else(|| misplaced(path, block.at, "`sweep` has no `parameters`"))?;
    let axes = entries(path, &parameters.value, "`parameters`")?;
    let names: Vec<&str> = axes.iter().map(|axis| axis.key.as_str()).collect();
    if let Some(entry) = find(top, "name") {
        draft.set("name", write::flow(&entry.value));
    }
    let mut texts = Texts { names: &names, draft: &mut draft };
    match find(top, "services") {
        Some(services) => service(path, &services.value, &mut texts)?,
        None => texts.draft.note("no service, so nothing to run: add `command:`"),
    }
    if let Some(entry) = find(top, "x-slurm") {
        slurm(path, &entry.value, &mut draft)?;
    }
    for Entry { key, at, .. } in top {
        if !["name", "services", "x-slurm", "sweep"].contains(&key.as_str()) {
            draft.leave(*at, format!("`{key}` means nothing without hpc-compose"));
        }
    }
    draft.set(
        "parameters",
        write::block(axes.iter().map(|axis| (axis.key.as_str(), write::flow(&axis.value)))),
    );
    for Entry { key, at, value } in sweep {
        match key.as_str() {
            "parameters" => {}
            "matrix" | "replicates" => draft.set(key, write::flow(value)),
            "objective" => objective(path, value, &mut draft)?,
            "scaling_axis" => {
                draft.leave(*at, "`scaling_axis`: `sweep export` has the numbers for such a figure")
            }
            "spec" => draft.leave(*at, "`spec` names another file, which hpc-compose refuses itself"),
            _ => draft.leave(*at, format!("`{key}` is no key of a sweep")),
        }
    }
    Ok(draft)
}

fn service(path: &Path, node: &Node, texts: &mut Texts<'_, '_>) -> Result<()> {
    let services = entries(path, node, "`services`")?;
    let [service] = services else {
        texts.draft.leave(
            node.at,
            format!("{} services: a trial runs one command; add `command:` or `shell:` that starts what is needed", services.len()),
        );
        return Ok(());
    };
    for Entry { key, at, value } in entries(path, &service.value, "a service")? {
        let leave = |texts: &mut Texts<'_, '_>, why: &str| texts.draft.leave(*at, format!("`{key}`: {why}"));
        match key.as_str() {
            "command" => match &value.kind {
                Kind::List(items) => {
                    let words = items
                        .iter()
                        .map(|item| Ok(write::quoted(&texts.fill(scalar(path, item, "a word")?, item.at))));
                    let words = words.collect::<Result<Vec<_>>>()?;
                    texts.draft.set("command", write::list(words));
                }
                _ => {
                    let line = texts.fill(scalar(path, value, "`command`")?, value.at);
                    texts.draft.set("shell", write::text(&line));
                }
            },
            "script" => {
                let script = texts.fill(scalar(path, value, "`script`")?, value.at);
                texts.draft.set("shell", write::text(&script));
            }
            "environment" => {
                let variables = environment(path, value, texts)?;
                texts.draft.set("env", write::block(variables.iter().map(|(k, v)| (k.as_str(), v.clone()))));
            }
            "image" => {
                let image = write::flow(value);
                leave(
                    texts,
                    &format!(
                        "trials run without a container; to use {image}, let `command:` begin with `apptainer exec`"
                    ),
                );
            }
            "working_dir" => leave(texts, "it is a folder in the container; see `workdir:`"),
            "volumes" => leave(texts, "trials see the cluster's own file systems"),
            "depends_on" | "readiness" | "healthcheck" => leave(texts, "a trial is one command"),
            _ => leave(texts, "it belongs to a container"),
        }
    }
    Ok(())
}

/// A mapping, or a list of `NAME=value`.
fn environment(path: &Path, node: &Node, texts: &mut Texts<'_, '_>) -> Result<Vec<(String, String)>> {
    let mut variables = Vec::new();
    let mut add = |name: &str, text: &str, at: Position| {
        variables.push((name.to_owned(), write::quoted(&texts.fill(text, at))));
    };
    match &node.kind {
        Kind::List(items) => {
            for item in items {
                let text = scalar(path, item, "a variable")?;
                let (name, value) = text.split_once('=').unwrap_or((text, ""));
                add(name, value, item.at);
            }
        }
        _ => {
            for Entry { key, value, .. } in entries(path, node, "`environment`")? {
                add(key, scalar(path, value, &format!("`{key}`"))?, value.at);
            }
        }
    }
    Ok(variables)
}

fn slurm(path: &Path, node: &Node, draft: &mut Draft) -> Result<()> {
    let mut options = Vec::new();
    for Entry { key, at, value } in entries(path, node, "`x-slurm`")? {
        if SBATCH.contains(&key.as_str()) {
            options.push((key.replace('_', "-"), write::quoted(scalar(path, value, &format!("`{key}`"))?)));
        } else if key == "setup" {
            let lines: Vec<&Node> =
                if let Kind::List(items) = &value.kind { items.iter().collect() } else { vec![value] };
            let lines = lines
                .into_iter()
                .map(|line| Ok(write::quoted(&super::for_shell(scalar(path, line, "a line of `setup`")?))));
            draft.set("setup", write::list(lines.collect::<Result<Vec<_>>>()?));
        } else if key == "array" {
            draft.leave(*at, "`array` of `x-slurm`: trials are arrays already");
        } else {
            draft.leave(*at, format!("`{key}` of `x-slurm` is no option of sbatch"));
        }
    }
    if !options.is_empty() {
        draft.set("sbatch", write::map(options.iter().map(|(key, value)| (key.as_str(), value.clone()))));
    }
    Ok(())
}

/// The objective as a metric: the first match counts there, so it does here.
fn objective(path: &Path, node: &Node, draft: &mut Draft) -> Result<()> {
    let entries = entries(path, node, "`objective`")?;
    let text = |key: &str| find(entries, key).map(|entry| scalar(path, &entry.value, key)).transpose();
    let direction = text("direction")?.unwrap_or("minimize");
    let from = match (text("log_pattern")?, text("json_path")?, text("json_field")?) {
        (Some(pattern), _, _) => {
            let group = text("group")?.unwrap_or("1");
            if group != "1" {
                let at = find(entries, "group").map_or(node.at, |entry| entry.at);
                draft.leave(
                    at,
                    format!("`group: {group}`: the pattern's first group counts; make the others `(?:…)`"),
                );
            }
            write::map([("stdout", write::quoted(pattern)), ("take", "first".into())])
        }
        (None, Some(file), Some(field)) => {
            write::map([("json", write::quoted(file)), ("field", write::quoted(field))])
        }
        _ => {
            return Err(misplaced(
                path,
                node.at,
                "`objective` has neither `log_pattern` nor `json_path` with `json_field`",
            ));
        }
    };
    draft.set(
        "metric",
        write::map([("name", "objective".into()), ("goal", direction.into()), ("from", from)]),
    );
    Ok(())
}

/// Texts in which hpc-compose fills in `${name}`.
struct Texts<'n, 'd> {
    names: &'n [&'n str],
    draft: &'d mut Draft,
}

impl Texts<'_, '_> {
    /// The text for a spec: parameters stay, hpc-compose's variables become ours, others lose what would fail.
    fn fill(&mut self, text: &str, at: Position) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((inside, behind)) = after.split_once('}').filter(|_| !before.ends_with('$')) else {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            };
            out.push_str(before);
            let (name, default) = inside.split_once(":-").map_or((inside, None), |(n, d)| (n, Some(d)));
            if let Some((_, ours)) = VARIABLES.iter().find(|(theirs, _)| *theirs == name) {
                out.push_str(&format!("${{{ours}}}"));
                self.draft.leave(at, format!("`{name}` has become `{ours}`"));
            } else if self.names.contains(&name) {
                out.push_str(&format!("${{{inside}}}"));
            } else if let Some(default) = default {
                out.push_str(default);
                self.draft.leave(at, format!("`${{{inside}}}` is no parameter: its default stands for it"));
            } else {
                out.push_str(&format!("$${{{inside}}}"));
                self.draft.leave(
                    at,
                    format!("`${{{inside}}}` is no parameter and has no default: write its value"),
                );
            }
            rest = behind;
        }
        out + rest
    }
}

/// Texts with names in them.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stay_and_other_names_do_not_fail_a_spec() {
        let mut draft = Draft::default();
        let mut texts = Texts { names: &["lr"], draft: &mut draft };
        let at = Position::default();
        assert_eq!(texts.fill("a ${lr:-1} ${lr} $x $${y}", at), "a ${lr:-1} ${lr} $x $${y}");
        assert_eq!(
            texts.fill("${HPC_COMPOSE_SWEEP_TRIAL}/${DIR:-/tmp}/${HOST}", at),
            "${SWEEP_TRIAL}//tmp/$${HOST}"
        );
        assert_eq!(draft.left.len(), 3);
    }
}
