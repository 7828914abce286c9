//! slurmctld's limit on how often a user may ask (`rl_enable`, from Slurm 23.02 on): a sweep waits, and every trial runs,
//! once. It runs in a system whose Slurm has the limit, so it must never need anything of this checkout.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[allow(dead_code, reason = "the proof of the other limits uses the rest")]
#[path = "../limits/site.rs"]
mod site;

use site::Site;

/// Two questions a second after the first four: Slurm's own numbers are two a second after the first thirty.
const PARAMETERS: &str = "rl_enable,rl_bucket_size=4,rl_refill_rate=2,rl_refill_period=1";
/// One in two seconds after the first four.
const TIGHT: &str = "rl_enable,rl_bucket_size=4,rl_refill_rate=1,rl_refill_period=2";
/// In arrays of ten.
const TRIALS: usize = 60;

fn check(value: &str) {
    let site = Site::with(&[
        ("SlurmctldParameters", value),
        ("MaxArraySize", "11"),
        // Whose refusals say so in the log.
        ("DebugFlags", "Protocol"),
    ]);
    let sweep = site.submit("limited", TRIALS, "");
    assert_eq!(sweep.submitted()["batches"].as_array().unwrap().len(), 6);
    // Somebody who is impatient, all the while.
    for _ in 0..12 {
        assert!(sweep.sweep(&["status"]).success());
    }
    sweep.wait_done(TRIALS);
    sweep.report("rl_enable", &value.replace("rl_enable,", ""), TRIALS);
    assert!(site.was_limited(), "the limit stood in nobody's way");
}

#[test]
fn a_sweep_waits_for_the_rate_that_the_controller_allows() {
    check(PARAMETERS);
}

#[test]
fn a_sweep_waits_for_a_rate_that_is_tight() {
    check(TIGHT);
}
