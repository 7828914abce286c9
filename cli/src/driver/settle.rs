//! Settling what a crash left open: an intent of which nobody wrote down what came. Its job is looked for; only when
//! it cannot exist any more is the batch submitted again, under the same token, so that even a job that comes late
//! meets a claim.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use sweep_core::batch::{Executor, Intent};
use sweep_core::event::Event;
use sweep_core::id::BatchNumber;
use sweep_core::layout::SweepDir;

use crate::driver::journal::Journal;
use crate::driver::look::{Batches, owner};
use crate::driver::submit::{Asked, Fill, OFFERED, Submission, Taken};
use crate::error::Result;
use crate::executor::local;
use crate::executor::slurm::clusters::Queues;
use crate::executor::slurm::{self, accounting, queue};
use crate::task::ledger::Ledger;
use crate::task::now_ns;

/// The least time after which a submission that was cut off can no longer come through.
const FENCE_LEAST: Duration = Duration::from_secs(30);
/// How often the queue is looked at while that time passes.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// As much for the local executor: a process that was started is in the table at once.
const LOCAL_FENCE: Duration = Duration::from_secs(2);

/// What settling did.
#[derive(Debug, Default)]
pub struct Settled {
    /// Batches whose job was found.
    pub found: Vec<Taken>,
    /// Batches that were submitted again.
    pub repeated: Vec<Taken>,
    /// Jobs that were cancelled because an older one of the same batch runs its trials.
    pub twins: Vec<u32>,
}

/// Settles every open intent of a sweep. `notice` hears what is waited for.
///
/// # Errors
/// Where Slurm does not answer: an intent stays open then, and the next driver tries again.
pub fn settle(
    dir: &SweepDir,
    journal: &mut Journal<'_>,
    submission: &Submission<'_>,
    notice: &dyn Fn(&str),
) -> Result<Settled> {
    let mut settled = Settled::default();
    let batches = Batches::read(dir)?;
    let mut open: Vec<(BatchNumber, Intent)> = batches.open().collect();
    if !open.is_empty() {
        find(dir, journal, submission, &mut open, &mut settled, notice)?;
    }
    if !open.is_empty() {
        wait(dir, journal, submission, &mut open, &mut settled, notice)?;
        for (number, intent) in open {
            // Read again: the batch before this one may have been found or repeated just now.
            let batches = Batches::read(dir)?;
            let after = intent.after.and_then(|after| batches.job_of(after)).map(str::to_owned);
            let again = Submission { executor: intent.executor, extra: &intent.extra, ..submission.clone() };
            journal.check()?;
            notice(&format!("batch {number} never reached its executor; it is submitted again"));
            // One that meets a limit is no longer open: its trials wait for room.
            if let Asked::Taken(taken) = again.ask(journal, &intent, after, &mut Fill::new(&|| {}))? {
                settled.repeated.push(taken);
            }
        }
    }
    settled.twins = cancel_twins(dir, journal, submission)?;
    Ok(settled)
}

/// Looks for the jobs of open intents and writes down those that are found. One whose cluster does not answer is taken
/// from the list and stays open: whoever comes next looks again.
fn find(
    dir: &SweepDir,
    journal: &mut Journal<'_>,
    submission: &Submission<'_>,
    open: &mut Vec<(BatchNumber, Intent)>,
    settled: &mut Settled,
    notice: &dyn Fn(&str),
) -> Result<()> {
    let on_slurm = open.iter().any(|(_, intent)| intent.executor == Executor::Slurm);
    let queues = if on_slurm { queue::ask(owner(dir)?, &submission.clusters)? } else { Queues::default() };
    let mut still = Vec::new();
    for (number, intent) in open.drain(..) {
        let job = match intent.executor {
            Executor::Slurm => find_job(dir, &intent, &queues)?,
            Executor::Local => local::find(dir, number).map(|job| job.to_string()),
            // It was offered as soon as it was written.
            Executor::Agent => Some(OFFERED.to_owned()),
        };
        let job = match job {
            Some(job) => Some(job),
            // A supervisor that started between the two looks is asked about before its trial's process.
            None => match (recorded_job(dir, &intent)?, intent.executor) {
                (Some(job), Executor::Local) => {
                    Some(local::find(dir, number).map_or(job, |found| found.to_string()))
                }
                (job, _) => job,
            },
        };
        match job {
            Some(job) => {
                journal.append(&Event::Submitted { batch: number, job: job.clone(), time_ns: now_ns() })?;
                let (trials, place) = (intent.trials.count(), intent.place.clone());
                settled.found.push(Taken { batch: number, job, trials, place });
            }
            None if intent.executor == Executor::Slurm && queues.of(intent.cluster()).is_none() => {
                let cluster = intent.cluster().unwrap_or_default();
                notice(&format!("batch {number} is not settled before cluster `{cluster}` answers"));
            }
            None => still.push((number, intent)),
        }
    }
    *open = still;
    Ok(())
}

/// Looks on the cluster that was asked and no other.
fn find_job(dir: &SweepDir, intent: &Intent, queues: &Queues) -> Result<Option<String>> {
    let name = intent.token.to_string();
    let cluster = intent.cluster();
    let job = match queues.of(cluster).and_then(|queue| queue.job_of(&name)) {
        Some(job) => Some(job),
        None => accounting::find(&name, owner(dir)?, cluster),
    };
    Ok(job.map(|job| job.to_string()))
}

/// The job that a record of the batch names: it ran, and may be purged by now.
fn recorded_job(dir: &SweepDir, intent: &Intent) -> Result<Option<String>> {
    for index in crate::driver::look::trials_of(dir, intent)? {
        let folder = dir.trial(index);
        if !folder.path().exists() {
            continue;
        }
        let ledger = Ledger::read(&folder)?;
        let mut starts = ledger.starts();
        if let Some(start) = starts.find(|start| start.claimed.token.as_ref() == Some(&intent.token)) {
            let job = start.array_job.map_or_else(|| start.job.to_string(), |array| array.to_string());
            return Ok(Some(job));
        }
    }
    Ok(None)
}

/// Waits until nothing that was cut off can come through any more, looking all the while.
fn wait(
    dir: &SweepDir,
    journal: &mut Journal<'_>,
    submission: &Submission<'_>,
    open: &mut Vec<(BatchNumber, Intent)>,
    settled: &mut Settled,
    notice: &dyn Fn(&str),
) -> Result<()> {
    let on_slurm = open.iter().any(|(_, intent)| intent.executor == Executor::Slurm);
    let fence = if on_slurm { (message_timeout(open)? * 2).max(FENCE_LEAST) } else { LOCAL_FENCE };
    let count = open.len();
    notice(&format!("{count} submissions were cut off; looking for their jobs for {} s", fence.as_secs()));
    let until = Instant::now() + fence;
    while Instant::now() < until && !open.is_empty() {
        std::thread::sleep(LOOK_EVERY.min(until.saturating_duration_since(Instant::now())));
        find(dir, journal, submission, open, settled, notice)?;
    }
    Ok(())
}

/// How long an answer takes at most on the clusters of these intents.
fn message_timeout(open: &[(BatchNumber, Intent)]) -> Result<Duration> {
    let on_slurm = open.iter().filter(|(_, intent)| intent.executor == Executor::Slurm);
    let clusters: BTreeSet<Option<&str>> = on_slurm.map(|(_, intent)| intent.cluster()).collect();
    let mut longest = Duration::ZERO;
    for cluster in clusters {
        longest = longest.max(slurm::site_of(cluster)?.message_timeout);
    }
    Ok(longest)
}

/// Of several jobs of one batch, cancels what still waits of those that no trial's claim names, all but the oldest
/// where none is named, and notes one that is kept. A task of theirs that runs has the claim or ends by itself.
fn cancel_twins(dir: &SweepDir, journal: &mut Journal<'_>, submission: &Submission<'_>) -> Result<Vec<u32>> {
    let batches = Batches::read(dir)?;
    if !batches.intents().any(|intent| intent.executor == Executor::Slurm) {
        return Ok(Vec::new());
    }
    let queues = queue::ask(owner(dir)?, &submission.clusters)?;
    let mut twins: Vec<(Option<String>, u32)> = Vec::new();
    for intent in batches.intents() {
        let cluster = intent.cluster().map(str::to_owned);
        // One that does not answer is asked by the next driver.
        let Some(queue) = queues.of(intent.cluster()) else { continue };
        let jobs: Vec<u32> = queue.jobs_of(&intent.token.to_string()).collect();
        let open: Vec<u32> =
            jobs.iter().copied().filter(|job| queue.open_tasks(*job).next().is_some()).collect();
        if jobs.len() < 2 || open.is_empty() {
            continue;
        }
        let holders = holders(dir, intent)?;
        let holds = |job: &u32| {
            holders.contains(job) || queue.open_tasks(*job).flatten().any(|id| holders.contains(&id))
        };
        // Where no trial has started, the oldest is kept; a job that holds a claim always is.
        let oldest = open.iter().min().copied().filter(|_| !jobs.iter().any(holds));
        let is_twin = |job: &u32| !holds(job) && Some(*job) != oldest;
        let number = intent.token.batch;
        let noted = batches.job_of(number).and_then(|job| job.parse().ok());
        if let Some(kept) = jobs.iter().find(|job| holds(job) || Some(**job) == oldest)
            && noted.as_ref().is_some_and(is_twin)
        {
            // Else the trials that have not started yet would be judged by the job that was cancelled.
            let event = Event::Submitted { batch: number, job: kept.to_string(), time_ns: now_ns() };
            journal.append(&event)?;
        }
        twins.extend(open.iter().copied().filter(is_twin).map(|job| (cluster.clone(), job)));
    }
    slurm::cancel_waiting(&twins.iter().cloned().collect())?;
    Ok(twins.into_iter().map(|(_, job)| job).collect())
}

/// The jobs, and the array jobs of those, that hold a claim on a trial of the batch.
fn holders(dir: &SweepDir, intent: &Intent) -> Result<BTreeSet<u32>> {
    let mut holders = BTreeSet::new();
    for index in crate::driver::look::trials_of(dir, intent)? {
        let folder = dir.trial(index);
        if !folder.path().exists() {
            continue;
        }
        let ledger = Ledger::read(&folder)?;
        let claimed: Vec<u32> = ledger.holders(&intent.token).filter_map(|job| job.slurm_id()).collect();
        let arrays =
            ledger.starts().filter(|start| start.job.slurm_id().is_some_and(|id| claimed.contains(&id)));
        holders.extend(arrays.filter_map(|start| start.array_job));
        holders.extend(claimed);
    }
    Ok(holders)
}
