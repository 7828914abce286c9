//! `sweep submit` to Slurm, killed behind each of its own system calls and at random moments.

use crate::killing::{Killed, Moments, Point, account, kill, usual_time};
use crate::outcome::say;
use crate::site::{Home, in_parallel, queue, undisturbed, wait_idle};
use crate::tracer::Traced;

/// Submissions that are made at once: more would only wait for each other.
const AT_ONCE: usize = 4;
/// Commands that wait for the fence at once, which costs next to nothing.
const WAITING: usize = 100;
/// Random moments that are tried at least.
const MOMENTS: usize = 200;
/// Random moments that are tried at most for [`KILLS`].
const MOMENTS_MOST: usize = 600;
/// Kills that must take effect.
const KILLS: usize = 200;

#[test]
fn a_submit_that_is_killed_loses_no_trial_and_runs_none_twice() {
    let cluster = undisturbed();
    let calls = Traced::start(&mut Home::new(cluster, "traced").submission()).run_out();
    say(&format!("sweep submit makes {} calls that change something: {}", calls.len(), calls.join(" ")));
    let behind_calls: Vec<usize> = (1..=calls.len()).collect();
    let mut all: Vec<Killed> = in_parallel(AT_ONCE, &behind_calls, |&n| {
        kill(Home::new(cluster, &format!("call{n}")), Point::Call(n))
    });
    let homes: Vec<Home> = (0..AT_ONCE).map(|n| Home::new(cluster, &format!("usual{n}"))).collect();
    let usual = usual_time(&homes);
    let mut moments = Moments(1);
    let mut tried = 0;
    let took_effect =
        |all: &[Killed]| all.iter().filter(|killed| killed.in_time && killed.home.dir().is_some()).count();
    while tried < MOMENTS || (tried < MOMENTS_MOST && took_effect(&all) < KILLS) {
        let next: Vec<_> = (tried..tried + 50).map(|n| (n, moments.below(usual))).collect();
        tried += next.len();
        all.extend(in_parallel(AT_ONCE, &next, |&(n, moment)| {
            kill(Home::new(cluster, &format!("moment{n}")), Point::Time(moment))
        }));
    }
    let tally = account(&all, WAITING, || wait_idle(cluster));
    let jobs = queue(cluster);
    for killed in all.iter().filter(|killed| killed.home.dir().is_none()) {
        let mark = format!("{}-", killed.home.name);
        assert_eq!(jobs.iter().find(|line| line.starts_with(&mark)), None, "{:?}", killed.point);
    }
    tally.settle("sweep submit killed", KILLS);
}
