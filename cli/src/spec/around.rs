//! What a job does besides running the command: `checkpoint`, `signal`, `requeue_on_signal`, `templates`, `after`,
//! `source`, `folds`, `repetitions`. Never a file outside the trial's folder that we write.

use std::path::{Component, Path};

use nix::sys::signal::Signal;
use sweep_core::manifest::Around;

use super::keys;
use super::mistake::{Mistakes, Position, shown};
use super::read;
use super::template::Template;
use super::yaml::{Entry, Kind, Node};

/// The nodes of the keys that say it.
pub(super) struct Nodes<'a> {
    pub(super) after: Option<&'a Node>,
    pub(super) checkpoint: Option<&'a Node>,
    pub(super) folds: Option<&'a Node>,
    pub(super) repetitions: Option<&'a Node>,
    pub(super) requeue_on_signal: Option<&'a Node>,
    pub(super) signal: Option<&'a Node>,
    pub(super) source: Option<&'a Node>,
    pub(super) templates: Option<&'a Node>,
}

/// What they say.
#[derive(Default)]
pub(super) struct Said {
    pub(super) around: Around,
    pub(super) folds: Option<u32>,
    pub(super) repetitions: Option<u32>,
    pub(super) source: Vec<String>,
    /// The signal that jobs get before their time limit, as sbatch wants it.
    pub(super) signal: Option<String>,
    pub(super) requeues: bool,
    /// Texts with `${name}` in them.
    pub(super) texts: Vec<Template>,
}

/// Reads them.
pub(super) fn read(nodes: &Nodes<'_>, mistakes: &mut Mistakes) -> Said {
    let count = |node: Option<&Node>, what: &str, mistakes: &mut Mistakes| {
        u32::try_from(read::whole(node?, what, 1, 1_000_000, mistakes)?).ok()
    };
    let mut said = Said {
        folds: count(nodes.folds, "`folds`", mistakes),
        repetitions: count(nodes.repetitions, "`repetitions`", mistakes),
        source: nodes.source.map(|node| source(node, mistakes)).unwrap_or_default(),
        ..Said::default()
    };
    if let Some(node) = nodes.checkpoint {
        checkpoint(node, &mut said.around, mistakes);
    }
    if let Some(node) = nodes.templates {
        templates(node, &mut said.around, mistakes);
    }
    if let Some(node) = nodes.after {
        after(node, &mut said, mistakes);
    }
    let signal = nodes.signal.and_then(|node| signal(node, mistakes));
    said.signal = signal.as_ref().map(|(name, seconds)| format!("B:{name}@{seconds}"));
    if let Some(node) = nodes.requeue_on_signal {
        said.requeues = read::yes(node, "`requeue_on_signal`", mistakes).unwrap_or_default();
        match signal {
            Some((name, _)) if said.requeues => said.around.requeue_on = Some(name),
            None if said.requeues && nodes.signal.is_none() => {
                let hint = "say which signal and how long before the time limit: `signal: USR1@120`";
                mistakes.hint(node.at, "`requeue_on_signal` without `signal`", hint);
            }
            _ => {}
        }
    }
    said
}

fn checkpoint(node: &Node, around: &mut Around, mistakes: &mut Mistakes) {
    if !matches!(node.kind, Kind::Map(_)) {
        around.checkpoint = read::yes(node, "`checkpoint`", mistakes).unwrap_or_default();
        return;
    }
    around.checkpoint = true;
    for Entry { key, at, value } in read::entries(node, "`checkpoint`", mistakes).unwrap_or_default() {
        if keys::check(keys::CHECKPOINT, "key", key, *at, mistakes) {
            let keep = read::whole(value, "`keep` of `checkpoint`", 1, 1_000_000, mistakes);
            around.keep_checkpoints = keep.and_then(|keep| u32::try_from(keep).ok());
        }
    }
}

fn templates(node: &Node, around: &mut Around, mistakes: &mut Mistakes) {
    for Entry { key, at, value } in read::entries(node, "`templates`", mistakes).unwrap_or_default() {
        let mut parts = Path::new(key).components();
        let is_inside =
            parts.clone().next().is_some() && parts.all(|part| matches!(part, Component::Normal(_)));
        if !is_inside || OURS.contains(&key.as_str()) {
            let message = format!("`{}` cannot be written in a trial's folder", shown(key));
            mistakes.hint(*at, message, "write `templates: {config.yaml: config.yaml.j2}`");
        }
        if let Some(text) = read::line(value, "a template", mistakes) {
            around.templates.insert(key.clone(), text.to_owned());
        }
    }
}

/// Files of a trial's folder that are sweep's own.
const OURS: [&str; 5] = ["config.json", "metrics.jsonl", "result", "out.log", "veto"];

fn after(node: &Node, said: &mut Said, mistakes: &mut Mistakes) {
    let lines: Vec<&Node> = match &node.kind {
        Kind::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    for line in lines {
        if let Some(text) = read::text(line, "a line of `after`", mistakes) {
            said.texts.push(Template::shell(text, line.at, "`after`"));
            said.around.after.push(text.to_owned());
        }
    }
}

fn source(node: &Node, mistakes: &mut Mistakes) -> Vec<String> {
    const HINT: &str = "write `source: {copy: [\"*.py\"]}`";
    let mut patterns = Vec::new();
    for Entry { key, at, value } in read::entries(node, "`source`", mistakes).unwrap_or_default() {
        if keys::check(keys::SOURCE, "key", key, *at, mistakes) {
            patterns = read::texts(value, "`copy` of `source`", HINT, mistakes).unwrap_or_default();
            patterns.iter().for_each(|pattern| check_pattern(pattern, value.at, mistakes));
        }
    }
    patterns
}

fn check_pattern(pattern: &str, at: Position, mistakes: &mut Mistakes) {
    let leaves =
        Path::new(pattern).components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
    if leaves || pattern.is_empty() {
        let message = format!("`{}` leaves the folder of the spec", shown(pattern));
        mistakes.hint(at, message, "only files beside the spec and below can be copied");
    } else if let Err(error) = glob::Pattern::new(pattern) {
        mistakes.add(at, format!("`{}` is no pattern: {}", shown(pattern), error.msg));
    }
}

/// `USR1@120`: the signal's name and how many seconds before the time limit.
fn signal(node: &Node, mistakes: &mut Mistakes) -> Option<(String, u32)> {
    let text = read::line(node, "`signal`", mistakes)?;
    let (name, seconds) = text.split_once('@').unwrap_or((text, "60"));
    let name = name.trim_start_matches("B:").trim_start_matches("SIG").to_ascii_uppercase();
    let known = PASSED_ON.contains(&name.as_str()) && format!("SIG{name}").parse::<Signal>().is_ok();
    let seconds = seconds.parse::<u32>().ok().filter(|seconds| *seconds <= 65_535);
    if let (true, Some(seconds)) = (known, seconds) {
        return Some((name, seconds));
    }
    let hint = format!("write `signal: USR1@120`; signals are {}", PASSED_ON.join(", "));
    mistakes.hint(node.at, format!("`{}` is no signal with its seconds", shown(text)), hint);
    None
}

/// Signals that reach the command.
const PASSED_ON: [&str; 5] = ["USR1", "USR2", "TERM", "INT", "HUP"];
