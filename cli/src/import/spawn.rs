//! spawn's parameter files: `defaults`, `params`, `grid`, as YAML, JSON or CSV. Rows come first and the grid behind
//! them, sorted by name with the last fastest, as there. Never a cloud's key that becomes a parameter.

use std::path::Path;

use crate::error::{Error, Result};
use crate::spec::Position;
use crate::spec::yaml::{Entry, Kind, Node};

use super::{Draft, entries, find, for_shell, misplaced, scalar, write};

/// Keys that configure a machine of a cloud, and what to use in place of them.
const CLOUD: &[(&str, &str)] = &[
    ("ami", "it names a machine image"),
    ("availability_zone", "a cluster has none"),
    ("cost_limit", "see `budget: {price: …}` with `rates:`"),
    ("hibernate_on_idle", "a job ends with its command"),
    ("iam_policy", "it gives rights in a cloud"),
    ("idle_timeout", "a job ends with its command"),
    ("instance_type", "say what a trial needs under `sbatch:`, such as `partition`, `gres` or `mem`"),
    ("key_name", "it opens machines of a cloud"),
    ("on_complete", "a job ends with its command"),
    ("region", "a cluster has none; for several clusters or partitions there is `spread`"),
    ("security_group", "it belongs to a cloud's network"),
    ("spot", "see `retries:` with `preempted`"),
    ("step", "see `method:` and `when:` for what depends on what"),
    ("subnet", "it belongs to a cloud's network"),
    ("tags", "they belong to machines of a cloud"),
    ("volume_size", "it belongs to machines of a cloud"),
    ("vpc", "it belongs to a cloud's network"),
];

/// What the file says must run.
const PROGRAMS: [&str; 2] = ["command", "user_data"];

/// A prefix that passes any name through as a parameter.
const PASSED: &str = "param:";

/// Whether a file of theirs has this key at its top.
pub(super) fn is_key(key: &str) -> bool {
    ["defaults", "params", "grid"].contains(&key)
}

/// Reads the file's tree.
pub(super) fn read(path: &Path, root: &Node) -> Result<Draft> {
    let mut draft = Draft::default();
    let top = entries(path, root, "a parameter file")?;
    for Entry { key, at, .. } in top {
        if !is_key(key) {
            draft.leave(*at, format!("`{key}` is no key of a parameter file"));
        }
    }
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    draft.set("name", plain_name(&name));
    let mut names = Vec::new();
    let mut shared = Shared::default();
    if let Some(entry) = find(top, "defaults") {
        shared = defaults(path, &entry.value, &mut names, &mut draft)?;
    }
    let rows =
        find(top, "params").map(|entry| rows(path, &entry.value, &mut names, &mut draft)).transpose()?;
    let grid = find(top, "grid").map(|entry| grid(path, &entry.value, &mut names, &mut draft)).transpose()?;
    program(&shared, &names, &mut draft);
    if let Some(time) = shared.time {
        draft.set("sbatch", write::map([("time", time)]));
    }
    if !shared.values.is_empty() {
        draft.set(
            "defaults",
            write::map(shared.values.iter().map(|(name, value)| (name.as_str(), value.clone()))),
        );
    }
    match (rows, grid) {
        (None, None) => {
            return Err(Error::user(format!("`{}` has neither `params` nor `grid`", path.display()))
                .hint("a parameter file lists its trials under `params:`"));
        }
        (rows, grid) => {
            rows.into_iter().for_each(|rows| draft.set("params", rows));
            grid.into_iter().for_each(|grid| draft.set("parameters", grid));
        }
    }
    Ok(draft)
}

/// What `defaults` says for all trials.
#[derive(Default)]
struct Shared {
    values: Vec<(String, String)>,
    /// A time limit, as sbatch takes it, in YAML.
    time: Option<String>,
    /// A shell's text, where it begins, and whether its lines are those of the file.
    program: Option<(String, Position, bool)>,
}

fn defaults(path: &Path, node: &Node, names: &mut Vec<String>, draft: &mut Draft) -> Result<Shared> {
    let mut shared = Shared::default();
    for Entry { key, at, value } in entries(path, node, "`defaults`")? {
        match key.as_str() {
            key if PROGRAMS.contains(&key) => {
                let text = scalar(path, value, &format!("`{key}`"))?;
                // A block begins behind its key; in quotes, all lines stand on the key's own.
                shared.program = Some((text.to_owned(), value.at, value.at.line > at.line));
            }
            "ttl" => shared.time = time(path, value, *at, draft)?,
            "name" => draft.leave(*at, "`name` of `defaults`: each trial has its own"),
            key => {
                if let Some(value) = parameter(path, key, *at, value, names, draft)? {
                    shared.values.push(value);
                }
            }
        }
    }
    Ok(shared)
}

fn rows(path: &Path, node: &Node, names: &mut Vec<String>, draft: &mut Draft) -> Result<String> {
    let Kind::List(items) = &node.kind else {
        return Err(misplaced(path, node.at, "`params` must be a list of trials"));
    };
    let mut rows = Vec::new();
    for item in items {
        let (mut row, mut sbatch) = (Vec::new(), None);
        for Entry { key, at, value } in entries(path, item, "a trial of `params`")? {
            match key.as_str() {
                "name" => row.push(("name".to_owned(), write::quoted(scalar(path, value, "`name`")?))),
                "ttl" => sbatch = time(path, value, *at, draft)?,
                key if PROGRAMS.contains(&key) => {
                    draft.leave(*at, format!("`{key}` of one trial: a sweep runs one command; make what differs a parameter of it"));
                }
                key => row.extend(parameter(path, key, *at, value, names, draft)?),
            }
        }
        row.extend(sbatch.map(|time| ("sbatch".to_owned(), write::map([("time", time)]))));
        rows.push(write::map(row.iter().map(|(key, value)| (key.as_str(), value.clone()))));
    }
    Ok(write::lines(rows))
}

fn grid(path: &Path, node: &Node, names: &mut Vec<String>, draft: &mut Draft) -> Result<String> {
    let mut axes: Vec<(String, String)> = Vec::new();
    for Entry { key, at, value } in entries(path, node, "`grid`")? {
        let Some(name) = passed(key, *at, names, draft) else { continue };
        match &value.kind {
            Kind::List(items) => axes.push((name, write::list(items.iter().map(write::flow)))),
            _ => return Err(misplaced(path, value.at, &format!("`{key}` of `grid` must be a list"))),
        }
    }
    Ok(write::block(axes.iter().map(|(name, values)| (name.as_str(), values.clone()))))
}

/// A key's parameter, where it is one.
fn passed(key: &str, at: Position, names: &mut Vec<String>, draft: &mut Draft) -> Option<String> {
    let name = match key.strip_prefix(PASSED) {
        Some(name) => name,
        None => {
            if let Some((_, hint)) = CLOUD.iter().find(|(known, _)| *known == key) {
                draft.leave(at, format!("`{key}` configures a machine of a cloud: {hint}"));
                return None;
            }
            key
        }
    };
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
    Some(name.to_owned())
}

fn parameter(
    path: &Path,
    key: &str,
    at: Position,
    value: &Node,
    names: &mut Vec<String>,
    draft: &mut Draft,
) -> Result<Option<(String, String)>> {
    let Some(name) = passed(key, at, names, draft) else { return Ok(None) };
    scalar(path, value, &format!("`{key}`"))?;
    Ok(Some((name, write::flow(value))))
}

/// `ttl`, the life of a machine, as a job's time limit.
fn time(path: &Path, value: &Node, at: Position, draft: &mut Draft) -> Result<Option<String>> {
    let text = scalar(path, value, "`ttl`")?;
    let Some(minutes) = minutes(text) else {
        draft.leave(at, format!("`ttl: {text}` is no time such as 4h or 90m: set `sbatch: {{time: …}}`"));
        return Ok(None);
    };
    draft.leave(at, format!("`ttl: {text}` ended a machine; it has become the job's time limit"));
    Ok(Some(write::quoted(&format!("{:02}:{:02}:00", minutes / 60, minutes % 60))))
}

/// The minutes of `1d`, `4h`, `1h30m`, `90m`.
fn minutes(text: &str) -> Option<u64> {
    let (mut sum, mut number) = (0_u64, String::new());
    for c in text.trim().chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c {
            'd' => 24 * 60,
            'h' => 60,
            'm' => 1,
            _ => return None,
        };
        sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    (number.is_empty() && sum > 0).then_some(sum)
}

/// What runs, and under which names it finds the parameters.
fn program(shared: &Shared, names: &[String], draft: &mut Draft) {
    let Some((text, at, is_block)) = &shared.program else {
        draft.note("no command that all trials run: add `command:`, `script:` or `shell:`");
        draft.set("env_names", "{prefix: PARAM_}");
        draft.note("programs find parameters as `PARAM_<name>`, as with spawn: see `env_names`");
        return;
    };
    let asks = |name: &str| text.contains(&format!("${name}")) || text.contains(&format!("${{{name}"));
    let in_capitals = !asks("PARAM_") && names.iter().any(|name| asks(&name.to_ascii_uppercase()));
    if in_capitals {
        draft.set("env_names", "upper");
    } else {
        draft.set("env_names", "{prefix: PARAM_}");
    }
    let mut body = text.clone();
    for (theirs, ours) in [("success", "success"), ("stopped", "stopped")] {
        let call = format!("spored complete --status {theirs}");
        if body.contains(&call) {
            body = body.replace(&call, &format!("sweep log --final {ours}"));
            draft.leave(*at, format!("`{call}` has become `sweep log --final {ours}`"));
        }
    }
    for (number, line) in body.lines().enumerate() {
        for word in ["spored ", "aws "] {
            if line.trim_start().starts_with(word) || line.contains(&format!("$({word}")) {
                let line = if *is_block { Position { line: at.line + number, ..*at } } else { *at };
                draft.leave(line, format!("`{}` needs a cloud: it stays as it is", word.trim()));
            }
        }
    }
    if asks("NAME") {
        body = match body.split_once('\n') {
            Some((first, rest)) if first.starts_with("#!") => {
                format!("{first}\nexport NAME=\"$SWEEP_TRIAL_NAME\"\n{rest}")
            }
            _ => format!("export NAME=\"$SWEEP_TRIAL_NAME\"\n{body}"),
        };
        draft.leave(*at, "`$NAME` is the trial's name: a line sets it from `$SWEEP_TRIAL_NAME`");
    }
    draft.set("shell", write::text(&for_shell(&body)));
}

/// A sweep's name from a file's.
fn plain_name(text: &str) -> String {
    let name: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' })
        .skip_while(|c| !c.is_ascii_alphanumeric())
        .take(30)
        .collect();
    if name.is_empty() { "imported".into() } else { name }
}

/// A CSV file as the tree that its YAML would be: a header, then a trial a row; an empty cell is no parameter.
pub(super) fn rows_of_csv(path: &Path, bytes: &[u8]) -> Result<Node> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let wrong = |error: &csv::Error| Error::user(format!("`{}` is no table", path.display())).because(error);
    let header = reader.headers().map_err(|error| wrong(&error))?.clone();
    let mut rows = Vec::new();
    for (number, record) in reader.records().enumerate() {
        let record = record.map_err(|error| wrong(&error))?;
        let line = record.position().and_then(|at| usize::try_from(at.line()).ok()).unwrap_or(number + 2);
        if record.len() != header.len() {
            let message =
                format!("row {} has {} columns, and the header {}", number + 1, record.len(), header.len());
            return Err(misplaced(path, Position { line, column: 1 }, &message));
        }
        let cells = header.iter().zip(&record).enumerate().filter(|(_, (_, cell))| !cell.is_empty());
        let row = cells.map(|(column, (key, cell))| {
            let at = Position { line, column: column + 1 };
            let kind = Kind::Scalar { text: cell.to_owned(), plain: true };
            Entry { key: key.to_owned(), at, value: Node { kind, at } }
        });
        let at = Position { line, column: 1 };
        rows.push(Node { kind: Kind::Map(row.collect()), at });
    }
    let at = Position { line: 1, column: 1 };
    let rows = Node { kind: Kind::List(rows), at };
    Ok(Node { kind: Kind::Map(vec![Entry { key: "params".into(), at, value: rows }]), at })
}

/// Times as spawn writes them.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_read_as_minutes() {
        for (text, expected) in
            [("4h", Some(240)), ("90m", Some(90)), ("1h30m", Some(90)), ("1d", Some(1440))]
        {
            assert_eq!(minutes(text), expected, "{text}");
        }
        for text in ["", "4", "4x", "h", "0m", "99999999999999999999h"] {
            assert_eq!(minutes(text), None, "{text}");
        }
    }
}
