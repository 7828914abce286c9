//! The process that started this attempt: slurmstepd, or a step's. Once it is gone Slurm knows nothing of us any more
//! and may start the trial again, so the attempt has to end. It must never take the end of one of its threads for its
//! own: the kernel tells of both alike.

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, getppid};

use crate::error::{Error, Result};

/// What the kernel sends us when the thread that started us has ended. Nobody else sends this to a job.
pub const GONE: Signal = Signal::SIGPWR;

/// Who has started this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// This process; its end is ours.
    Watched(Pid),
    /// It was gone before we could ask who it is.
    Lost,
    /// It may end as it likes.
    Free,
}

impl Parent {
    /// The parent of a job's process. To be asked as soon as the process runs: what ends before is not seen.
    #[must_use]
    pub fn of_job(env: impl Fn(&str) -> Option<String>) -> Self {
        let parent = getppid();
        let is_first = env("SLURM_TASK_PID").and_then(|pid| pid.parse().ok()) == Some(getpid().as_raw());
        match parent.as_raw() {
            // Of another pid namespace: its end would not show.
            0 => Self::Free,
            // slurmstepd starts no task as a child of init.
            1 if is_first => Self::Lost,
            _ => Self::Watched(parent),
        }
    }

    /// Asks the kernel for [`GONE`] at its end, which has to be caught by then.
    ///
    /// # Errors
    /// Where the kernel refuses.
    pub fn watch(self) -> Result<()> {
        match self {
            Self::Watched(_) => prctl::set_pdeathsig(GONE)
                .map_err(|error| Error::world("cannot ask for the end of slurmstepd").because(&error)),
            Self::Lost | Self::Free => Ok(()),
        }
    }

    /// Whether it has ended, all of it: a process keeps its parent while any thread of that lives.
    #[must_use]
    pub fn is_gone(self) -> bool {
        match self {
            Self::Watched(parent) => getppid() != parent,
            Self::Lost => true,
            Self::Free => false,
        }
    }
}

/// Parents as a process sees them.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_that_lives_is_not_gone() {
        let parent = Parent::of_job(|_| None);
        assert_eq!(parent, Parent::Watched(getppid()));
        assert!(!parent.is_gone());
        assert!(Parent::Watched(getpid()).is_gone());
        assert!(Parent::Lost.is_gone() && !Parent::Free.is_gone());
    }
}
