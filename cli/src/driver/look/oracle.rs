//! Everybody who is asked about jobs in one look, and what their answers come to for one trial.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sweep_core::batch::{Executor, Trials};
use sweep_core::id::{BatchNumber, JobName, TrialIndex};
use sweep_core::layout::{RecordName, SweepDir, TrialDir};
use sweep_core::manifest::Manifest;
use sweep_core::record::{Claimed, Kind, Record};
use sweep_core::state::TrialState;
use sweep_core::status::{self, Accounting, BatchEvidence, Evidence, Queue, Status};

use super::folders::{self, read_metrics};
use super::known::{Known, Place};
use super::scene::Finding;
use super::shared::{self, Place as Keeps, of_offered, of_packed};
use super::{Batches, index, owner};
use crate::driver::{spread, successor};
use crate::error::{Error, Result};
use crate::executor::slurm::accounting::{self, AccountTables, Accounts, Question};
use crate::executor::slurm::clusters::Queues;
use crate::executor::slurm::queue::{self, QueueTable};
use crate::executor::{local, slurm};
use crate::task::now_ns;

/// Everybody who was asked about jobs.
pub(super) struct Oracle {
    queues: Option<Queues>,
    accounts: Option<AccountTables>,
    keeps_no_accounts: bool,
    asked_ns: u64,
    pub(super) unanswered: Option<Error>,
    dir: SweepDir,
    /// Which jobs of several trials came to any of them, by batch and task.
    ran: Mutex<HashMap<(BatchNumber, u32), bool>>,
}

impl Oracle {
    /// Asks about the trials that are not remembered to have ended for good, and nobody where there are none.
    pub(super) fn ask(
        dir: &SweepDir,
        manifest: &Manifest,
        batches: &Batches,
        places: &[Option<Place>],
        open: &[usize],
        wants_driver: bool,
    ) -> Result<Self> {
        let asked_ns = now_ns();
        let mut oracle = Self {
            queues: None,
            accounts: None,
            keeps_no_accounts: false,
            asked_ns,
            unanswered: None,
            dir: dir.clone(),
            ran: Mutex::default(),
        };
        let by = |executor| batches.known.iter().flatten().any(|known| known.intent.executor == executor);
        let submitted = by(Executor::Slurm);
        let has_open = !open.is_empty() || wants_driver;
        // Jobs of the flags alone have no batch; their folders tell that there were some.
        let flags_alone = has_open && batches.known.is_empty() && folders::any(dir)?;
        // What was offered may have been taken in jobs, or on machines without any.
        let taken = has_open && by(Executor::Agent) && folders::any(dir)?;
        if !(has_open && submitted || taken || batches.full().is_some() || flags_alone) {
            return Ok(oracle);
        }
        let uid = owner(dir)?;
        let clusters = spread::clusters(manifest);
        match queue::ask(uid, &clusters) {
            Ok(queues) => {
                oracle.unanswered = queues.silence();
                oracle.queues = Some(queues);
            }
            Err(_) if !submitted && !slurm::is_here() => {}
            // The database may answer where the controller does not.
            Err(error) => oracle.unanswered = Some(error),
        }
        let mut numbers: Vec<usize> = open.iter().filter_map(|trial| Some(places[*trial]?.batch)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let jobs: Vec<u32> =
            numbers.iter().filter_map(|number| batches.job_at(*number)?.parse().ok()).collect();
        let sweep = manifest.id.as_str();
        let question = Question { uid, jobs: &jobs, sweep, since: &manifest.created, clusters: &clusters };
        match accounting::ask(&question) {
            Accounts::Known(tables) => oracle.accounts = Some(tables),
            Accounts::Nowhere => oracle.keeps_no_accounts = true,
            Accounts::Unanswered => {}
        }
        Ok(oracle)
    }

    /// How many jobs and array tasks the user has in the queue, where squeue was asked and answered.
    pub(super) fn open_count(&self) -> Option<u32> {
        self.queues.as_ref().and_then(Queues::open_count)
    }

    /// Who drives a sweep.
    pub(super) fn driver(&self, dir: &SweepDir, manifest: &Manifest) -> Option<String> {
        let jobs =
            self.queues.as_ref().map(|queues| successor::open_jobs(manifest, queues)).unwrap_or_default();
        let job = jobs.first().map(ToString::to_string);
        job.or_else(|| local::find_driver(dir).map(|process| process.to_string()))
    }

    /// What all that is known of a trial comes to.
    pub(super) fn judge(
        &self,
        manifest: &Manifest,
        index: TrialIndex,
        known: Option<(&Known, u32)>,
        mut attempts: Vec<(RecordName, Vec<Record>)>,
        folder: Option<&TrialDir>,
        stopped: bool,
    ) -> Finding {
        // What a person or a program started by the flags alone after our job says nothing of our job.
        let is_ours = |(_, records): &(RecordName, Vec<Record>)| {
            let token = records.first().and_then(|start| start.claimed.token.as_ref());
            token.is_some() && token == known.map(|(known, _)| &known.intent.token)
        };
        if let Some(own) = attempts.iter().rposition(is_ours) {
            attempts.truncate(own + 1);
        }
        let (mut names, mut records): (Vec<RecordName>, Vec<Vec<Record>>) = attempts.into_iter().unzip();
        let newest = records.last().map(Vec::as_slice);
        let (batch, job) = match (known, newest.and_then(<[Record]>::first)) {
            (Some((known, row)), _) => self.of_batch(known, row, index, newest, stopped),
            (None, Some(start)) => self.of_flags(start),
            (None, None) => (None, None),
        };
        let end_ns = records.last().and_then(|records| end_of(records)).map(|end| end.time_ns);
        let vetoed = folder.is_some_and(|folder| is_vetoed(folder, end_ns));
        let evidence = Evidence { batch, attempts: &records, vetoed, stopped };
        let status = status::resolve(&evidence);
        let (metric, others) = folder.map(|folder| read_metrics(folder, manifest)).unwrap_or_default();
        let is_missed = manifest.metric.is_some() && metric.is_none();
        let settling = if is_missed { MISSED } else { VISIBLE }.max(wait_of(manifest));
        let is_settled = known.is_some_and(|(known, _)| self.settles(known, &status, &evidence, settling));
        let spent_s = records.iter().filter_map(|records| end_of(records)?.elapsed_s).sum();
        let record = names.pop().zip(records.pop().map(without_claims));
        Finding { status, job, record, task_error: None, metric, others, spent_s, is_settled }
    }

    /// Whether what is known of a trial is the last word on it: its job is gone, so nobody can requeue it; whoever may
    /// rule its end otherwise has ruled; and what its node wrote can be seen here by now.
    fn settles(&self, known: &Known, status: &Status, evidence: &Evidence<'_>, settling: Duration) -> bool {
        let state = status.state;
        let Some(batch) = &evidence.batch else { return false };
        if !state.is_final()
            || matches!(state, TrialState::SubmitFailed | TrialState::Lost)
            || batch.queue != Some(Queue::Absent)
        {
            return false;
        }
        let is_ruled = matches!(batch.accounting, Some(Accounting::Ended(_)));
        let newest = evidence.attempts.last().filter(|records| {
            records.first().is_some_and(|start| start.claimed.token.as_ref() == Some(&known.intent.token))
        });
        match newest.map(|records| end_of(records)) {
            Some(Some(end)) => {
                let until = u128::from(end.time_ns) + settling.as_nanos();
                let nobody_rules = known.intent.executor == Executor::Local || self.keeps_no_accounts;
                u128::from(self.asked_ns) > until && (index::is_own_word(state) || is_ruled || nobody_rules)
            }
            // Its node died, perhaps; what it wrote last may still come.
            Some(None) => false,
            None => is_ruled && evidence.attempts.is_empty(),
        }
    }

    /// Evidence of a batch of ours, and the job as people name it.
    fn of_batch(
        &self,
        known: &Known,
        row: u32,
        index: TrialIndex,
        newest: Option<&[Record]>,
        stopped: bool,
    ) -> (Option<BatchEvidence>, Option<String>) {
        let mut evidence = BatchEvidence {
            token: Some(known.intent.token.clone()),
            refused: matches!(known.outcome, Some(Err(_))),
            asked_ns: self.asked_ns,
            ..BatchEvidence::default()
        };
        let is_own = |records: &&[Record]| {
            let start = records.first();
            start.is_some_and(|start| start.claimed.token.as_ref() == Some(&known.intent.token))
        };
        let own = newest.filter(is_own);
        let own_record = own.and_then(<[Record]>::first);
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
            Executor::Agent => self.of_offered(evidence, index, own),
            Executor::Slurm => {
                let name = known.intent.token.to_string();
                let noted = known.outcome.as_ref().and_then(|job| job.as_ref().ok()?.parse::<u32>().ok());
                // A record names its own job: of two jobs of one batch it may be the one that nobody noted.
                let ran = own_record.and_then(|start| start.array_job.or_else(|| start.job.slurm_id()));
                let cluster = known.intent.cluster();
                let job = ran.or(noted).or_else(|| self.queue(cluster)?.job_of(&name));
                let task = known.intent.task_of(row);
                let in_array = (!matches!(known.intent.trials, Trials::Single(_))).then_some(task);
                let Some(job) = job else { return (Some(evidence), None) };
                self.fill(&mut evidence, cluster, job, in_array);
                let id = in_array.map_or_else(|| job.to_string(), |task| format!("{job}_{task}"));
                if known.intent.per_job.is_some()
                    && of_packed(&mut evidence, own, stopped, || self.has_run(known, task)) == Keeps::Left
                {
                    return (None, Some(id));
                }
                (Some(evidence), Some(id))
            }
        }
    }

    /// Evidence of a trial that was offered to agents, and the job of the one that took it.
    fn of_offered(
        &self,
        mut evidence: BatchEvidence,
        index: TrialIndex,
        own: Option<&[Record]>,
    ) -> (Option<BatchEvidence>, Option<String>) {
        let queue_of = |job: &JobName, cluster: Option<&str>, start: Option<&Record>| match job.slurm_id() {
            None => local::look(job),
            Some(id) => {
                let task = start.and_then(|start| start.array_job.zip(start.array_task));
                let (job, task) = task.map_or((id, None), |(array, task)| (array, Some(task)));
                self.queue(cluster).map(|queue| match (queue.look(job, task), task) {
                    ((Queue::Absent, _), None) if queue.is_open(job) => Queue::Running,
                    ((found, _), _) => found,
                })
            }
        };
        if let Some(start) = own.and_then(<[Record]>::first) {
            evidence.queue = queue_of(&start.job, start.cluster.as_deref(), Some(start));
            evidence.job = Some(start.job.clone());
            of_offered(&mut evidence, own.unwrap_or_default());
            let name = evidence.job.as_ref().map(ToString::to_string);
            return (Some(evidence), name);
        }
        let token = evidence.token.clone();
        match token.and_then(|token| shared::holder(&self.dir, index, &token)) {
            // Whoever took it died before it began.
            Some((job, claim))
                if shared::has_ended(&claim, queue_of(&job, claim.cluster.as_deref(), None)) =>
            {
                (None, Some(job.to_string()))
            }
            Some((job, _)) => (Some(evidence), Some(job.to_string())),
            None => (Some(evidence), None),
        }
    }

    /// Whether a job of several trials came to any of them.
    fn has_run(&self, known: &Known, task: u32) -> bool {
        let token = &known.intent.token;
        let mut ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        *ran.entry((token.batch, task)).or_insert_with(|| {
            let rows = known.intent.rows_of(task);
            rows.filter_map(|row| known.trial(row))
                .any(|index| shared::holder(&self.dir, index, token).is_some())
        })
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
        self.fill(&mut evidence, start.cluster.as_deref(), job, task);
        (Some(evidence), Some(task.map_or_else(|| job.to_string(), |task| format!("{job}_{task}"))))
    }

    /// What a cluster's controller says, where it was asked and answered.
    fn queue(&self, cluster: Option<&str>) -> Option<&QueueTable> {
        self.queues.as_ref()?.of(cluster)
    }

    fn fill(&self, evidence: &mut BatchEvidence, cluster: Option<&str>, job: u32, task: Option<u32>) {
        if let Some(table) = self.queue(cluster) {
            let (queue, id) = table.look(job, task);
            evidence.queue = Some(queue);
            evidence.job = evidence.job.take().or(id);
        }
        let accounts = self.accounts.as_ref().and_then(|tables| tables.of(cluster));
        if let Some((accounting, id)) = accounts.and_then(|table| table.look(job, task)) {
            evidence.accounting = Some(accounting);
            evidence.job = evidence.job.take().or(Some(id));
        }
        if evidence.job.is_none() && task.is_none() {
            evidence.job = Some(JobName::slurm(job));
        }
    }
}

/// After so long what a node wrote can be seen everywhere: network file systems look again after a minute at the latest.
const VISIBLE: Duration = Duration::from_secs(120);
/// As much for a metric that should be there and is not.
const MISSED: Duration = Duration::from_secs(3600);

/// How long a result may take by the spec's word.
fn wait_of(manifest: &Manifest) -> Duration {
    Duration::from_secs(manifest.driving.result_wait_s.unwrap_or_default().into()) + VISIBLE
}

fn end_of(records: &[Record]) -> Option<&Record> {
    records.iter().rev().find(|record| record.kind == Kind::End)
}

/// What the user claimed served to find the attempt; of a hundred thousand it would fill memory.
fn without_claims(mut records: Vec<Record>) -> Vec<Record> {
    for record in &mut records {
        record.claimed = Claimed::default();
        record.refused = Vec::new();
    }
    records
}

/// Whether a trial was told to end before it ended by itself.
fn is_vetoed(folder: &TrialDir, end_ns: Option<u64>) -> bool {
    let Ok(veto) = std::fs::metadata(folder.veto()) else { return false };
    let since = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
    let told_ns = veto.modified().ok().and_then(since).and_then(|told| u64::try_from(told.as_nanos()).ok());
    end_ns.zip(told_ns).is_none_or(|(end, told)| end >= told)
}
