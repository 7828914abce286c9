//! What parameters have to do with the metric: correlation and importance as W&B has them, and fANOVA beside them, which
//! also sees what matters only together with another. Never a judgement that a page would take long to make: of very many
//! trials some are taken, evenly.

use std::collections::BTreeMap;

use serde::Serialize;
use sweep_core::value::Value;
use sweep_search::Space;
use sweep_search::importance::{Depth, Importance, Judgement, Method, Pair};

use super::Course;
use crate::driver::look::Look;
use crate::report::importance::Judging;
use crate::spec::Spec;

/// Trials that forests learn from.
const MOST: usize = 2000;
/// Trials below which nothing is judged.
const LEAST: usize = 4;
/// Pairs that are named.
const PAIRS: usize = 5;
/// A pair that explains less than this is not worth a line.
const PAIR_LEAST: f64 = 0.01;

/// What parameters have to do with a metric.
#[derive(Debug, Default, Serialize)]
pub struct Influences {
    /// The metric.
    pub metric: Option<String>,
    /// From how many trials.
    pub trials: usize,
    /// How much of the variance of trials that it has not seen the forest explains.
    pub explained: Option<f64>,
    /// One a parameter, the most important by fANOVA first.
    pub parameters: Vec<Influence>,
    /// What two parameters explain together and neither alone, where that is much.
    pub pairs: Vec<Pair>,
}

/// What one parameter has to do with the metric.
#[derive(Debug, Serialize)]
pub struct Influence {
    /// The parameter.
    pub name: String,
    /// Pearson's coefficient.
    pub correlation: Option<f64>,
    /// Of a parameter that is not a number, the value whose coefficient it is: the one that is farthest from 0.
    pub value: Option<String>,
    /// Its share of the impurity that a random forest's splits take away.
    pub impurity: Option<f64>,
    /// The share of variance that it explains alone.
    pub fanova: Option<f64>,
    /// The share of variance that it explains alone and with others.
    pub total: Option<f64>,
    /// The share of the trials that have it.
    pub coverage: f64,
}

impl Influences {
    /// From those trials of a look that parameters are judged by.
    pub(super) fn of(look: &Look, spec: Option<&Spec>, course: &Course) -> Self {
        let Some(metric) = &look.manifest.metric else { return Self::default() };
        let every = course.judged.len().div_ceil(MOST).max(1);
        let rows = course.judged.iter().step_by(every);
        let trials: Vec<_> = rows.filter_map(|row| look.trials.get(*row as usize)).collect();
        if trials.len() < LEAST {
            return Self::default();
        }
        let nowhere = Space::default();
        let space = spec.map_or(&nowhere, |spec| &spec.space);
        let judging = Judging::of(space, &trials, 0, metric.goal);
        let fanova = judging.by(Method::Fanova, Depth::Pairs);
        let impurity = judging.by(Method::Impurity, Depth::Single);
        let correlation = strongest(judging.by(Method::Correlation, Depth::Single));
        let shares: BTreeMap<&str, f64> =
            impurity.parameters.iter().map(|of| (of.parameter.as_str(), of.share)).collect();
        let parameters = fanova.parameters.iter().map(|of| {
            let linear = correlation.get(&of.parameter);
            Influence {
                name: of.parameter.clone(),
                correlation: linear.and_then(|linear| linear.correlation),
                value: linear.and_then(|linear| linear.value.as_ref()).map(text),
                impurity: shares.get(of.parameter.as_str()).copied(),
                fanova: Some(of.importance),
                total: of.total,
                coverage: of.coverage,
            }
        });
        Self {
            metric: Some(metric.name.clone()),
            trials: fanova.trials,
            explained: fanova.explained,
            parameters: parameters.collect(),
            pairs: fanova
                .pairs
                .into_iter()
                .filter(|pair| pair.importance >= PAIR_LEAST)
                .take(PAIRS)
                .collect(),
        }
    }
}

/// Of each parameter the judgement that is farthest from 0.
fn strongest(judged: Importance) -> BTreeMap<String, Judgement> {
    let mut found: BTreeMap<String, Judgement> = BTreeMap::new();
    let size = |of: &Judgement| of.correlation.map_or(-1.0, f64::abs);
    for one in judged.parameters {
        if found.get(&one.parameter).is_none_or(|known| size(&one) > size(known)) {
            found.insert(one.parameter.clone(), one);
        }
    }
    found
}

fn text(value: &Value) -> String {
    value.text().into_owned()
}
