//! The commands that go on after a crash, `sweep resume` and `sweep retry`, killed themselves behind each of their own
//! system calls.

use serde_json::json;

use crate::killing::{Killed, Point, account, account_runs};
use crate::local::wait_gone;
use crate::outcome::say;
use crate::site::{Home, LIMIT, SPEC, in_parallel, undisturbed, wait_idle};
use crate::tracer::Traced;

/// Each trial's first attempt fails.
const FAILS_ONCE: &str =
    "command: [sh, -c, 'echo $SWEEP_ATTEMPT >> runs/$SWEEP_TRIAL; exit $((1 - SWEEP_ATTEMPT))']
params:
- {x: 0}
- {x: 1, sbatch: {time: 5}}
- {x: 2}
- {x: 3, sbatch: {time: 5}}
";

/// Commands that are killed at once; most of them wait for the fence.
const AT_ONCE: usize = 60;

/// A sweep of which nothing was submitted.
fn planned(home: &Home) {
    assert!(Traced::complete(home).kill());
}

/// A sweep whose first batch may or may not have been submitted.
fn unresolved(home: &Home) {
    assert!(Traced::before_sbatch(home).kill());
}

/// A sweep whose trials have all failed.
fn failed(home: &Home) {
    assert!(home.submission().status().unwrap().success());
    home.wait_states(&["failed"; 4]);
}

/// Kills `command` behind each of its calls, each time in a home of its own that `prepare` was done to.
pub fn killed(model: &Home, name: &str, spec: &str, command: &str, prepare: fn(&Home)) -> Vec<Killed> {
    let traced = model.like(&format!("{name}-traced"), spec);
    prepare(&traced);
    let calls = Traced::start(&mut traced.quiet(command)).run_out().len();
    let behind: Vec<usize> = (1..=calls).collect();
    in_parallel(AT_ONCE, &behind, |&call| {
        let home = model.like(&format!("{name}{call}"), spec);
        prepare(&home);
        let mut traced = Traced::start(&mut home.quiet(command));
        let in_time = traced.run_to(call) && traced.kill();
        Killed { home, point: Point::Call(call), in_time }
    })
}

/// What a person does after a retry that was killed: go on, and try again what is still failed.
fn resume_and_retry(home: &Home) {
    home.resume();
    home.sweep(&["retry", "--state", "failed"]).checked().unwrap();
}

#[test]
fn a_resume_that_is_killed_loses_no_trial_and_runs_none_twice() {
    let model = Home::new(undisturbed(), "resume-model");
    let mut all = killed(&model, "resume-planned", SPEC, "resume", planned);
    all.extend(killed(&model, "resume-open", SPEC, "resume", unresolved));
    account(&all, AT_ONCE, || wait_idle(model.cluster())).settle("sweep resume killed", 40);
}

#[test]
fn a_retry_that_is_killed_gives_each_trial_one_more_attempt() {
    let model = Home::new(undisturbed(), "retry-model");
    let all = killed(&model, "retry", FAILS_ONCE, "retry", failed);
    let tally = account_runs(&all, AT_ONCE, 2, resume_and_retry, || wait_idle(model.cluster()));
    tally.settle("sweep retry killed", 20);
}

#[test]
fn a_local_resume_that_is_killed_loses_no_trial_and_runs_none_twice() {
    let model = Home::without_slurm("local-model");
    let mut all = killed(&model, "planned", SPEC, "resume", planned);
    all.extend(killed(&model, "open", SPEC, "resume", unresolved));
    account(&all, AT_ONCE, || wait_gone(&all)).settle("local resume killed", 40);
}

#[test]
fn a_local_retry_that_is_killed_gives_each_trial_one_more_attempt() {
    let model = Home::without_slurm("local-model");
    let all = killed(&model, "retry", FAILS_ONCE, "retry", failed);
    account_runs(&all, AT_ONCE, 2, resume_and_retry, || wait_gone(&all)).settle("local retry killed", 20);
}

#[test]
fn a_submission_is_gone_on_with_as_it_was_asked_for() {
    let home = Home::new(undisturbed(), "as-asked");
    let mut submit = home.submission();
    submit.args(["--individual", "--", "--comment=of mine"]);
    let mut traced = Traced::start(&mut submit);
    let made = traced.run_until(LIMIT, |_| home.dir().map(drop));
    assert!(made.is_some() && traced.kill());
    home.resume();
    home.wait_ran_once(4);
    let jobs = home.queue();
    assert_eq!(jobs.len(), 4, "{jobs:?}");
    for line in &jobs {
        let id = line.split_once(' ').unwrap().0;
        let job = home.cluster().job(id).unwrap();
        assert_eq!((job.get("Comment"), job.array_task()), (Some("of mine"), None));
    }
    say("submission killed before its first batch: gone on with one job a trial and its options");
}

#[test]
fn stop_ends_jobs_that_nobody_noted() {
    let home = Home::with_spec(
        undisturbed(),
        "stop-unnoted",
        "command: [sh, -c, 'echo x >> runs/$SWEEP_TRIAL; sleep 600']\nparameters: {x: [0, 1]}\n",
    );
    let mut traced = Traced::before_sbatch(&home);
    // The job runs while its submission stands still behind starting sbatch, and never hears of it.
    traced.run_to_start();
    home.wait_runs(2);
    assert!(traced.kill());
    let report = home.json(&["stop", "--reason", "enough"]);
    assert_eq!(report["cancelled_jobs"].as_array().unwrap().len(), 1);
    wait_idle_of(&home);
    let status = home.wait_states(&["cancelled", "cancelled"]);
    assert_eq!(status["stopped"], json!("enough"));
    say("sweep stop: a job that nobody noted is cancelled");
}

fn wait_idle_of(home: &Home) {
    let open = |line: &String| !["CANCELLED", "FAILED", "COMPLETED"].iter().any(|end| line.ends_with(end));
    let idle = sweep_testbed::wait_for(LIMIT, || (!home.queue().iter().any(open)).then_some(()));
    idle.unwrap_or_else(|| panic!("{:?}", home.queue()));
}
