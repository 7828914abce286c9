//! What a W&B file says about their server. Never a silence: what does no harm is noted, what cannot mean anything
//! is refused.

use super::keys;
use super::mistake::{Mistakes, shown};
use super::read;
use super::yaml::{Entry, Node};

/// The nodes of the keys that are about the server.
pub(super) struct Nodes<'a> {
    pub(super) api_version: Option<&'a Node>,
    pub(super) kind: Option<&'a Node>,
    pub(super) controller: Option<&'a Node>,
    pub(super) entity: Option<&'a Node>,
    pub(super) project: Option<&'a Node>,
}

/// Reads them; what a person should know about them.
pub(super) fn read(nodes: &Nodes<'_>, mistakes: &mut Mistakes) -> Vec<String> {
    let mut named = Vec::new();
    for (key, node) in
        [("entity", nodes.entity), ("project", nodes.project), ("apiVersion", nodes.api_version)]
    {
        if let Some(node) = node {
            read::line(node, &format!("`{key}`"), mistakes);
            named.push(key);
        }
    }
    if let Some(node) = nodes.kind
        && let Some(kind) = read::line(node, "`kind`", mistakes)
    {
        named.push("kind");
        if kind != "sweep" {
            let message = format!("`kind` must be `sweep`, not `{}`", shown(kind));
            mistakes.hint(node.at, message, "W&B's other kinds of files run on their server");
        }
    }
    if let Some(node) = nodes.controller {
        named.push("controller");
        controller(node, mistakes);
    }
    if named.is_empty() {
        return Vec::new();
    }
    let keys: Vec<String> = named.iter().map(|key| format!("`{key}`")).collect();
    let verb = if keys.len() == 1 { "is" } else { "are" };
    vec![format!("{} {verb} about W&B's server and {verb} not used", keys.join(", "))]
}

fn controller(node: &Node, mistakes: &mut Mistakes) {
    for Entry { key, at, value } in read::entries(node, "`controller`", mistakes).unwrap_or_default() {
        if !keys::check(keys::CONTROLLER, "key", key, *at, mistakes) {
            continue;
        }
        match read::line(value, "`type` of `controller`", mistakes) {
            Some("local") | None => {}
            Some("cloud") => mistakes.hint(
                value.at,
                "`controller: {type: cloud}` means nothing here: it runs the search on W&B's server",
                "take it out: the search runs here",
            ),
            Some(other) => mistakes.hint(
                value.at,
                format!("unknown type `{}` of `controller`", shown(other)),
                "known: `local`",
            ),
        }
    }
}
