//! A cluster that lives on after the program that started it, described by a state file. It must never end a process
//! that is not the one that the file names: pid and start time must both agree.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::account::Account;
use crate::error::TestbedError;
use crate::process::ProcessStat;
use crate::wait::wait_for;

/// The keeper gives up after 20 s on what cannot be killed.
const DOWN_LIMIT: Duration = Duration::from_secs(40);

/// What the state file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persisted {
    /// The cluster's directory, removed with it.
    pub directory: PathBuf,
    /// What SLURM_CONF must be.
    pub slurm_conf: PathBuf,
    /// A folder of the unprivileged user's.
    pub scratch: PathBuf,
    /// The unprivileged user's name.
    pub user: String,
    keeper_pid: i32,
    keeper_start: u64,
}

impl Persisted {
    pub(crate) fn new(directory: &Path, user: &Account, keeper: &ProcessStat) -> Self {
        Self {
            directory: directory.to_owned(),
            slurm_conf: directory.join("slurm.conf"),
            scratch: directory.join("scratch"),
            user: user.name.clone(),
            keeper_pid: keeper.pid,
            keeper_start: keeper.start,
        }
    }

    /// Writes the state file.
    pub fn write(&self, file: &Path) -> Result<(), TestbedError> {
        let state = json!({
            "directory": self.directory, "user": self.user,
            "keeper_pid": self.keeper_pid, "keeper_start": self.keeper_start,
        });
        fs::write(file, format!("{state}\n")).map_err(TestbedError::io("write", file))
    }

    /// Reads a state file; `None` where there is none.
    pub fn read(file: &Path) -> Result<Option<Self>, TestbedError> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TestbedError::io("read", file)(error)),
        };
        let parsed = serde_json::from_str::<Value>(&text).ok().and_then(|state| Self::from_json(&state));
        parsed.map(Some).ok_or(TestbedError::Unreadable { what: "a cluster's state", text })
    }

    fn from_json(state: &Value) -> Option<Self> {
        let directory = PathBuf::from(state["directory"].as_str()?);
        Some(Self {
            slurm_conf: directory.join("slurm.conf"),
            scratch: directory.join("scratch"),
            directory,
            user: state["user"].as_str()?.to_owned(),
            keeper_pid: i32::try_from(state["keeper_pid"].as_i64()?).ok()?,
            keeper_start: state["keeper_start"].as_u64()?,
        })
    }

    /// A command that runs as the unprivileged user, as [`crate::Cluster::command`] gives it.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Result<Command, TestbedError> {
        Ok(Account::user()?.command(&self.directory, program))
    }

    /// Whether the cluster is there; a reboot ends it, for one.
    pub fn is_up(&self) -> bool {
        ProcessStat::of(self.keeper_pid)
            .is_some_and(|process| process.start == self.keeper_start && process.is_alive())
    }

    /// Ends the cluster, if it is there, and waits until it is gone.
    pub fn take_down(&self) -> Result<(), TestbedError> {
        if !self.is_up() {
            return Ok(());
        }
        // SAFETY: a plain system call; the process was just seen to be the keeper, by its pid and its start.
        unsafe { libc::kill(self.keeper_pid, libc::SIGTERM) };
        wait_for(DOWN_LIMIT, || (!self.is_up()).then_some(()))
            .ok_or_else(|| TestbedError::Keeper(format!("{} did not end", self.keeper_pid)))
    }
}

#[cfg(test)]
mod tests {
    //! The state file, there and back.
    use super::*;

    #[test]
    fn a_state_file_reads_back_and_a_reused_pid_is_not_taken_for_the_keeper() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        assert_eq!(Persisted::read(&file).unwrap(), None);
        let me = ProcessStat::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        let impostor = ProcessStat { start: me.start + 1, ..me };
        let persisted = Persisted::new(folder.path(), &Account::root(), &impostor);
        persisted.write(&file).unwrap();
        assert_eq!(Persisted::read(&file).unwrap(), Some(persisted.clone()));
        assert!(!persisted.is_up());
        // Would end this very test if it took us for the keeper.
        persisted.take_down().unwrap();
    }
}
