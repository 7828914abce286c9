//! Several places to run in: `spread`. Never a place that says nothing of where, or one that the trials' own options
//! would overrule.

use std::collections::BTreeMap;

use sweep_core::spread::{How, Over, Spread};

use super::keys;
use super::mistake::{Mistakes, Position, shown};
use super::read;
use super::sbatch::Options;
use super::section::Section;
use super::template::Template;
use super::yaml::{Entry, Kind, Node};

/// Most places of a sweep.
const PLACES: usize = 64;
/// Most seconds between two calls of sbatch.
const DELAY_S: u64 = 600;
/// The largest weight.
const WEIGHT: u64 = 1_000_000;

const OVER_HINT: &str = "write `over: [{partition: short, weight: 3}, {partition: long}]`";

/// Reads it.
pub(super) fn read(node: &Node, mistakes: &mut Mistakes) -> Option<Spread> {
    let section = Section::read(node, "spread", keys::SPREAD, mistakes)?;
    let mut delay_s = 0;
    section.count("delay_s", 0..=DELAY_S, &mut delay_s, mistakes);
    let how = section.choice("how", &How::ALL, mistakes).map(Option::unwrap_or_default);
    let Some(over) = section.get("over") else {
        mistakes.hint(node.at, "`spread` without `over`: nobody knows where", OVER_HINT);
        return None;
    };
    let Kind::List(items) = &over.kind else {
        mistakes.hint(over.at, format!("`over` of `spread` must be a list, not {}", over.word()), OVER_HINT);
        return None;
    };
    if items.is_empty() || items.len() > PLACES {
        let message = format!("`over` of `spread` must name from 1 to {PLACES} places, not {}", items.len());
        mistakes.hint(over.at, message, OVER_HINT);
        return None;
    }
    let mut places: Vec<(Over, Position)> = Vec::new();
    for item in items {
        let Some(place) = place(item, mistakes) else { continue };
        let same =
            |other: &&(Over, Position)| other.0.cluster == place.cluster && other.0.sbatch == place.sbatch;
        if let Some((_, first)) = places.iter().find(same) {
            let message = format!("this place stands in line {} already", first.line);
            mistakes.hint(item.at, message, "give that one a `weight` instead");
        }
        places.push((place, item.at));
    }
    let named = places.iter().find(|(place, _)| place.cluster.is_some());
    let nameless = places.iter().find(|(place, _)| place.cluster.is_none());
    if let (Some(_), Some((_, at))) = (named, nameless) {
        let hint = "name it, also where it is this one: `sacctmgr show clusters` lists their names";
        mistakes.hint(*at, "this place has no `cluster` and others have", hint);
    }
    Some(Spread { over: places.into_iter().map(|(place, _)| place).collect(), how: how?, delay_s })
}

fn place(node: &Node, mistakes: &mut Mistakes) -> Option<Over> {
    let entries = read::entries(node, "a place of `spread`", mistakes)?;
    let mut over = Over { cluster: None, sbatch: BTreeMap::new(), weight: 1 };
    let mut is_whole = true;
    for Entry { key, at, value } in entries {
        if !keys::check(keys::PLACE, "key", key, *at, mistakes) {
            is_whole = false;
            continue;
        }
        let what = format!("`{key}` of a place");
        if key == "weight" {
            let weight = read::whole(value, &what, 1, WEIGHT, mistakes);
            over.weight = weight.and_then(|weight| u32::try_from(weight).ok()).unwrap_or(1);
            continue;
        }
        let Some(text) = word(value, &what, mistakes) else {
            is_whole = false;
            continue;
        };
        if key == "cluster" {
            if text.contains(',') {
                let hint = "make each a place of its own";
                mistakes.hint(value.at, format!("{what} names several: `{}`", shown(text)), hint);
            }
            over.cluster = Some(text.to_owned());
        } else {
            over.sbatch.insert(key.clone(), text.to_owned());
        }
    }
    if is_whole && over.cluster.is_none() && over.sbatch.is_empty() {
        let hint = "name a `cluster`, a `partition`, a `qos` or an `account`";
        mistakes.hint(node.at, "a place of `spread` says nothing of where", hint);
        is_whole = false;
    }
    // What is wrong with it was said; nothing is said of how it stands to the others.
    is_whole.then_some(over)
}

fn word<'a>(node: &'a Node, what: &str, mistakes: &mut Mistakes) -> Option<&'a str> {
    let text = read::line(node, what, mistakes)?;
    if text.trim().is_empty() || text.starts_with('-') {
        mistakes.add(node.at, format!("{what} must be a name{}", read::found(node)));
        return None;
    }
    if !Template::is_fixed(text) {
        let hint = "for what a parameter decides there is `sbatch:`";
        mistakes.hint(node.at, format!("{what} must be the same for all trials"), hint);
        return None;
    }
    Some(text)
}

/// Notes each of a trial's own options that a place gives as well; `what` is where they stand.
pub(super) fn against(
    spread: &Spread,
    options: &Options,
    what: &str,
    at: impl Fn(&str) -> Position,
    mistakes: &mut Mistakes,
) {
    for name in options.keys().filter(|name| gives(spread, name)) {
        mistakes.hint(
            at(name),
            format!("`{name}` in {what} beside that of `spread`"),
            "take it out: the places say where trials run",
        );
    }
}

/// Whether some place gives this sbatch option.
#[must_use]
pub fn gives(spread: &Spread, option: &str) -> bool {
    spread.over.iter().any(|over| over.sbatch.contains_key(option))
}
