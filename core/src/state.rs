//! The states of a trial and the only table of how one becomes another. Nobody else decides what a trial's next
//! state is.

use serde::{Deserialize, Serialize};

/// Where a trial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialState {
    /// Proposed; no executor was asked yet.
    Planned,
    /// An executor was asked to run it.
    Submitted,
    /// It waits in Slurm's queue.
    Pending,
    /// It runs.
    Running,
    /// It ended with exit code 0.
    Completed,
    /// It ended otherwise.
    Failed,
    /// Slurm ended it at its time limit.
    Timeout,
    /// The kernel or Slurm ended it for its memory.
    OutOfMemory,
    /// A person ended it.
    Cancelled,
    /// A more important job took its place.
    Preempted,
    /// Its node failed.
    NodeFail,
    /// The search ended it.
    Pruned,
    /// The executor refused it.
    SubmitFailed,
    /// It was cancelled or purged while nobody looked: nothing says that it ran.
    Lost,
}

/// What can happen to a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrialEvent {
    /// A batch with it was given to an executor: the first, a retry, or Slurm's own requeue.
    Submitted,
    /// The executor refused the batch.
    SubmitRefused,
    /// Slurm shows it waiting.
    Queued,
    /// It started.
    Started,
    /// It ended by itself.
    Exited {
        /// With code 0.
        success: bool,
    },
    /// Slurm says why it ended; this corrects what an exit status alone would say.
    Ruled(Ruling),
    /// The search told it to stop and it did.
    Pruned,
    /// Nothing is left of it: no job, no record.
    Vanished,
}

/// Slurm's word for an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ruling {
    /// COMPLETED.
    Completed,
    /// FAILED, BOOT_FAIL, DEADLINE.
    Failed,
    /// TIMEOUT.
    Timeout,
    /// OUT_OF_MEMORY.
    OutOfMemory,
    /// CANCELLED, REVOKED.
    Cancelled,
    /// PREEMPTED.
    Preempted,
    /// NODE_FAIL.
    NodeFail,
}

impl Ruling {
    /// The state that it leads to.
    #[must_use]
    pub fn state(self) -> TrialState {
        match self {
            Self::Completed => TrialState::Completed,
            Self::Failed => TrialState::Failed,
            Self::Timeout => TrialState::Timeout,
            Self::OutOfMemory => TrialState::OutOfMemory,
            Self::Cancelled => TrialState::Cancelled,
            Self::Preempted => TrialState::Preempted,
            Self::NodeFail => TrialState::NodeFail,
        }
    }
}

impl TrialState {
    /// All states, in the order of a trial's life.
    pub const ALL: [Self; 14] = [
        Self::Planned,
        Self::Submitted,
        Self::Pending,
        Self::Running,
        Self::Completed,
        Self::Failed,
        Self::Timeout,
        Self::OutOfMemory,
        Self::Cancelled,
        Self::Preempted,
        Self::NodeFail,
        Self::Pruned,
        Self::SubmitFailed,
        Self::Lost,
    ];

    /// The state after an event, or none where the event cannot happen in this state.
    #[must_use]
    pub fn next(self, event: TrialEvent) -> Option<Self> {
        use TrialEvent as E;
        use TrialState as S;
        match (self, event) {
            // A retry or a requeue begins the next attempt from any end but one that the search decided.
            (S::Pruned, E::Submitted) => None,
            (_, E::Submitted) => Some(S::Submitted),
            (S::Planned | S::Submitted, E::SubmitRefused) => Some(S::SubmitFailed),
            (S::Submitted | S::Pending, E::Queued) => Some(S::Pending),
            // Flags alone start a trial that no batch of ours was submitted for.
            (S::Planned | S::Submitted | S::Pending | S::Running | S::SubmitFailed | S::Lost, E::Started) => {
                Some(S::Running)
            }
            (S::Running, E::Exited { success: true }) => Some(S::Completed),
            (S::Running, E::Exited { success: false }) => Some(S::Failed),
            (S::Running, E::Pruned) => Some(S::Pruned),
            (S::Submitted | S::Pending, E::Pruned) => Some(S::Pruned),
            (S::Submitted | S::Pending | S::Running, E::Ruled(ruling)) => Some(ruling.state()),
            // An exit status cannot tell a scancel from a time limit; Slurm can. A success stays one.
            (S::Failed, E::Ruled(ruling)) if ruling != Ruling::Completed => Some(ruling.state()),
            (S::Completed, E::Ruled(Ruling::Completed)) => Some(S::Completed),
            (S::Submitted | S::Pending | S::Running, E::Vanished) => Some(S::Lost),
            _ => None,
        }
    }

    /// Whether the trial is at an end for now.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Planned | Self::Submitted | Self::Pending | Self::Running)
    }

    /// The state's name in files and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Submitted => "submitted",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::OutOfMemory => "out_of_memory",
            Self::Cancelled => "cancelled",
            Self::Preempted => "preempted",
            Self::NodeFail => "node_fail",
            Self::Pruned => "pruned",
            Self::SubmitFailed => "submit_failed",
            Self::Lost => "lost",
        }
    }
}

impl std::fmt::Display for TrialState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// hpc-compose's seven buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// Done, or ended by the search.
    Completed,
    /// Ended without success.
    Failed,
    /// Running.
    Running,
    /// Not started.
    Pending,
    /// Nothing is known of it.
    Unknown,
    /// Slurm says that it ended, and no record of ours was written.
    MissingTracking,
    /// The executor refused it.
    SubmitFailed,
}

impl Bucket {
    /// All buckets, in the order of hpc-compose's page.
    pub const ALL: [Self; 7] = [
        Self::Completed,
        Self::Failed,
        Self::Running,
        Self::Pending,
        Self::Unknown,
        Self::MissingTracking,
        Self::SubmitFailed,
    ];

    /// The bucket of a state; `recorded` says whether a record of the attempt was written.
    #[must_use]
    pub fn of(state: TrialState, recorded: bool) -> Self {
        match state {
            TrialState::Planned | TrialState::Submitted | TrialState::Pending => Self::Pending,
            TrialState::Running => Self::Running,
            TrialState::Completed if !recorded => Self::MissingTracking,
            TrialState::Completed | TrialState::Pruned => Self::Completed,
            TrialState::Lost => Self::Unknown,
            TrialState::SubmitFailed => Self::SubmitFailed,
            TrialState::Failed
            | TrialState::Timeout
            | TrialState::OutOfMemory
            | TrialState::Cancelled
            | TrialState::Preempted
            | TrialState::NodeFail => Self::Failed,
        }
    }
}

impl std::fmt::Display for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Running => "running",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
            Self::MissingTracking => "missing_tracking",
            Self::SubmitFailed => "submit_failed",
        })
    }
}

/// The table, by its laws.
#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [TrialEvent; 14] = [
        TrialEvent::Submitted,
        TrialEvent::SubmitRefused,
        TrialEvent::Queued,
        TrialEvent::Started,
        TrialEvent::Exited { success: true },
        TrialEvent::Exited { success: false },
        TrialEvent::Ruled(Ruling::Completed),
        TrialEvent::Ruled(Ruling::Failed),
        TrialEvent::Ruled(Ruling::Timeout),
        TrialEvent::Ruled(Ruling::OutOfMemory),
        TrialEvent::Ruled(Ruling::Cancelled),
        TrialEvent::Ruled(Ruling::Preempted),
        TrialEvent::Pruned,
        TrialEvent::Vanished,
    ];

    #[test]
    fn an_end_is_left_only_by_a_new_attempt_a_start_or_slurms_word() {
        for state in TrialState::ALL.into_iter().filter(|state| state.is_final()) {
            for event in EVENTS {
                let Some(next) = state.next(event) else { continue };
                let allowed = next == state
                    || event == TrialEvent::Submitted
                    || event == TrialEvent::Started
                    || matches!((state, event), (TrialState::Failed, TrialEvent::Ruled(_)));
                assert!(allowed, "{state} {event:?} {next}");
            }
        }
    }

    #[test]
    fn a_success_is_never_taken_back() {
        for event in EVENTS {
            let next = TrialState::Completed.next(event);
            assert!(matches!(next, None | Some(TrialState::Completed | TrialState::Submitted)), "{event:?}");
        }
    }

    #[test]
    fn every_state_can_be_reached() {
        let mut reached = vec![TrialState::Planned];
        let mut at = 0;
        while at < reached.len() {
            let ruled = TrialEvent::Ruled(Ruling::NodeFail);
            for event in EVENTS.into_iter().chain([ruled]) {
                if let Some(next) = reached[at].next(event)
                    && !reached.contains(&next)
                {
                    reached.push(next);
                }
            }
            at += 1;
        }
        reached.sort();
        assert_eq!(reached, TrialState::ALL);
    }

    #[test]
    fn names_are_those_of_json() {
        for state in TrialState::ALL {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
        }
        for bucket in Bucket::ALL {
            assert_eq!(serde_json::to_string(&bucket).unwrap(), format!("\"{bucket}\""));
        }
    }
}
