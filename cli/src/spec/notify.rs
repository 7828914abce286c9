//! Who is told of a sweep's moments: `notify`. Never a moment that cannot come.

use sweep_core::manifest::{Command, Moment, Notify};

use super::keys;
use super::mistake::Mistakes;
use super::read;
use super::yaml::{Entry, Kind, Node};

const HINT: &str = "write `notify: {command: [./tell.sh], on: [first_failure, sweep_done]}`";
/// How long the command may take where nothing is said, and at most: a driver waits for it.
const LIMIT_S: (u32, u64) = (10, 60);
/// The share of the budget that is near its end, where nothing is said.
const BUDGET_SHARE: f64 = 0.8;
/// What is told where nothing is said: what a person would want to be woken for.
const ON: [Moment; 3] = [Moment::FirstFailure, Moment::BudgetNear, Moment::SweepDone];

/// Reads it: a list is a command, a text one for the shell, a mapping says more.
pub(super) fn read(node: &Node, mistakes: &mut Mistakes) -> Option<Notify> {
    let plain = |command| Notify { command, on: ON.to_vec(), limit_s: LIMIT_S.0, budget_share: BUDGET_SHARE };
    let Kind::Map(entries) = &node.kind else { return command(node, mistakes).map(plain) };
    let mut notify = plain(Command::Argv(Vec::new()));
    let mut has_command = false;
    for Entry { key, at, value } in entries {
        if !keys::check(keys::NOTIFY, "key", key, *at, mistakes) {
            continue;
        }
        match key.as_str() {
            "command" => {
                has_command = true;
                notify.command = command(value, mistakes)?;
            }
            "on" => notify.on = moments(value, mistakes),
            "limit_s" => {
                let number = read::whole(value, "`limit_s` of `notify`", 1, LIMIT_S.1, mistakes);
                notify.limit_s = number.and_then(|n| u32::try_from(n).ok()).unwrap_or(LIMIT_S.0);
            }
            _ => {
                let share = read::positive(value, "`budget_share` of `notify`", mistakes);
                if share.is_some_and(|share| share >= 1.0) {
                    let hint = "write a share below 1, such as 0.8: when all is spent the sweep stops";
                    mistakes.hint(value.at, "`budget_share` of `notify` is all of the budget", hint);
                }
                notify.budget_share = share.unwrap_or(BUDGET_SHARE);
            }
        }
    }
    if !has_command {
        mistakes.hint(node.at, "`notify` without `command`", HINT);
    }
    Some(notify)
}

/// Whether the spec itself says which moments are told.
pub(super) fn names_moments(node: &Node) -> bool {
    matches!(&node.kind, Kind::Map(entries) if entries.iter().any(|entry| entry.key == "on"))
}

fn command(node: &Node, mistakes: &mut Mistakes) -> Option<Command> {
    if let Kind::List(_) = node.kind {
        let words = read::texts(node, "`command` of `notify`", HINT, mistakes)?;
        if words.first().is_none_or(|word| word.trim().is_empty()) {
            mistakes.hint(node.at, "`command` of `notify` is empty", HINT);
            return None;
        }
        return Some(Command::Argv(words));
    }
    let text = read::text(node, "`command` of `notify`", mistakes)?;
    if text.trim().is_empty() {
        mistakes.hint(node.at, "`command` of `notify` is empty", HINT);
        return None;
    }
    Some(Command::Shell(text.to_owned()))
}

fn moments(node: &Node, mistakes: &mut Mistakes) -> Vec<Moment> {
    let Kind::List(items) = &node.kind else {
        mistakes.hint(node.at, format!("`on` of `notify` must be a list, not {}", node.word()), HINT);
        return Vec::new();
    };
    let mut found = Vec::new();
    for item in items {
        let Some(word) = read::line(item, "a moment of `notify`", mistakes) else { continue };
        if keys::check(keys::MOMENTS, "moment", word, item.at, mistakes) {
            found.extend(Moment::ALL.into_iter().find(|moment| moment.name() == word));
        }
    }
    if items.is_empty() {
        mistakes.hint(node.at, "`on` of `notify` names no moment", HINT);
    }
    found
}
