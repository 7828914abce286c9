//! The unprivileged users that tests run as. Made with useradd where they are missing, and left there: a user that is
//! removed may still own files. It never changes a user that exists.

use std::ffi::{CString, OsStr};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::unistd::{Group, User, getgrouplist};

use crate::error::TestbedError;
use crate::process::run;
use crate::requirements;
use crate::wait::wait_for;

/// The user that tests submit as.
const USER: &str = "sweeptest";
/// The other user, who may try to read or to forge what is not theirs.
const OTHER: &str = "sweepother";
/// A second group of the first user: supplementary groups must reach the job.
const GROUP: &str = "sweepextra";

/// Held while users are made, by one process of this machine.
const LOCK: &str = "sweep-testbed-accounts";
/// For the lock, and for useradd itself.
const USERADD_LIMIT: Duration = Duration::from_secs(30);

/// A user of this machine and all that a process of theirs needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Login name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// All groups, the primary one among them.
    pub groups: Vec<u32>,
    /// Home directory.
    pub home: PathBuf,
}

impl Account {
    /// The unprivileged user that tests submit as; in two groups.
    pub(crate) fn user() -> Result<Self, TestbedError> {
        ensure(|| Group::from_name(GROUP).ok().flatten(), Command::new("groupadd").arg(GROUP))?;
        let mut useradd = Command::new("useradd");
        useradd.args(["--create-home", "--user-group", "--shell", "/bin/bash", "--groups", GROUP, USER]);
        // useradd writes the password file before the group file: the user is complete when both have them.
        let in_group = || {
            Group::from_name(GROUP).ok().flatten().is_some_and(|group| group.mem.iter().any(|m| m == USER))
        };
        let find = || User::from_name(USER).ok().flatten().filter(|_| in_group());
        Self::from_user(&ensure(find, &mut useradd)?)
    }

    /// Another unprivileged user, with no group in common with the first.
    pub(crate) fn other() -> Result<Self, TestbedError> {
        let mut useradd = Command::new("useradd");
        useradd.args(["--create-home", "--user-group", "--shell", "/bin/bash", OTHER]);
        Self::from_user(&ensure(|| User::from_name(OTHER).ok().flatten(), &mut useradd)?)
    }

    /// The superuser.
    pub(crate) fn root() -> Self {
        Self { name: "root".to_owned(), uid: 0, gid: 0, groups: vec![0], home: PathBuf::from("/root") }
    }

    fn from_user(user: &User) -> Result<Self, TestbedError> {
        let unreadable = |text: String| TestbedError::Unreadable { what: "the groups of a user", text };
        let name = CString::new(user.name.as_str()).map_err(|error| unreadable(error.to_string()))?;
        let groups = getgrouplist(&name, user.gid).map_err(|error| unreadable(error.to_string()))?;
        Ok(Self {
            name: user.name.clone(),
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            groups: groups.into_iter().map(nix::unistd::Gid::as_raw).collect(),
            home: user.dir.clone(),
        })
    }

    /// A command that runs as this account with a small clean environment, starting in the cluster's scratch folder.
    /// The cluster's own programs come first in PATH.
    pub(crate) fn command(&self, directory: &Path, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:{}", directory.join("bin").display(), requirements::path_for_tests()))
            .env("HOME", &self.home)
            .env("USER", &self.name)
            .env("LOGNAME", &self.name)
            .env("LANG", "C.UTF-8")
            .env("TERM", "dumb")
            .env("SLURM_CONF", directory.join("slurm.conf"))
            .current_dir(directory.join("scratch"));
        self.become_in(&mut command);
        command
    }

    /// Makes `command` run with exactly this account's ids and groups, and umask 022.
    fn become_in(&self, command: &mut Command) {
        let (uid, gid, groups) = (self.uid, self.gid, self.groups.clone());
        // SAFETY: the closure makes plain system calls only; `groups` was copied before the fork.
        unsafe {
            command.pre_exec(move || {
                libc::umask(0o022);
                if libc::setgroups(groups.len(), groups.as_ptr()) != 0
                    || libc::setresgid(gid, gid, gid) != 0
                    || libc::setresuid(uid, uid, uid) != 0
                {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
    }
}

/// Looks with `find`; where there is nothing, runs `make` and looks again.
///
/// Under a lock of our own: two useradd at once look before they lock, and the second replaces the first one's user
/// by one with another id (seen with shadow 4.13), below the feet of a cluster that already uses it.
fn ensure<T>(find: impl Fn() -> Option<T>, make: &mut Command) -> Result<T, TestbedError> {
    if let Some(found) = find() {
        return Ok(found);
    }
    let _lock = wait_for(USERADD_LIMIT, lock)
        .ok_or_else(|| TestbedError::Unreadable { what: "the password file", text: LOCK.to_owned() })?;
    if let Some(found) = find() {
        return Ok(found);
    }
    let ran = run(make, USERADD_LIMIT)?.checked()?;
    find().ok_or(TestbedError::Failed(Box::new(ran)))
}

/// An abstract Unix socket: one holder at a time, and free again when the holder is gone, however it went.
fn lock() -> Option<UnixListener> {
    SocketAddr::from_abstract_name(LOCK).and_then(|address| UnixListener::bind_addr(&address)).ok()
}
