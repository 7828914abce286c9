//! `sweep run` on a real Slurm: it ends with the sweep and its exit code says how, and a person who leaves takes
//! nothing with them.

use std::fs;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::site::{Home, LIMIT, plain};

#[test]
fn a_run_ends_with_the_status_and_its_code() {
    let spec = "name: run\ncommand: [sh, -c, 'sweep log loss=0.$x; exit $x']\nparameters: {x: [0]}\n\
        metric: {name: loss, goal: minimize}\n";
    let home = Home::new(plain(), "run", spec);
    let ran = home.sweep(&["run"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains(": 1 trials\n") && ran.stderr.contains("completed 1"), "{ran}");
    assert!(ran.stdout.contains("\nbest: t000 with loss 0  x=0\n"), "{ran}");

    let home = Home::new(plain(), "run-fails", &spec.replace("[0]", "[0, 7]"));
    let ran = home.sweep(&["run"]);
    assert_eq!(ran.code, Some(4), "{ran}");
    assert!(
        ran.stdout.contains("\nfailures: 1 × ") && ran.stdout.contains("\nmore of it:     sweep show t001 "),
        "{ran}"
    );
}

#[test]
fn an_interrupted_run_leaves_its_jobs_alone_and_says_how_to_go_on() {
    let spec =
        "name: leave\ncommand: [sh, -c, 'while ! [ -e go ]; do sleep 0.1; done']\nparameters: {x: [0]}\n";
    let home = Home::new(plain(), "leave", spec);
    let error = home.write("stderr", "");
    let mut run = home.command("sweep");
    run.args(["run"]).stdout(Stdio::null()).stderr(fs::File::create(&error).unwrap()).stdin(Stdio::null());
    let mut child = run.spawn().unwrap();
    let said = || fs::read_to_string(&error).unwrap();
    home.cluster.wait_for(LIMIT, "the trial to run", || said().contains("running 1").then_some(())).unwrap();
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    let code = home.cluster.wait_for(LIMIT, "the command to end", || child.try_wait().unwrap()).unwrap();
    assert_eq!(code.code(), Some(130), "{}", said());
    let sweep = home.newest();
    for hint in [format!("sweep status {}", sweep.path()), format!("sweep stop {}", sweep.path())] {
        assert!(said().contains(&hint), "{hint}: {}", said());
    }
    assert_eq!(sweep.states(), ["running"]);
    home.write("go", "");
    sweep.wait_completed(1);
}
