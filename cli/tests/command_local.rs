//! Sweeps by the local executor: every form of a command, how trials end, stops and interrupts. No Slurm is needed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use command_site::{Site, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

#[test]
fn each_form_of_a_command_runs() {
    let parameters = "parameters: {x: [1], on: [true], off: [false], note: ['a; b $x']}\n";
    let check = |form: &str, expected: &str| {
        let site = Site::new(&format!("name: form\n{form}\n{parameters}"));
        let script = site.write("train.sh", "#!/bin/sh\necho script \"$@\" $x \"$note\"\n");
        fs::set_permissions(script, PermissionsExt::from_mode(0o755)).unwrap();
        fs::create_dir(site.path("in-1")).unwrap();
        let dir = site.run(0);
        assert_eq!(site.output(&dir, 0), expected, "{form}");
    };
    check("command: [echo, '${x}', '${note}', '$x', '$${x}', '${none:-d}']", "1 a; b $x $x ${x} d\n");
    check("shell: 'echo $x \"$note\" ${x}'", "1 a; b $x 1\n");
    check("script: train.sh", "script 1 a; b $x\n");
    check("setup: ['export A=${x}', 'f() { echo f $A; }', f]\ncommand: [echo, '${note}']", "f 1\na; b $x\n");
    check("workdir: 'in-${x}'\nshell: 'basename $PWD'", "in-1\n");
    check("env: {E: 'e${x}'}\nshell: 'echo $E'", "e1\n");
    check("env_names: upper\nshell: 'echo $X $NOTE'", "1 a; b $x\n");
    // W&B's macros; parameters come in the order of their names.
    let program =
        |words: &str| format!("program: train.sh\ncommand: ['${{env}}', sh, '${{program}}', {words}]");
    check(&program("'${args}'"), "script --note=a; b $x --off=false --on=true --x=1 1 a; b $x\n");
    check(&program("'${args_no_equals}'"), "script --note a; b $x --off false --on true --x 1 1 a; b $x\n");
    check(&program("'${args_no_hyphens}'"), "script note=a; b $x off=false on=true x=1 1 a; b $x\n");
    check(&program("'${args_no_boolean_flags}'"), "script --note=a; b $x --on --x=1 1 a; b $x\n");
    check(
        &program("'${args_json}'"),
        "script {\"note\":\"a; b $x\",\"off\":false,\"on\":true,\"x\":1} 1 a; b $x\n",
    );
    check(&program("'${envvar:LANG}'"), "script C.UTF-8 1 a; b $x\n");
}

#[test]
fn trials_end_as_their_programs_did() {
    let site =
        Site::new("name: ends\nshell: 'eval \"$how\"'\nparams: [{how: 'exit 7'}, {how: 'kill -KILL $$'}]\n");
    let dir = site.run(4);
    let status = site.json(&["status"]);
    let ends = |n: usize| (status["trials"][n]["exit"].as_i64(), status["trials"][n]["signal"].as_i64());
    assert_eq!((ends(0), ends(1)), ((Some(7), None), (None, Some(9))));
    assert_eq!(site.states(&dir), ["failed", "failed"]);
}

#[test]
fn a_program_that_cannot_be_started_is_the_reason_of_its_own_trial_alone() {
    let site = Site::new("name: missing\ncommand: ['./${file}']\nparameters: {file: [here, gone]}\n");
    let script = site.write("here", "#!/bin/sh\n");
    fs::set_permissions(script, PermissionsExt::from_mode(0o755)).unwrap();
    let dir = site.run(4);
    assert_eq!(site.states(&dir), ["completed", "failed"]);
    assert!(site.output(&dir, 1).contains("cannot start `./gone` in `"), "{}", site.output(&dir, 1));
    let status = site.json(&["status"]);
    assert_eq!((&status["trials"][1]["exit"], &status["trials"][0]["task_error"]), (&127.into(), &().into()));
    assert!(site.good(&["show", "t001"]).contains("a task could not start:\n  error: cannot start `./gone`"));
    assert!(!site.good(&["show", "t000"]).contains("could not start"));
    assert!(site.good(&["status"]).contains("t001: error: cannot start `./gone`"));
}

#[test]
fn trials_with_sbatch_options_of_their_own_run_all_the_same_and_never_more_than_asked() {
    let spec = "name: kinds\nconcurrency: 1\nparams:\n- {x: a}\n- {x: b, sbatch: {mem: 2G}}\n- {x: c}\n- {x: d}\n\
        command: [sh, -c, '[ -e busy ] && exit 9; touch busy; sleep 0.05; exec python3 -c \"import os; os.remove(\\\"busy\\\")\"']\n";
    let site = Site::new(spec);
    let dir = site.run(0);
    assert_eq!(site.states(&dir), ["completed"; 4]);
    assert_eq!(fs::read_dir(dir.join("batches")).unwrap().count(), 1);
}

/// A process is asked about after its records are read: its end in between must not look like a death.
#[test]
fn a_trial_that_ends_while_somebody_looks_is_never_taken_for_dead() {
    let list: Vec<_> = (0..60).map(|n| n.to_string()).collect();
    let site =
        Site::new(&format!("name: quick\ncommand: ['true']\nparameters: {{x: [{}]}}\n", list.join(", ")));
    site.good(&["submit", "--executor", "local"]);
    let dir = site.newest();
    let done = vec!["completed"; 60];
    wait_for("all trials", || {
        let states = site.states(&dir);
        for state in &states {
            assert!(["pending", "running", "completed", "submitted"].contains(&state.as_str()), "{states:?}");
        }
        (states == done).then_some(())
    });
}

const WAITING: &str = "name: waiting\nconcurrency: 1\ncommand: [sh, -c, 'echo ran; exec sleep 600']\n\
    parameters: {x: [1, 2, 3]}\n";

#[test]
fn a_stop_ends_what_runs_and_starts_nothing_more() {
    let site = Site::new(WAITING);
    site.good(&["submit", "--executor", "local"]);
    let dir = site.newest();
    wait_for("the first trial", || dir.join("trials/t000/out.log").exists().then_some(()));
    assert!(site.good(&["stop", "--reason", "enough"]).contains(": 1 job was told to end\n"));
    wait_for("its end", || (site.states(&dir) == ["cancelled"; 3]).then_some(()));
    site.good(&["stop", "--reason", "again"]);
    let status = site.json(&["status"]);
    assert_eq!(status["stopped"], "enough");
    assert_eq!(site.sweep(&["status", "--check"]).code, Some(4));
    assert!(!dir.join("trials/t001").exists());
}

#[test]
fn an_interrupted_run_leaves_its_trials_running() {
    let site = Site::new(WAITING);
    let error = site.write("stderr", "");
    let mut run = site.command(&["run", "--executor", "local"]);
    run.stdout(Stdio::null()).stderr(fs::File::create(&error).unwrap());
    let mut child = run.spawn().unwrap();
    let said = || fs::read_to_string(&error).unwrap();
    wait_for("the first trial", || said().contains("running 1").then_some(()));
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{}", said());
    let dir = site.newest();
    assert!(said().contains(&format!("end them with `sweep stop {}`", dir.display())), "{}", said());
    assert_eq!(site.states(&dir)[0], "running");
    assert_eq!(site.sweep(&["status", "--check"]).code, Some(5));
    site.good(&["stop"]);
    wait_for("its end", || (site.states(&dir)[0] == "cancelled").then_some(()));
}
