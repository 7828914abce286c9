//! `sweep submit` to the local executor, killed behind each of its own system calls and at random moments.

use std::fs;

use sweep_testbed::wait_for;

use crate::killing::{Killed, Moments, Wanted, account, kill_everywhere};
use crate::site::{Home, LIMIT};

/// Commands that wait for the fence at once.
const WAITING: usize = 50;
/// Moments at random, and kills that must take effect.
const WANTED: Wanted = Wanted { moments: 100, moments_most: 1000, kills: 100, at_once: 4 };

#[test]
fn a_local_submit_that_is_killed_loses_no_trial_and_runs_none_twice() {
    let all = kill_everywhere(Home::without_slurm, Moments(2), &WANTED);
    account(&all, WAITING, || wait_gone(&all)).settle("local submit killed", WANTED.kills);
}

/// Waits until no process speaks of any of these homes.
pub fn wait_gone(all: &[Killed]) {
    let speaks = |line: &Vec<u8>| {
        let line = String::from_utf8_lossy(line);
        all.iter().any(|killed| line.contains(killed.home.path.to_str().unwrap()))
    };
    let lines = || -> Vec<Vec<u8>> {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok()).collect()
    };
    let gone = wait_for(LIMIT, || (!lines().iter().any(speaks)).then_some(()));
    gone.expect("every supervisor ends when its trials have ended");
}
