//! What a private cluster needs from this machine, checked before anything is started. It never installs anything.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::TestbedError;
use crate::process::{Ran, run};

/// Where daemons live, also where root's PATH forgets them.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const PROGRAMS: [&str; 11] = [
    "slurmctld",
    "slurmd",
    "slurmstepd",
    "sbatch",
    "srun",
    "scontrol",
    "squeue",
    "sinfo",
    "scancel",
    "munged",
    "useradd",
];
const DATABASE_PROGRAMS: [&str; 4] = ["slurmdbd", "sacctmgr", "mariadbd", "mariadb-install-db"];

/// A program's full path, searched where a system keeps its own.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    PATH.split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// Fails with everything that is missing at once.
pub(crate) fn check(accounting: bool) -> Result<(), TestbedError> {
    let mut what = Vec::new();
    // SAFETY: a plain system call without arguments.
    if unsafe { libc::geteuid() } != 0 {
        what.push("to run as root".to_owned());
    }
    let database = if accounting { &DATABASE_PROGRAMS[..] } else { &[] };
    what.extend(
        PROGRAMS
            .iter()
            .chain(database)
            .filter(|name| program(name).is_none())
            .map(|name| format!("`{name}`")),
    );
    if what.is_empty() { Ok(()) } else { Err(TestbedError::Missing { what }) }
}

/// Fails with every one of these programs that is missing.
pub(crate) fn check_programs(names: &[&str]) -> Result<(), TestbedError> {
    let missing = names.iter().filter(|name| program(name).is_none());
    let what: Vec<String> = missing.map(|name| format!("`{name}`")).collect();
    if what.is_empty() { Ok(()) } else { Err(TestbedError::Missing { what }) }
}

/// The installed Slurm's release as (year, month), such as (22, 5).
pub(crate) fn slurm_release() -> Result<(u32, u32), TestbedError> {
    let ran = run(Command::new("slurmctld").arg("-V").env("PATH", PATH), Duration::from_secs(10))
        .and_then(Ran::checked)?;
    parse_release(&ran.stdout).ok_or(TestbedError::Unreadable { what: "a Slurm version", text: ran.stdout })
}

/// `slurm-wlm 22.05.8` or `slurm 24.11.5`.
fn parse_release(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// PATH of this process, with the system's own folders behind.
pub(crate) fn path_for_tests() -> String {
    match env::var("PATH") {
        Ok(path) => format!("{path}:{PATH}"),
        Err(_) => PATH.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    //! Version lines as distributions print them.
    use super::*;

    #[test]
    fn debian_and_upstream_version_lines_are_read() {
        assert_eq!(parse_release("slurm-wlm 22.05.8\n"), Some((22, 5)));
        assert_eq!(parse_release("slurm 24.11.5\n"), Some((24, 11)));
        assert_eq!(parse_release("slurmctld: error"), None);
    }
}
