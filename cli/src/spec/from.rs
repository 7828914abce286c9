//! `from`: a sweep that begins with another's best. What the other found is not read here: a spec is the same whether
//! the other has ended or not, until [`Spec::starting_from`] is told what it came to.

use std::collections::{BTreeMap, HashSet};

use sweep_core::id::{SweepId, TrialLabel};
use sweep_core::manifest::{Goal, Metric};
use sweep_core::params::Params;
use sweep_core::start::{PastTrial, Start, StartRow};
use sweep_core::trial::Trial;
use sweep_search::Row;
use sweep_search::rng::Rng;

use super::keys::Standing::{self, Read};
use super::mistake::{Mistakes, Position, SpecErrors};
use super::section::Section;
use super::yaml::Node;
use super::{Spec, domain, read};

/// The keys of `from`.
pub(super) const KEYS: &[(&str, Standing)] = &[("sweep", Read), ("top", Read), ("around", Read)];
/// Most configurations that are taken over: they stand in the manifest.
const TOP: u64 = 100;
/// How many, where the spec does not say.
const USUAL_TOP: u32 = 1;

/// What the spec says.
#[derive(Clone, Debug, PartialEq)]
pub struct From {
    /// The other sweep: its name, its id, a prefix of that, or its directory.
    pub sweep: String,
    /// How many of its configurations are taken over.
    pub top: u32,
    /// How much of each range is left around them; none leaves all.
    pub around: Option<f64>,
    /// Whether the number of draws is meant besides explicit trials, as `matrix` does.
    draws_besides: bool,
    at: Position,
}

/// What another sweep tells a search by a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Of how many completed trials.
    pub of: usize,
    /// Those that count.
    pub trials: Vec<PastTrial>,
}

/// Reads it.
pub(super) fn read(node: &Node, draws_besides: bool, mistakes: &mut Mistakes) -> Option<From> {
    const HINT: &str = "write `from: {sweep: coarse, top: 3, around: 0.5}`";
    let section = Section::read(node, "from", KEYS, mistakes)?;
    let top = section.whole("top", 1..=TOP, mistakes);
    let around = section.get("around").map(|node| {
        let share = read::positive(node, "`around` of `from`", mistakes);
        if share.is_some_and(|share| share > 1.0) {
            mistakes.add(node.at, "`around` of `from` must be a part of each range, at most 1");
        }
        share
    });
    let Some(sweep) = section.get("sweep") else {
        mistakes.hint(node.at, "`from` names no `sweep`", HINT);
        return None;
    };
    let at = sweep.at;
    let sweep = read::line(sweep, "`sweep` of `from`", mistakes)?;
    if sweep.is_empty() {
        mistakes.hint(at, "`sweep` of `from` is empty", HINT);
    }
    let top = top?.and_then(|top| u32::try_from(top).ok()).unwrap_or(USUAL_TOP);
    Some(From { sweep: sweep.to_owned(), top, around: around.flatten(), draws_besides, at })
}

impl Spec {
    /// What this spec makes of the best configurations of another sweep, the best first, and what a person should
    /// know of it. Values that the space does not have, or that are not active, are dropped; what a configuration
    /// lacks then has its default, or is drawn.
    #[must_use]
    pub fn start(&self, sweep: &SweepId, best: &[(TrialLabel, Params)], from: &From) -> (Start, Vec<String>) {
        let mut notes = Vec::new();
        let fitted: Vec<(TrialLabel, Params)> = best
            .iter()
            .map(|(label, params)| (*label, self.fitted(*label, params, sweep, &mut notes)))
            .collect();
        let values: Vec<Params> = fitted.iter().map(|(_, params)| params.clone()).collect();
        let parts = from.around.map(|share| self.space.around(&values, share)).unwrap_or_default();
        // Parts of a space's own making fit it; where they did not, it would stay whole.
        let (space, parts) = match self.space.part(&parts) {
            Ok(space) => (space, parts),
            Err(_) => (self.space.clone(), BTreeMap::new()),
        };
        let mut known = HashSet::new();
        let mut rows = Vec::new();
        for (trial, mut params) in fitted {
            if params.is_empty() {
                notes.push(format!("nothing of {trial} of `{sweep}` fits this space"));
                continue;
            }
            for (name, value) in space.defaults().iter() {
                if params.get(name).is_none() {
                    params.set(name, value.clone());
                }
            }
            // One number for each axis, whatever its place: the same row again on every machine.
            let unit = |axis: usize| Rng::new(&format!("from/{sweep}/{trial}"), axis as u64).unit();
            let row = space.complete(&params, unit);
            if known.insert(row.config_key()) {
                rows.push(StartRow { trial, params: row });
            }
        }
        (Start { sweep: sweep.clone(), rows, parts, past: Vec::new() }, notes)
    }

    /// What the other sweep's completed trials tell a search by a model: those that are configurations of this space and
    /// have all metrics of this spec. `trials` are given with the other's metrics, which have these names.
    #[must_use]
    pub fn past_of(&self, names: &[&str], trials: &[(&Trial, Vec<Option<f64>>)]) -> Past {
        let places: Option<Vec<usize>> =
            self.metrics().map(|metric| names.iter().position(|name| *name == metric.name)).collect();
        let Some(places) = places.filter(|places| !places.is_empty() && self.method.has_model()) else {
            return Past::default();
        };
        let mut past = Past { of: trials.len(), trials: Vec::new() };
        for (trial, values) in trials {
            let metrics: Option<Vec<f64>> =
                places.iter().map(|place| values.get(*place).copied().flatten()).collect();
            let Some((params, metrics)) = self.whole(&trial.params).zip(metrics) else { continue };
            past.trials.push(PastTrial { trial: trial.index.label(), params, metrics, budget: trial.budget });
        }
        past
    }

    /// The past as a search takes it: lower is better in every metric.
    pub(super) fn known_past(&self) -> Vec<sweep_search::Past> {
        let cost = |(metric, value): (&Metric, &f64)| match metric.goal {
            Goal::Minimize => *value,
            Goal::Maximize => -value,
        };
        let past = self.start.iter().flat_map(|start| &start.past);
        let known = past.map(|past| sweep_search::Past {
            params: past.params.clone(),
            metrics: self.metrics().zip(&past.metrics).map(cost).collect(),
            budget: past.budget,
        });
        known.collect()
    }

    /// A configuration of this space, where all of these values are one; what this spec fixes for all of its trials
    /// must be the same there.
    fn whole(&self, params: &Params) -> Option<Params> {
        let mut whole = Params::new();
        for (name, value) in params.iter() {
            match self.space.axes().iter().find(|axis| axis.name == name) {
                Some(axis) => whole.set(name, domain::fit(&axis.domain, value)?),
                None => {
                    self.defaults.get(name).filter(|fixed| *fixed == value)?;
                }
            }
        }
        self.space.admits(&whole).then_some(whole)
    }

    /// The values that fit the space.
    fn fitted(&self, label: TrialLabel, params: &Params, sweep: &SweepId, notes: &mut Vec<String>) -> Params {
        let mut fitted = Params::new();
        for (name, value) in params.iter() {
            let axis = self.space.axes().iter().find(|axis| axis.name == name);
            match axis.and_then(|axis| domain::fit(&axis.domain, value)) {
                Some(value) => fitted.set(name, value),
                None if axis.is_some() || self.defaults.get(name).is_none() => {
                    let why =
                        if axis.is_some() { "is outside its range here" } else { "is no parameter here" };
                    notes.push(format!("`{name}` = {value} of {label} of `{sweep}` {why}, and was dropped"));
                }
                // This spec fixes it for all of its trials.
                None => {}
            }
        }
        fitted
    }

    /// The spec with what its manifest says it has from another sweep: the configurations before all others, the
    /// ranges cut down.
    ///
    /// # Errors
    /// For a start that is not of this spec.
    pub fn starting_from(self, start: &Start) -> Result<Self, SpecErrors> {
        let space = match self.space.part(&start.parts) {
            Ok(space) => space,
            Err(error) => return Err(self.mistake(None, error.to_string(), None)),
        };
        let taken = start.rows.iter().map(|row| Row { params: row.params.clone(), ..Row::default() });
        let rows: Vec<Row> = taken.chain(self.rows.iter().cloned()).collect();
        let besides = self.from.as_ref().is_some_and(|from| from.draws_besides);
        let more = if besides { start.rows.len() as u64 } else { 0 };
        let limit = self.limit.map(|limit| limit.saturating_add(more));
        Ok(Self { space, rows, limit, start: Some(start.clone()), ..self })
    }

    /// A mistake in what `from` says that only a look at the other sweep shows.
    #[must_use]
    pub fn mistake_in_from(&self, message: String, hint: Option<String>) -> SpecErrors {
        self.mistake(self.from.as_ref().map(|from| from.at), message, hint)
    }

    fn mistake(&self, at: Option<Position>, message: String, hint: Option<String>) -> SpecErrors {
        let mut mistakes = Mistakes::default();
        match (at, hint) {
            (Some(at), Some(hint)) => mistakes.hint(at, message, hint),
            (Some(at), None) => mistakes.add(at, message),
            (None, hint) => mistakes.whole(message, hint),
        }
        mistakes.finish(&self.path).err().unwrap_or_else(|| unreachable!("a mistake was added"))
    }
}
