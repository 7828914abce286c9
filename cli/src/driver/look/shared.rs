//! Trials that share a job with others, by an agent. The job's word is not theirs: it runs while they wait their turn,
//! and it ends as the last of them does. A trial that its job never came to is left: as if it had not been submitted.

use std::fs;

use sweep_core::claim::{Claim, Holder};
use sweep_core::id::{JobName, Token, TrialIndex};
use sweep_core::layout::SweepDir;
use sweep_core::record::{Kind, Record};
use sweep_core::state::Ruling;
use sweep_core::status::{Accounting, BatchEvidence, Queue};

use crate::executor::local;

/// Whether a batch still has a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It ran there, or may yet.
    Kept,
    /// Its job is at an end and never came to it.
    Left,
}

/// Corrects what Slurm says of a job to what that says of one of its trials. `newest` are the records of the trial's
/// newest attempt under this batch; `ran` says whether the job came to any trial at all.
pub(super) fn of_packed(
    evidence: &mut BatchEvidence,
    newest: Option<&[Record]>,
    stopped: bool,
    ran: impl FnMut() -> bool,
) -> Place {
    let Some(records) = newest else { return unbegun(evidence, stopped, ran) };
    // One that was told to end was told with its job, more often than not.
    if records.iter().any(|record| record.kind == Kind::End && !record.was_terminated()) {
        (evidence.queue, evidence.accounting) = (Some(Queue::Absent), None);
        return Place::Kept;
    }
    // How the job's own process ended says nothing of a trial that it lost sight of.
    let is_own = |ruling| matches!(ruling, Ruling::Completed | Ruling::Failed);
    if matches!(evidence.queue, Some(Queue::Ended(ruling)) if is_own(ruling)) {
        evidence.queue = Some(Queue::Absent);
    }
    if matches!(evidence.accounting, Some(Accounting::Ended(ruling)) if is_own(ruling)) {
        evidence.accounting = None;
        evidence.queue = evidence.queue.or(Some(Queue::Absent));
    }
    Place::Kept
}

fn unbegun(evidence: &mut BatchEvidence, stopped: bool, mut ran: impl FnMut() -> bool) -> Place {
    match (evidence.queue, evidence.accounting) {
        (Some(Queue::Running), _) => evidence.queue = Some(Queue::Waiting),
        (None, Some(Accounting::Running)) => evidence.accounting = Some(Accounting::Waiting),
        // A person's cancel is meant for all that the job had.
        (Some(Queue::Ended(Ruling::Cancelled)), _)
        | (None | Some(Queue::Absent), Some(Accounting::Ended(Ruling::Cancelled))) => {}
        (Some(Queue::Absent | Queue::Ended(_)), _) | (None, Some(Accounting::Ended(_)))
            if !stopped && ran() =>
        {
            return Place::Left;
        }
        _ => {}
    }
    Place::Kept
}

/// As [`of_packed`], of a trial that was offered to agents. `evidence` is that of the job whose agent took it.
pub(super) fn of_offered(evidence: &mut BatchEvidence, records: &[Record]) {
    let _ = of_packed(evidence, Some(records), false, || false);
    let start = records.iter().find(|record| record.kind == Kind::Start);
    let agent = start.and_then(|start| start.agent.as_ref());
    // Another start of the job brings another agent, which leaves alone what this one took.
    if evidence.queue == Some(Queue::Waiting) || agent.is_some_and(is_gone) {
        evidence.queue = Some(Queue::Absent);
    }
}

/// Whether an agent of this machine has ended; of another machine nobody knows.
fn is_gone(agent: &JobName) -> bool {
    local::look(agent) == Some(Queue::Absent)
}

/// The claim on a trial that was offered, where an agent holds it.
pub(super) fn holder(dir: &SweepDir, index: TrialIndex, token: &Token) -> Option<(JobName, Claim)> {
    let claim = Claim::parse(&fs::read(dir.trial(index).claim(token.batch)).ok()?)?;
    match &claim.holder {
        Holder::Job(job) => Some((job.clone(), claim)),
        Holder::Withdrawn => None,
    }
}

/// Whether who holds a claim is known to have ended, by its process or by what the queue says of its job.
pub(super) fn has_ended(claim: &Claim, queue: Option<Queue>) -> bool {
    claim.agent.as_ref().is_some_and(is_gone) || matches!(queue, Some(Queue::Absent | Queue::Ended(_)))
}

/// Trials of one job by example.
#[cfg(test)]
mod tests {
    use super::*;

    fn packed(queue: Option<Queue>, accounting: Option<Accounting>, ran: bool) -> (Place, Option<Queue>) {
        let mut evidence = BatchEvidence { queue, accounting, ..BatchEvidence::default() };
        let place = of_packed(&mut evidence, None, false, || ran);
        (place, evidence.queue)
    }

    #[test]
    fn a_trial_waits_while_its_job_runs_others_and_is_left_when_that_ends() {
        let running = Some(Queue::Running);
        assert_eq!(packed(running, None, true), (Place::Kept, Some(Queue::Waiting)));
        for queue in [Queue::Absent, Queue::Ended(Ruling::Timeout), Queue::Ended(Ruling::Completed)] {
            assert_eq!(packed(Some(queue), None, true).0, Place::Left, "{queue:?}");
            assert_eq!(packed(Some(queue), None, false).0, Place::Kept, "{queue:?}");
        }
        let cancelled = Some(Accounting::Ended(Ruling::Cancelled));
        assert_eq!(packed(Some(Queue::Ended(Ruling::Cancelled)), None, true).0, Place::Kept);
        assert_eq!(packed(Some(Queue::Absent), cancelled, true).0, Place::Kept);
        assert_eq!(packed(None, None, true), (Place::Kept, None));
    }

    #[test]
    fn nothing_is_left_of_a_sweep_that_was_stopped() {
        let mut evidence = BatchEvidence { queue: Some(Queue::Absent), ..BatchEvidence::default() };
        assert_eq!(of_packed(&mut evidence, None, true, || true), Place::Kept);
    }
}
