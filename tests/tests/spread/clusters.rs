//! Two clusters whose jobs have the same numbers.

use std::fs;

use serde_json::{Value, json};
use sweep_testbed::Daemon;

use crate::pair::pair;
use crate::site::{Home, LIMIT, Sweep, states};

/// Of each trial its job and the cluster that has it.
fn jobs(status: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let trials = status["trials"].as_array().unwrap().iter();
    trials.map(|trial| (text(&trial["job_id"]), text(&trial["cluster"]))).collect()
}

/// How often a sweep has called one of Slurm's commands.
fn calls(sweep: &Sweep<'_>, program: &str) -> u64 {
    let mut count = 0;
    for entry in fs::read_dir(sweep.dir.path().join("calls")).unwrap() {
        let asked: Value = serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
        count += asked["calls"][program].as_u64().unwrap_or(0);
    }
    count
}

/// Waits for so many trials to have started, by the files that they make.
fn wait_started(home: &Home, count: usize) {
    let started = || {
        let files = fs::read_dir(&home.path).unwrap().flatten();
        files.filter(|file| file.file_name().to_string_lossy().starts_with("started.")).count()
    };
    home.cluster.wait_for(LIMIT, "trials to start", || (started() == count).then_some(())).unwrap();
}

/// A trial that starts, waits for a file, and fails where it is told to.
const WAITING: &str = "shell: 'touch started.$n; until [ -e go ]; do sleep 0.1; done; ! [ -e fail.$n ]'\n\
                       parameters: {n: [0, 1, 2, 3]}\n";

#[test]
fn equal_job_numbers_of_two_clusters_are_told_apart() {
    let pair = pair();
    let home = pair.home("apart", WAITING);
    home.write("fail.1", "");
    let report = home.json("submit", &["--executor", "slurm"]);
    let sweep = home.submitted(&report);
    let [first, second] = sweep.jobs.as_slice() else { panic!("{report}") };
    assert_eq!(first, second, "the numbers do not meet, so nothing is tested");
    assert_eq!(
        report["batches"][1]["place"],
        json!({"number": 1, "cluster": "beta", "sbatch": {"partition": "main"}})
    );
    wait_started(&home, 4);
    home.write("go", "");
    let status = sweep.wait_states(&["completed", "failed", "completed", "completed"]);
    let expected = [(0, "alpha"), (1, "alpha"), (0, "beta"), (1, "beta")];
    let expected = expected.map(|(task, cluster)| (format!("{first}_{task}"), cluster.to_owned()));
    assert_eq!(jobs(&status), expected);
    for (trial, (_, cluster)) in (0..).zip(&expected) {
        let records = sweep.records(trial);
        assert_eq!(records.len(), 1);
        assert!(records[0].iter().all(|record| record.cluster.as_ref() == Some(cluster)), "{records:?}");
    }
    let human = home.sweep(&["status", sweep.path()]).checked().unwrap().stdout;
    assert!(human.contains(&format!("{first}_1;beta")), "{human}");
    assert!(sweep.show("t002").contains("cluster     beta"));
    let asked = ["squeue", "sacct"].map(|program| calls(&sweep, program));
    assert_eq!(sweep.states()[1], "failed");
    assert_eq!(["squeue", "sacct"].map(|program| calls(&sweep, program)), asked.map(|count| count + 1));
    let csv = home.sweep(&["export", "--as", "csv", sweep.path()]).checked().unwrap().stdout;
    assert_eq!(csv.lines().filter(|line| line.contains(",beta,")).count(), 2, "{csv}");
    // One that runs again may go to the other cluster.
    fs::remove_file(home.path.join("fail.1")).unwrap();
    home.sweep(&["retry", sweep.path()]).checked().unwrap();
    assert_eq!(sweep.wait_completed(4)["trials"][1]["attempt"], 1);
}

#[test]
fn what_is_done_to_a_sweep_is_done_on_both_clusters() {
    let pair = pair();
    let home = pair.home("stopped", &format!("concurrency: 2\n{WAITING}"));
    let sweep = home.submit(&[]);
    wait_started(&home, 2);
    home.sweep(&["pause", sweep.path()]).checked().unwrap();
    let refused = home.sweep(&["extend", "--concurrency", "1", sweep.path()]);
    assert!(refused.code == Some(2) && refused.stderr.contains("leaves nothing for a place"), "{refused}");
    home.sweep(&["extend", "--concurrency", "4", sweep.path()]).checked().unwrap();
    assert_eq!(sweep.states(), ["running", "pending", "running", "pending"]);
    home.sweep(&["resume", sweep.path()]).checked().unwrap();
    wait_started(&home, 4);
    assert_eq!(pair.open_jobs(), 4);
    let stopped = home.json("stop", &[sweep.path()]);
    let job = &sweep.jobs[0];
    assert_eq!(stopped["cancelled_jobs"], json!([format!("{job};alpha"), format!("{job};beta")]));
    pair.wait_empty();
    sweep.wait_states(&["cancelled"; 4]);
}

#[test]
fn a_job_that_was_submitted_to_a_cluster_as_the_driver_was_killed_is_found_there() {
    let pair = pair();
    let home = pair.home("killed", WAITING);
    home.write("go", "");
    // Of the second cluster's call nobody hears the answer.
    let sbatch = "answer=$(/usr/bin/env PATH=${PATH#*:} sbatch \"$@\") || exit\n\
                  case \"$*\" in *--clusters=beta*) kill -9 $PPID; exit 1;; esac\necho \"$answer\"";
    let mut submit = home.command_with("sbatch", sbatch, "sweep");
    let ran = pair.alpha.run(submit.args(["submit", "--executor", "slurm"])).unwrap();
    assert!(!ran.success(), "{ran}");
    let sweep = home.newest();
    // As long as that cluster is silent, the job may be there.
    pair.beta.shut_down(Daemon::Slurmctld).unwrap();
    let resumed = home.sweep(&["resume", sweep.path()]).checked().unwrap();
    assert!(resumed.stderr.contains("batch 1 is not settled before cluster `beta` answers"), "{resumed}");
    pair.beta.launch(Daemon::Slurmctld).unwrap();
    pair.alpha
        .wait_for(LIMIT, "both to answer", || sweep.status()["slurm_unanswered"].is_null().then_some(()))
        .unwrap();
    let resumed = home.json("resume", &[sweep.path()]);
    assert_eq!(resumed["found"].as_array().unwrap().len(), 1, "{resumed}");
    assert!(resumed["found"][0].as_str().unwrap().ends_with(";beta"), "{resumed}");
    assert_eq!([&resumed["repeated"], &resumed["submitted"]], [&json!([]), &json!([])], "{resumed}");
    let status = sweep.wait_completed(4);
    let clusters: Vec<String> = jobs(&status).into_iter().map(|(_, cluster)| cluster).collect();
    assert_eq!(clusters, ["alpha", "alpha", "beta", "beta"]);
    for trial in 0..4 {
        assert_eq!(sweep.records(trial).len(), 1);
    }
}

#[test]
fn a_cluster_that_does_not_answer_takes_nothing_from_what_is_told_of_the_other() {
    let pair = pair();
    let home = pair.home("silent", WAITING);
    let sweep = home.submit(&[]);
    wait_started(&home, 4);
    pair.beta.kill(Daemon::Slurmctld).unwrap();
    let status = sweep.status();
    assert_eq!(states(&status), ["running"; 4], "{status}");
    let said = status["slurm_unanswered"].as_str().unwrap();
    assert!(said.contains("cluster `beta` does not answer"), "{said}");
    home.write("fail.1", "");
    home.write("go", "");
    sweep.wait_states(&["completed", "failed", "completed", "completed"]);
    // What is submitted meanwhile goes where somebody answers.
    fs::remove_file(home.path.join("fail.1")).unwrap();
    let retried = home.sweep(&["retry", sweep.path()]).checked().unwrap();
    assert!(retried.stderr.contains("cluster `beta` does not answer: trials go elsewhere"), "{retried}");
    sweep.wait_completed(4);
    let refused = home.sweep(&["submit", "--executor", "slurm"]);
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(refused.stderr.contains("cluster `beta` does not answer"), "{refused}");
    pair.beta.launch(Daemon::Slurmctld).unwrap();
    sweep
        .home
        .cluster
        .wait_for(LIMIT, "both to answer", || sweep.status()["slurm_unanswered"].is_null().then_some(()))
        .unwrap();
    assert_eq!(sweep.states(), ["completed"; 4]);
}

#[test]
fn a_search_is_driven_from_a_job_on_the_first_cluster_over_both() {
    let pair = pair();
    let home = pair.home(
        "driven",
        "method: random\ntrials: 4\nseed: 1\nconcurrency: 2\nbudget: {node_hours: 100}\n\
         shell: 'sweep log x=$x'\nmetric: {name: x}\nparameters: {x: {min: 0.0, max: 1.0}}\n",
    );
    let sweep = home.submit(&[]);
    let status = sweep.wait_completed(4);
    let mut clusters: Vec<String> = jobs(&status).into_iter().map(|(_, cluster)| cluster).collect();
    clusters.sort();
    assert_eq!(clusters, ["alpha", "alpha", "beta", "beta"]);
    pair.wait_empty();
}
