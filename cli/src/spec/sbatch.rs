//! `sbatch:` options: long names without dashes, and those that are sweep's own to set. Never an option that
//! would break how a sweep finds its jobs again.

use std::collections::BTreeMap;

use super::mistake::{Mistakes, shown};
use super::read;
use super::yaml::{Entry, Kind, Node};

/// Options as written, by long name; an empty text is an option without a value.
pub type Options = BTreeMap<String, String>;

/// What to do instead of an option that sweep sets itself, by long name.
const REFUSED: [(&str, &str); 14] = [
    ("job-name", "use `name:`; the job's name is how a sweep finds its jobs"),
    ("array", "sweep makes the array from the trials; use `concurrency:` for how many run at once"),
    ("output", "each trial's output is `out.log` in its folder"),
    ("error", "each trial's output is `out.log` in its folder"),
    ("wrap", "use `shell:`"),
    ("parsable", "sweep reads what sbatch prints by itself"),
    ("wait", "use `sweep run`, which waits and shows progress"),
    ("clusters", "use `spread: {over: [{cluster: NAME}]}`"),
    ("cluster", "use `spread: {over: [{cluster: NAME}]}`"),
    ("test-only", "use `sweep submit --dry-run`"),
    ("help", "it submits nothing"),
    ("usage", "it submits nothing"),
    ("version", "it submits nothing"),
    ("sweep", "sweep gives the trials by itself"),
];

/// sbatch's short options, Slurm 22.05 to 25.11.
const SHORT: [(&str, &str); 31] = [
    ("A", "account"),
    ("B", "extra-node-info"),
    ("C", "constraint"),
    ("D", "chdir"),
    ("F", "nodefile"),
    ("G", "gpus"),
    ("H", "hold"),
    ("I", "immediate"),
    ("J", "job-name"),
    ("L", "licenses"),
    ("M", "clusters"),
    ("N", "nodes"),
    ("O", "overcommit"),
    ("Q", "quiet"),
    ("S", "core-spec"),
    ("V", "version"),
    ("W", "wait"),
    ("a", "array"),
    ("b", "begin"),
    ("c", "cpus-per-task"),
    ("d", "dependency"),
    ("e", "error"),
    ("h", "help"),
    ("i", "input"),
    ("k", "no-kill"),
    ("m", "distribution"),
    ("n", "ntasks"),
    ("o", "output"),
    ("p", "partition"),
    ("q", "qos"),
    ("t", "time"),
];
/// The rest of them.
const SHORT_MORE: [(&str, &str); 5] =
    [("s", "oversubscribe"), ("u", "usage"), ("v", "verbose"), ("w", "nodelist"), ("x", "exclude")];

/// The long name of an option in any of its forms: `--job-name`, `job_name`, `J`.
#[must_use]
pub fn long_name(option: &str) -> String {
    let bare = option.trim_start_matches('-');
    match SHORT.iter().chain(&SHORT_MORE).find(|(short, _)| *short == bare) {
        Some((_, long)) => (*long).to_owned(),
        None => bare.replace('_', "-").to_ascii_lowercase(),
    }
}

/// What to do instead of an option, in any of its forms, where sweep sets it itself.
#[must_use]
pub fn refused(option: &str) -> Option<&'static str> {
    let long = long_name(option);
    let own = if long.starts_with("sweep-") { "sweep" } else { &long };
    REFUSED.iter().find(|(name, _)| *name == own).map(|(_, instead)| *instead)
}

/// The option as an argument: `--exclusive`, `--time=10`.
#[must_use]
pub fn argument(name: &str, value: &str) -> String {
    if value.is_empty() { format!("--{name}") } else { format!("--{name}={value}") }
}

/// Reads `sbatch:`. An option that is `false` is left out.
pub(super) fn read(node: &Node, mistakes: &mut Mistakes) -> Options {
    let mut options = Options::new();
    for entry in read::entries(node, "`sbatch`", mistakes).unwrap_or_default() {
        if is_false(&entry.value) && refused(&entry.key).is_none() {
            continue;
        }
        let name_ok = check_name(entry, mistakes);
        if let (Some(value), true) = (read_value(entry, mistakes), name_ok) {
            options.insert(entry.key.clone(), value);
        }
    }
    options
}

/// Reads the `sbatch:` of one trial, which can add and replace options but not take one away.
pub(super) fn read_row(node: &Node, mistakes: &mut Mistakes) -> Options {
    if let Kind::Map(entries) = &node.kind {
        for entry in entries.iter().filter(|entry| is_false(&entry.value)) {
            let message = format!("one trial cannot take sbatch option `{}` away", shown(&entry.key));
            mistakes.hint(
                entry.value.at,
                message,
                "leave it out above, and give it to the trials that need it",
            );
        }
    }
    read(node, mistakes)
}

fn is_false(node: &Node) -> bool {
    matches!(&node.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "false" | "False" | "FALSE"))
}

fn check_name(entry: &Entry, mistakes: &mut Mistakes) -> bool {
    let Entry { key, at, .. } = entry;
    let name = shown(key);
    if let Some(instead) = refused(key) {
        mistakes.hint(*at, format!("sbatch option `{name}` is not for a spec"), instead);
        return false;
    }
    let long = long_name(key);
    if *key != long {
        let form = if key.starts_with('-') { "without dashes before it" } else { "by its long name" };
        mistakes.hint(
            *at,
            format!("sbatch option `{name}` must be given {form}"),
            format!("write `{}`", shown(&long)),
        );
        return false;
    }
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if key.len() < 2 || key.len() > 64 || !key.bytes().all(plain) {
        mistakes.hint(
            *at,
            format!("`{name}` is not an option of sbatch"),
            "give its long name, such as `cpus-per-task`",
        );
        return false;
    }
    true
}

fn read_value(entry: &Entry, mistakes: &mut Mistakes) -> Option<String> {
    let what = format!("sbatch option `{}`", shown(&entry.key));
    let node = &entry.value;
    if matches!(&node.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "true" | "True" | "TRUE"))
    {
        return Some(String::new());
    }
    if node.is_null() || matches!(&node.kind, Kind::Scalar { text, .. } if text.is_empty()) {
        mistakes.hint(node.at, format!("{what} has no value"), "write `true` for an option without one");
        return None;
    }
    if let Kind::List(_) | Kind::Map(_) = node.kind {
        mistakes.hint(
            node.at,
            format!("{what} must be a single value, not {}", node.word()),
            "lists are written with commas, as on sbatch's command line",
        );
        return None;
    }
    read::line(node, &what, mistakes).map(str::to_owned)
}

/// Names in all their forms.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_options_are_refused_in_every_form() {
        for option in [
            "job-name",
            "job_name",
            "J",
            "-J",
            "--job-name",
            "array",
            "a",
            "-a",
            "output",
            "o",
            "error",
            "e",
            "wrap",
            "parsable",
            "wait",
            "W",
            "clusters",
            "M",
            "cluster",
            "sweep-dir",
            "sweep_trial",
            "--sweep-set",
            "test-only",
        ] {
            assert!(refused(option).is_some(), "{option}");
        }
        for option in ["time", "t", "mem", "wait-all-nodes", "export", "sweeper", "wckey"] {
            assert!(refused(option).is_none(), "{option}");
        }
    }

    #[test]
    fn an_option_without_value_has_no_equals_sign() {
        assert_eq!(argument("exclusive", ""), "--exclusive");
        assert_eq!(argument("comment", "a b"), "--comment=a b");
    }
}
