//! `sweep stop` on a real Slurm: one call, whatever the number of arrays, and nothing of the sweep starts after it.

use std::fs;
use std::process::Command;

use sweep_testbed::Cluster;

use crate::site::{Home, LIMIT, Sweep, accounted, plain, plugged};

/// `sweep` with a scancel before the real one that notes each call; `then` is what it does after.
fn noting(home: &Home, then: &str) -> Command {
    home.write("calls", "");
    let lines = format!("echo \"$@\" >> {}\n{then}", home.path.join("calls").display());
    home.command_with("scancel", &lines, "sweep")
}

fn calls(home: &Home) -> Vec<String> {
    fs::read_to_string(home.path.join("calls")).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn one_call_ends_all_arrays_and_the_first_reason_stays() {
    let home = Home::new(
        accounted(),
        "stop",
        "name: stop\nconcurrency: 2\ncommand: [sh, -c, 'echo ran; exec sleep 600']\n\
         parameters: {x: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}\n",
    );
    let sweep = home.submit(&[]);
    assert_eq!(sweep.jobs.len(), 3);
    let waiting = ["pending"; 10];
    sweep.wait_states(&[&["running"; 2][..], &waiting[..]].concat());
    let stop = |reason: &str| {
        let mut stop = noting(&home, "exec /usr/bin/scancel \"$@\"");
        stop.args(["stop", "--reason", reason, "--format", "json", sweep.path()]);
        let ran = home.cluster.run(&mut stop).unwrap().checked().unwrap();
        serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap()
    };
    assert_eq!(stop("enough seen")["reason"], "enough seen");
    assert_eq!(calls(&home), [sweep.jobs.join(" ")]);
    let status = sweep.wait_states(&["cancelled"; 12]);
    assert_eq!(status["stopped"], "enough seen");
    assert_eq!(stop("second thoughts")["reason"], "enough seen", "what is kept is what is said");
    assert_eq!(sweep.status()["stopped"], "enough seen");
    assert_eq!(home.sweep(&["status", "--check", sweep.path()]).code, Some(4));
    for trial in 2..12 {
        assert!(!sweep.file(trial, "").exists(), "t{trial:03} never started");
    }
}

/// A stop whose scancel never reached Slurm: the tasks look for themselves.
fn start_after_stop(cluster: &'static Cluster) {
    let home = Home::new(cluster, "late", "name: late\nshell: 'echo ran > ran'\nparameters: {x: [0, 1]}\n");
    let sweep: Sweep<'_> = home.submit(&["--", "--hold"]);
    let mut stop = noting(&home, "exit 0");
    home.cluster.run(stop.args(["stop", sweep.path()])).unwrap().checked().unwrap();
    assert_eq!(calls(&home).len(), 1);
    cluster.scontrol(&["release", &sweep.job().to_string()]).unwrap().checked().unwrap();
    for task in cluster.wait_array_done(sweep.job(), LIMIT).unwrap() {
        assert_eq!(task.exit_code(), "3:0", "{task:?}");
    }
    assert!(!home.path.join("ran").exists());
    let status = sweep.wait_states(&["cancelled"; 2]);
    assert_eq!(status["stopped"], "stopped by hand");
    assert!(!sweep.file(0, "out.log").exists() && !sweep.file(0, "claim.0").exists());
}

#[test]
fn a_task_that_starts_after_a_stop_runs_nothing_of_the_users() {
    start_after_stop(plain());
    start_after_stop(plugged());
}
