//! What is true of one trial, from records, squeue and sacct, each of which may be absent. One pure function; it
//! asks nobody and remembers nothing.

use crate::id::{JobName, Token};
use crate::record::{Kind, Record};
use crate::state::{Bucket, Ruling, TrialEvent, TrialState};

/// What is known of one trial.
#[derive(Clone, Debug, Default)]
pub struct Evidence<'a> {
    /// The newest batch that was meant to run it.
    pub batch: Option<BatchEvidence>,
    /// The records of each attempt that counts, oldest first.
    pub attempts: &'a [Vec<Record>],
    /// The trial was told to end by the search, before it ended.
    pub vetoed: bool,
    /// The sweep was told to stop.
    pub stopped: bool,
}

/// What is known of the newest batch of a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchEvidence {
    /// Its token; none for a job of the flags alone.
    pub token: Option<Token>,
    /// The executor refused it.
    pub refused: bool,
    /// When `queue` was asked, in nanoseconds since 1970: what started later was not seen waiting again.
    pub asked_ns: u64,
    /// What runs the trial, where that is known.
    pub job: Option<JobName>,
    /// What squeue, or the process table for local trials, says; none where it could not be asked.
    pub queue: Option<Queue>,
    /// What sacct says; none where it could not be asked or has nothing.
    pub accounting: Option<Accounting>,
}

/// What squeue says of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// It has no such job any more.
    Absent,
    /// It waits: the first time, or after a requeue.
    Waiting,
    /// It runs or is about to end.
    Running,
    /// It ended and is not purged yet.
    Ended(Ruling),
}

/// What sacct says of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accounting {
    /// It waits.
    Waiting,
    /// It runs, as far as the database knows.
    Running,
    /// It ended.
    Ended(Ruling),
}

/// What is true of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The state of its newest attempt.
    pub state: TrialState,
    /// hpc-compose's bucket.
    pub bucket: Bucket,
    /// Its newest attempt, from 0.
    pub attempt: u32,
    /// What runs or ran it.
    pub job: Option<JobName>,
}

/// Combines what is known of a trial.
#[must_use]
pub fn resolve(evidence: &Evidence<'_>) -> Status {
    let newest = evidence.attempts.last();
    let start = newest.and_then(|records| records.iter().find(|record| record.kind == Kind::Start));
    let end = newest.and_then(|records| records.iter().rev().find(|record| record.kind == Kind::End));
    let mut batch = evidence.batch.clone().unwrap_or_default();
    let in_batch = is_of_batch(start, evidence.batch.as_ref());
    // Records of an earlier batch's job say nothing of a batch that came after it.
    let (start, end) = if in_batch { (start, end) } else { (None, None) };
    let began_since = start.is_some_and(|record| record.time_ns >= batch.asked_ns);
    if began_since {
        // Whatever Slurm said was of a time before this attempt.
        (batch.queue, batch.accounting) = (None, None);
    }
    let waits = waits(&batch, start);
    let waits_again = start.is_some() && waits;

    let mut state = TrialState::Planned;
    let mut happen = |event| state = state.next(event).unwrap_or(state);
    if evidence.batch.is_some() {
        happen(TrialEvent::Submitted);
    }
    // A no that came too late: Slurm has the job all the same.
    let is_there = batch.accounting.is_some() || !matches!(batch.queue, None | Some(Queue::Absent));
    if batch.refused && !is_there {
        happen(TrialEvent::SubmitRefused);
    }
    if waits {
        happen(TrialEvent::Queued);
    } else {
        if start.is_some() || runs(&batch) {
            happen(TrialEvent::Started);
        }
        for event in ends(evidence, &batch, start, end) {
            happen(event);
        }
    }
    let earlier = u32::try_from(evidence.attempts.len()).unwrap_or(u32::MAX);
    // A new attempt that has no record yet has the number after the last record's.
    let next_is_new = waits_again || (!in_batch && newest.is_some()) || (newest.is_none() && earlier == 0);
    Status {
        state,
        bucket: Bucket::of(state, start.is_some()),
        attempt: if next_is_new { earlier } else { earlier.saturating_sub(1) },
        job: start.map(|record| record.job.clone()).or(batch.job),
    }
}

/// Whether the newest record is one of the newest batch's job.
fn is_of_batch(start: Option<&Record>, batch: Option<&BatchEvidence>) -> bool {
    match (start, batch) {
        (Some(start), Some(batch)) => start.claimed.token == batch.token,
        _ => true,
    }
}

fn waits(batch: &BatchEvidence, start: Option<&Record>) -> bool {
    match batch.queue {
        Some(Queue::Waiting) => true,
        Some(_) => false,
        // The database hears of a start later than the trial's folder does.
        None => batch.accounting == Some(Accounting::Waiting) && start.is_none(),
    }
}

fn runs(batch: &BatchEvidence) -> bool {
    match batch.queue {
        Some(Queue::Running) => true,
        Some(_) => false,
        None => batch.accounting == Some(Accounting::Running),
    }
}

/// The events that end an attempt, in the order in which they are believed.
fn ends(
    evidence: &Evidence<'_>,
    batch: &BatchEvidence,
    start: Option<&Record>,
    end: Option<&Record>,
) -> Vec<TrialEvent> {
    let mut events = Vec::new();
    if let Some(end) = end {
        let success = end.exit == Some(0) && end.signal.is_none();
        match (success, evidence.vetoed, batch.queue) {
            // However it ends: a program that obeys may well call that a success.
            (_, true, _) => events.push(TrialEvent::Pruned),
            (true, ..) => events.push(TrialEvent::Exited { success }),
            // Slurm is not done with the job: it may call this end a time limit, a cancel or a requeue, and until
            // then the trial has not failed.
            (false, false, Some(Queue::Running)) => {}
            (false, false, _) => events.push(TrialEvent::Exited { success }),
        }
    }
    // The queue is the controller's own word; the database hears it later, and of a requeued job it may know no more
    // than how the attempt before ended.
    let ruling = match (batch.queue, batch.accounting) {
        (Some(Queue::Ended(ruling)), _) => Some(ruling),
        (None | Some(Queue::Absent), Some(Accounting::Ended(ruling))) => Some(ruling),
        _ => None,
    };
    if let Some(ruling) = ruling {
        // A task that found its trial pruned or its sweep stopped ended before it began.
        let unbegun = start.is_none() && ruling == Ruling::Failed;
        events.push(match (unbegun, evidence.vetoed, evidence.stopped) {
            (true, true, _) => TrialEvent::Pruned,
            (true, false, true) => TrialEvent::Ruled(Ruling::Cancelled),
            _ => TrialEvent::Ruled(ruling),
        });
        return events;
    }
    let gone = batch.queue == Some(Queue::Absent);
    if end.is_none() && gone {
        // It started, it is not in the queue, and nothing wrote its end: its node or its slurmstepd died.
        // Before a start, only a person's or an admin's cancel takes a job away without a trace.
        events.push(match (start.is_some(), evidence.stopped, evidence.vetoed) {
            (false, _, true) => TrialEvent::Pruned,
            (_, true, _) => TrialEvent::Ruled(Ruling::Cancelled),
            (true, false, _) => TrialEvent::Ruled(Ruling::NodeFail),
            (false, false, false) => TrialEvent::Vanished,
        });
    }
    if end.is_some_and(Record::was_terminated) && evidence.stopped && batch.queue != Some(Queue::Running) {
        events.push(TrialEvent::Ruled(Ruling::Cancelled));
    }
    events
}

#[cfg(test)]
mod table;

/// Evidence and what follows from it.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Claimed, Source};

    fn record(kind: Kind, job: u32, exit: Option<i32>, signal: Option<i32>) -> Record {
        let claimed = Claimed { token: Some(token(job)), ..Claimed::default() };
        let start = Record::start(Source::Plugin, "n", (1, 1), JobName::slurm(job), 1);
        Record { kind, exit, signal, claimed, ..start }
    }

    /// In these tests job n is of batch n.
    fn token(job: u32) -> Token {
        format!("s.{job}").parse().unwrap()
    }

    fn start(job: u32) -> Vec<Record> {
        vec![record(Kind::Start, job, None, None)]
    }

    fn ended(job: u32, exit: Option<i32>, signal: Option<i32>) -> Vec<Record> {
        vec![record(Kind::Start, job, None, None), record(Kind::End, job, exit, signal)]
    }

    fn batch(queue: Option<Queue>, accounting: Option<Accounting>) -> Option<BatchEvidence> {
        let job = Some(JobName::slurm(7));
        Some(BatchEvidence { token: Some(token(7)), job, queue, accounting, asked_ns: 2, refused: false })
    }

    fn check(batch: Option<BatchEvidence>, attempts: &[Vec<Record>], state: TrialState, attempt: u32) {
        let status = resolve(&Evidence { batch, attempts, vetoed: false, stopped: false });
        assert_eq!((status.state, status.attempt), (state, attempt));
    }

    #[test]
    fn without_anything_it_is_planned() {
        check(None, &[], TrialState::Planned, 0);
    }

    #[test]
    fn records_alone_tell_a_life() {
        check(batch(None, None), &[], TrialState::Submitted, 0);
        check(batch(None, None), &[start(7)], TrialState::Running, 0);
        check(batch(None, None), &[ended(7, Some(0), None)], TrialState::Completed, 0);
        check(batch(None, None), &[ended(7, Some(3), None)], TrialState::Failed, 0);
        check(None, &[ended(9, Some(0), None)], TrialState::Completed, 0);
    }

    #[test]
    fn slurms_word_corrects_an_exit_status() {
        let timeout = Some(Accounting::Ended(Ruling::Timeout));
        check(batch(Some(Queue::Absent), timeout), &[ended(7, None, Some(15))], TrialState::Timeout, 0);
        let cancelled = Some(Queue::Ended(Ruling::Cancelled));
        check(batch(cancelled, None), &[ended(7, None, Some(15))], TrialState::Cancelled, 0);
        let failed = Some(Accounting::Ended(Ruling::Failed));
        check(batch(Some(Queue::Absent), failed), &[ended(7, Some(0), None)], TrialState::Completed, 0);
    }

    #[test]
    fn a_requeued_job_is_a_new_attempt() {
        check(batch(Some(Queue::Waiting), None), &[ended(7, None, Some(15))], TrialState::Pending, 1);
        let attempts = [ended(7, None, Some(15)), start(7)];
        check(batch(Some(Queue::Running), None), &attempts, TrialState::Running, 1);
    }

    #[test]
    fn a_job_that_began_since_the_queue_was_asked_does_not_wait() {
        let mut late = start(7);
        late[0].time_ns = 3;
        check(batch(Some(Queue::Waiting), None), &[late], TrialState::Running, 0);
    }

    #[test]
    fn a_retry_in_a_new_batch_is_not_judged_by_the_old_record() {
        check(batch(Some(Queue::Waiting), None), &[ended(3, Some(1), None)], TrialState::Pending, 1);
        check(batch(Some(Queue::Running), None), &[ended(3, Some(1), None)], TrialState::Running, 1);
    }

    #[test]
    fn a_start_without_an_end_is_resolved_in_one_look() {
        check(batch(Some(Queue::Absent), None), &[start(7)], TrialState::NodeFail, 0);
        check(batch(Some(Queue::Running), None), &[start(7)], TrialState::Running, 0);
        let gone = Some(Accounting::Ended(Ruling::NodeFail));
        check(batch(Some(Queue::Absent), gone), &[start(7)], TrialState::NodeFail, 0);
    }

    #[test]
    fn a_job_that_left_no_trace_is_lost_and_a_stopped_one_cancelled() {
        check(batch(Some(Queue::Absent), None), &[], TrialState::Lost, 0);
        let evidence =
            Evidence { batch: batch(Some(Queue::Absent), None), attempts: &[], vetoed: false, stopped: true };
        assert_eq!(resolve(&evidence).state, TrialState::Cancelled);
    }

    #[test]
    fn a_task_that_found_its_sweep_stopped_was_cancelled_and_its_trial_pruned() {
        let failed = batch(Some(Queue::Ended(Ruling::Failed)), None);
        let evidence = Evidence { batch: failed, attempts: &[], vetoed: false, stopped: true };
        assert_eq!(resolve(&evidence).state, TrialState::Cancelled);
        assert_eq!(resolve(&Evidence { vetoed: true, ..evidence.clone() }).state, TrialState::Pruned);
        assert_eq!(resolve(&Evidence { stopped: false, ..evidence }).state, TrialState::Failed);
    }

    #[test]
    fn a_shells_word_for_the_signal_of_a_stop_counts_as_the_signal() {
        let attempts = [ended(7, Some(143), None)];
        let evidence = Evidence {
            batch: batch(Some(Queue::Absent), None),
            attempts: &attempts,
            vetoed: false,
            stopped: true,
        };
        assert_eq!(resolve(&evidence).state, TrialState::Cancelled);
        assert_eq!(resolve(&Evidence { stopped: false, ..evidence }).state, TrialState::Failed);
    }

    #[test]
    fn a_refused_batch_is_said() {
        let refused = BatchEvidence { refused: true, ..BatchEvidence::default() };
        check(Some(refused), &[], TrialState::SubmitFailed, 0);
    }

    #[test]
    fn a_completed_job_without_a_record_is_missing_tracking() {
        let evidence = Evidence {
            batch: batch(Some(Queue::Absent), Some(Accounting::Ended(Ruling::Completed))),
            attempts: &[],
            vetoed: false,
            stopped: false,
        };
        let status = resolve(&evidence);
        assert_eq!((status.state, status.bucket), (TrialState::Completed, Bucket::MissingTracking));
    }
}
