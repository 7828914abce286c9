//! The metric's `target`: what a sweep is after. Once a trial has it, the others would only cost.

use sweep_core::state::TrialState;

use crate::driver::look::{Look, TrialLook};

/// Why nothing more has to run, where that is so.
#[must_use]
pub fn reached(look: &Look) -> Option<String> {
    let metric = look.manifest.metric.as_ref()?;
    let target = metric.target?;
    let counts = |trial: &&TrialLook| {
        let stands = match trial.status.state {
            TrialState::Completed | TrialState::Running => true,
            // A running one that had it was ended with the sweep.
            TrialState::Cancelled => look.stopped.is_some(),
            _ => false,
        };
        stands && trial.metric.is_some_and(|value| metric.is_reached(value))
    };
    let first = look.trials.iter().find(counts)?;
    let (label, value) = (first.trial.index.label(), first.metric?);
    Some(format!("{label} has {} {value}, and the target is {target}", metric.name))
}

/// Why the sweep has to be stopped, where its target was reached before it was done.
#[must_use]
pub fn alarm(look: &Look) -> Option<String> {
    reached(look).filter(|_| !look.is_over())
}
