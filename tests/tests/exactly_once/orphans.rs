//! What starts `sweep exec` and ends before it: under Slurm the attempt ends with it, on this machine the trials go
//! on. The matrix of ends kills slurmstepd itself.

use std::fs;
use std::path::Path;

use sweep_testbed::{run, wait_for};

use crate::outcome::say;
use crate::site::{Home, LIMIT, undisturbed};

/// One trial, which says who runs it and then waits to be let go, or for the end of a test that failed.
const WAITS: &str =
    "command: [sh, -c, 'echo $$$$ >> runs/$SWEEP_TRIAL; while [ -d runs -a ! -e go ]; do sleep 0.1; done']
params: [{x: 0}]
";

/// The process id that the trial left.
fn begun(home: &Home) -> i32 {
    home.wait_runs(1);
    home.runs()["t000"][0].parse().unwrap()
}

/// What `/proc` says of the parent of a process that lives.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let lives = fields.next()? != "Z";
    let parent = fields.next()?.parse().ok()?;
    lives.then_some(parent)
}

fn is_supervisor(pid: i32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).nth(1) == Some(b"supervise".as_slice())
}

fn kill(pid: i32) {
    // SAFETY: a plain system call; the process is one of this test's own sweep, seen just now.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
}

fn wait_gone(pid: i32) {
    let gone = wait_for(LIMIT, || parent(pid).is_none().then_some(()));
    gone.unwrap_or_else(|| panic!("process {pid} lives on"));
}

#[test]
fn trials_of_this_machine_go_on_when_their_supervisor_is_killed() {
    let home = Home::without_slurm("unsupervised").like("unsupervised", WAITS);
    assert!(home.submission().status().unwrap().success());
    let trial = begun(&home);
    let supervisor = parent(parent(trial).unwrap()).unwrap();
    assert!(is_supervisor(supervisor));
    kill(supervisor);
    wait_gone(supervisor);
    home.write("go", "");
    home.wait_ran_once(1);
    say("local supervisor killed: its trial goes on, lost 0, run twice 0");
}

#[test]
fn a_trial_of_this_machine_ends_with_the_sweep_exec_that_keeps_it() {
    let home = Home::without_slurm("unkept").like("unkept", WAITS);
    assert!(home.submission().status().unwrap().success());
    let trial = begun(&home);
    kill(parent(trial).unwrap());
    wait_gone(trial);
    // A second attempt has nothing beside it.
    home.write("go", "");
    home.wait_states(&["node_fail"]);
    home.sweep(&["retry"]).checked().unwrap();
    home.wait_states(&["completed"]);
    assert_eq!(home.runs()["t000"].len(), 2);
    say("local sweep exec killed: its trial ends with it");
}

/// A home on the cluster with a sweep that nobody has submitted, and the arguments of `sweep exec` for its trial.
fn unsubmitted(name: &str, spec: &str) -> (Home, Vec<String>) {
    let home = Home::with_spec(undisturbed(), name, spec);
    home.sweep(&["init"]).checked().unwrap();
    let dir = home.dir().unwrap().path().to_str().unwrap().to_owned();
    (home, ["sweep", "exec", dir.as_str(), "0", "t000"].map(str::to_owned).into())
}

#[test]
fn sweep_exec_runs_undisturbed_below_srun_and_below_salloc() {
    // The trial outlives its starter's other threads and children by far.
    let spec = "command: [sh, -c, 'sleep 2; echo done >> runs/$SWEEP_TRIAL']\nparams: [{x: 0}]\n";
    for (name, starter) in [
        ("by-srun", ["srun", "-n1", "--quiet"].as_slice()),
        ("by-salloc", ["salloc", "-n1", "--quiet"].as_slice()),
        ("by-both", ["salloc", "-n1", "--quiet", "srun", "-n1", "--quiet"].as_slice()),
    ] {
        let (home, exec) = unsubmitted(name, spec);
        let mut command = home.command(starter[0]);
        let ran = run(command.args(&starter[1..]).args(&exec), LIMIT).unwrap();
        ran.checked().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(home.runs()["t000"], ["done"], "{name}");
    }
    say("sweep exec below srun, salloc and both: runs to its end");
}

#[test]
fn sweep_exec_ends_with_a_shell_that_started_it_and_is_killed() {
    let (home, exec) = unsubmitted("widowed", WAITS);
    let script =
        home.write("start.sh", &format!("#!/bin/sh\necho $$ > shell\n{}\necho alive\n", exec.join(" ")));
    let mut srun = home.command("srun");
    srun.args(["-n1", "--quiet", "sh"]).arg(&script);
    let mut srun = srun.spawn().unwrap();
    let trial = begun(&home);
    let exec = parent(trial).unwrap();
    let shell = fs::read_to_string(home.path.join("shell")).unwrap().trim().parse().unwrap();
    assert_eq!(parent(exec), Some(shell));
    kill(shell);
    wait_gone(trial);
    wait_gone(exec);
    let ended = wait_for(LIMIT, || srun.try_wait().unwrap()).expect("srun ends");
    assert!(!ended.success());
    assert!(!Path::new(&home.path).join("go").exists());
    say("shell around sweep exec killed: the attempt ends with it");
}
