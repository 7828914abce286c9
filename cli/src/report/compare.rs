//! The report of `sweep compare`: several sweeps side by side. Sweeps with different metrics are shown, never ranked
//! against each other.

use std::collections::BTreeMap;

use serde::Serialize;
use sweep_core::id::{SweepId, TrialLabel};
use sweep_core::manifest::{Goal, Manifest};
use sweep_core::params::Params;
use sweep_core::state::{Bucket, TrialState};

use crate::driver::look::Look;
use crate::report::status::{SCHEMA_VERSION, Status};

/// Several sweeps.
#[derive(Debug, Serialize)]
pub struct Compare {
    /// The report's version.
    pub schema_version: u32,
    /// The metric that all have; none where they differ, and then nothing is ranked.
    pub metric: Option<String>,
    /// Which way is better.
    pub goal: Option<Goal>,
    /// After how many completed trials each the best are compared besides: the fewest that a sweep has.
    pub equal_trials: usize,
    /// The sweeps, as they were named.
    pub sweeps: Vec<Side>,
    /// The sweep with the best trial.
    pub best: Option<SweepId>,
    /// The parameters that all have.
    pub shared: Vec<Shared>,
    /// What was asked differently.
    pub differences: Vec<Difference>,
}

/// One sweep.
#[derive(Debug, Serialize)]
pub struct Side {
    /// The sweep.
    pub sweep_id: SweepId,
    /// The strategy.
    pub method: String,
    /// How many trials it has.
    pub trials: usize,
    /// How many completed.
    pub completed: u32,
    /// How many failed.
    pub failed: u32,
    /// Node-hours of all attempts that ended.
    pub node_hours: f64,
    /// The best trial.
    pub best: Option<TrialLabel>,
    /// Its metric: where the curve of the best so far ends.
    pub metric: Option<f64>,
    /// The best of the first [`Compare::equal_trials`] that completed.
    pub metric_at_equal: Option<f64>,
    /// After how many completed trials the best one came.
    pub best_after: Option<usize>,
    /// Its values.
    pub params: Option<Params>,
    #[serde(skip)]
    ends: Vec<f64>,
}

/// A parameter that all sweeps have.
#[derive(Debug, Serialize)]
pub struct Shared {
    /// Its name.
    pub name: String,
    /// Of each sweep, the values that were tried: the least and the greatest number, or how many texts.
    pub tried: Vec<String>,
    /// Of each sweep, the value of its best trial.
    pub best: Vec<Option<String>>,
}

/// What was asked differently.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// What.
    pub what: String,
    /// Of each sweep.
    pub values: Vec<String>,
}

impl Compare {
    /// Compares looks.
    #[must_use]
    pub fn of(looks: Vec<Look>) -> Self {
        let metrics: Vec<_> = looks
            .iter()
            .map(|look| look.manifest.metric.as_ref().map(|m| (m.name.clone(), m.goal)))
            .collect();
        let common =
            metrics.first().cloned().flatten().filter(|_| metrics.windows(2).all(|pair| pair[0] == pair[1]));
        let differences = differences(&looks.iter().map(|look| &look.manifest).collect::<Vec<_>>());
        let ends: Vec<Vec<f64>> = looks.iter().map(ends).collect();
        let statuses: Vec<Status> = looks.into_iter().map(Status::of).collect();
        let shared = shared(&statuses);
        let mut sweeps: Vec<Side> =
            statuses.iter().zip(ends).map(|(status, ends)| Side::of(status, ends)).collect();
        let equal_trials = sweeps.iter().map(|side| side.ends.len()).min().unwrap_or(0);
        for (side, metric) in sweeps.iter_mut().zip(&metrics) {
            let goal = metric.as_ref().map(|(_, goal)| *goal).unwrap_or_default();
            let first = side.ends.iter().take(equal_trials).copied();
            side.metric_at_equal = first.reduce(|a, b| if goal.is_better(b, a) { b } else { a });
            let best = side
                .ends
                .iter()
                .copied()
                .enumerate()
                .reduce(|a, b| if goal.is_better(b.1, a.1) { b } else { a });
            side.best_after = best.map(|(place, _)| place + 1);
        }
        let best = common.as_ref().and_then(|(_, goal)| {
            let with = sweeps.iter().filter(|side| side.metric.is_some());
            Some(with.min_by(|a, b| goal.order(a.metric, b.metric))?.sweep_id.clone())
        });
        Self {
            schema_version: SCHEMA_VERSION,
            metric: common.as_ref().map(|(name, _)| name.clone()),
            goal: common.map(|(_, goal)| goal),
            equal_trials,
            sweeps,
            best,
            shared,
            differences,
        }
    }
}

impl Side {
    fn of(status: &Status, ends: Vec<f64>) -> Self {
        let best = status.best_trial();
        Self {
            sweep_id: status.sweep_id.clone(),
            method: status.method.clone(),
            trials: status.trials.len(),
            completed: status.count(Bucket::Completed),
            failed: status.count(Bucket::Failed),
            node_hours: status.node_hours,
            best: best.map(|trial| trial.trial),
            metric: best.and_then(|trial| trial.metric),
            metric_at_equal: None,
            best_after: None,
            params: best.map(|trial| trial.params.clone()),
            ends,
        }
    }
}

/// The metrics of the completed trials in the order in which they ended.
fn ends(look: &Look) -> Vec<f64> {
    let done = look.trials.iter().filter(|trial| trial.status.state == TrialState::Completed);
    let mut ends: Vec<(u64, f64)> =
        done.filter_map(|trial| Some((trial.end().map_or(0, |end| end.time_ns), trial.metric?))).collect();
    ends.sort_by_key(|(time_ns, _)| *time_ns);
    ends.into_iter().map(|(_, metric)| metric).collect()
}

fn shared(statuses: &[Status]) -> Vec<Shared> {
    let has =
        |status: &Status, name: &str| status.trials.iter().any(|trial| trial.params.get(name).is_some());
    let first = statuses.first().map(|status| status.trials.as_slice()).unwrap_or_default();
    let mut names: Vec<&str> = Vec::new();
    for name in first.iter().flat_map(|trial| trial.params.iter().map(|(name, _)| name)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.retain(|name| statuses.iter().all(|status| has(status, name)));
    let of = |name: &str| Shared {
        name: name.to_owned(),
        tried: statuses.iter().map(|status| tried(status, name)).collect(),
        best: statuses
            .iter()
            .map(|status| Some(status.best_trial()?.params.get(name)?.text().into_owned()))
            .collect(),
    };
    names.into_iter().map(of).collect()
}

/// What a sweep tried of a parameter.
fn tried(status: &Status, name: &str) -> String {
    let values: Vec<_> = status.trials.iter().filter_map(|trial| trial.params.get(name)).collect();
    let numbers: Option<Vec<f64>> = values.iter().map(|value| value.as_f64()).collect();
    let mut texts: Vec<_> = values.iter().map(|value| value.text()).collect();
    texts.sort_unstable();
    texts.dedup();
    match (numbers, texts.as_slice()) {
        (_, [one]) => one.to_string(),
        (Some(numbers), _) => {
            let low = numbers.iter().copied().fold(f64::INFINITY, f64::min);
            let high = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            format!("{low} to {high}")
        }
        (None, texts) if texts.len() <= 4 => texts.join(", "),
        (None, texts) => format!("{} values", texts.len()),
    }
}

/// What was asked differently, by the manifests.
fn differences(manifests: &[&Manifest]) -> Vec<Difference> {
    let facts = |manifest: &Manifest| -> BTreeMap<&'static str, String> {
        let json = |value: serde_json::Value| match value {
            serde_json::Value::Null => "-".to_owned(),
            serde_json::Value::String(text) => text,
            value => value.to_string(),
        };
        let of = |value: Result<serde_json::Value, serde_json::Error>| value.map(json).unwrap_or_default();
        BTreeMap::from([
            ("command", of(serde_json::to_value(&manifest.command))),
            ("commit", manifest.git_commit.clone().unwrap_or_else(|| "-".into())),
            ("concurrency", of(serde_json::to_value(manifest.concurrency))),
            ("matrix", manifest.matrix.clone()),
            ("method", manifest.method.clone()),
            (
                "metric",
                manifest
                    .metric
                    .as_ref()
                    .map_or_else(|| "-".into(), |metric| of(serde_json::to_value(metric))),
            ),
            ("replicates", manifest.replicates.to_string()),
            ("setup", of(serde_json::to_value(&manifest.setup))),
        ])
    };
    let all: Vec<_> = manifests.iter().map(|manifest| facts(manifest)).collect();
    let names = all.first().map(|facts| facts.keys().copied().collect::<Vec<_>>()).unwrap_or_default();
    names
        .into_iter()
        .map(|name| Difference {
            what: name.to_owned(),
            values: all.iter().map(|facts| facts[name].clone()).collect(),
        })
        .filter(|difference| difference.values.windows(2).any(|pair| pair[0] != pair[1]))
        .collect()
}
