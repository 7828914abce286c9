//! `sweep submit` to the local executor, killed behind each of its own system calls and at random moments.

use crate::killing::{Killed, Moments, Point, account, kill, usual_time};
use crate::site::{Home, in_parallel};
use crate::tracer::Traced;

/// Random moments that are tried.
const MOMENTS: usize = 100;
/// Commands at once.
const AT_ONCE: usize = 4;
/// Commands that wait for the fence at once.
const WAITING: usize = 50;
/// Kills that must take effect.
const KILLS: usize = 50;

#[test]
fn a_local_submit_that_is_killed_loses_no_trial_and_runs_none_twice() {
    let calls = Traced::start(&mut Home::without_slurm("traced").submission()).run_out();
    let usual = usual_time(&[Home::without_slurm("usual")]);
    let mut moments = Moments(2);
    let behind_calls = (1..=calls.len()).map(Point::Call);
    let points: Vec<Point> =
        behind_calls.chain((0..MOMENTS).map(|_| Point::Time(moments.below(usual)))).collect();
    let all: Vec<Killed> = in_parallel(AT_ONCE, &points, |point| kill(Home::without_slurm("local"), *point));
    account(&all, WAITING, || {}).settle("local submit killed", KILLS);
}
