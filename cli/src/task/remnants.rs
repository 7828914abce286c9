//! Processes that an attempt left behind on this machine when the slurmstepd that kept them was gone: found by their
//! descent, and by the record's name in their environment. It must never touch a process of another attempt.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};
use sweep_core::environment::RECORD;
use sweep_core::id::JobName;
use sweep_core::layout::{RecordName, TrialDir};

use crate::error::{Error, Kind, Result};
use crate::task::identity::living_parent;

/// From asking processes to end until they are killed.
const GRACE: Duration = Duration::from_secs(5);
/// From then until it is given up: one that hangs in a dead file system cannot be killed.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks at the process table.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Ends everything of our own attempt but this process; how many processes could not be ended.
pub fn end_own(record: &RecordName) -> usize {
    // What loses its parent from now on becomes a child of ours and not of init.
    let _ = prctl::set_child_subreaper(true);
    end(|| {
        let all = processes();
        let mut found = descendants(&all);
        found.extend(all.iter().map(|(pid, _)| *pid).filter(|pid| record_of(*pid).as_ref() == Some(record)));
        found.remove(&this());
        found
    })
}

/// Sends a signal to every process of an attempt; how many there are.
pub fn send_all(record: &RecordName, signal: Signal) -> usize {
    let pids = processes().into_iter().map(|(pid, _)| pid);
    let own: Vec<u32> =
        pids.filter(|pid| *pid != this() && record_of(*pid).as_ref() == Some(record)).collect();
    own.iter().for_each(|pid| send(*pid, signal));
    own.len()
}

/// Ends what earlier starts of a job left of a trial; `own` is the record of the start that we are.
///
/// # Errors
/// [`Kind::SecondStart`] where something lives on.
pub fn end_earlier(folder: &TrialDir, job: &JobName, own: Option<&RecordName>) -> Result<()> {
    let is_earlier = |pid: u32| {
        let record = record_of(pid).filter(|record| record.job == *job && Some(record) != own);
        record.is_some_and(|record| folder.record(&record).exists())
    };
    let left = end(|| {
        let pids = processes().into_iter().map(|(pid, _)| pid);
        pids.filter(|pid| *pid != this() && is_earlier(*pid)).collect()
    });
    if left == 0 {
        return Ok(());
    }
    let text = format!("{left} processes of an earlier start of job {job} cannot be ended");
    Err(Error::new(Kind::SecondStart, text).hint("an admin should look at this node; retry the trial"))
}

/// Asks what is found to end, then kills it, until nothing is found; how many are left.
fn end(find: impl Fn() -> BTreeSet<u32>) -> usize {
    let began = Instant::now();
    let mut asked = BTreeSet::new();
    loop {
        let found = find();
        if found.is_empty() || began.elapsed() > GRACE + KILL_LIMIT {
            return found.len();
        }
        for &pid in &found {
            if began.elapsed() > GRACE {
                send(pid, Signal::SIGKILL);
            } else if asked.insert(pid) {
                send(pid, Signal::SIGTERM);
                // One that stands still hears nothing else.
                send(pid, Signal::SIGCONT);
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn send(pid: u32, signal: Signal) {
    // It may have ended by itself, which is as well.
    let _ = i32::try_from(pid).map(|pid| kill(Pid::from_raw(pid), signal));
}

fn this() -> u32 {
    getpid().as_raw().unsigned_abs()
}

/// Every process that lives, with its parent.
fn processes() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, living_parent(pid)?))).collect()
}

/// The processes below this one.
fn descendants(all: &[(u32, u32)]) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut parents = vec![this()];
    while let Some(parent) = parents.pop() {
        let children = all.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid);
        parents.extend(children.filter(|pid| found.insert(*pid)));
    }
    found
}

/// The record that a process was started under; none of another user's.
fn record_of(pid: u32) -> Option<RecordName> {
    let variables = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut values = variables.split(|byte| *byte == 0).filter_map(|variable| {
        let rest = variable.strip_prefix(RECORD.as_bytes())?.strip_prefix(b"=")?;
        std::str::from_utf8(rest).ok()?.parse().ok()
    });
    values.next()
}

/// Processes that should have ended.
#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::process::{Child, Command, Stdio};

    use sweep_core::id::TrialIndex;
    use sweep_core::layout::SweepDir;

    /// A process of an attempt that does not end when it is asked to.
    fn stubborn(record: &RecordName) -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM; echo; while :; do sleep 1; done"]);
        let mut child = command.env(RECORD, record.to_string()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        child
    }

    #[test]
    fn what_an_earlier_start_left_is_ended_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let folder = SweepDir::new(dir.path()).trial(TrialIndex(0));
        fs::create_dir_all(folder.path()).unwrap();
        // No other test names a process so.
        let job = JobName::slurm(4_000_000 + std::process::id() % 1_000_000);
        let record = |start_ns| RecordName { job: job.clone(), start_ns };
        for start_ns in [1, 2] {
            fs::write(folder.record(&record(start_ns)), "").unwrap();
        }
        // The third has the job's number and is of another trial: its record is not in this folder.
        let (mut earlier, mut own, mut other) =
            (stubborn(&record(1)), stubborn(&record(2)), stubborn(&record(3)));
        end_earlier(&folder, &job, Some(&record(2))).unwrap();
        assert!(earlier.try_wait().unwrap().is_some());
        for child in [&mut own, &mut other] {
            assert_eq!(child.try_wait().unwrap(), None);
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
