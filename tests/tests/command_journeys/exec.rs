//! What becomes of a trial inside its job: how its end is passed on, what is left where it could not start, second
//! starts, requeues and signals.

use std::fs;

use sweep_core::environment::OPTION_PREFIX;
use sweep_testbed::JobId;

use crate::site::{Home, LIMIT, Sweep, plain, plugged};

fn one(home: &Home) -> Sweep<'_> {
    home.submit(&[])
}

#[test]
fn a_job_ends_as_its_program_ended() {
    let spec = "name: ends\nshell: 'eval \"$how\"'\nparams: [{how: 'exit 7'}, {how: 'kill -KILL $$'}, {how: 'kill -USR2 $$'}]\n";
    for cluster in [plain(), plugged()] {
        let home = Home::new(cluster, "ends", spec);
        let sweep = one(&home);
        let status = sweep.wait_states(&["failed"; 3]);
        let jobs = cluster.wait_array_done(sweep.job(), LIMIT).unwrap();
        let codes: Vec<_> = jobs.iter().map(|job| (job.state(), job.exit_code())).collect();
        assert_eq!(codes, [("FAILED", "7:0"), ("FAILED", "0:9"), ("FAILED", "0:12")]);
        let ends = [0, 1, 2].map(|n| (&status["trials"][n]["exit"], &status["trials"][n]["signal"]));
        assert_eq!(format!("{ends:?}"), "[(Number(7), Null), (Null, Number(9)), (Null, Number(12))]");
        assert!(sweep.show("t001").contains(", signal 9, "));
    }
}

#[test]
fn a_program_that_cannot_be_started_leaves_the_reason() {
    for cluster in [plain(), plugged()] {
        let home = Home::new(
            cluster,
            "missing",
            "name: missing\ncommand: [./no-such-program, '${x}']\nparameters: {x: [1]}\n",
        );
        let sweep = one(&home);
        sweep.wait_states(&["failed"]);
        let log = sweep.read(0, "out.log");
        assert!(log.contains("cannot start `./no-such-program` in `"), "{log}");
        assert!(log.contains("No such file or directory"), "{log}");
        assert!(sweep.show("t000").contains("cannot start `./no-such-program`"));
        // Slurm may say that it failed a moment before the record says how.
        let exit = || Some(sweep.status()["trials"][0]["exit"].clone()).filter(|exit| !exit.is_null());
        let exit = cluster.wait_for(LIMIT, "the exit code", exit).unwrap();
        assert_eq!(exit, 127, "as a shell says it, whoever writes the record");
        assert_eq!(cluster.wait_array_done(sweep.job(), LIMIT).unwrap()[0].exit_code(), "127:0");
    }
}

#[test]
fn a_missing_sweep_command_is_said_in_the_sweep_directory() {
    let home = Home::new(plain(), "gone", "name: gone\nshell: 'true'\nparameters: {x: [1, 2]}\n");
    let copy = home.path.join("sweep-copy");
    fs::copy(home.cluster.directory().join("bin/sweep"), &copy).unwrap();
    let mut submit = home.command(copy.to_str().unwrap());
    submit.args(["submit", "--format", "json", "--executor", "slurm", "--", "--hold"]);
    let ran = home.cluster.run(&mut submit).unwrap().checked().unwrap();
    let sweep = home.submitted(&serde_json::from_str(&ran.stdout).unwrap());
    fs::remove_file(&copy).unwrap();
    home.cluster.scontrol(&["release", &sweep.job().to_string()]).unwrap().checked().unwrap();
    let jobs = home.cluster.wait_array_done(sweep.job(), LIMIT).unwrap();
    assert_eq!(jobs.iter().map(|job| job.exit_code()).collect::<Vec<_>>(), ["74:0", "74:0"]);
    let left = fs::read_to_string(sweep.dir.path().join("batches/0.1.err")).unwrap();
    assert_eq!(left.lines().count(), 1, "{left}");
    assert!(left.starts_with("error: `") && left.contains("sweep-copy` is not there on node r"), "{left}");
    assert!(sweep.show("t001").contains(left.trim()));
    let status = home.sweep(&["status", sweep.path()]).checked().unwrap().stdout;
    assert!(status.contains("sweep-copy` is not there"), "{status}");
}

#[test]
fn a_second_start_of_a_trial_ends_at_once_and_does_not_count() {
    for cluster in [plain(), plugged()] {
        let home = Home::new(
            cluster,
            "twice",
            "name: twice\ncommand: [sh, -c, 'echo ran; while ! [ -e go ]; do sleep 0.1; done']\nparameters: {x: [1]}\n",
        );
        let _ = fs::remove_file(home.path.join("go"));
        let sweep = one(&home);
        home.wait_file(&sweep.file(0, "out.log"));
        // As when an sbatch was given up for lost and made again.
        let mut again = home.command("sbatch");
        again.env(format!("{OPTION_PREFIX}sweep_dir"), sweep.path());
        again.env(format!("{OPTION_PREFIX}sweep_trial"), "t000");
        let name = format!("--job-name={}.0", sweep.dir.path().file_name().unwrap().to_str().unwrap());
        again.args(["--parsable", "--output=/dev/null", &name]).arg(sweep.dir.job_script());
        again.arg(cluster.directory().join("bin/sweep")).arg(sweep.path()).args(["0", "t000"]);
        let ran = cluster.run(&mut again).unwrap().checked().unwrap();
        let twin = JobId(ran.stdout.trim().parse().unwrap());
        let twin = cluster.wait_job_state(twin, &["FAILED"], LIMIT).unwrap();
        assert_eq!(twin.exit_code(), "75:0");
        home.write("go", "");
        let status = sweep.wait_completed(1);
        assert_eq!(status["trials"][0]["attempt"], 0);
        assert_eq!(status["trials"][0]["job_id"], sweep.job().task(0));
        let log = sweep.read(0, "out.log");
        assert_eq!(log.matches("ran\n").count(), 1, "{log}");
        let show = sweep.show("t000");
        assert!(show.contains("attempt 0") && !show.contains("attempt 1"), "{show}");
        assert!(show.contains("is held by another job"), "{show}");
    }
}

#[test]
fn a_requeued_trial_is_its_next_attempt_with_the_same_claim() {
    for cluster in [plain(), plugged()] {
        let home = Home::new(
            cluster,
            "requeue",
            "name: requeue\ncommand: [sh, -c, 'echo try $SWEEP_ATTEMPT; [ $SWEEP_ATTEMPT = 1 ] || sleep 600']\n\
             sbatch: {requeue: true}\nparameters: {x: [1]}\n",
        );
        let sweep = one(&home);
        home.cluster
            .wait_for(LIMIT, "the first attempt", || sweep.file(0, "out.log").exists().then_some(()))
            .unwrap();
        sweep.wait_states(&["running"]);
        let claim = sweep.read(0, "claim.0");
        let task = sweep.job().task(0);
        cluster.run(home.command("scontrol").args(["requeue", &task])).unwrap().checked().unwrap();
        cluster.start_requeued(&task, LIMIT).unwrap();
        let status = sweep.wait_completed(1);
        assert_eq!(status["trials"][0]["attempt"], 1);
        assert_eq!(sweep.read(0, "claim.0"), claim);
        let log = sweep.read(0, "out.log");
        let heads: Vec<_> = log.lines().filter(|line| line.starts_with("===")).collect();
        assert_eq!(heads.len(), 2, "{log}");
        assert!(heads[0].starts_with("=== attempt 0 of t000, job "), "{log}");
        assert!(heads[1].starts_with("=== attempt 1 of t000, job "), "{log}");
        assert!(log.contains("try 0\n") && log.contains("try 1\n"), "{log}");
        let attempts = sweep.records(0);
        assert_eq!(attempts.iter().map(|records| records[0].attempt).collect::<Vec<_>>(), [0, 1]);
        assert!(sweep.show("t000").contains("attempt 1"));
    }
}

#[test]
fn a_signal_to_the_batch_script_reaches_the_program() {
    let home = Home::new(
        plain(),
        "signal",
        "name: signal\ncommand: [bash, -c, 'trap \"echo got it; exit 0\" USR1; echo ready; while :; do sleep 0.1; done']\n\
         parameters: {x: [1]}\n",
    );
    let sweep = one(&home);
    home.cluster
        .wait_for(LIMIT, "the trap", || {
            fs::read_to_string(sweep.file(0, "out.log")).ok()?.contains("ready").then_some(())
        })
        .unwrap();
    let job = sweep.job().task(0);
    let ran = home.cluster.run(home.command("scancel").args(["--signal=USR1", "--batch", &job])).unwrap();
    ran.checked().unwrap();
    sweep.wait_completed(1);
    assert_eq!(sweep.read(0, "out.log").matches("got it").count(), 1);
}

/// After a crash of slurmctld, Slurm may take a completed job for one whose node failed, and run it again.
#[test]
fn a_job_that_is_started_again_after_it_completed_runs_nothing_twice() {
    for cluster in [plain(), plugged()] {
        let home = Home::new(
            cluster,
            "completed-again",
            "name: completed\ncommand: [sh, -c, 'echo ran >> ran']\nsbatch: {requeue: true}\nparameters: {x: [1]}\n",
        );
        let sweep = one(&home);
        sweep.wait_completed(1);
        let task = sweep.job().task(0);
        cluster.run(home.command("scontrol").args(["requeue", &task])).unwrap().checked().unwrap();
        cluster.start_requeued(&task, LIMIT).unwrap();
        let said =
            || sweep.read(0, "out.log").contains("was started again after it had completed; nothing is run");
        cluster.wait_for(LIMIT, "the second start", || said().then_some(())).unwrap();
        sweep.wait_completed(1);
        assert_eq!(std::fs::read_to_string(home.path.join("ran")).unwrap(), "ran\n");
        assert_eq!(home.sweep(&["status", "--check", sweep.path()]).code, Some(0));
    }
}
