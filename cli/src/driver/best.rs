//! `best.json` at the sweep's root: the best configuration so far, for programs to read. It is replaced whole, and
//! only where it changes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;

use serde::Serialize;
use sweep_core::id::{TrialIndex, TrialLabel};
use sweep_core::layout::SweepDir;
use sweep_core::manifest::{Goal, Manifest, Metric};
use sweep_core::params::Params;
use sweep_core::schema::{self, Schema};
use sweep_core::state::TrialState;
use sweep_search::pareto;

use crate::driver::files;
use crate::driver::look::{Look, TrialLook};
use crate::error::Result;

/// The best configuration so far, written by whoever drives the search, whenever it changes.
#[derive(Serialize)]
struct Best<'a> {
    /// The file's version.
    schema: Schema,
    /// The trial that has it.
    trial: TrialLabel,
    /// Its index.
    index: TrialIndex,
    /// The metric's name.
    metric: &'a str,
    /// Its value.
    value: f64,
    /// What the trial had to spend.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<f64>,
    /// The configuration.
    params: &'a Params,
    /// Every configuration that no other is better than, where the spec names several metrics.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pareto: Vec<OfFront<'a>>,
}

/// A configuration of the Pareto front.
#[derive(Serialize)]
struct OfFront<'a> {
    /// The trial that has it.
    trial: TrialLabel,
    /// Its index.
    index: TrialIndex,
    /// Every metric of the spec by its name.
    metrics: BTreeMap<&'a str, Option<f64>>,
    /// The configuration.
    params: &'a Params,
}

/// Writes the best trial of a look, where there is one.
///
/// # Errors
/// Those of the file system.
pub fn write(dir: &SweepDir, look: &Look) -> Result<()> {
    let Some((metric, best)) =
        look.manifest.metric.as_ref().zip(of(&look.trials, look.manifest.metric.as_ref()))
    else {
        return Ok(());
    };
    let Some(value) = best.metric else { return Ok(()) };
    let names = || look.manifest.metrics().map(|metric| metric.name.as_str());
    let front = front(&look.trials, &look.manifest).into_iter().map(|trial| OfFront {
        trial: trial.trial.index.label(),
        index: trial.trial.index,
        metrics: names().zip(trial.values()).collect(),
        params: &trial.trial.params,
    });
    let json = serde_json::to_vec_pretty(&Best {
        schema: schema::CURRENT,
        trial: best.trial.index.label(),
        index: best.trial.index,
        metric: &metric.name,
        value,
        budget: best.trial.budget,
        params: &best.trial.params,
        pareto: front.collect(),
    });
    let json = [json.expect("texts and numbers always serialize"), b"\n".to_vec()].concat();
    let path = dir.best();
    if fs::read(&path).is_ok_and(|before| before == json) {
        return Ok(());
    }
    files::replace(&path, &json)
}

/// The best completed trial; of equals the first. Where budgets differ, trials of the largest budget count.
#[must_use]
pub fn of<'a>(trials: &'a [TrialLook], metric: Option<&Metric>) -> Option<&'a TrialLook> {
    let goal = metric?.goal;
    comparable(trials).into_iter().min_by(|a, b| goal.order(a.metric, b.metric))
}

/// The completed trials that can be compared: those with a metric and the largest budget.
fn comparable(trials: &[TrialLook]) -> Vec<&TrialLook> {
    let mut done: Vec<&TrialLook> = trials.iter().filter(|trial| has_result(trial)).collect();
    let largest = done.iter().filter_map(|trial| trial.trial.budget).max_by(f64::total_cmp);
    done.retain(|trial| trial.trial.budget == largest);
    done
}

/// Every completed trial with a metric, the best first: those of a larger budget before all of a smaller one.
#[must_use]
pub fn ranked<'a>(trials: &'a [TrialLook], metric: &Metric) -> Vec<&'a TrialLook> {
    let mut done: Vec<&TrialLook> = trials.iter().filter(|trial| has_result(trial)).collect();
    let budget = |trial: &TrialLook| trial.trial.budget.unwrap_or(0.0);
    done.sort_by(|a, b| budget(b).total_cmp(&budget(a)).then_with(|| metric.goal.order(a.metric, b.metric)));
    done
}

fn has_result(trial: &TrialLook) -> bool {
    trial.status.state == TrialState::Completed && trial.metric.is_some()
}

/// The first trial of each configuration, the best configuration first: of several replicates their mean counts. Only
/// trials that [`of`] compares.
#[must_use]
pub fn configurations<'a>(trials: &'a [TrialLook], metric: &Metric) -> Vec<&'a TrialLook> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut found: Vec<(&TrialLook, Vec<f64>)> = Vec::new();
    for trial in comparable(trials) {
        let place = *places.entry(trial.trial.params.config_key()).or_insert(found.len());
        if place == found.len() {
            found.push((trial, Vec::new()));
        }
        found[place].1.extend(trial.metric);
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of replicates")]
    let mean = |values: &[f64]| Some(values.iter().sum::<f64>() / values.len() as f64);
    found.sort_by(|(_, a), (_, b)| metric.goal.order(mean(a), mean(b)));
    found.into_iter().map(|(trial, _)| trial).collect()
}

/// The trials that no other is better than in every metric, in order; none where there is one metric only.
#[must_use]
pub fn front<'a>(trials: &'a [TrialLook], manifest: &Manifest) -> Vec<&'a TrialLook> {
    let fronts = fronts(trials, manifest);
    trials.iter().zip(fronts).filter(|(_, front)| *front == Some(0)).map(|(trial, _)| trial).collect()
}

/// The front of each trial by all metrics: 0 is that of [`front`], 1 that of the others without it, and so on. A trial
/// that lacks a metric has none, and where budgets differ only those of the largest have one.
#[must_use]
pub fn fronts(trials: &[TrialLook], manifest: &Manifest) -> Vec<Option<usize>> {
    if manifest.objectives.is_empty() {
        return vec![None; trials.len()];
    }
    let compared: HashSet<TrialIndex> = comparable(trials).iter().map(|trial| trial.trial.index).collect();
    let costs: Vec<Vec<Option<f64>>> = trials
        .iter()
        .map(|trial| {
            // What cannot be compared is as good as without its metrics.
            let values = trial.values().map(|value| value.filter(|_| compared.contains(&trial.trial.index)));
            manifest.metrics().zip(values).map(|(metric, value)| cost(metric, value)).collect()
        })
        .collect();
    pareto::ranks(&costs)
}

/// A value, lower for better.
fn cost(metric: &Metric, value: Option<f64>) -> Option<f64> {
    match metric.goal {
        Goal::Minimize => value,
        Goal::Maximize => value.map(|value| -value),
    }
}
