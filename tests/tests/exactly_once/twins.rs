//! Two jobs of one batch, two commands at once, and jobs that come when nobody expects them any more.

use std::process::Stdio;

use serde_json::json;
use sweep_testbed::{JobId, wait_for};

use crate::outcome::say;
use crate::site::{Home, LIMIT, TRIALS, states, undisturbed};
use crate::tracer::Traced;

/// Two trials of one array that wait for a word.
const WAITING: &str = "command: [sh, -c, 'echo $SLURM_ARRAY_JOB_ID >> runs/$SWEEP_TRIAL; while ! [ -e go ]; do sleep 0.1; done']
parameters: {x: [0, 1]}
";

/// Submits and gives the only job.
fn submit(home: &Home) -> JobId {
    let report = home.json(&["submit", "--executor", "slurm"]);
    job(&report["batches"][0]["job"])
}

fn job(value: &serde_json::Value) -> JobId {
    JobId(value.as_str().unwrap().parse().unwrap())
}

/// How each task of a job ended.
fn exits(home: &Home, job: JobId) -> Vec<String> {
    let jobs = home.cluster().wait_array_done(job, LIMIT).unwrap();
    jobs.iter().map(|job| job.exit_code().to_owned()).collect()
}

#[test]
fn the_tasks_of_a_twin_end_with_75_while_the_first_runs() {
    let home = Home::with_spec(undisturbed(), "twin-late", WAITING);
    submit(&home);
    home.wait_runs(2);
    let twin = home.twin(0, 2, "@0", &[]);
    assert_eq!(exits(&home, twin), ["75:0", "75:0"]);
    home.write("go", "");
    home.wait_ran_once(2);
    say("twin of a running batch: its tasks end with 75, lost 0, run twice 0");
}

#[test]
fn of_two_that_wait_resume_keeps_the_older() {
    let home = Home::with_spec(undisturbed(), "twin-younger", WAITING);
    home.write("go", "");
    let first = held(&home);
    let twin = home.twin(0, 2, "@0", &["--hold"]);
    let report = home.json(&["resume"]);
    assert_eq!(report["cancelled_twins"], json!([twin.0]));
    home.wait_ran_once(2);
    assert!(home.cluster().jobs(twin).unwrap().iter().all(|job| job.state() == "CANCELLED"));
    assert_eq!(home.runs()["t000"], [first.to_string()]);
    say("twins that wait: the younger is cancelled, lost 0, run twice 0");
}

/// Submits to be held back.
fn held(home: &Home) -> JobId {
    let mut command = home.command("sweep");
    command.args(["submit", "--executor", "slurm", "--format", "json", "--", "--hold"]);
    let ran = home.cluster().run(&mut command).unwrap().checked().unwrap();
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    job(&report["batches"][0]["job"])
}

#[test]
fn a_younger_one_that_runs_is_kept_and_trials_are_judged_by_it() {
    let home = Home::with_spec(undisturbed(), "twin-runs", WAITING);
    let noted = held(&home);
    // One at a time: the other trial still waits when the noted job is cancelled.
    let twin = home.twin(0, 2, "@0", &["--array=0-1%1"]);
    home.wait_runs(1);
    assert_eq!(home.json(&["resume"])["cancelled_twins"], json!([noted.0]));
    let seen = states(&home.json(&["status"]));
    assert_eq!(seen, ["running", "pending"]);
    home.write("go", "");
    home.wait_ran_once(2);
    assert_eq!(home.runs()["t001"], [twin.to_string()]);
    say("twins of which the younger runs: the older is cancelled, lost 0, run twice 0");
}

/// A folder that comes first in PATH, with one program in it.
fn instead_of(home: &Home, program: &str, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(home.path.join("instead")).unwrap();
    let path = home.write(&format!("instead/{program}"), script);
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    let command = home.command("sweep");
    let old = command.get_envs().find(|(name, _)| *name == "PATH").unwrap().1.unwrap();
    format!("{}:{}", home.path.join("instead").display(), old.to_str().unwrap())
}

#[test]
fn a_job_that_was_given_up_and_comes_late_starts_nothing() {
    let home = Home::with_spec(undisturbed(), "withdrawn", WAITING);
    home.write("go", "");
    let old = held(&home);
    // As at a site that shows nobody's jobs: the sweep's seem to have left no trace.
    let path = instead_of(&home, "squeue", "#!/bin/sh\nexit 0\n");
    let mut command = home.command("sweep");
    command.args(["resume", "--assume-lost", "--format", "json"]).env("PATH", path);
    let ran = home.cluster().run(&mut command).unwrap().checked().unwrap();
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["submitted"], json!(["t000", "t001"]));
    // It was released with all others.
    assert_eq!(exits(&home, old), ["75:0", "75:0"]);
    home.wait_ran_once(2);
    assert_eq!(home.runs()["t000"], [job(&report["jobs"][0]).to_string()]);
    say("job given up and released late: its tasks end with 75, lost 0, run twice 0");
}

#[test]
fn a_trial_that_runs_in_a_job_nobody_sees_is_not_given_away() {
    let home = Home::with_spec(undisturbed(), "unseen", WAITING);
    // Slurm took the job and said no: the worst that a wrapper of a site may do.
    let path =
        instead_of(&home, "sbatch", "#!/bin/sh\n/usr/bin/sbatch \"$@\" >/dev/null\necho no >&2\nexit 1\n");
    let ran = home.cluster().run(home.submission().env("PATH", path)).unwrap();
    assert_eq!(ran.code, Some(1), "{ran}");
    home.wait_runs(2);
    home.wait_states(&["running", "running"]);
    let report = home.json(&["resume"]);
    assert_eq!(report["submitted"], json!([]));
    home.write("go", "");
    home.wait_ran_once(2);
    say("sbatch that says no and submits: lost 0, run twice 0");
}

#[test]
fn an_answer_that_was_lost_is_found_and_nothing_is_submitted_twice() {
    let home = Home::new(undisturbed(), "lost-answer");
    let script = "#!/bin/sh\n/usr/bin/sbatch \"$@\" >/dev/null 2>&1\n\
        echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2\nexit 1\n";
    let path = instead_of(&home, "sbatch", script);
    let ran = home.cluster().run(home.submission().env("PATH", &path)).unwrap();
    assert_eq!(ran.code, Some(1), "{ran}");
    // The first batch is found; the answer to the second is lost again.
    let ran = home.cluster().run(home.command("sweep").arg("resume").env("PATH", &path)).unwrap();
    assert_eq!(ran.code, Some(1), "{ran}");
    home.resume();
    home.wait_ran_once(TRIALS);
    assert_eq!(jobs_of(&home), 2);
    say("sbatch's answer lost twice: batches 2, jobs 2, lost 0, run twice 0");
}

/// How many array jobs this home's sweep has had.
fn jobs_of(home: &Home) -> usize {
    let lines = home.queue();
    lines
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(job, _)| job)
        .collect::<std::collections::BTreeSet<_>>()
        .len()
}

/// Starts a command twice at once and waits for both to succeed.
fn at_once(home: &Home, arguments: &[&str]) {
    let start = || {
        let mut command = home.command("sweep");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
    };
    let mut children = [start(), start()];
    for child in &mut children {
        let status = wait_for(LIMIT, || child.try_wait().unwrap());
        assert!(status.expect("both end").success());
    }
}

#[test]
fn two_resumes_at_once_submit_once() {
    let home = Home::new(undisturbed(), "two-resumes");
    assert!(Traced::before_sbatch(&home).kill());
    at_once(&home, &["resume"]);
    home.wait_ran_once(TRIALS);
    assert_eq!(jobs_of(&home), 2);
    say("two resumes at once: batches 2, jobs 2, lost 0, run twice 0");
}

#[test]
fn two_retries_of_one_trial_at_once_submit_one_batch() {
    // The first attempt fails.
    let spec = "command: [sh, -c, 'echo $SLURM_JOB_ID >> runs/$SWEEP_TRIAL; exit $((1 - SWEEP_ATTEMPT))']\n\
        parameters: {x: [0, 1]}\n";
    let home = Home::with_spec(undisturbed(), "two-retries", spec);
    submit(&home);
    home.wait_states(&["failed", "failed"]);
    at_once(&home, &["retry", "--state", "failed"]);
    let status = home.wait_states(&["completed", "completed"]);
    assert_eq!((&status["trials"][0]["attempt"], &status["trials"][1]["attempt"]), (&json!(1), &json!(1)));
    assert!(home.runs().values().all(|lines| lines.len() == 2), "{:?}", home.runs());
    assert_eq!(jobs_of(&home), 2);
    say("two retries at once: new batches 1, attempts 2 of each trial");
}
