//! W&B's sweeps, which are specs already: the file stays as it is where it can. Never a key taken out unless it means
//! something on W&B's server alone.

use std::path::Path;

use crate::error::{Error, Result};
use crate::spec::Spec;
use crate::spec::yaml::{Entry, Kind, Node};

use super::{Draft, entries, find, write};

/// Keys that only their server could follow.
const SERVER: [(&str, &str); 5] = [
    ("image_uri", "it names an image that their server starts"),
    ("job", "it names a job on their server"),
    ("metrics", "it belongs to `method: custom`: a list under `metric` are several metrics here"),
    ("scheduler", "it belongs to `method: custom`, which their server follows"),
    ("apiVersion", "it is of their server's format"),
];
/// Keys without effect here.
const SILENT: [&str; 4] = ["controller", "entity", "project", "kind"];
/// Keys that are specs' too.
const SHARED: [&str; 10] = [
    "command",
    "config",
    "description",
    "early_terminate",
    "method",
    "metric",
    "name",
    "parameters",
    "program",
    "run_cap",
];
/// What `metric` says to their server.
const METRIC: [&str; 2] = ["impute", "impute_while_running"];
/// Trials of a search that would never end by itself.
const TRIALS: &str = "20";

/// Whether a sweep of theirs has this key at its top.
pub(super) fn is_key(key: &str) -> bool {
    SHARED.contains(&key) || SILENT.contains(&key) || SERVER.iter().any(|(known, _)| *known == key)
}

/// Reads the file's tree; the text is the file's own where that is a spec as it stands.
pub(super) fn read(path: &Path, bytes: &[u8], root: &Node) -> Result<(Draft, Option<String>)> {
    let mut draft = Draft::default();
    let top = entries(path, root, "a sweep")?;
    for Entry { key, at, .. } in top.iter().filter(|entry| SILENT.contains(&entry.key.as_str())) {
        draft.leave(*at, format!("`{key}` has no effect: there is no server"));
    }
    if Spec::parse(path, bytes.to_vec()).is_ok() {
        return Ok((draft, Some(String::from_utf8_lossy(bytes).into_owned())));
    }
    for Entry { key, at, value } in top {
        if let Some((_, why)) = SERVER.iter().find(|(known, _)| known == key) {
            draft.leave(*at, format!("`{key}`: {why}"));
        } else if key == "metric" {
            let kept = metric(value, &mut draft);
            draft.set(key, kept);
        } else if !SILENT.contains(&key.as_str()) {
            draft.set(key, write::node(value));
        }
    }
    let method = find(top, "method").map(|entry| write::flow(&entry.value)).unwrap_or_default();
    if method == "custom" {
        return Err(Error::user(format!(
            "`{}` has `method: custom`, which runs on W&B's server",
            path.display()
        ))
        .hint("choose one of this program's methods: `sweep plan` names them"));
    }
    if matches!(method.as_str(), "random" | "bayes") && find(top, "run_cap").is_none() {
        draft.set("run_cap", TRIALS);
        draft.note(format!("without `run_cap` W&B would go on for ever: it is {TRIALS} now"));
    }
    Ok((draft, None))
}

fn metric(node: &Node, draft: &mut Draft) -> String {
    let Kind::Map(entries) = &node.kind else { return write::flow(node) };
    let mut kept = Vec::new();
    for Entry { key, at, value } in entries {
        if METRIC.contains(&key.as_str()) {
            draft.leave(*at, format!("`{key}` of `metric`: a failed trial counts as the worst here"));
        } else {
            kept.push((key.as_str(), write::flow(value)));
        }
    }
    write::map(kept)
}
