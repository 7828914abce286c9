//! One look at a sweep: what was submitted, what Slurm says, what the records say, and from these what is true of
//! each trial. At most one squeue and one sacct, whatever the sweep's size, and none where every trial is remembered to
//! have ended for good. It never writes anything but what it remembers and how often it asked, which may be removed at any
//! time.

mod folders;
mod index;
mod known;
mod oracle;
mod packed;
mod scene;
mod shared;
mod threads;
mod trials;

use sweep_core::event::Event;
use sweep_core::find;
use sweep_core::id::BatchNumber;
use sweep_core::layout::{RecordName, SweepDir};
use sweep_core::manifest::Manifest;
use sweep_core::record::{Kind, Record};
use sweep_core::state::{Bucket, TrialState};
use sweep_core::status::Status;
use sweep_core::trial::Trial;

use crate::driver::{calls, journal, search, stop};
use crate::error::{Error, Result};

pub use known::{Batches, Full, TakenJob, owner, trials_of};
pub use trials::read_trials;

use known::{Known, Place};
use oracle::Oracle;
use scene::{Finding, Scene};

/// What a look found.
#[derive(Debug)]
pub struct Look {
    /// The sweep's manifest.
    pub manifest: Manifest,
    /// Why it was stopped, where it was.
    pub stopped: Option<stop::Stopped>,
    /// What Slurm could not be asked, and why; records alone spoke then.
    pub unanswered: Option<Error>,
    /// Who drives a driven sweep now, as Slurm's commands name a job, or by its process; none where nobody does, or
    /// where Slurm did not say.
    pub driver: Option<String>,
    /// Whether the search of a driven sweep is done; of another there is nothing to wait for.
    pub finished: bool,
    /// The last time that a limit of Slurm's stood in the way, where one did.
    pub full: Option<Full>,
    /// How many jobs and array tasks the user has in the queue, where squeue answered.
    pub open_jobs: Option<u32>,
    /// What drivers did and learned, in order, as far as it was written when the look began.
    pub events: Vec<Event>,
    /// What was submitted.
    pub batches: Batches,
    /// Its trials in order.
    pub trials: Vec<TrialLook>,
}

impl Look {
    /// Whether nothing will change by itself any more: the search is done or stopped, and no trial is on its way.
    #[must_use]
    pub fn is_over(&self) -> bool {
        // Trials that wait for room are going to be submitted; others that are planned are a person's to submit.
        let over = |state: TrialState| state.is_final() || state == TrialState::Planned;
        (self.finished || self.stopped.is_some())
            && self.waiting() == 0
            && self.trials.iter().all(|trial| over(trial.status.state))
    }

    /// How many trials wait for room in the queue.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        if self.full.is_none() || self.stopped.is_some() {
            return 0;
        }
        let retries = self.manifest.retries.as_ref();
        let waits = |status: &Status| {
            let is_due = retries.is_some_and(|retries| retries.is_due(status.state, status.attempt));
            status.state == TrialState::Planned || is_due
        };
        let count = self.trials.iter().filter(|trial| waits(&trial.status)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Adds trials that were just proposed and that no batch has yet.
    pub fn add(&mut self, trials: Vec<Trial>) {
        self.trials.extend(trials.into_iter().map(TrialLook::planned));
    }
}

/// What is true of one trial.
#[derive(Debug)]
pub struct TrialLook {
    /// The trial.
    pub trial: Trial,
    /// What is true of it.
    pub status: Status,
    /// The newest batch that was meant to run it.
    pub batch: Option<BatchNumber>,
    /// Its job as Slurm's commands take it, `12_3` or `12`, or `host:pid:start`.
    pub job: Option<String>,
    /// Whether that job has other trials as well, so that it is not ended for this one.
    pub shares_job: bool,
    /// The records of the newest attempt, without what the user claimed in them, and their file's name.
    pub record: Option<(RecordName, Vec<Record>)>,
    /// Why an executor refused it.
    pub refusal: Option<String>,
    /// Why a task of its newest batch could not start, as the task left it.
    pub task_error: Option<String>,
    /// The metric, where the spec names one and the trial reported it.
    pub metric: Option<f64>,
    /// The further metrics of the spec, in its order.
    pub others: Vec<Option<f64>>,
    /// How long all its attempts took that ended, in seconds.
    pub spent_s: f64,
    /// On how many nodes.
    pub nodes: u32,
    /// In which partition, where its options name one.
    pub partition: Option<String>,
    /// On which cluster, where it was given to one by name.
    pub cluster: Option<String>,
}

impl TrialLook {
    fn planned(trial: Trial) -> Self {
        let status = Status {
            state: TrialState::Planned,
            bucket: Bucket::of(TrialState::Planned, false),
            attempt: 0,
            job: None,
        };
        Self::of(trial, Finding::of(status), None)
    }

    /// A trial with what was found of it and of its newest batch.
    fn of(trial: Trial, finding: Finding, known: Option<&Known>) -> Self {
        let option = |name: &str| known.and_then(|known| known.intent.option(name));
        let given = known.and_then(|known| known.intent.cluster()).map(str::to_owned);
        let Finding { status, job, record, task_error, metric, others, spent_s, .. } = finding;
        Self {
            trial,
            status,
            batch: known.map(|known| known.intent.token.batch),
            job,
            shares_job: known.is_some_and(Known::shares_jobs),
            record,
            refusal: known.and_then(|known| known.outcome.as_ref()?.as_ref().err().cloned()),
            task_error,
            metric,
            others,
            spent_s,
            nodes: option("nodes").and_then(|nodes| nodes.parse().ok()).unwrap_or(1),
            partition: option("partition").map(str::to_owned),
            cluster: given,
        }
    }
}

impl TrialLook {
    /// The value of each metric of the spec, in its order.
    pub fn values(&self) -> impl Iterator<Item = Option<f64>> + '_ {
        std::iter::once(self.metric).chain(self.others.iter().copied()).chain(std::iter::repeat(None))
    }

    /// The start record of its newest attempt.
    #[must_use]
    pub fn start(&self) -> Option<&Record> {
        self.record.as_ref()?.1.iter().find(|record| record.kind == Kind::Start)
    }

    /// The end record of its newest attempt.
    #[must_use]
    pub fn end(&self) -> Option<&Record> {
        self.record.as_ref()?.1.iter().rev().find(|record| record.kind == Kind::End)
    }
}

/// Looks at a sweep.
///
/// # Errors
/// Those of the file system. A Slurm that does not answer is no error: [`Look::unanswered`] says it.
pub fn look(dir: &SweepDir) -> Result<Look> {
    let mut manifest = find::manifest(dir)?;
    let events = journal::read(dir)?;
    manifest.concurrency = search::concurrency_of(&events).or(manifest.concurrency);
    let finished = !manifest.driven || search::is_finished(&events);
    let was_stopped = stop::read(dir)?.is_some();
    let batches = Batches::with_events(dir, &events)?;
    let count = find::count(dir)?;
    let places = batches.by_trial(count as usize);
    let remember = || index::read(dir, manifest.id.as_str(), &batches, &places, was_stopped);
    let (trials, remembered) = threads::both(|| trials::read_all(dir, count), remember);
    let trials = trials?;
    // Slurm is asked before folders and records are read: a job that ends in between has its end record by then, while
    // the other way round it would seem to have vanished.
    let open: Vec<usize> = (0..trials.len()).filter(|trial| remembered[*trial].is_none()).collect();
    let mut oracle = Oracle::ask(dir, &manifest, &batches, &places, &open, manifest.driven && !finished)?;
    // `stop` leaves its word before it cancels anything: what Slurm says is cancelled is never taken for room.
    let stopped = stop::read(dir)?;
    let scene =
        Scene { dir, manifest: &manifest, batches: &batches, oracle: &oracle, stopped: stopped.is_some() };
    let findings = scene.read(&places, &open, remembered)?;
    let whole = |((trial, finding), place): ((Trial, Finding), &Option<Place>)| {
        TrialLook::of(trial, finding, place.and_then(|place| batches.known[place.batch].as_ref()))
    };
    let trials = trials.into_iter().zip(findings).zip(&places).map(whole).collect();
    let (full, open_jobs) = (batches.full().cloned(), oracle.open_count());
    let unanswered = oracle.unanswered.take();
    let mut look = Look {
        manifest,
        stopped,
        unanswered,
        driver: None,
        finished,
        full,
        open_jobs,
        events,
        batches,
        trials,
    };
    if look.manifest.driven && !finished || look.waiting() > 0 {
        look.driver = oracle.driver(dir, &look.manifest);
    }
    calls::note(dir);
    Ok(look)
}
