//! One step of a sweep, by whoever has the time: settle what is open, try again what the spec says, tell the search
//! what ended and submit what it proposes. Taking it twice does nothing more than taking it once.

use serde::Serialize;
use sweep_core::id::{TrialIndex, TrialLabel};
use sweep_core::layout::SweepDir;
use sweep_core::manifest::{Manifest, Submission};
use sweep_core::state::TrialState;
use sweep_core::status::Status;

use crate::driver::drive::Driver;
use crate::driver::journal::Journal;
use crate::driver::lease::Lease;
use crate::driver::look::{Look, TrialLook, look};
use crate::driver::search::Search;
use crate::driver::{best, budget, canary, checkpoints, notify, prune, room, stop, target};
use crate::error::Result;
use crate::executor::local;
use crate::task::now_ns;

/// What a step did.
#[derive(Debug, Default, Serialize)]
pub struct Step {
    /// Batches of which nobody knew what came, and now somebody does.
    pub settled: usize,
    /// Trials that run again.
    pub retried: Vec<TrialLabel>,
    /// Trials that the search proposed or that were left unsubmitted, and that are submitted now.
    pub submitted: Vec<TrialLabel>,
    /// Trials that were told to end early.
    pub pruned: Vec<TrialLabel>,
    /// Why the sweep was stopped, where this step did so.
    pub stopped: Option<String>,
}

/// Takes one step, if a look shows anything to do. `notice` hears what is waited for.
///
/// # Errors
/// Where the sweep was stopped, another driver keeps it, or the executor refuses.
pub fn advance(dir: &SweepDir, notice: &dyn Fn(&str)) -> Result<Step> {
    let seen = look(dir)?;
    // Most steps find nothing to do, and then nothing is taken over and nothing written.
    if has_work(dir, &seen)? {
        return step(dir, notice);
    }
    if seen.manifest.driven && seen.finished && seen.is_over() {
        // Whoever said that the search is done may have died before it had cleared up.
        checkpoints::clear(dir, &seen, None, notice);
    }
    Ok(Step::default())
}

/// Takes one step that a look gave cause for: see [`has_work`].
///
/// # Errors
/// Those of [`advance`].
pub fn step(dir: &SweepDir, notice: &dyn Fn(&str)) -> Result<Step> {
    let mut step = Step::default();
    let driver = Driver::take(dir, notice)?;
    let mut journal = driver.journal()?;
    let settled = driver.settle(&mut journal, notice)?;
    step.settled = settled.found.len() + settled.repeated.len();
    // What is due is decided under the lease: another driver may have done it meanwhile.
    let mut look = look(dir)?;
    step.retried = due(&look).iter().map(|index| index.label()).collect();
    let mut method = None;
    if let Some(mut search) = Search::replay(dir, &look)? {
        best::write(dir, &look)?;
        if let Some(reason) = alarm(&look) {
            search.learn(&mut journal, &look, dir)?;
            stop::stop(dir, &reason)?;
            notify::tell(dir, &mut journal, &look, Some(&reason), notice)?;
            step.stopped = Some(reason);
            return Ok(step);
        }
        let wishes = search.step(&mut journal, &look, dir, slots(&look))?;
        step.pruned = wishes.pruned.iter().map(|index| index.label()).collect();
        prune::tell(dir, &wishes.pruned)?;
        prune::end_late(&look, &search)?;
        let has_ended = |trial: &TrialLook| trial.status.state.is_final();
        let is_done = search.is_finished() && step.retried.is_empty() && look.trials.iter().all(has_ended);
        method = Some(search.method()).filter(|_| !is_done);
        look.add(wishes.trials);
    }
    // Whoever takes steps is there to take the next ones.
    let trials = wanted(&look, now_ns());
    step.retried.retain(|label| trials.contains(&label.0));
    let is_new = |index: &&TrialIndex| !step.retried.iter().any(|label| label.0 == **index);
    step.submitted = trials.iter().filter(is_new).map(|index| index.label()).collect();
    let given = driver.submit(&mut journal, &look, &trials, &|| {}, notice)?;
    if let Some(waiting) = given.waiting {
        notice(&waiting.to_string());
    }
    if look.manifest.driven {
        checkpoints::clear(dir, &look, method, notice);
        notify::tell(dir, &mut journal, &look, None, notice)?;
    }
    Ok(step)
}

/// Tells the spec's `notify` that a person has stopped the sweep, unless it has heard of its end already.
///
/// # Errors
/// Where another driver keeps the sweep, or it cannot be read. It is stopped all the same.
pub fn tell_of_stop(dir: &SweepDir, reason: &str, notice: &dyn Fn(&str)) -> Result<()> {
    if !notify::hears_of_stop(dir, &look(dir)?)? {
        return Ok(());
    }
    let lease = Lease::take(dir, notice)?;
    let mut journal = Journal::begin(dir, &lease)?;
    let look = look(dir)?;
    if let Some(mut search) = Search::replay(dir, &look)? {
        search.learn(&mut journal, &look, dir)?;
    }
    notify::tell(dir, &mut journal, &look, Some(reason), notice)
}

/// Whether a look shows anything to do.
///
/// # Errors
/// Where the sweep cannot be read.
pub fn has_work(dir: &SweepDir, look: &Look) -> Result<bool> {
    if look.stopped.is_some() {
        return Ok(false);
    }
    if look.batches.open().next().is_some() || !wanted(look, now_ns()).is_empty() {
        return Ok(true);
    }
    let Some(search) = Search::replay(dir, look)? else { return Ok(false) };
    Ok(search.has_work(look, dir, slots(look))
        || alarm(look).is_some()
        || notify::has_work(look)
        || prune::late(look, &search).any(|trial| !trial.shares_job))
}

/// Why the sweep has to be stopped, where that is so.
fn alarm(look: &Look) -> Option<String> {
    target::alarm(look).or_else(|| budget::spent(look)).or_else(|| canary::alarm(look))
}

/// The trials that the spec's `retries` want to run again now.
#[must_use]
pub fn due(look: &Look) -> Vec<TrialIndex> {
    if look.stopped.is_some() {
        return Vec::new();
    }
    let due = look.trials.iter().filter(|trial| is_due(&look.manifest, &trial.status));
    due.map(|trial| trial.trial.index).collect()
}

/// Whether the spec's `retries` want a trial that stands so to run again.
#[must_use]
pub fn is_due(manifest: &Manifest, status: &Status) -> bool {
    manifest.retries.as_ref().is_some_and(|retries| retries.is_due(status.state, status.attempt))
}

/// The trials that are to be submitted now, by index: those that run again and those that nobody took yet, as far as
/// there is room in the queue.
fn wanted(look: &Look, now_ns: u64) -> Vec<TrialIndex> {
    let mut trials = due(look);
    trials.extend(planned(look));
    trials.sort();
    trials.truncate(room::of_look(look, now_ns).unwrap_or(usize::MAX));
    trials
}

/// The trials that nobody took yet. Of a driven sweep one that was refused is asked for again: its driver would else
/// wait for it for ever. Of another only those that wait for room: what else is planned is a person's to submit.
fn planned(look: &Look) -> Vec<TrialIndex> {
    let is_open = |trial: &TrialLook| match trial.status.state {
        // One that has a batch was left by its agent.
        TrialState::Planned => look.manifest.driven || look.full.is_some() || trial.batch.is_some(),
        TrialState::SubmitFailed => look.manifest.driven,
        _ => false,
    };
    let open = look.trials.iter().filter(|trial| is_open(trial));
    open.map(|trial| trial.trial.index).collect()
}

/// How many trials a driven sweep begins with, in whole configurations; none where it begins with all that its
/// strategy proposes at once.
#[must_use]
pub fn first_trials(manifest: &Manifest) -> Option<usize> {
    let canary = manifest.driving.canary.then_some(1);
    let at_once =
        canary.or(manifest.concurrency).or_else(|| local_slots(manifest)).filter(|_| manifest.driven)?;
    let replicates = manifest.replicates.max(1);
    Some((at_once / replicates).max(1) as usize * replicates as usize)
}

/// How many trials may run at once, whatever the spec says.
fn slots(look: &Look) -> Option<u32> {
    if canary::sings(look) { Some(1) } else { local_slots(&look.manifest) }
}

/// How many trials run at once on this machine.
fn local_slots(manifest: &Manifest) -> Option<u32> {
    let is_local =
        matches!(&manifest.submission, Some(Submission { executor: sweep_core::batch::Executor::Local, .. }));
    is_local.then(local::default_slots)
}
