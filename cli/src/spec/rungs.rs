//! `rungs`: sbatch options that come to `sbatch` as trials climb, small and cheap first. Never for a method whose
//! trials do not climb.

use std::collections::BTreeMap;

use sweep_core::error::Result;
use sweep_core::interpolate;
use sweep_core::trial::Trial;
use sweep_search::Method;

use super::mistake::{Mistakes, Position};
use super::sbatch::{self, Options};
use super::template::Template;
use super::yaml::{Kind, Node};

/// What it says, by place.
#[derive(Default)]
pub(super) struct Said {
    pub(super) rungs: Vec<Options>,
    /// Texts with `${name}` in them.
    pub(super) texts: Vec<Template>,
}

/// Reads it; `method` is none where that was not read.
pub(super) fn read(node: &Node, method: Option<Method>, mistakes: &mut Mistakes) -> Said {
    const HINT: &str = "write `rungs: [{mem: 1G}, {mem: 4G, time: \"1:00:00\"}]`";
    let Kind::List(items) = &node.kind else {
        mistakes.hint(node.at, format!("`rungs` must be a list, not {}", node.word()), HINT);
        return Said::default();
    };
    let mut said = Said::default();
    for item in items {
        let options = sbatch::read_row(item, mistakes);
        let place = |key: &str| match &item.kind {
            Kind::Map(entries) => entries.iter().find(|e| e.key == key).map_or(item.at, |e| e.value.at),
            _ => item.at,
        };
        said.texts.extend(options.iter().map(|(key, text)| Template::submission(text, place(key), key)));
        said.rungs.push(options);
    }
    if items.is_empty() {
        mistakes.hint(node.at, "`rungs` is empty", HINT);
    }
    if let Some(method) = method {
        fits(method, items.len() as u64, node.at, mistakes);
    }
    said
}

/// That each entry is for a rung that there is.
fn fits(method: Method, entries: u64, at: Position, mistakes: &mut Mistakes) {
    let (word, count) = match method {
        Method::Hyperband(rungs) | Method::Halving(rungs) | Method::Asha(rungs, _) => {
            ("rungs", u64::from(rungs.ladder.s_max) + 1)
        }
        Method::Genetic(settings) => ("generations", settings.generations.into()),
        Method::Pbt(settings) => ("generations", settings.generations.into()),
        _ => {
            let message = format!("`rungs` beside `method: {}`, which has none", method.as_str());
            let hint = "take it out; it is for hyperband, halving, asha, pbt and genetic";
            mistakes.hint(at, message, hint);
            return;
        }
    };
    if entries > count {
        let message = format!("`rungs` has {entries} entries, but `{}` has {count} {word}", method.as_str());
        mistakes.hint(at, message, "take the last ones out");
    }
}

/// How high a trial stands: of Hyperband's brackets each begins one budget higher than the one before, and what a
/// trial needs follows its budget; of populations it is the generation.
fn height(method: Method, trial: &Trial) -> usize {
    let below = match method {
        Method::Hyperband(_) | Method::Asha(..) => trial.bracket.unwrap_or(0),
        _ => 0,
    };
    (trial.rung.unwrap_or(0) + below) as usize
}

/// Puts the options of a trial's rung over those that it has; what its row of `params:` says itself stays.
pub(super) fn put(
    rungs: &[Options],
    method: Method,
    trial: &Trial,
    spec: &Options,
    options: &mut BTreeMap<String, String>,
) -> Result<()> {
    let Some(last) = rungs.len().checked_sub(1) else { return Ok(()) };
    for (key, text) in &rungs[height(method, trial).min(last)] {
        let is_own =
            trial.sbatch.contains_key(key) && spec.get(key).is_none_or(|shared| Template::is_fixed(shared));
        if !is_own {
            let value = |name: &str| trial.params.get(name).map(|value| value.text().into_owned());
            options.insert(key.clone(), interpolate::expand(text, value)?);
        }
    }
    Ok(())
}
