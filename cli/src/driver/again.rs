//! Running trials again, or for the first time after all: a new batch for trials whose old one is at an end. A trial
//! that is given to a new batch is first withdrawn from the old one, so that no job of the old one can start it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use sweep_core::batch::Executor;
use sweep_core::claim::Claim;
use sweep_core::id::{JobName, Token, TrialIndex};
use sweep_core::layout::SweepDir;
use sweep_core::status::Queue;

use crate::driver::batches::{Groups, Shape};
use crate::driver::journal::Journal;
use crate::driver::look::{Batches, Look, owner};
use crate::driver::search::read_spec;
use crate::driver::spread::{Silent, survey};
use crate::driver::submit::{Given, Submission};
use crate::error::{At, Error, Kind, Result};
use crate::executor::local;
use crate::executor::slurm::queue;
use crate::task::claim::{self, Linked};
use crate::task::ledger::Ledger;

/// How the trials of a new batch are submitted: as those of their old one were.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    executor: Executor,
    extra: Vec<String>,
}

/// Who hears what while trials are submitted.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    /// Is called before the last room in the queue is used up.
    pub when_full: &'a dyn Fn(),
    /// Hears which cluster is left out.
    pub notice: &'a dyn Fn(&str),
}

/// Submits trials in new batches. Trials that never were in one take their options from the sweep's copy of the spec.
///
/// # Errors
/// What the executor said, those of the file system, or where another driver took over.
pub fn submit(
    dir: &SweepDir,
    look: &Look,
    trials: &[TrialIndex],
    journal: &mut Journal<'_>,
    submission: &Submission<'_>,
    shape: Shape,
    told: Told<'_>,
) -> Result<Given> {
    let batches = Batches::read(dir)?;
    let spec = read_spec(dir)?;
    let mut ways: BTreeMap<Way, Groups> = BTreeMap::new();
    for &index in trials {
        let trial = look.trials.get(index.0 as usize).ok_or_else(|| unknown(index))?;
        let old = trial.batch.and_then(|number| batches.intent(number));
        let (way, options) = match old {
            Some(intent) => {
                withdraw(dir, index, &intent.token, trial.status.job.as_ref(), intent.cluster())?;
                // An agent takes what its allocation has room for, whoever was asked before.
                let offered = submission.executor == Executor::Agent;
                let executor = if offered { Executor::Agent } else { intent.executor };
                let extra = if offered { Vec::new() } else { intent.extra.clone() };
                (Way { executor, extra }, intent.sbatch.clone())
            }
            None => {
                // The options of a trial that was never submitted are those of its sweep.
                let way = Way { executor: submission.executor, extra: submission.extra.to_vec() };
                (way, spec.sbatch_of(&trial.trial)?)
            }
        };
        ways.entry(way).or_default().add(index, &options);
    }
    let mut given = Given::default();
    for (way, groups) in ways {
        let executor = way.executor;
        let shape = if executor == Executor::Slurm { shape } else { Shape::Whole };
        // What was submitted just now, in another way, is waited for as well.
        let batches = Batches::read(dir)?;
        let first_batch = batches.next_number();
        let mut submission = Submission { executor, extra: &way.extra, first_batch, ..submission.clone() };
        // With a concurrency the new arrays wait for the newest old one of their place, so that the sweep's limit holds
        // over all. The driver of a driven sweep submits no more than may run.
        let concurrency = look.manifest.concurrency.filter(|_| !look.manifest.driven);
        let after = concurrency.map(|limit| batches.newest_jobs(shape.chains(limit))).unwrap_or_default();
        let list = match look.manifest.spread.as_ref().filter(|_| executor == Executor::Slurm) {
            None => groups.batches(shape, concurrency),
            Some(spread) => {
                submission.delay = Duration::from_secs(spread.delay_s.into());
                // A trial that runs again goes where the others go: its old place may be why it did not complete.
                let given = batches.given();
                let spots = survey(spread, shape, concurrency, &given, Silent::LeaveOut, told.notice)?;
                groups.spread(shape, &spots)
            }
        };
        given.add(submission.submit(journal, &list, &after, told.when_full)?);
    }
    Ok(given)
}

/// Links a claim "withdrawn" for a trial's old batch, so that no job of it can start the trial any more. `judged` is
/// the job whose end the look saw, `cluster` the one that the old batch went to, where it has a name.
///
/// # Errors
/// Where a job that the look did not know of holds the claim: it may run the trial, or have run it, so that the trial
/// is not ours to give away before somebody looked again.
fn withdraw(
    dir: &SweepDir,
    index: TrialIndex,
    old: &Token,
    judged: Option<&JobName>,
    cluster: Option<&str>,
) -> Result<()> {
    let folder = dir.trial(index);
    fs::create_dir_all(folder.path()).at("make", folder.path())?;
    let claim = Claim::withdrawn(old.clone());
    let linked = claim::link(&folder, &claim, "driver").map_err(|error| error.of_kind(Kind::World))?;
    if linked == Linked::Made {
        return Ok(());
    }
    let ledger = Ledger::read(&folder)?;
    for job in ledger.holders(old) {
        if judged == Some(job) {
            continue;
        }
        // One that died between its claim and its start record never began.
        if ledger.starts().any(|start| start.job == *job) || is_alive(dir, job, cluster)? {
            let label = index.label();
            let hint = "nothing is lost; run the command again when it has ended";
            return Err(Error::world(format!("{label} was started by job {job} meanwhile")).hint(hint));
        }
    }
    Ok(())
}

/// Whether a job may still be at work; one of another machine may.
fn is_alive(dir: &SweepDir, job: &JobName, cluster: Option<&str>) -> Result<bool> {
    match job.slurm_id() {
        Some(id) => {
            let queues = queue::ask(owner(dir)?, &cluster.map(str::to_owned).into_iter().collect())?;
            Ok(queues.of(cluster).is_none_or(|queue| queue.is_open(id)))
        }
        None => Ok(local::look(job) != Some(Queue::Absent)),
    }
}

fn unknown(index: TrialIndex) -> Error {
    Error::user(format!("there is no trial {}", index.label()))
}

/// Trials that are taken from their old batch.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::identity::{host, process_start};

    fn local(start_later: u64) -> JobName {
        let pid = std::process::id();
        JobName::local(&host(), pid, process_start(pid).unwrap() + start_later).unwrap()
    }

    #[test]
    fn a_trial_is_taken_only_from_a_job_that_is_known_to_have_ended() {
        let dir = tempfile::tempdir().unwrap();
        let sweep = SweepDir::new(dir.path());
        let old: Token = "s.0".parse().unwrap();
        let claimed = |index: u32, job: &JobName| {
            let folder = sweep.trial(TrialIndex(index));
            fs::create_dir_all(folder.path()).unwrap();
            claim::link(&folder, &Claim::of_job(old.clone(), job.clone()), "test").unwrap();
        };
        let take =
            |index: u32, judged: Option<&JobName>| withdraw(&sweep, TrialIndex(index), &old, judged, None);
        take(0, None).unwrap();
        take(0, None).unwrap();
        // A job that claimed it since the look, and lives; one that the look knew; one that died before it began.
        claimed(1, &local(0));
        assert!(take(1, None).unwrap_err().to_string().contains("t001 was started by job"));
        assert!(take(1, Some(&local(1))).is_err());
        take(1, Some(&local(0))).unwrap();
        claimed(2, &local(1));
        take(2, None).unwrap();
    }
}
