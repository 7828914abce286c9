//! Ending a sweep before it has wasted a cluster: a canary that runs first and alone, and a number of equal failures
//! after which the sweep is stopped.

use std::collections::BTreeMap;

use sweep_core::state::TrialState;

use crate::driver::advance::is_due;
use crate::driver::look::{Look, TrialLook};

/// How a trial failed: its state, its exit code, the signal that ended it.
type How = (TrialState, Option<i32>, Option<i32>);

/// Whether only the first configuration may run: it is the canary, and it has not completed.
#[must_use]
pub fn sings(look: &Look) -> bool {
    let replicates = look.manifest.replicates.max(1) as usize;
    let canary = look.trials.iter().take(replicates);
    look.manifest.driving.canary
        && !canary.into_iter().all(|trial| trial.status.state == TrialState::Completed)
}

/// Why the sweep has to be stopped, where its trials say so.
#[must_use]
pub fn alarm(look: &Look) -> Option<String> {
    let mut failures: BTreeMap<How, Vec<&TrialLook>> = BTreeMap::new();
    for trial in look.trials.iter().filter(|trial| has_failed(trial, look)) {
        let end = trial.end();
        let (exit, signal) = (end.and_then(|end| end.exit), end.and_then(|end| end.signal));
        failures.entry((trial.status.state, exit, signal)).or_default().push(trial);
    }
    let kind = |(state, exit, signal): &How| {
        let how = match (exit, signal) {
            (_, Some(signal)) => format!(", signal {signal}"),
            (Some(exit), None) => format!(", exit code {exit}"),
            (None, None) => String::new(),
        };
        format!("{state}{how}")
    };
    if sings(look)
        && let Some((how, trials)) = failures.iter().next()
    {
        return Some(format!("the canary {} failed: {}", trials[0].trial.index.label(), kind(how)));
    }
    let most = look.manifest.driving.max_failures?;
    let (how, trials) = failures.iter().find(|(_, trials)| trials.len() >= most as usize)?;
    Some(format!(
        "{} trials failed alike: {}, {} the first",
        trials.len(),
        kind(how),
        trials[0].trial.index.label()
    ))
}

/// Whether a trial failed by its own doing and nobody will try it again.
fn has_failed(trial: &TrialLook, look: &Look) -> bool {
    let failed =
        matches!(trial.status.state, TrialState::Failed | TrialState::Timeout | TrialState::OutOfMemory);
    failed && !is_due(&look.manifest, &trial.status)
}
