//! What became of each rung of a search. Never a rung without trials.

use std::collections::BTreeMap;

use serde::Serialize;
use sweep_core::id::TrialLabel;
use sweep_core::state::{Bucket, TrialState};

use crate::driver::look::{Look, TrialLook};

/// A rung of a bracket.
#[derive(Debug, Serialize)]
pub struct Rung {
    /// The bracket, deme or member, where the method has several.
    pub bracket: Option<u32>,
    /// The rung or generation.
    pub rung: u32,
    /// What each of its trials may spend.
    pub budget: Option<f64>,
    /// How many trials it has.
    pub trials: usize,
    /// How many completed.
    pub completed: usize,
    /// How many failed.
    pub failed: usize,
    /// The best metric.
    pub best: Option<f64>,
    /// Whose it is.
    pub best_trial: Option<TrialLabel>,
    /// The metric in the middle.
    pub median: Option<f64>,
}

pub(super) fn of(look: &Look) -> Vec<Rung> {
    let mut rungs: BTreeMap<(Option<u32>, u32), Vec<&TrialLook>> = BTreeMap::new();
    for trial in &look.trials {
        if let Some(rung) = trial.trial.rung {
            rungs.entry((trial.trial.bracket, rung)).or_default().push(trial);
        }
    }
    let goal = look.manifest.metric.as_ref().map(|metric| metric.goal).unwrap_or_default();
    rungs
        .into_iter()
        .map(|((bracket, rung), trials)| {
            let mut done: Vec<&&TrialLook> = trials
                .iter()
                .filter(|trial| trial.status.state == TrialState::Completed && trial.metric.is_some())
                .collect();
            done.sort_by(|a, b| goal.order(a.metric, b.metric));
            let failed = trials.iter().filter(|trial| trial.status.bucket == Bucket::Failed).count();
            Rung {
                bracket,
                rung,
                budget: trials[0].trial.budget,
                trials: trials.len(),
                completed: trials.iter().filter(|t| t.status.bucket == Bucket::Completed).count(),
                failed,
                best: done.first().and_then(|trial| trial.metric),
                best_trial: done.first().map(|trial| trial.trial.index.label()),
                median: done.get(done.len() / 2).and_then(|trial| trial.metric),
            }
        })
        .collect()
}
