//! The trials in which something was active, as a space of its own. Never a value that is missing: what is not active
//! changes nothing, so it is drawn, and every configuration has all parameters of a plain product of ranges.

use std::collections::BTreeMap;

use super::study::Study;
use crate::model::forest::{ABSENT, Feature, Forest, Samples, Settings, Splits};
use crate::rng::Rng;

/// The most trials that a forest is grown on: of more, as many spread over all.
pub(super) const MOST_TRIALS: usize = 2_000;
/// The most regimes that are looked at.
const MOST_REGIMES: usize = 200;

/// Some trials, and what to judge by them.
pub(super) struct Regime {
    /// The trials, by their places.
    members: Vec<usize>,
    pub(super) parameters: Vec<usize>,
    pub(super) pairs: Vec<(usize, usize)>,
}

/// A regime's forest.
pub(super) struct Grown {
    pub(super) forest: Forest,
    /// The parameter of each feature.
    pub(super) features: Vec<usize>,
    /// How likely each category of a feature is.
    pub(super) weights: Vec<Vec<f64>>,
}

/// Parameters together with those that are active in the same trials, and these pairs.
pub(super) fn regimes(study: &Study, pairs: impl IntoIterator<Item = (usize, usize)>) -> Vec<Regime> {
    let mut found: BTreeMap<Vec<bool>, Regime> = BTreeMap::new();
    let masks: Vec<Vec<bool>> = study.parameters.iter().map(super::study::Parameter::mask).collect();
    let new = |mask: &[bool]| {
        let members = (0..mask.len()).filter(|trial| mask[*trial]).collect();
        Regime { members, parameters: Vec::new(), pairs: Vec::new() }
    };
    for (parameter, mask) in masks.iter().enumerate() {
        let regime = found.entry(mask.clone()).or_insert_with(|| new(mask));
        regime.parameters.push(parameter);
    }
    for (a, b) in pairs {
        let both: Vec<bool> = masks[a].iter().zip(&masks[b]).map(|(a, b)| *a && *b).collect();
        if !both.contains(&true) || (found.len() >= MOST_REGIMES && !found.contains_key(&both)) {
            continue;
        }
        let regime = found.entry(both.clone()).or_insert_with(|| new(&both));
        regime.pairs.push((a, b));
    }
    found.into_values().collect()
}

impl Regime {
    /// How many trials it has.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Its forest; none where all metrics are the same.
    pub(super) fn grow(&self, study: &Study) -> Option<Grown> {
        let members = spread(&self.members, MOST_TRIALS);
        let values: Vec<f64> = members.iter().map(|trial| study.scaled[*trial]).collect();
        if values.iter().all(|value| *value == values[0]) {
            return None;
        }
        let is_active = |parameter: &usize| {
            members.iter().any(|trial| study.parameters[*parameter].codes[*trial] != ABSENT)
        };
        let features: Vec<usize> = (0..study.parameters.len()).filter(is_active).collect();
        let column = |parameter: &usize| {
            let of = &study.parameters[*parameter];
            let mut rng = Rng::new("importance: what is not active", *parameter as u64);
            let code = |trial: &usize| match of.codes[*trial] {
                ABSENT => of.drawn(rng.unit()),
                code => code,
            };
            (of.feature, members.iter().map(code).collect())
        };
        let samples = Samples::new(features.iter().map(column).collect());
        let settings = Settings { splits: Splits::BestAlone, ..Settings::random_forest("importance") };
        let forest = Forest::grow(&samples, &values, &settings);
        let weights = |parameter: &usize| match study.parameters[*parameter].feature {
            Feature::Number => Vec::new(),
            Feature::Category(_) => {
                let categories = &study.parameters[*parameter].categories;
                let all: f64 = categories.iter().map(|(_, weight)| weight).sum();
                categories.iter().map(|(_, weight)| weight / all).collect()
            }
        };
        let weights = features.iter().map(weights).collect();
        Some(Grown { forest, features, weights })
    }
}

/// All of some places, or so many at the same distance.
pub(super) fn spread(places: &[usize], most: usize) -> Vec<usize> {
    if places.len() <= most {
        return places.to_vec();
    }
    (0..most).map(|n| places[n * places.len() / most]).collect()
}
