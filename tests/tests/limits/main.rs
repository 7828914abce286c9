//! Limits of a site that a sweep does not fit into: each is met on a real Slurm that has it, and every trial runs all
//! the same, once, without anybody's doing. Trials write down themselves that they ran, so that nothing here believes
//! what `sweep` says of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod site;

use site::{LIMIT, Site};

/// How many trials a sweep has that does not fit.
const TRIALS: usize = 60;

#[test]
fn a_limit_on_the_jobs_of_a_user_an_account_or_a_qos_is_lived_with() {
    let site = Site::with_accounting();
    site.limit(&["modify", "user", &site.user(), "set", "MaxSubmitJobs=20"]);
    let sweep = site.submit("of-user", TRIALS, "");
    let said = sweep.submitted();
    assert_eq!(said["waiting"]["trials"], TRIALS - 18, "two places are the driver's: {said}");
    assert!(said["waiting"]["why"].as_str().unwrap().contains("AssocMaxSubmitJobLimit"), "{said}");
    assert!(sweep.screen().contains("trials wait for room in the queue"), "{}", sweep.screen());
    sweep.wait_done(TRIALS);
    sweep.report("MaxSubmitJobs of a user", "20", TRIALS);

    site.limit(&["modify", "user", &site.user(), "set", "MaxSubmitJobs=3"]);
    let sweep = site.submit("of-user-tiny", 12, "");
    sweep.wait_done(12);
    sweep.report("MaxSubmitJobs of a user", "3", 12);

    // A search that is driven anyway: its driver submits what it proposes as there is room.
    site.limit(&["modify", "user", &site.user(), "set", "MaxSubmitJobs=8"]);
    let sweep = site.submit(
        "driven",
        30,
        "method: genetic\ngenetic: {num_demes: 2, pop_size: 10, generations: 2}\nmetric: {name: loss}\n",
    );
    let trials = sweep.wait_over();
    sweep.report("MaxSubmitJobs, a search", "8", trials);
    site.limit(&["modify", "user", &site.user(), "set", "MaxSubmitJobs=-1"]);

    site.limit(&["modify", "qos", "normal", "set", "MaxSubmitJobsPerUser=20"]);
    let sweep = site.submit("of-qos", TRIALS, "");
    sweep.wait_done(TRIALS);
    sweep.report("MaxSubmitJobsPerUser of a QOS", "20", TRIALS);
    site.limit(&["modify", "qos", "normal", "set", "MaxSubmitJobsPerUser=-1"]);

    site.limit(&["modify", "account", "lab", "set", "GrpSubmitJobs=20"]);
    let sweep = site.submit("of-account", TRIALS, "concurrency: 6\n");
    sweep.wait_done(TRIALS);
    assert!(sweep.most_at_once() <= 6, "the sweep's concurrency holds over all its arrays");
    sweep.report("GrpSubmitJobs, concurrency 6", "20", TRIALS);
}

#[test]
fn a_controller_that_has_as_many_jobs_as_it_may_is_waited_for() {
    let site = Site::with(&[("MaxJobCount", "40"), ("MinJobAge", "2")]);
    let sweep = site.submit("job-count", TRIALS, "");
    assert!(sweep.submitted()["waiting"]["trials"].as_u64().unwrap() > 0, "{}", sweep.submitted());
    sweep.wait_done(TRIALS);
    sweep.report("MaxJobCount", "40", TRIALS);
}

#[test]
fn an_array_is_never_larger_than_the_site_allows() {
    let site = Site::with(&[("MaxArraySize", "16"), ("SchedulerParameters", "max_array_tasks=10")]);
    let sweep = site.submit("arrays", TRIALS, "");
    assert_eq!(sweep.submitted()["batches"].as_array().unwrap().len(), 6);
    sweep.wait_done(TRIALS);
    sweep.report("max_array_tasks", "10", TRIALS);
}

#[test]
fn a_sweep_that_waits_for_room_can_be_stopped_and_what_is_too_large_is_refused_at_once() {
    let site = Site::with_accounting();
    site.limit(&["modify", "user", &site.user(), "set", "MaxSubmitJobs=10"]);
    let sweep = site.submit("stopped", TRIALS, "sbatch: {hold: true}\n");
    sweep.sweep(&["stop"]);
    site.wait("an empty queue", LIMIT, || (site.queued() == 0).then_some(()));
    assert_eq!(sweep.ran(), Vec::<String>::new());
    assert!(!sweep.screen().contains("wait for room"), "{}", sweep.screen());

    site.limit(&["modify", "user", &site.user(), "set", "MaxTRESPerJob=cpu=1"]);
    site.limit(&["modify", "qos", "normal", "set", "Flags=DenyOnLimit", "MaxTRESPerJob=cpu=1"]);
    let ran = site.try_submit("too-large", 4, "sbatch: {cpus-per-task: 2}\n");
    assert!(!ran.success() && ran.stderr.contains("sbatch refused the job"), "{}", ran.stderr);
    assert_eq!(site.queued(), 0, "nobody waits for room that never comes");
}
