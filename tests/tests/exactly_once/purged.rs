//! A Slurm that keeps no accounts and forgets jobs as soon as they have ended: only what trials left behind tells that
//! they ran.

use std::time::Duration;

use sweep_testbed::wait_for;

use crate::killing::{Killed, Point, account, kill};
use crate::site::{Home, forgetful, in_parallel, queue, wait_idle};
use crate::tracer::Traced;

/// slurmctld looks for what it may forget once a minute.
const FORGOTTEN: Duration = Duration::from_secs(150);

#[test]
fn jobs_that_slurm_forgot_are_known_by_their_trials() {
    let cluster = forgetful();
    let calls = Traced::start(&mut Home::new(cluster, "purged-traced").submission()).run_out();
    let complete = calls.iter().position(|name| name.starts_with("rename")).unwrap() + 1;
    let points: Vec<usize> = (complete..=calls.len()).collect();
    let all: Vec<Killed> = in_parallel(4, &points, |&call| {
        kill(Home::new(cluster, &format!("purged{call}")), Point::Call(call))
    });
    let forgotten = wait_for(FORGOTTEN, || queue(cluster).is_empty().then_some(()));
    assert_eq!(forgotten, Some(()), "{:?}", queue(cluster));
    account(&all, all.len(), || wait_idle(cluster))
        .settle("sweep submit killed, jobs forgotten before resume", 30);
}
