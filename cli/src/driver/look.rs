//! One look at a sweep: what was submitted, what Slurm says, what the records say, and from these what is true of
//! each trial. One squeue and at most one sacct, whatever the sweep's size; nothing is written.

mod open;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use sweep_core::batch::{Executor, Intent, Trials};
use sweep_core::event::Event;
use sweep_core::find;
use sweep_core::id::{BatchNumber, JobName, TrialIndex};
use sweep_core::layout::{RecordName, SweepDir, TrialDir};
use sweep_core::manifest::Manifest;
use sweep_core::metric;
use sweep_core::record::{Kind, Record};
use sweep_core::status::{self, BatchEvidence, Evidence, Queue, Status};
use sweep_core::trial::Trial;

use crate::driver::{journal, stop};
use crate::error::{At, Error, Result};
use crate::executor::local;
use crate::executor::slurm::accounting::{self, AccountTable};
use crate::executor::slurm::queue::{self, QueueTable};
use crate::task::ledger::Ledger;
use crate::task::now_ns;

pub use open::{owner, trials_of};

/// Every intent of a sweep and what came of it, by batch number.
#[derive(Debug, Default)]
pub struct Batches {
    known: Vec<Option<Known>>,
    /// The number that nobody has taken yet.
    next: u32,
}

#[derive(Debug)]
struct Known {
    intent: Intent,
    rows: Vec<TrialIndex>,
    outcome: Option<Result<String, String>>,
}

/// Most batches that a directory may name, so that a stray file cannot fill memory.
const BATCHES: u32 = 100_000_000;

impl Batches {
    /// Reads intents, maps and events.
    ///
    /// # Errors
    /// Those of the file system, or of a file of a later release.
    pub fn read(dir: &SweepDir) -> Result<Self> {
        let mut batches: Vec<Option<Known>> = Vec::new();
        let mut next = 0;
        let folder = dir.batches();
        for entry in fs::read_dir(&folder).at("read", &folder)? {
            let name = entry.at("read", &folder)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".json")?.parse::<u32>().ok());
            let Some(number) = number.filter(|number| *number < BATCHES) else { continue };
            next = next.max(number + 1);
            let number = BatchNumber(number);
            let path = dir.batch(number);
            let intent = match Intent::parse(&path, &fs::read(&path).at("read", &path)?) {
                Ok(intent) => intent,
                // A torn intent means that the executor was never asked.
                Err(sweep_core::Error::Damaged { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let rows = match intent.trials {
                Trials::Mapped { .. } => trials_of(dir, &intent)?,
                Trials::Single(_) | Trials::Consecutive { .. } => Vec::new(),
            };
            let place = number.0 as usize;
            if batches.len() <= place {
                batches.resize_with(place + 1, || None);
            }
            batches[place] = Some(Known { intent, rows, outcome: None });
        }
        let mut all = Self { known: batches, next };
        for event in journal::read(dir)? {
            match event {
                Event::Submitted { batch, job, .. } => all.note(batch.0, Ok(job)),
                Event::SubmitFailed { batch, error, .. } => all.note(batch.0, Err(error)),
                _ => {}
            }
        }
        Ok(all)
    }

    fn note(&mut self, number: u32, outcome: Result<String, String>) {
        if let Some(Some(known)) = self.known.get_mut(number as usize) {
            known.outcome = Some(outcome);
        }
    }

    /// Every job that an executor took, with its executor.
    #[must_use]
    pub fn jobs(&self) -> Vec<(Executor, String)> {
        let job = |known: &Known| {
            let job = known.outcome.as_ref()?.as_ref().ok()?;
            Some((known.intent.executor, job.clone()))
        };
        self.known.iter().flatten().filter_map(job).collect()
    }

    /// The newest batch of each trial, and the trial's task in it.
    fn by_trial(&self, trials: u32) -> Vec<Option<(usize, u32)>> {
        let mut places = vec![None; trials as usize];
        for (number, known) in self.known.iter().enumerate() {
            let Some(known) = known else { continue };
            let mut set = |index: u32, task: u32| {
                if let Some(place) = places.get_mut(index as usize) {
                    *place = Some((number, task));
                }
            };
            match &known.intent.trials {
                Trials::Single(index) => set(index.0, 0),
                Trials::Consecutive { first, count } => {
                    (0..*count).for_each(|task| set(first.0.saturating_add(task), task));
                }
                Trials::Mapped { .. } => (0..).zip(&known.rows).for_each(|(task, index)| set(index.0, task)),
            }
        }
        places
    }
}

/// What a look found.
#[derive(Debug)]
pub struct Look {
    /// The sweep's manifest.
    pub manifest: Manifest,
    /// Why it was stopped, where it was.
    pub stopped: Option<stop::Stopped>,
    /// What Slurm could not be asked, and why; records alone spoke then.
    pub unanswered: Option<Error>,
    /// Its trials in order.
    pub trials: Vec<TrialLook>,
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
}

impl TrialLook {
    fn has_end(&self) -> bool {
        self.record.iter().flat_map(|(_, records)| records).any(|record| record.kind == Kind::End)
    }
}

/// Looks at a sweep.
///
/// # Errors
/// Those of the file system. A Slurm that does not answer is no error: [`Look::unanswered`] says it.
pub fn look(dir: &SweepDir) -> Result<Look> {
    let manifest = find::manifest(dir)?;
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
    Ok(Look { manifest, stopped, unanswered: oracle.unanswered, trials })
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

/// Everybody who was asked about jobs.
struct Oracle {
    queue: Option<QueueTable>,
    accounts: Option<AccountTable>,
    asked_ns: u64,
    unanswered: Option<Error>,
}

impl Oracle {
    fn ask(dir: &SweepDir, batches: &Batches, started: &HashSet<TrialIndex>) -> Result<Self> {
        let uid = owner(dir)?;
        let on_slurm = |known: &Known| known.intent.executor == Executor::Slurm;
        let submitted = batches.known.iter().flatten().any(on_slurm);
        // Jobs of the flags alone have no batch; their folders tell that there were some.
        let flags_alone = batches.known.is_empty() && !started.is_empty();
        let asked_ns = now_ns();
        let mut oracle = Self { queue: None, accounts: None, asked_ns, unanswered: None };
        if !submitted && !flags_alone {
            return Ok(oracle);
        }
        match queue::ask(uid) {
            Ok(table) => oracle.queue = Some(table),
            Err(error) => {
                oracle.unanswered = Some(error);
                return Ok(oracle);
            }
        }
        let jobs: Vec<u32> = batches.jobs().iter().filter_map(|(_, job)| job.parse().ok()).collect();
        oracle.accounts = accounting::ask(&jobs);
        Ok(oracle)
    }

    fn judge(
        &mut self,
        manifest: &Manifest,
        trial: Trial,
        known: Option<(&Known, u32)>,
        mut attempts: Vec<(RecordName, Vec<Record>)>,
        folder: Option<&TrialDir>,
        stopped: bool,
    ) -> TrialLook {
        let newest = attempts.last().and_then(|(_, records)| records.first()).cloned();
        let (batch, job) = match (known, &newest) {
            (Some((known, task)), newest) => self.of_batch(known, task, newest.as_ref()),
            (None, Some(start)) => self.of_flags(start),
            (None, None) => (None, None),
        };
        let refusal = known.and_then(|(known, _)| known.outcome.as_ref()?.as_ref().err().cloned());
        let records: Vec<Vec<Record>> = attempts.iter().map(|(_, records)| records.clone()).collect();
        let vetoed = folder.is_some_and(|folder| folder.veto().exists());
        let status = status::resolve(&Evidence { batch, attempts: &records, vetoed, stopped });
        let metric = manifest
            .metric
            .as_ref()
            .zip(folder)
            .and_then(|(metric, folder)| read_metric(folder, &metric.name));
        let number = known.map(|(known, _)| known.intent.token.batch);
        TrialLook {
            trial,
            status,
            batch: number,
            job,
            record: attempts.pop(),
            refusal,
            task_error: None,
            metric,
        }
    }

    /// Evidence of a batch of ours, and the job as people name it.
    fn of_batch(
        &self,
        known: &Known,
        task: u32,
        newest: Option<&Record>,
    ) -> (Option<BatchEvidence>, Option<String>) {
        let mut evidence = BatchEvidence {
            token: Some(known.intent.token.clone()),
            refused: matches!(known.outcome, Some(Err(_))),
            asked_ns: self.asked_ns,
            ..BatchEvidence::default()
        };
        let own_record = newest.filter(|start| start.claimed.token.as_ref() == Some(&known.intent.token));
        match known.intent.executor {
            Executor::Local => {
                let supervisor = known.outcome.as_ref().and_then(|job| job.as_ref().ok()?.parse().ok());
                evidence.queue = match (own_record, &supervisor) {
                    (Some(start), _) => local::look(&start.job),
                    // A supervisor that lives has its other trials waiting.
                    (None, Some(job)) => {
                        local::look(job).map(|q| if q == Queue::Running { Queue::Waiting } else { q })
                    }
                    (None, None) => None,
                };
                evidence.job = own_record.map(|start| start.job.clone());
                let name = evidence.job.as_ref().map(ToString::to_string);
                (Some(evidence), name)
            }
            Executor::Slurm => {
                let name = known.intent.token.to_string();
                let noted = known.outcome.as_ref().and_then(|job| job.as_ref().ok()?.parse::<u32>().ok());
                // A record names its own job: of two jobs of one batch it may be the one that nobody noted.
                let ran = own_record.and_then(|start| start.array_job.or_else(|| start.job.slurm_id()));
                let job = ran.or(noted).or_else(|| self.queue.as_ref()?.job_of(&name));
                let task = (!matches!(known.intent.trials, Trials::Single(_))).then_some(task);
                let Some(job) = job else { return (Some(evidence), None) };
                self.fill(&mut evidence, job, task);
                let id = task.map_or_else(|| job.to_string(), |task| format!("{job}_{task}"));
                (Some(evidence), Some(id))
            }
        }
    }

    /// Evidence of a job of the flags alone, which only its record names.
    fn of_flags(&self, start: &Record) -> (Option<BatchEvidence>, Option<String>) {
        let mut evidence = BatchEvidence {
            token: start.claimed.token.clone(),
            job: Some(start.job.clone()),
            asked_ns: self.asked_ns,
            ..BatchEvidence::default()
        };
        let Some(job) = start.job.slurm_id() else {
            evidence.queue = local::look(&start.job);
            return (Some(evidence), Some(start.job.to_string()));
        };
        let (job, task) = match (start.array_job, start.array_task) {
            (Some(array), Some(task)) => (array, Some(task)),
            _ => (job, None),
        };
        self.fill(&mut evidence, job, task);
        (Some(evidence), Some(task.map_or_else(|| job.to_string(), |task| format!("{job}_{task}"))))
    }

    fn fill(&self, evidence: &mut BatchEvidence, job: u32, task: Option<u32>) {
        if let Some(table) = &self.queue {
            let (queue, id) = table.look(job, task);
            evidence.queue = Some(queue);
            evidence.job = evidence.job.take().or(id);
        }
        if let Some((accounting, id)) = self.accounts.as_ref().and_then(|table| table.look(job, task)) {
            evidence.accounting = Some(accounting);
            evidence.job = evidence.job.take().or(Some(id));
        }
        if evidence.job.is_none() && task.is_none() {
            evidence.job = Some(JobName::slurm(job));
        }
    }
}

/// Bytes at the end of `metrics.jsonl` that are looked at for the last value.
const METRICS_TAIL: u64 = 64 * 1024;

/// The metric of a trial: the last in `metrics.jsonl`, else the number in `result`.
fn read_metric(folder: &TrialDir, name: &str) -> Option<f64> {
    let tail = |path: &std::path::Path| -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(METRICS_TAIL)))?;
        let mut bytes = Vec::new();
        file.take(METRICS_TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let reported = tail(&folder.metrics()).ok().and_then(|bytes| metric::last(&bytes, name));
    reported.or_else(|| tail(&folder.result()).ok().and_then(|bytes| metric::result(&bytes)))
}
