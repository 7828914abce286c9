//! What can go wrong in the testbed, told to the person who reads a failed test. It never hides the daemons' own words.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::job::JobShow;
use crate::process::Ran;

/// Why the testbed could not do what it was asked.
///
/// `Debug` prints the same as `Display`, because tests end in `unwrap` and a person reads the panic.
#[derive(thiserror::Error)]
pub enum TestbedError {
    /// The machine lacks something that every private cluster needs.
    #[error("a private Slurm needs {}, which is not here\nhint: run `cargo xtask test` as root, it installs what is missing", .what.join(", "))]
    Missing {
        /// Programs and rights, each in words.
        what: Vec<String>,
    },
    /// An environment variable that names something under test is not set, or names nothing.
    #[error(
        "`{variable}` {problem}\nhint: run `cargo xtask test`, it builds what is under test and sets the variable"
    )]
    Artifact {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing says where packages of Debian come from.
    #[error("this machine's apt names no mirror of Debian's\nhint: set `{variable}` to the address of one")]
    Mirror {
        /// The variable.
        variable: &'static str,
    },
    /// A file operation failed.
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io {
        /// A verb.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A program could not be started at all.
    #[error("cannot start `{command}`: {source}")]
    Spawn {
        /// The command line.
        command: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("{0}")]
    Failed(Box<Ran>),
    /// A program did not end in time and was killed.
    #[error("`{command}` did not end within {deadline:?} and was killed\n{output}")]
    Overrun {
        /// The command line.
        command: String,
        /// How long it had.
        deadline: Duration,
        /// What it had said by then.
        output: String,
    },
    /// Something that was waited for did not come.
    #[error("waited {waited:?} for {what}\n{logs}")]
    Deadline {
        /// What was waited for.
        what: String,
        /// For how long.
        waited: Duration,
        /// The daemons' last lines.
        logs: String,
    },
    /// A daemon ended by itself.
    #[error("{daemon} ended by itself\n{logs}")]
    DaemonEnded {
        /// Which one.
        daemon: String,
        /// The daemons' last lines.
        logs: String,
    },
    /// The keeper process refused or is gone.
    #[error("the keeper process: {0}")]
    Keeper(String),
    /// All blocks of ports are taken.
    #[error("no block of free ports between {first} and {last}: too many clusters at once?")]
    NoPorts {
        /// First port tried.
        first: u16,
        /// Last port tried.
        last: u16,
    },
    /// A job reached an end other than the one that was waited for.
    #[error(
        "job {} ended as {} (exit code {}, reason {}), not as {wanted}\n{logs}",
        .job.id(), .job.state(), .job.exit_code(), .job.reason()
    )]
    JobEnded {
        /// Its record.
        job: Box<JobShow>,
        /// The states that were waited for.
        wanted: String,
        /// The daemons' last lines.
        logs: String,
    },
    /// Nodes are drained, down or failing.
    #[error("nodes out of service: {nodes}\n{logs}")]
    Drained {
        /// Each with state and reason.
        nodes: String,
        /// The daemons' last lines.
        logs: String,
    },
    /// A program's output was not what this crate knows how to read.
    #[error("cannot read {what} in: {text}")]
    Unreadable {
        /// What was looked for.
        what: &'static str,
        /// Where.
        text: String,
    },
}

impl fmt::Debug for TestbedError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl TestbedError {
    /// For `map_err` on file operations.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
