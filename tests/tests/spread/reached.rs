//! Two clusters of which each is to be reached, or is not.

use std::fs;

use serde_json::json;
use sweep_testbed::Daemon;

use crate::pair::{WAITING, jobs, pair, wait_started};
use crate::site::{LIMIT, states};

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
