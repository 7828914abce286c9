//! One step of a sweep, by whoever has the time: settle what is open, try again what the spec says. Taking it twice
//! does nothing more than taking it once.

use serde::Serialize;
use sweep_core::id::{TrialIndex, TrialLabel};
use sweep_core::layout::SweepDir;
use sweep_core::manifest::Retries;

use crate::driver::drive::Driver;
use crate::driver::look::{Batches, Look, look};
use crate::error::Result;

/// What a step did.
#[derive(Debug, Default, Serialize)]
pub struct Step {
    /// Batches of which nobody knew what came, and now somebody does.
    pub settled: usize,
    /// Trials that run again.
    pub retried: Vec<TrialLabel>,
}

/// Takes one step. `notice` hears what is waited for.
///
/// # Errors
/// Where the sweep was stopped, another driver keeps it, or the executor refuses.
pub fn advance(dir: &SweepDir, notice: &dyn Fn(&str)) -> Result<Step> {
    let mut step = Step::default();
    // Most steps find nothing to do, and then nothing is taken over and nothing written.
    let open = Batches::read(dir)?.open().next().is_some();
    if !open && due(&look(dir)?).is_empty() {
        return Ok(step);
    }
    let driver = Driver::take(dir, notice)?;
    let mut journal = driver.journal()?;
    let settled = driver.settle(&mut journal, notice)?;
    step.settled = settled.found.len() + settled.repeated.len();
    // What is due is decided under the lease: another driver may have done it meanwhile.
    let look = look(dir)?;
    let trials = due(&look);
    driver.submit(&mut journal, &look, &trials)?;
    step.retried = trials.iter().map(|index| index.label()).collect();
    Ok(step)
}

/// The trials that the spec's `retries` want to run again now.
#[must_use]
pub fn due(look: &Look) -> Vec<TrialIndex> {
    let Some(retries) = &look.manifest.retries else { return Vec::new() };
    if look.stopped.is_some() {
        return Vec::new();
    }
    let is_due =
        |retries: &Retries, status: &sweep_core::status::Status| retries.is_due(status.state, status.attempt);
    let due = look.trials.iter().filter(|trial| is_due(retries, &trial.status));
    due.map(|trial| trial.trial.index).collect()
}
