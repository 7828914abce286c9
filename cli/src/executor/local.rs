//! Processes of this machine, for laptops and for trying things out: one detached supervisor a batch, which runs
//! its trials through the same `sweep exec` as a job of Slurm's does. Never more at once than it was told.

use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, setsid};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use sweep_core::id::{BatchNumber, JobName, TrialIndex};
use sweep_core::layout::SweepDir;
use sweep_core::status::Queue;

use crate::error::{At, Error, Result};
use crate::executor::process::scrub;
use crate::task::identity::{child_start, host, process_start};

/// How many trials run at once where nobody said.
#[must_use]
pub fn default_slots() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX))
}

/// Starts the supervisor of a batch, which goes on when this process ends, and gives its name.
///
/// # Errors
/// Where it cannot be started.
pub fn start(dir: &SweepDir, batch: BatchNumber, slots: u32, sweep_binary: &Path) -> Result<JobName> {
    let mut command = Command::new(sweep_binary);
    command.arg("supervise").arg(dir.path()).arg(batch.to_string()).arg(slots.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    scrub(&mut command);
    // SAFETY: setsid is async-signal-safe and touches nothing of this process.
    unsafe {
        command.pre_exec(|| setsid().map(drop).map_err(std::io::Error::from));
    }
    let child = command.spawn().at("start", sweep_binary)?;
    // A short batch may be done by now: its supervisor ran it all the same.
    let start = child_start(&child)
        .ok_or_else(|| Error::world(format!("the supervisor of batch {batch} cannot be found")))?;
    Ok(JobName::local(&host(), child.id(), start)?)
}

/// Runs a batch's trials, `slots` at once, until all have ended or somebody stops the sweep.
///
/// # Errors
/// Where a trial cannot be started.
pub fn supervise(
    dir: &SweepDir,
    batch: BatchNumber,
    trials: impl Iterator<Item = TrialIndex>,
    slots: u32,
    sweep_binary: &Path,
) -> Result<()> {
    let mut signals = Signals::new([SIGCHLD, SIGTERM, SIGINT, SIGHUP])
        .map_err(|error| Error::world("cannot catch signals").because(&error))?;
    let mut waiting = trials.fuse();
    let mut running: HashMap<u32, Child> = HashMap::new();
    loop {
        while running.len() < slots.max(1) as usize && !dir.stopped().exists() {
            let Some(index) = waiting.next() else { break };
            let mut command = Command::new(sweep_binary);
            command.args(["exec", "--local"]).arg(dir.path());
            command.args([batch.to_string(), index.label().to_string()]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let child = command.spawn().at("start", sweep_binary)?;
            running.insert(child.id(), child);
        }
        if running.is_empty() {
            return Ok(());
        }
        for signal in signals.wait() {
            if signal != SIGCHLD {
                let asked = Signal::try_from(signal).ok();
                for pid in running.keys() {
                    let _ = kill(Pid::from_raw(i32::try_from(*pid).unwrap_or(i32::MAX)), asked);
                }
            }
        }
        running.retain(|_, child| !matches!(child.try_wait(), Ok(Some(_))));
    }
}

/// The supervisor of a batch, where one runs on this machine and its start was never written down.
#[must_use]
pub fn find(dir: &SweepDir, batch: BatchNumber) -> Option<JobName> {
    let batch = batch.to_string();
    find_process(|words| {
        matches!(words, [_, b"supervise", path, number, ..]
            if *path == dir.path().as_os_str().as_encoded_bytes() && *number == batch.as_bytes())
    })
}

/// The process of this machine that drives a sweep.
#[must_use]
pub fn find_driver(dir: &SweepDir) -> Option<JobName> {
    find_process(
        |words| matches!(words, [_, b"drive", path, ..] if *path == dir.path().as_os_str().as_encoded_bytes()),
    )
}

fn find_process(is_wanted: impl Fn(&[&[u8]]) -> bool) -> Option<JobName> {
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
        let words: Vec<&[u8]> = line.split(|&byte| byte == 0).collect();
        if is_wanted(&words)
            && let Some(start) = process_start(pid)
        {
            return JobName::local(&host(), pid, start).ok();
        }
    }
    None
}

/// Whether a local job lives; none where it is another machine's.
#[must_use]
pub fn look(job: &JobName) -> Option<Queue> {
    let (node, pid, start) = parts(job)?;
    if node != host() {
        return None;
    }
    Some(if process_start(pid) == Some(start) { Queue::Running } else { Queue::Absent })
}

/// Asks a local job to end; one of another machine, or one that is gone, is not touched.
pub fn end(job: &JobName) {
    if look(job) == Some(Queue::Running)
        && let Some((_, pid, _)) = parts(job)
        && let Ok(pid) = i32::try_from(pid)
    {
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
}

fn parts(job: &JobName) -> Option<(&str, u32, u64)> {
    let mut parts = job.as_str().rsplitn(3, ':');
    let start = parts.next()?.parse().ok()?;
    let pid = parts.next()?.parse().ok()?;
    Some((parts.next()?, pid, start))
}

/// Local jobs.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_and_another_of_its_pid_is_not() {
        let pid = std::process::id();
        let start = process_start(pid).unwrap();
        assert_eq!(look(&JobName::local(&host(), pid, start).unwrap()), Some(Queue::Running));
        assert_eq!(look(&JobName::local(&host(), pid, start + 1).unwrap()), Some(Queue::Absent));
        assert_eq!(look(&JobName::local("elsewhere", pid, start).unwrap()), None);
        assert_eq!(look(&JobName::slurm(7)), None);
    }
}
