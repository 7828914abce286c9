//! Submitting a sweep: an intent before each call, what came of it after. Nothing is ever submitted that was not
//! written down first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use sweep_core::batch::{Executor, Intent, map_bytes};
use sweep_core::event::Event;
use sweep_core::id::{BatchNumber, SweepId, Token};
use sweep_core::layout::SweepDir;
use sweep_core::schema;
use sweep_core::spread::Place;

use crate::driver::batches::Batch;
use crate::driver::files;
use crate::driver::journal::Journal;
use crate::driver::look::owner;
use crate::error::{At, Error, Result};
use crate::executor::local;
use crate::executor::process::Call;
use crate::executor::slurm::clusters::Clusters;
use crate::executor::slurm::queue;
use crate::executor::slurm::submission::{self, NotSubmitted};
use crate::task::now_ns;

/// What all batches of a submission have in common.
#[derive(Clone, Debug)]
pub struct Submission<'a> {
    /// The sweep directory, absolute and without symlinks.
    pub dir: &'a SweepDir,
    /// The sweep.
    pub id: &'a SweepId,
    /// What runs the trials.
    pub executor: Executor,
    /// sbatch options given behind `--`.
    pub extra: &'a [String],
    /// Where jobs begin.
    pub workdir: &'a Path,
    /// How many trials run at once on this machine.
    pub slots: u32,
    /// The number of the first batch.
    pub first_batch: u32,
    /// The clusters that the sweep's jobs are on.
    pub clusters: Clusters,
    /// How long to wait between two batches.
    pub delay: Duration,
}

/// The newest job that the batches of each place wait for, by the place's number; none is that of a sweep that is not
/// spread.
pub type Earlier = BTreeMap<Option<u32>, String>;

/// What came of submitting batches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The batches that an executor took.
    pub taken: Vec<Taken>,
    /// What is not in the queue because a limit of Slurm's stands in the way.
    pub waiting: Option<Waiting>,
}

impl Given {
    /// The jobs that were made, as the executor names them.
    #[must_use]
    pub fn jobs(&self) -> Vec<String> {
        self.taken.iter().map(Taken::name).collect()
    }

    /// So many trials more wait for room.
    fn wait(&mut self, trials: u32) {
        if let Some(waiting) = &mut self.waiting {
            waiting.trials += trials;
        }
    }

    /// Adds what came of further batches.
    pub fn add(&mut self, other: Self) {
        self.taken.extend(other.taken);
        self.waiting = match (self.waiting.take(), other.waiting) {
            (Some(one), Some(two)) => Some(Waiting { trials: one.trials + two.trials, ..one }),
            (one, two) => one.or(two),
        };
    }
}

/// Trials that wait for room in the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// How many.
    pub trials: u32,
    /// What Slurm said.
    pub why: String,
}

impl std::fmt::Display for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.trials {
            1 => write!(f, "1 trial waits")?,
            trials => write!(f, "{trials} trials wait")?,
        }
        write!(f, " for room in the queue: {}", self.why)
    }
}

/// What stands for the job of a batch that is offered to agents.
pub const OFFERED: &str = "offered";

/// What an executor said of one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It took it.
    Taken(Taken),
    /// A limit stands in the way for now, in Slurm's words.
    Full(String),
}

/// A queue that may be full: what is done before its last room is used up, and how much is in it, asked for once.
pub struct Fill<'a> {
    when_full: &'a dyn Fn(),
    open: Option<u32>,
}

impl<'a> Fill<'a> {
    /// A queue that is not known to be full.
    #[must_use]
    pub fn new(when_full: &'a dyn Fn()) -> Self {
        Self { when_full, open: None }
    }
}

/// A batch that an executor took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub batch: BatchNumber,
    /// Slurm's job id, or the supervisor's name.
    pub job: String,
    /// How many trials it has.
    pub trials: u32,
    /// Where it went, of a sweep that is spread.
    pub place: Option<Place>,
}

impl Taken {
    /// The job as sbatch names it: `12`, or `12;beta` where it is on a cluster that was named.
    #[must_use]
    pub fn name(&self) -> String {
        let cluster = self.place.as_ref().and_then(|place| place.cluster.as_ref());
        let cluster = cluster.map(|cluster| format!(";{cluster}")).unwrap_or_default();
        format!("{}{cluster}", self.job)
    }
}

impl Submission<'_> {
    /// The intent of the nth batch of a list, if each is taken whole.
    #[must_use]
    pub fn intent(&self, nth: usize, batch: &Batch) -> Intent {
        let number = |nth: usize| {
            let nth = u32::try_from(nth).expect("a sweep has fewer batches than trials");
            BatchNumber(self.first_batch + nth)
        };
        self.numbered(number(nth), batch.after.map(number), batch)
    }

    fn numbered(&self, number: BatchNumber, after: Option<BatchNumber>, batch: &Batch) -> Intent {
        Intent {
            schema: schema::CURRENT,
            token: Token { sweep: self.id.clone(), batch: number },
            executor: self.executor,
            trials: batch.trials.clone(),
            sbatch: batch.options.clone(),
            extra: self.extra.to_vec(),
            after,
            limit: batch.limit,
            per_job: batch.per_job,
            place: batch.place.clone(),
        }
    }

    /// The `sbatch` call of an intent, for a dry run or to be made. `after` is the id of the job to wait for.
    ///
    /// # Errors
    /// Where this program's own path is not known.
    pub fn call(&self, intent: &Intent, after: Option<String>) -> Result<Call> {
        let around = submission::Surroundings {
            dir: self.dir,
            sweep_binary: &own_binary()?,
            workdir: self.workdir,
            after_job: after,
        };
        Ok(submission::planned(intent, &around))
    }

    /// Submits the batches in order. Stops at the first that is refused: what came before stays submitted, what
    /// comes after was never asked for. Where a limit stands in the way, `when_full` is called, then as much of that
    /// batch is submitted as there is room for, and nothing more in its place; batches that wait for none of their own
    /// list wait for the `earlier` job of their place.
    ///
    /// # Errors
    /// What the executor said, those of the file system, or where another driver took over.
    pub fn submit(
        &self,
        journal: &mut Journal<'_>,
        batches: &[Batch],
        earlier: &Earlier,
        when_full: &dyn Fn(),
    ) -> Result<Given> {
        let mut given = Given::default();
        let mut made: Vec<Option<Taken>> = Vec::new();
        let mut next = self.first_batch;
        let mut full: Vec<Option<u32>> = Vec::new();
        let mut last_no: Option<BatchNumber> = None;
        let mut fill = Fill::new(when_full);
        for (nth, batch) in batches.iter().enumerate() {
            let place = batch.place.as_ref().map(|place| place.number);
            if full.contains(&place) {
                given.wait(batch.trials.count());
                made.push(None);
                continue;
            }
            if nth > 0 {
                std::thread::sleep(self.delay);
            }
            let before = batch.after.and_then(|after| made.get(after)?.as_ref());
            let after = before.map_or_else(|| earlier.get(&place).cloned(), |taken| Some(taken.job.clone()));
            let intent = self.numbered(BatchNumber(next), before.map(|taken| taken.batch), batch);
            next += 1;
            self.write(&intent, batch)?;
            match self.ask(journal, &intent, after.clone(), &mut fill) {
                Ok(Asked::Taken(taken)) => {
                    made.push(Some(taken.clone()));
                    given.taken.push(taken);
                }
                Ok(Asked::Full(why)) => {
                    let pieces = self.fill(journal, batch, &intent, after, &mut next, &mut fill)?;
                    let of_batch: u32 = pieces.iter().map(|taken| taken.trials).sum();
                    given.taken.extend(pieces);
                    made.push(None);
                    full.push(place);
                    last_no = Some(intent.token.batch);
                    given.waiting.get_or_insert(Waiting { trials: 0, why });
                    given.wait(batch.trials.count() - of_batch);
                }
                Err(error) => {
                    let rest = batches.len() - nth;
                    return Err(error.hint(format!(
                        "{nth} of {} batches are submitted, {rest} are not: `sweep status` shows which trials, and \
                         `sweep resume` submits them when the cause is mended",
                        batches.len()
                    )));
                }
            }
        }
        if let (Some(batch), Some(waiting)) = (last_no, &given.waiting) {
            // What went in since the last no is part of what the queue holds when it is full.
            self.note_full(journal, batch, &waiting.why, &fill)?;
        }
        Ok(given)
    }

    /// Submits as much of a batch as there is room for, by halving what is asked for: about twice as many calls as its
    /// size has binary digits.
    fn fill(
        &self,
        journal: &mut Journal<'_>,
        batch: &Batch,
        refused: &Intent,
        mut earlier: Option<String>,
        next: &mut u32,
        fill: &mut Fill<'_>,
    ) -> Result<Vec<Taken>> {
        let mut taken: Vec<Taken> = Vec::new();
        let mut rest = batch.clone();
        let mut after = refused.after;
        let mut size = batch.trials.count() / 2;
        while size > 0 {
            std::thread::sleep(self.delay);
            let (piece, others) = rest.split(size);
            let token = Token { batch: BatchNumber(*next), ..refused.token.clone() };
            *next += 1;
            let intent = Intent { token, trials: piece.trials.clone(), after, ..refused.clone() };
            self.write(&intent, &piece)?;
            if let Asked::Taken(new) = self.ask(journal, &intent, earlier.clone(), fill)? {
                if piece.limit.is_some() {
                    (earlier, after) = (Some(new.job.clone()), Some(new.batch));
                }
                taken.push(new);
                rest = others;
            }
            size /= 2;
        }
        Ok(taken)
    }

    /// Asks the executor to take a batch whose intent is written, and writes down what it says.
    ///
    /// # Errors
    /// What the executor said, or where another driver took over.
    pub fn ask(
        &self,
        journal: &mut Journal<'_>,
        intent: &Intent,
        after: Option<String>,
        fill: &mut Fill<'_>,
    ) -> Result<Asked> {
        journal.check()?;
        let batch = intent.token.batch;
        let asked = match self.executor {
            Executor::Slurm => self
                .call(intent, after)
                .map_err(NotSubmitted::Refused)
                .and_then(|call| submission::submit(&call))
                .map(|id| id.to_string()),
            // Nobody is asked: whoever comes finds the intent.
            Executor::Agent => Ok(OFFERED.to_owned()),
            Executor::Local => own_binary()
                .and_then(|binary| local::start(self.dir, batch, self.slots, &binary))
                .map(|job| job.to_string())
                .map_err(NotSubmitted::Refused),
        };
        match asked {
            Ok(job) => {
                journal.append(&Event::Submitted { batch, job: job.clone(), time_ns: now_ns() })?;
                let trials = intent.trials.count();
                fill.open = fill.open.map(|open| open.saturating_add(trials));
                Ok(Asked::Taken(Taken { batch, job, trials, place: intent.place.clone() }))
            }
            Err(NotSubmitted::Full(error)) => {
                let error = error.to_string();
                if fill.open.is_none() {
                    (fill.when_full)();
                    fill.open = owner(self.dir)
                        .and_then(|uid| queue::ask(uid, &self.clusters))
                        .ok()
                        .and_then(|queues| queues.open_count());
                }
                self.note_full(journal, batch, &error, fill)?;
                Ok(Asked::Full(error))
            }
            Err(NotSubmitted::Refused(error)) => {
                journal.append(&Event::SubmitFailed {
                    batch,
                    error: error.to_string(),
                    time_ns: now_ns(),
                })?;
                Err(error)
            }
            // No event: the intent stays open, and the next driver finds out.
            Err(NotSubmitted::Unclear(error)) => Err(error),
        }
    }

    fn note_full(
        &self,
        journal: &mut Journal<'_>,
        batch: BatchNumber,
        error: &str,
        fill: &Fill<'_>,
    ) -> Result<()> {
        let open = fill.open.unwrap_or_default();
        journal.append(&Event::Deferred { batch, error: error.to_owned(), open, time_ns: now_ns() })
    }

    fn write(&self, intent: &Intent, batch: &Batch) -> Result<()> {
        let number = intent.token.batch;
        if !batch.rows.is_empty() {
            files::create_new(&self.dir.map(number), &map_bytes(&batch.rows))?;
        }
        let mut json = serde_json::to_vec(intent).expect("texts and numbers always serialize");
        json.push(b'\n');
        files::create_new(&self.dir.batch(number), &json)?;
        files::sync_dir(&self.dir.batches())
    }
}

/// This program, as a job can start it again.
///
/// # Errors
/// Where the system does not say.
pub fn own_binary() -> Result<PathBuf> {
    std::env::current_exe()
        .map_err(|error| Error::world("cannot tell where this program is").because(&error))
        .and_then(|path| std::fs::canonicalize(&path).at("find", &path))
}
