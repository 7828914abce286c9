//! `config:`: a file of values that all trials have and that the sweep's parameters go over, as W&B's base
//! configuration. Never a list or a mapping as a value: a mapping is nested parameters, a list its JSON text.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sweep_core::limits;
use sweep_core::params::Params;
use sweep_core::value::{Scalar, Value};

use super::mistake::{Mistakes, Position, shown};
use super::yaml::{self, Entry, Kind, Node};
use super::{Base, read};

/// W&B's own entries in its configuration files.
const THEIRS: [&str; 2] = ["wandb_version", "_wandb"];

/// Reads the file that `config:` names.
pub(super) fn load(folder: &Path, node: &Node, mistakes: &mut Mistakes) -> Option<Base> {
    let name = read::line(node, "`config`", mistakes)?.to_owned();
    let file = folder.join(&name);
    let mut bytes = Vec::new();
    let read = File::open(&file).and_then(|file| file.take(limits::SPEC_LEN + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        mistakes.hint(
            node.at,
            format!("config file `{}` cannot be read: {error}", shown(&name)),
            "it is looked for beside the spec",
        );
        return None;
    }
    if bytes.len() as u64 > limits::SPEC_LEN {
        let message = format!("config file `{}` is larger than {} bytes", shown(&name), limits::SPEC_LEN);
        mistakes.add(node.at, message);
        return None;
    }
    Some(Base { name, bytes })
}

/// The values of the file; `at` is where the spec names it.
pub(super) fn values(base: &Base, at: Position, mistakes: &mut Mistakes) -> Params {
    let mut inner = Mistakes::default();
    let mut params = Params::new();
    if let Some(root) = yaml::read(&base.bytes, &mut inner)
        && let Some(entries) = read::entries(&root, "a config file", &mut inner)
    {
        collect(entries, "", &mut params, &mut inner);
    }
    if let Err(errors) = inner.finish(Path::new(&base.name)) {
        for mistake in errors.mistakes {
            let place = mistake.at.map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default();
            let message = format!("config file `{}`{place}: {}", shown(&base.name), mistake.message);
            match mistake.hint {
                Some(hint) => mistakes.hint(at, message, hint),
                None => mistakes.add(at, message),
            }
        }
    }
    params
}

fn collect(entries: &[Entry], prefix: &str, params: &mut Params, mistakes: &mut Mistakes) {
    for Entry { key, value, .. } in entries {
        if prefix.is_empty() && THEIRS.contains(&key.as_str()) {
            continue;
        }
        let name = format!("{prefix}{key}");
        let node = described(value).unwrap_or(value);
        // Nothing is what a program without the entry has as well.
        if node.is_null() {
            continue;
        }
        match &node.kind {
            Kind::Map(entries) => collect(entries, &format!("{name}."), params, mistakes),
            Kind::List(_) => params.set(&name, Value::from_text(json(node).to_string())),
            Kind::Scalar { .. } => {
                if let Some(value) = read::value(node, &format!("the value of `{}`", shown(&name)), mistakes)
                {
                    params.set(&name, value);
                }
            }
        }
    }
}

/// W&B's form of an entry, `{desc: …, value: …}`.
fn described(node: &Node) -> Option<&Node> {
    let Kind::Map(entries) = &node.kind else { return None };
    let only = entries.iter().all(|entry| matches!(entry.key.as_str(), "desc" | "value"));
    entries.iter().find(|entry| only && entry.key == "value").map(|entry| &entry.value)
}

fn json(node: &Node) -> serde_json::Value {
    match &node.kind {
        Kind::List(items) => items.iter().map(json).collect(),
        Kind::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), json(&entry.value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Kind::Scalar { .. } if node.is_null() => serde_json::Value::Null,
        Kind::Scalar { text, plain: true } => match Value::from_word(text).scalar() {
            Scalar::Bool(flag) => (*flag).into(),
            Scalar::Int(number) => (*number).into(),
            Scalar::Float(number) => (*number).into(),
            Scalar::Text(text) => text.clone().into(),
        },
        Kind::Scalar { text, .. } => text.clone().into(),
    }
}
