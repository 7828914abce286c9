//! What happens inside a job: find the trial, make its folder, claim it, run the user's command as a child and end
//! as it ended. Nothing here asks Slurm anything.

pub mod after;
pub mod argv;
pub mod attempt;
pub mod checkpoint;
pub mod child;
pub mod claim;
pub mod collect;
mod command;
pub mod identity;
pub mod kept;
pub mod launch;
pub mod ledger;
pub mod parent;
pub mod remnants;
pub mod requeue;
pub mod template;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{SystemTime, UNIX_EPOCH};

use sweep_core::batch::{Intent, Trials, map_rows};
use sweep_core::environment::{self, TrialContext};
use sweep_core::find;
use sweep_core::id::{BatchNumber, JobName, Token, TrialIndex};
use sweep_core::layout::{RecordName, SweepDir};
use sweep_core::params::Params;
use sweep_core::selector::Selector;

use crate::error::{At, Error, Kind, Result};
use attempt::{Attempt, Usage};
use child::Ended;
use claim::Linked;
use identity::Identity;
use ledger::{Keeping, Ledger};
use parent::Parent;

/// What a job was told to run.
#[derive(Clone, Debug)]
pub struct Task {
    /// The sweep directory, absolute.
    pub dir: SweepDir,
    /// The batch that the job is of.
    pub batch: BatchNumber,
    /// Which of its trials.
    pub selector: Selector,
}

/// How a task came out.
#[derive(Debug)]
pub enum Outcome {
    /// The command ran and ended so.
    Ended(ExitStatus),
    /// The sweep was stopped, or the trial vetoed, before it could start.
    Stopped,
    /// This very job ran the trial to a good end before. Slurm started it again because it lost that end with a
    /// controller, or because somebody requeued it; running it twice is what `sweep retry` is for.
    CompletedBefore,
    /// The command saved and ended when it was told to, and goes on when the job is requeued.
    ToBeRequeued,
    /// Who started us is gone, so Slurm does not know us any more, and nothing of the attempt is left.
    CutOff,
}

/// Runs a task from claim to end record. An attempt whose parent ends has no end record, like one whose node died.
///
/// # Errors
/// [`Kind::NoTrial`], [`Kind::NoFolder`], [`Kind::SecondStart`], or where the command cannot be started.
pub fn run(task: &Task, identity: &Identity, parent: Parent) -> Result<Outcome> {
    let no_trial = |error: sweep_core::Error| Error::from(error).of_kind(Kind::NoTrial);
    let manifest = find::manifest(&task.dir).map_err(no_trial)?;
    let index = trial_index(task, identity)?;
    let trial = find::trial(&task.dir, index).map_err(no_trial)?;
    let folder = task.dir.trial(index);
    if task.dir.stopped().exists() || folder.veto().exists() {
        return Ok(Outcome::Stopped);
    }
    fs::create_dir_all(folder.path()).at("make", folder.path()).map_err(|e| e.of_kind(Kind::NoFolder))?;
    let token = Token { sweep: manifest.id.clone(), batch: task.batch };
    if claim::take(&folder, &token, identity)? == Linked::There {
        remnants::end_earlier(&folder, &identity.job, plugins_record(&identity.job).as_ref())?;
        if Ledger::read(&folder)?.has_completed(&token, &identity.job) {
            command::note_completed(&folder, &identity.job)?;
            return Ok(Outcome::CompletedBefore);
        }
    }

    let attempt = Attempt::begin(&folder, &token, &trial, identity, Keeping::Now)?;
    let context = TrialContext {
        dir: &task.dir,
        manifest: &manifest,
        trial: &trial,
        attempt: attempt.number,
        record: Some(&attempt.name),
    };
    let ended = environment::of_trial(&context, &Params::new())
        .map_err(no_trial)
        .and_then(|variables| command::run(&context, &folder, &variables, identity, parent));
    let ended = match ended {
        Ok(Ended::CutOff) => return Ok(Outcome::CutOff),
        Ok(Ended::Itself { told, .. })
            if requeue::is_wanted(manifest.around.requeue_on.as_deref(), told, &folder) =>
        {
            return Ok(Outcome::ToBeRequeued);
        }
        Ok(Ended::Itself { status, .. }) => Ok(status),
        Err(error) => Err(error),
    };
    attempt.end(&folder, ended.as_ref(), Usage::of_children())?;
    wake(&task.dir);
    ended.map(Outcome::Ended)
}

fn trial_index(task: &Task, identity: &Identity) -> Result<TrialIndex> {
    let no_task = || {
        let text = format!("`{}` needs an array task, and `SLURM_ARRAY_TASK_ID` is not set", task.selector);
        Error::new(Kind::NoTrial, text)
    };
    match task.selector {
        Selector::Map(batch) => find::mapped(&task.dir, batch, identity.array_task.ok_or_else(no_task)?)
            .map_err(|error| Error::from(error).of_kind(Kind::NoTrial)),
        selector => selector.trial(identity.array_task).ok_or_else(no_task),
    }
}

/// Lets a driver know that there is something new to see. One that is not woken finds it at its next look.
pub fn wake(dir: &SweepDir) {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(dir.wake());
    let _ = file.and_then(|file| file.set_modified(SystemTime::now()));
}

/// The record that the plugin keeps for this job, where it does.
fn plugins_record(job: &JobName) -> Option<RecordName> {
    let name: RecordName = std::env::var(environment::RECORD).ok()?.parse().ok()?;
    (name.job == *job).then_some(name)
}

/// Nanoseconds since 1970.
#[must_use]
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Leaves the reason why a task could not start where `status` and `show` find it: Slurm's own output goes nowhere.
pub fn leave_error(task: &Task, identity: &Identity, error: &Error) {
    let path = task.dir.task_error(task.batch, task_number(task, identity));
    let mut text = Vec::new();
    let _ = error.print(&mut text);
    let _ = write_error(&path, &text);
}

/// Which task of its batch this is; a process of this machine has only its trial's place.
fn task_number(task: &Task, identity: &Identity) -> u32 {
    let in_batch = || {
        let path = task.dir.batch(task.batch);
        let intent = Intent::parse(&path, &fs::read(&path).ok()?).ok()?;
        match (intent.trials, task.selector) {
            (Trials::Consecutive { first, .. }, Selector::Trial(index)) => index.0.checked_sub(first.0),
            (Trials::Mapped { .. }, Selector::Trial(index)) => {
                let path = task.dir.map(task.batch);
                let rows = map_rows(&path, &fs::read(&path).ok()?).ok()?;
                rows.iter().position(|row| *row == index).and_then(|place| u32::try_from(place).ok())
            }
            _ => None,
        }
    };
    identity.array_task.or_else(in_batch).unwrap_or(0)
}

fn write_error(path: &Path, text: &[u8]) -> std::io::Result<()> {
    fs::OpenOptions::new().append(true).create(true).open(path)?.write_all(text)
}
