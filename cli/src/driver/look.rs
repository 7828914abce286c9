//! One look at a sweep: what was submitted, what Slurm says, what the records say, and from these what is true of
//! each trial. One squeue and at most one sacct, whatever the sweep's size; nothing is written.

mod known;
mod oracle;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use sweep_core::batch::Executor;
use sweep_core::find;
use sweep_core::id::{BatchNumber, TrialIndex};
use sweep_core::layout::{RecordName, SweepDir, TrialDir};
use sweep_core::manifest::Manifest;
use sweep_core::metric::result as result_of;
use sweep_core::record::{Kind, Record};
use sweep_core::state::{Bucket, TrialState};
use sweep_core::status::Status;
use sweep_core::trial::Trial;

use crate::driver::{journal, search, stop};
use crate::error::{At, Error, Result};
use crate::task::ledger::Ledger;

pub use known::{Batches, Full, owner, trials_of};

use oracle::Oracle;

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
    /// The records of the newest attempt and their file's name.
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
}

impl TrialLook {
    fn planned(trial: Trial) -> Self {
        let status = Status {
            state: TrialState::Planned,
            bucket: Bucket::of(TrialState::Planned, false),
            attempt: 0,
            job: None,
        };
        Self {
            trial,
            status,
            batch: None,
            job: None,
            record: None,
            refusal: None,
            task_error: None,
            metric: None,
            others: Vec::new(),
            spent_s: 0.0,
            nodes: 1,
            partition: None,
        }
    }

    fn has_end(&self) -> bool {
        self.record.iter().flat_map(|(_, records)| records).any(|record| record.kind == Kind::End)
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
    let count = find::count(dir)?;
    let stopped = stop::read(dir)?;
    let started = folders(dir)?;
    let batches = Batches::read(dir)?;
    // Slurm is asked before records are read: a job that ends in between has its end record by then, while the
    // other way round it would seem to have vanished.
    let mut oracle = Oracle::ask(dir, &batches, &started)?;
    let places = batches.by_trial(count);
    let errors = task_errors(dir)?;
    let mut trials = Vec::with_capacity(count as usize);
    for trial in read_trials(dir, count)? {
        let trial = trial?;
        let place = places[trial.index.0 as usize];
        let known = place.and_then(|(number, task)| Some((batches.known[number].as_ref()?, task)));
        let folder = dir.trial(trial.index);
        let has_folder = started.contains(&trial.index);
        let attempts = if has_folder { Ledger::read(&folder)?.attempts() } else { Vec::new() };
        let stop = stopped.is_some();
        let mut found = oracle.judge(&manifest, trial, known, attempts, has_folder.then_some(&folder), stop);
        let local = known.is_some_and(|(known, _)| known.intent.executor == Executor::Local);
        if local && found.status.state.is_final() && !found.has_end() {
            // A process is asked about after its records were read; it may have written its end in between.
            let attempts = Ledger::read(&folder)?.attempts();
            found = oracle.judge(&manifest, found.trial, known, attempts, Some(&folder), stop);
        }
        found.task_error = known.and_then(|(known, task)| {
            let batch = known.intent.token.batch;
            errors.contains(&(batch, task)).then(|| read_start(&dir.task_error(batch, task)))?
        });
        trials.push(found);
    }
    let (full, open_jobs) = (batches.full().cloned(), oracle.open_count());
    let unanswered = oracle.unanswered.take();
    let mut look = Look { manifest, stopped, unanswered, driver: None, finished, full, open_jobs, trials };
    if look.manifest.driven && !finished || look.waiting() > 0 {
        look.driver = oracle.driver(dir, &look.manifest);
    }
    Ok(look)
}

/// Trials that have a folder: all others cost no look at the disk.
fn folders(dir: &SweepDir) -> Result<HashSet<TrialIndex>> {
    let folder = dir.trials_folder();
    let mut found = HashSet::new();
    for entry in fs::read_dir(&folder).at("read", &folder)? {
        let name = entry.at("read", &folder)?.file_name();
        found.extend(
            name.to_str().and_then(|name| name.parse::<sweep_core::id::TrialLabel>().ok()).map(|l| l.0),
        );
    }
    Ok(found)
}

/// Tasks that left a reason why they could not start.
fn task_errors(dir: &SweepDir) -> Result<HashSet<(BatchNumber, u32)>> {
    let folder = dir.batches();
    let mut found = HashSet::new();
    for entry in fs::read_dir(&folder).at("read", &folder)? {
        let name = entry.at("read", &folder)?.file_name();
        let parts = name.to_str().and_then(|name| name.strip_suffix(".err")?.split_once('.'));
        let numbers =
            parts.and_then(|(batch, task)| Some((BatchNumber(batch.parse().ok()?), task.parse().ok()?)));
        found.extend(numbers);
    }
    Ok(found)
}

/// Bytes that are shown of a task's reason.
const REASON_LEN: u64 = 4 * 1024;

fn read_start(path: &std::path::Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(REASON_LEN).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first `count` trials of a sweep's table, in order.
///
/// # Errors
/// Where the table cannot be read; each trial may be damaged on its own.
pub fn read_trials(dir: &SweepDir, count: u32) -> Result<impl Iterator<Item = Result<Trial>>> {
    let path = dir.trials();
    let mut lines = BufReader::new(File::open(&path).at("open", &path)?);
    let mut header = String::new();
    lines.read_line(&mut header).at("read", &path)?;
    sweep_core::schema::check_json(&path, header.as_bytes())?;
    let mut line = Vec::new();
    Ok((0..count).map(move |n| {
        line.clear();
        lines.read_until(b'\n', &mut line).at("read", &path)?;
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        Ok(Trial::parse(&path, TrialIndex(n), line)?)
    }))
}

/// Bytes at the end of `metrics.jsonl` that are looked at for the last value.
const METRICS_TAIL: u64 = 64 * 1024;

/// The metrics of a trial: the last of each in `metrics.jsonl`, and of the first else the number in `result`.
fn read_metrics(folder: &TrialDir, manifest: &Manifest) -> (Option<f64>, Vec<Option<f64>>) {
    let Some(first) = &manifest.metric else { return (None, Vec::new()) };
    let tail = |path: &std::path::Path| -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(METRICS_TAIL)))?;
        let mut bytes = Vec::new();
        file.take(METRICS_TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let reported = tail(&folder.metrics()).unwrap_or_default();
    let metric =
        first.last(&reported).or_else(|| tail(&folder.result()).ok().and_then(|bytes| result_of(&bytes)));
    (metric, manifest.objectives.iter().map(|metric| metric.last(&reported)).collect())
}
