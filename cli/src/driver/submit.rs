//! Submitting a sweep: an intent before each call, what came of it after. Nothing is ever submitted that was not
//! written down first.

use std::path::{Path, PathBuf};

use sweep_core::batch::{Executor, Intent, map_bytes};
use sweep_core::event::Event;
use sweep_core::id::{BatchNumber, SweepId, Token};
use sweep_core::layout::SweepDir;
use sweep_core::schema;

use crate::driver::batches::Batch;
use crate::driver::files;
use crate::driver::journal::Journal;
use crate::error::{At, Error, Result};
use crate::executor::local;
use crate::executor::process::Call;
use crate::executor::slurm::{self, NotSubmitted};
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
}

impl Submission<'_> {
    /// The intent of a batch at a place in the list.
    #[must_use]
    pub fn intent(&self, place: usize, batch: &Batch) -> Intent {
        let number = |place: usize| {
            let place = u32::try_from(place).expect("a sweep has fewer batches than trials");
            BatchNumber(self.first_batch + place)
        };
        Intent {
            schema: schema::CURRENT,
            token: Token { sweep: self.id.clone(), batch: number(place) },
            executor: self.executor,
            trials: batch.trials.clone(),
            sbatch: batch.options.clone(),
            extra: self.extra.to_vec(),
            after: batch.after.map(number),
            limit: batch.limit,
        }
    }

    /// The `sbatch` call of an intent, for a dry run or to be made. `after` is the id of the job to wait for.
    ///
    /// # Errors
    /// Where this program's own path is not known.
    pub fn call(&self, intent: &Intent, after: Option<String>) -> Result<Call> {
        let around = slurm::Surroundings {
            dir: self.dir,
            sweep_binary: &own_binary()?,
            workdir: self.workdir,
            after_job: after,
        };
        Ok(slurm::submission(intent, &around))
    }

    /// Submits the batches in order. Stops at the first that is refused: what came before stays submitted, what
    /// comes after was never asked for.
    ///
    /// # Errors
    /// What the executor said, those of the file system, or where another driver took over.
    pub fn submit(&self, journal: &mut Journal<'_>, batches: &[Batch]) -> Result<Vec<Taken>> {
        self.submit_after(journal, batches, None)
    }

    /// As [`Self::submit`]; batches that wait for none of their own list wait for the job `earlier`.
    ///
    /// # Errors
    /// Those of [`Self::submit`].
    pub fn submit_after(
        &self,
        journal: &mut Journal<'_>,
        batches: &[Batch],
        earlier: Option<&str>,
    ) -> Result<Vec<Taken>> {
        let mut done: Vec<Taken> = Vec::with_capacity(batches.len());
        for (place, batch) in batches.iter().enumerate() {
            let intent = self.intent(place, batch);
            self.write(&intent, batch)?;
            let after = match batch.after {
                Some(after) => done.get(after).map(|taken| taken.job.clone()),
                None => earlier.map(str::to_owned),
            };
            match self.ask(journal, &intent, after) {
                Ok(taken) => done.push(taken),
                Err(error) => {
                    let rest = batches.len() - place;
                    return Err(error.hint(format!(
                        "{place} of {} batches are submitted, {rest} are not: `sweep status` shows which trials, and \
                         `sweep resume` submits them when the cause is mended",
                        batches.len()
                    )));
                }
            }
        }
        Ok(done)
    }

    /// Asks the executor to take a batch whose intent is written, and writes down what it says.
    ///
    /// # Errors
    /// What the executor said, or where another driver took over.
    pub fn ask(&self, journal: &mut Journal<'_>, intent: &Intent, after: Option<String>) -> Result<Taken> {
        journal.check()?;
        let batch = intent.token.batch;
        let asked = match self.executor {
            Executor::Slurm => self
                .call(intent, after)
                .map_err(NotSubmitted::Refused)
                .and_then(|call| slurm::submit(&call))
                .map(|id| id.to_string()),
            Executor::Local => own_binary()
                .and_then(|binary| local::start(self.dir, batch, self.slots, &binary))
                .map(|job| job.to_string())
                .map_err(NotSubmitted::Refused),
        };
        match asked {
            Ok(job) => {
                journal.append(&Event::Submitted { batch, job: job.clone(), time_ns: now_ns() })?;
                Ok(Taken { batch, job, trials: intent.trials.count() })
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
