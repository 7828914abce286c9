//! How often this process called each of Slurm's commands. It only counts; it never calls, and never says no.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Slurm's commands that ask something of its daemons.
const COMMANDS: [&str; 8] = ["sacct", "sacctmgr", "sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun"];

/// Calls by command.
pub type Calls = BTreeMap<String, u64>;

static CALLS: Mutex<Calls> = Mutex::new(BTreeMap::new());

/// Counts a call of `program`, where that is one of Slurm's.
pub(super) fn count(program: &str) {
    if COMMANDS.contains(&program) {
        let mut calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry(program.to_owned()).or_default() += 1;
    }
}

/// Takes what was counted since it was last taken.
#[must_use]
pub fn take() -> Calls {
    std::mem::take(&mut CALLS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Gives back what could not be written down.
pub fn give_back(calls: &Calls) {
    let mut all = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
    for (program, count) in calls {
        *all.entry(program.clone()).or_default() += count;
    }
}
