//! `params:` and `defaults:`: explicit trials, as in spawn's parameter files. Never a key that is dropped: what is
//! not `name` or `sbatch` is a parameter.

use sweep_core::params::Params;
use sweep_search::Row;

use super::mistake::{Mistakes, Position, shown};
use super::yaml::{Entry, Kind, Node};
use super::{read, sbatch};

/// Longest name of a trial, in bytes.
const NAME_LEN: usize = 256;

/// A row and where it stands.
pub(super) struct PlacedRow {
    pub(super) row: Row,
    pub(super) at: Position,
    /// Where each parameter stands, in the order of the row.
    pub(super) names: Vec<Position>,
    /// Where `sbatch` stands.
    pub(super) sbatch_at: Position,
}

/// Reads `params:`.
pub(super) fn read(node: &Node, mistakes: &mut Mistakes) -> Vec<PlacedRow> {
    let Kind::List(items) = &node.kind else {
        let message = format!("`params` must be a list of trials, not {}", node.word());
        mistakes.hint(
            node.at,
            message,
            "write `- {lr: 0.1}` for each; ranges and lists go into `parameters:`",
        );
        return Vec::new();
    };
    if items.is_empty() {
        mistakes.add(node.at, "`params` is empty");
    }
    items.iter().filter_map(|item| row(item, mistakes)).collect()
}

/// Reads `defaults:`, with where each stands.
pub(super) fn defaults(node: &Node, mistakes: &mut Mistakes) -> (Params, Vec<Position>) {
    let mut params = Params::new();
    let mut names = Vec::new();
    for Entry { key, at, value } in read::entries(node, "`defaults`", mistakes).unwrap_or_default() {
        if matches!(key.as_str(), "name" | "sbatch") {
            mistakes.hint(
                *at,
                format!("`{key}` has no default"),
                format!("put `{key}:` at the top of the spec"),
            );
            continue;
        }
        if let Some(value) = parameter(key, value, mistakes) {
            params.set(key, value);
            names.push(*at);
        }
    }
    (params, names)
}

fn row(node: &Node, mistakes: &mut Mistakes) -> Option<PlacedRow> {
    let entries = read::entries(node, "a trial of `params`", mistakes)?;
    let mut placed = PlacedRow { row: Row::default(), at: node.at, names: Vec::new(), sbatch_at: node.at };
    if entries.len() > sweep_core::limits::VARIABLES + 2 {
        mistakes.add(node.at, format!("a trial has more than {} parameters", sweep_core::limits::VARIABLES));
        return None;
    }
    for Entry { key, at, value } in entries {
        match key.as_str() {
            "name" => placed.row.name = name(value, mistakes),
            "sbatch" => {
                placed.row.sbatch = sbatch::read_row(value, mistakes);
                placed.sbatch_at = value.at;
            }
            _ => {
                if let Some(value) = parameter(key, value, mistakes) {
                    placed.row.params.set(key, value);
                    placed.names.push(*at);
                }
            }
        }
    }
    Some(placed)
}

fn name(node: &Node, mistakes: &mut Mistakes) -> Option<String> {
    let name = read::line(node, "a trial's name", mistakes)?;
    if name.is_empty() || name.len() > NAME_LEN {
        mistakes.add(node.at, format!("a trial's name must have 1 to {NAME_LEN} bytes"));
        return None;
    }
    Some(name.to_owned())
}

fn parameter(key: &str, node: &Node, mistakes: &mut Mistakes) -> Option<sweep_core::value::Value> {
    let name = shown(key);
    if let Kind::List(_) | Kind::Map(_) = node.kind {
        let message = format!("`{name}` must be a single value here, not {}", node.word());
        mistakes.hint(node.at, message, "what is to be varied goes into `parameters:`");
        return None;
    }
    read::value(node, &format!("the value of `{name}`"), mistakes)
}
