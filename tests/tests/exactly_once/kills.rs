//! `sweep submit` to Slurm, killed behind each of its own system calls and at random moments.

use crate::killing::{Moments, Wanted, account, kill_everywhere};
use crate::site::{Home, queue, undisturbed, wait_idle};

/// Commands that wait for the fence at once, which costs next to nothing.
const WAITING: usize = 100;
/// Moments at random, and kills that must take effect.
const WANTED: Wanted = Wanted { moments: 200, moments_most: 600, kills: 200, at_once: 4 };

#[test]
fn a_submit_that_is_killed_loses_no_trial_and_runs_none_twice() {
    let cluster = undisturbed();
    let all = kill_everywhere(|name| Home::new(cluster, name), Moments(1), &WANTED);
    let tally = account(&all, WAITING, || wait_idle(cluster));
    let jobs = queue(cluster);
    for killed in all.iter().filter(|killed| killed.home.dir().is_none()) {
        let mark = format!("{}-", killed.home.name);
        assert_eq!(jobs.iter().find(|line| line.starts_with(&mark)), None, "{:?}", killed.point);
    }
    tally.settle("sweep submit killed", WANTED.kills);
}
