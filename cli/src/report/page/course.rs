//! Best so far: which trial was the best when, in the order of their ends. As in `best.json`, a trial of a larger budget
//! takes the place of one of a smaller, whatever their metrics. And which trials a comparison of parameters goes by: never
//! such of different budgets, for they are not the same race.

use std::cmp::Ordering;

use serde::Serialize;
use sweep_core::id::TrialLabel;
use sweep_core::state::TrialState;

use super::column::shortened;
use crate::driver::look::{Look, TrialLook};
use crate::report::importance::judged_budget;

/// The course of a sweep.
#[derive(Debug, Default, Serialize)]
pub struct Course {
    /// The completed trials with a metric, by their ends.
    pub order: Vec<u32>,
    /// The trials that were the best when they ended.
    pub improvements: Vec<Improvement>,
    /// Of them, those that parameters are judged by.
    pub judged: Vec<u32>,
    /// Their budget, where the method gives one.
    pub judged_budget: Option<f64>,
}

/// A trial that was the best when it ended.
#[derive(Debug, Serialize)]
pub struct Improvement {
    /// Which.
    pub trial: TrialLabel,
    /// The how many-th end it was, from 1.
    pub nth: usize,
    /// When it ended, in seconds since the sweep was made.
    pub ended_s: Option<f64>,
    /// Its budget, where the method gives one.
    pub budget: Option<f64>,
    /// Its metric.
    pub value: f64,
}

impl Course {
    pub(super) fn of(look: &Look) -> Self {
        let Some(metric) = &look.manifest.metric else { return Self::default() };
        let mut done: Vec<&TrialLook> = look
            .trials
            .iter()
            .filter(|trial| trial.status.state == TrialState::Completed && trial.metric.is_some())
            .collect();
        done.sort_by_key(|trial| (end_ns(trial).unwrap_or(u64::MAX), trial.trial.index));
        let mut improvements: Vec<Improvement> = Vec::new();
        for (place, trial) in done.iter().enumerate() {
            let (Some(value), budget) = (trial.metric, trial.trial.budget) else { continue };
            let beats = |last: &Improvement| match budget.partial_cmp(&last.budget) {
                Some(Ordering::Greater) => true,
                Some(Ordering::Equal) => metric.goal.is_better(value, last.value),
                Some(Ordering::Less) | None => false,
            };
            if improvements.last().is_none_or(beats) {
                improvements.push(Improvement {
                    trial: trial.trial.index.label(),
                    nth: place + 1,
                    ended_s: end_ns(trial).and_then(|time_ns| since_s(look, time_ns)),
                    budget,
                    value,
                });
            }
        }
        let judged_budget = judged_budget(&done);
        let judged = done.iter().filter(|trial| trial.trial.budget == judged_budget);
        let judged = judged.map(|trial| trial.trial.index.0).collect();
        let order = done.iter().map(|trial| trial.trial.index.0).collect();
        Self { order, improvements, judged, judged_budget }
    }
}

fn end_ns(trial: &TrialLook) -> Option<u64> {
    trial.end().map(|end| end.time_ns)
}

/// How long after the sweep's making each trial ended, in seconds.
pub(super) fn ends(look: &Look) -> Vec<Option<f64>> {
    let end = |trial: &TrialLook| Some(shortened(since_s(look, end_ns(trial)?)?));
    look.trials.iter().map(end).collect()
}

/// Seconds from the sweep's making to a time.
pub(super) fn since_s(look: &Look, time_ns: u64) -> Option<f64> {
    let created: jiff::Timestamp = look.manifest.created.parse().ok()?;
    let since_ns = i128::from(time_ns) - created.as_nanosecond();
    #[expect(clippy::cast_precision_loss, reason = "a time of a plot")]
    Some((since_ns.max(0) as f64) / 1e9)
}
