//! `sweep status` while Slurm works: every state as it comes, with accounting and without, and what is left to say
//! where Slurm cannot be asked.

use serde_json::Value;
use sweep_testbed::Cluster;

use crate::site::{Home, Sweep, accounted, plain, states};

/// One after the other: the first two end, the next two wait to be let go, and the last never starts by itself.
const SPEC: &str = "name: lives\nconcurrency: 2\n\
    command: [sh, -c, 'case $what in fail) exit 3;; wait) while ! [ -e go ]; do sleep 0.1; done;; esac']\n\
    params: [{what: pass}, {what: fail}, {what: wait}, {what: wait}, {what: pass}]\n";

fn check_code(sweep: &Sweep<'_>) -> Option<i32> {
    sweep.home.sweep(&["status", "--check", sweep.path()]).code
}

fn scancel(sweep: &Sweep<'_>, task: u32) {
    let id = sweep.job().task(task);
    sweep.home.cluster.run(sweep.home.command("scancel").arg(id)).unwrap().checked().unwrap();
}

/// The status where squeue knows nothing any more, as some minutes after the end.
fn when_slurm_has_forgotten(sweep: &Sweep<'_>) -> Vec<String> {
    let mut status = sweep.home.command_with("squeue", "exit 0", "sweep");
    status.args(["status", "--format", "json", sweep.path()]);
    let ran = sweep.home.cluster.run(&mut status).unwrap().checked().unwrap();
    states(&serde_json::from_str(&ran.stdout).unwrap())
}

fn live(cluster: &'static Cluster) -> Vec<String> {
    let home = Home::new(cluster, "lives", SPEC);
    let sweep = home.submit(&[]);
    sweep.wait_states(&["completed", "failed", "running", "running", "pending"]);
    assert_eq!(check_code(&sweep), Some(5));
    scancel(&sweep, 4);
    sweep.wait_states(&["completed", "failed", "running", "running", "cancelled"]);
    // Slurm calls a job running before anything of it runs.
    home.wait_file(&sweep.file(3, "out.log"));
    scancel(&sweep, 3);
    sweep.wait_states(&["completed", "failed", "running", "cancelled", "cancelled"]);
    home.write("go", "");
    let status = sweep.wait_states(&["completed", "failed", "completed", "cancelled", "cancelled"]);
    assert_eq!(check_code(&sweep), Some(4));
    check_fields(&status, &sweep);
    let expected = ["completed", "failed", "completed", "cancelled", "cancelled"];
    if cluster.config().accounting {
        // slurmdbd hears of an end a moment after slurmctld knows it.
        cluster
            .wait_for(crate::site::LIMIT, "sacct's word", || {
                (when_slurm_has_forgotten(&sweep) == expected).then_some(())
            })
            .unwrap();
    }
    when_slurm_has_forgotten(&sweep)
}

#[test]
fn with_accounting_nothing_is_forgotten() {
    let forgotten = live(accounted());
    assert_eq!(forgotten, ["completed", "failed", "completed", "cancelled", "cancelled"]);
}

#[test]
fn without_accounting_a_trial_that_left_no_trace_is_lost() {
    // A cancelled trial that ran is known by its record alone: it was ended by a signal.
    assert_eq!(live(plain()), ["completed", "failed", "completed", "failed", "lost"]);
}

fn check_fields(status: &Value, sweep: &Sweep<'_>) {
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let has = |value: &Value, wanted: &[&str]| {
        let found = keys(value);
        wanted.iter().for_each(|key| assert!(found.iter().any(|k| k == key), "{key}: {found:?}"));
    };
    let top =
        ["schema_version", "sweep_id", "manifest", "method", "matrix", "seed", "summary", "states", "trials"];
    has(status, &top);
    let trial = [
        "trial",
        "index",
        "name",
        "params",
        "replicate",
        "attempt",
        "job_id",
        "state",
        "bucket",
        "record_path",
        "metric",
    ];
    has(&status["trials"][1], &trial);
    let buckets =
        ["completed", "failed", "missing_tracking", "pending", "running", "submit_failed", "unknown"];
    assert_eq!(keys(&status["summary"]), buckets);
    assert_eq!(status["summary"]["failed"], 3, "{status}");
    let failed = &status["trials"][1];
    assert_eq!((&failed["exit"], &failed["bucket"]), (&Value::from(3), &Value::from("failed")));
    assert_eq!(failed["job_id"], sweep.job().task(1));
    let record = sweep.dir.path().join(failed["record_path"].as_str().unwrap());
    assert!(record.is_file(), "{}", record.display());
}

#[test]
fn where_slurm_cannot_be_asked_the_records_still_speak() {
    let home = Home::new(plain(), "unanswered", "name: mute\nshell: 'exit $x'\nparameters: {x: [0, 5]}\n");
    let sweep = home.submit(&[]);
    sweep.wait_states(&["completed", "failed"]);
    let status = |format: &[&str]| {
        let squeue = "echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1";
        let mut status = home.command_with("squeue", squeue, "sweep");
        status.args(["status", sweep.path()]).args(format);
        home.cluster.run(&mut status).unwrap()
    };
    let text = status(&[]).checked().unwrap().stdout;
    assert!(text.contains("Slurm could not be asked, so this is what the records say: squeue"), "{text}");
    assert!(text.contains("completed 1   failed 1"), "{text}");
    let json: Value = serde_json::from_str(&status(&["--format", "json"]).checked().unwrap().stdout).unwrap();
    assert_eq!(states(&json), ["completed", "failed"]);
    assert!(json["slurm_unanswered"].as_str().unwrap().contains("squeue does not answer"), "{json}");
    assert_eq!(status(&["--check"]).code, Some(4));
}

#[test]
fn all_completed_is_exit_code_0() {
    let home = Home::new(plain(), "good", "name: good\nshell: 'true'\nparameters: {x: [0, 5]}\n");
    let sweep = home.submit(&[]);
    sweep.wait_completed(2);
    assert_eq!(check_code(&sweep), Some(0));
}
