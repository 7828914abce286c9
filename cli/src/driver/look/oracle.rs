//! Everybody who is asked about jobs in one look, and what their answers come to for one trial.

use std::collections::HashSet;

use sweep_core::batch::{Executor, Trials};
use sweep_core::id::{JobName, TrialIndex};
use sweep_core::layout::{RecordName, SweepDir, TrialDir};
use sweep_core::manifest::Manifest;
use sweep_core::record::{Kind, Record};
use sweep_core::status::{self, BatchEvidence, Evidence, Queue};
use sweep_core::trial::Trial;

use super::known::Known;
use super::{Batches, TrialLook, owner, read_metrics};
use crate::driver::successor;
use crate::error::{Error, Result};
use crate::executor::local;
use crate::executor::slurm::accounting::{self, AccountTable};
use crate::executor::slurm::queue::{self, QueueTable};
use crate::task::now_ns;

/// Everybody who was asked about jobs.
pub(super) struct Oracle {
    queue: Option<QueueTable>,
    accounts: Option<AccountTable>,
    asked_ns: u64,
    pub(super) unanswered: Option<Error>,
}

impl Oracle {
    pub(super) fn ask(dir: &SweepDir, batches: &Batches, started: &HashSet<TrialIndex>) -> Result<Self> {
        let uid = owner(dir)?;
        let on_slurm = |known: &Known| known.intent.executor == Executor::Slurm;
        let submitted = batches.known.iter().flatten().any(on_slurm);
        // Jobs of the flags alone have no batch; their folders tell that there were some.
        let flags_alone = batches.known.is_empty() && !started.is_empty();
        let asked_ns = now_ns();
        let mut oracle = Self { queue: None, accounts: None, asked_ns, unanswered: None };
        if !submitted && !flags_alone && batches.full().is_none() {
            return Ok(oracle);
        }
        match queue::ask(uid) {
            Ok(table) => oracle.queue = Some(table),
            // The database may answer where the controller does not.
            Err(error) => oracle.unanswered = Some(error),
        }
        let jobs: Vec<u32> = batches.jobs().iter().filter_map(|(_, job)| job.parse().ok()).collect();
        oracle.accounts = accounting::ask(&jobs);
        Ok(oracle)
    }

    /// How many jobs and array tasks the user has in the queue, where squeue was asked and answered.
    pub(super) fn open_count(&self) -> Option<u32> {
        self.queue.as_ref().map(QueueTable::open_count)
    }

    /// Who drives a sweep.
    pub(super) fn driver(&self, dir: &SweepDir, manifest: &Manifest) -> Option<String> {
        let jobs = self.queue.as_ref().map(|queue| successor::open_jobs(manifest, queue)).unwrap_or_default();
        let job = jobs.first().map(ToString::to_string);
        job.or_else(|| local::find_driver(dir).map(|process| process.to_string()))
    }

    pub(super) fn judge(
        &mut self,
        manifest: &Manifest,
        trial: Trial,
        known: Option<(&Known, u32)>,
        mut attempts: Vec<(RecordName, Vec<Record>)>,
        folder: Option<&TrialDir>,
        stopped: bool,
    ) -> TrialLook {
        // What a person or a program started by the flags alone after our job says nothing of our job.
        let is_ours = |(_, records): &(RecordName, Vec<Record>)| {
            let token = records.first().and_then(|start| start.claimed.token.as_ref());
            token.is_some() && token == known.map(|(known, _)| &known.intent.token)
        };
        if let Some(own) = attempts.iter().rposition(is_ours) {
            attempts.truncate(own + 1);
        }
        let newest = attempts.last().and_then(|(_, records)| records.first()).cloned();
        let (batch, job) = match (known, &newest) {
            (Some((known, task)), newest) => self.of_batch(known, task, newest.as_ref()),
            (None, Some(start)) => self.of_flags(start),
            (None, None) => (None, None),
        };
        let refusal = known.and_then(|(known, _)| known.outcome.as_ref()?.as_ref().err().cloned());
        let records: Vec<Vec<Record>> = attempts.iter().map(|(_, records)| records.clone()).collect();
        let end_ns = attempts.last().and_then(|(_, records)| {
            records.iter().rev().find(|record| record.kind == Kind::End).map(|end| end.time_ns)
        });
        let vetoed = folder.is_some_and(|folder| is_vetoed(folder, end_ns));
        let status = status::resolve(&Evidence { batch, attempts: &records, vetoed, stopped });
        let (metric, others) = folder.map(|folder| read_metrics(folder, manifest)).unwrap_or_default();
        let number = known.map(|(known, _)| known.intent.token.batch);
        let nodes = known.and_then(|(known, _)| known.intent.sbatch.get("nodes")?.parse().ok()).unwrap_or(1);
        let partition = known.and_then(|(known, _)| known.intent.sbatch.get("partition").cloned());
        let spent_s = spent_s(&records);
        TrialLook {
            trial,
            status,
            batch: number,
            job,
            record: attempts.pop(),
            refusal,
            task_error: None,
            metric,
            others,
            spent_s,
            nodes,
            partition,
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

/// How long all attempts took that ended. Of one that was killed with its node nobody knows how long it took.
fn spent_s(attempts: &[Vec<Record>]) -> f64 {
    let ends =
        attempts.iter().filter_map(|records| records.iter().rev().find(|record| record.kind == Kind::End));
    ends.filter_map(|end| end.elapsed_s).sum()
}

/// Whether a trial was told to end before it ended by itself.
fn is_vetoed(folder: &TrialDir, end_ns: Option<u64>) -> bool {
    let Ok(veto) = std::fs::metadata(folder.veto()) else { return false };
    let since = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
    let told_ns = veto.modified().ok().and_then(since).and_then(|told| u64::try_from(told.as_nanos()).ok());
    end_ns.zip(told_ns).is_none_or(|(end, told)| end >= told)
}
