//! How far a sweep is: the time that is left by what ran so far, and what it spent of what it may. It foretells
//! nothing that has not begun: without a trial that ended there is no time left to tell.

use serde::Serialize;
use sweep_core::state::TrialState;

use crate::driver::look::{Look, TrialLook};
use crate::report::status::TrialStatus;
use crate::task::now_ns;

/// The time that is left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TimeLeft {
    /// Seconds until the trials that are there have ended, if as many run side by side as now.
    pub seconds: f64,
    /// How many run now.
    pub at_once: u32,
    /// How many have not ended.
    pub trials: u32,
    /// Whether the search may still propose more.
    pub more_may_come: bool,
}

/// How long the trials that have not ended will take; none where nothing runs or nothing has ended yet.
#[must_use]
pub fn time_left(look: &Look) -> Option<TimeLeft> {
    if look.stopped.is_some() {
        return None;
    }
    let open: Vec<&TrialLook> = look.trials.iter().filter(|trial| !trial.status.state.is_final()).collect();
    let running: Vec<&TrialLook> =
        open.iter().copied().filter(|trial| trial.status.state == TrialState::Running).collect();
    let known = Durations::of(&look.trials);
    if running.is_empty() {
        return None;
    }
    let now = now_ns();
    let mut seconds = 0.0;
    for trial in &open {
        let whole = known.expect(trial)?;
        let since = trial.start().filter(|_| trial.status.state == TrialState::Running);
        #[expect(clippy::cast_precision_loss, reason = "seconds are enough")]
        let ran = since.map_or(0.0, |start| now.saturating_sub(start.time_ns) as f64 / 1e9);
        seconds += (whole - ran).max(0.0);
    }
    let count = |trials: &[&TrialLook]| u32::try_from(trials.len()).unwrap_or(u32::MAX);
    Some(TimeLeft {
        seconds: seconds / f64::from(count(&running)),
        at_once: count(&running),
        trials: count(&open),
        more_may_come: !look.finished,
    })
}

/// How long trials took.
struct Durations {
    /// Seconds and budget of those that completed; the budget is 1 where there is none.
    seconds: f64,
    budget: f64,
    /// By budget, for trials that have the same.
    alike: std::collections::HashMap<u64, (f64, u32)>,
}

impl Durations {
    fn of(trials: &[TrialLook]) -> Self {
        let mut known = Self { seconds: 0.0, budget: 0.0, alike: std::collections::HashMap::new() };
        for trial in trials.iter().filter(|trial| trial.status.state == TrialState::Completed) {
            let Some(elapsed) = trial.end().and_then(|end| end.elapsed_s) else { continue };
            let budget = trial.trial.budget.unwrap_or(1.0);
            known.seconds += elapsed;
            known.budget += budget;
            let place = known.alike.entry(budget.to_bits()).or_default();
            *place = (place.0 + elapsed, place.1 + 1);
        }
        known
    }

    /// The mean of trials with the same budget, else by the budget's share of all.
    fn expect(&self, trial: &TrialLook) -> Option<f64> {
        let budget = trial.trial.budget.unwrap_or(1.0);
        if let Some((seconds, count)) = self.alike.get(&budget.to_bits()) {
            return Some(seconds / f64::from(*count));
        }
        (self.budget > 0.0).then(|| self.seconds / self.budget * budget)
    }
}

/// Trials that ended alike without success.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failures {
    /// How they ended.
    pub state: TrialState,
    /// With which exit code.
    pub exit: Option<i32>,
    /// By which signal.
    pub signal: Option<i32>,
    /// How many.
    pub count: u32,
    /// The first of them.
    pub first: sweep_core::id::TrialLabel,
}

/// The failures of a sweep by their kind, the most frequent first. What a person or the search ended is none.
#[must_use]
pub fn failures(trials: &[TrialStatus]) -> Vec<Failures> {
    let mut found: Vec<Failures> = Vec::new();
    for trial in trials.iter().filter(|trial| is_failure(trial.state)) {
        let same = |f: &&mut Failures| (f.state, f.exit, f.signal) == (trial.state, trial.exit, trial.signal);
        match found.iter_mut().find(same) {
            Some(kind) => kind.count += 1,
            None => found.push(Failures {
                state: trial.state,
                exit: trial.exit,
                signal: trial.signal,
                count: 1,
                first: trial.trial,
            }),
        }
    }
    found.sort_by_key(|kind| std::cmp::Reverse(kind.count));
    found
}

/// Whether a trial that ended so has failed, so that somebody should look why.
#[must_use]
pub fn is_failure(state: TrialState) -> bool {
    matches!(
        state,
        TrialState::Failed
            | TrialState::Timeout
            | TrialState::OutOfMemory
            | TrialState::NodeFail
            | TrialState::SubmitFailed
            | TrialState::Lost
    )
}
