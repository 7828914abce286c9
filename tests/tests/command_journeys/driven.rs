//! Searches on a real Slurm that a job drives: what it leaves behind, who else may take a step beside it, and how
//! people end, grow and mend such a sweep. Nothing here disturbs a daemon or kills a driver; the long proof does.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use sweep_core::id::BatchNumber;
use sweep_testbed::{Ran, run};

use crate::site::{Home, LIMIT, Sweep, plain, plugged, states};

/// Jobs of a sweep that have not ended, by name: its batches' and its drivers'.
fn open_jobs(sweep: &Sweep<'_>) -> Vec<String> {
    let id = sweep.dir.path().file_name().unwrap().to_str().unwrap();
    let mut squeue = sweep.home.command("squeue");
    squeue.args(["--noheader", "--format=%j %T"]);
    let ran = sweep.home.cluster.run(&mut squeue).unwrap().checked().unwrap();
    ran.stdout.lines().filter(|line| line.starts_with(id)).map(|line| line.trim_end().to_owned()).collect()
}

fn wait_no_job(sweep: &Sweep<'_>) {
    let none = || open_jobs(sweep).is_empty().then_some(());
    sweep.home.cluster.wait_for(LIMIT, "no job of the sweep to be left", none).unwrap();
}

fn driver_log(sweep: &Sweep<'_>) -> String {
    fs::read_to_string(sweep.dir.driver_log()).unwrap_or_default()
}

/// Waits until a status fits.
fn wait_status(sweep: &Sweep<'_>, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let mut seen = Value::Null;
    let found = sweep.home.cluster.wait_for(LIMIT, what, || {
        seen = sweep.status();
        fits(&seen).then(|| seen.clone())
    });
    found.unwrap_or_else(|error| panic!("{error}\n{seen}\n{}", driver_log(sweep)))
}

/// Goes on from its own step or its parent's, and says from where to where.
const STEPS: &str = "step=0
[ -n \"$SWEEP_CHECKPOINT_IN\" ] && step=$(cat \"$SWEEP_CHECKPOINT_IN/step\")
until=${SWEEP_BUDGET%.*}
echo \"$step $until\"
echo \"$until\" > \"$SWEEP_CHECKPOINT_OUT/step\"
awk -v lr=\"$lr\" -v budget=\"$until\" 'BEGIN { print (lr - 0.3) ^ 2 + 1 / budget }' > \"$SWEEP_RESULT\"
";
const RUNGS: &str = "name: rungs\nmethod: hyperband\nhyperband: {max_budget: 9, eta: 3}\nseed: 7\ncheckpoint: true\n\
    metric: {name: loss, goal: minimize}\ncommand: [sh, steps.sh]\nparameters: {lr: {min: 0.0, max: 1.0}}\n";
/// Brackets of 9, 3, 1 and of 5, 1 and of 3.
const RUNG_TRIALS: usize = 13 + 6 + 3;

/// Every trial began where its parent ended.
fn check_rungs(sweep: &Sweep<'_>) {
    let text = fs::read_to_string(sweep.dir.trials()).unwrap();
    let lines: Vec<Value> = text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), RUNG_TRIALS);
    let mut promoted = 0;
    for (index, line) in (0..).zip(&lines) {
        let from = line["parent"].as_str().map(|parent| {
            promoted += 1;
            let parent: usize = parent[1..].parse().unwrap();
            assert_eq!(lines[parent]["params"], line["params"]);
            lines[parent]["budget"].as_f64().unwrap()
        });
        let expected = format!("{:.0} {:.0}", from.unwrap_or(0.0), line["budget"].as_f64().unwrap());
        assert_eq!(sweep.read(index, "out.log").lines().last(), Some(expected.as_str()), "trial {index}");
    }
    assert_eq!(promoted, 5);
}

#[test]
fn hyperband_is_driven_by_its_job_to_the_end_and_no_driver_is_left() {
    let home = Home::new(plugged(), "rungs", RUNGS);
    home.write("steps.sh", STEPS);
    let sweep = home.submit(&[]);
    wait_status(&sweep, "all trials to complete", |status| status["states"]["completed"] == RUNG_TRIALS);
    wait_no_job(&sweep);
    check_rungs(&sweep);
    let best: Value = serde_json::from_slice(&fs::read(sweep.dir.best()).unwrap()).unwrap();
    assert_eq!((&best["budget"], &best["trial"]), (&9.0.into(), &sweep.status()["best"]));
    assert_eq!(home.sweep(&["status", "--check", sweep.path()]).code, Some(0));
    assert_eq!(driver_log(&sweep), "");
}

#[test]
fn others_who_take_steps_beside_the_driver_do_no_harm() {
    let home = Home::new(plain(), "beside", RUNGS);
    home.write("steps.sh", STEPS);
    let sweep = home.submit(&[]);
    let advance = || {
        let ran = home.sweep(&["advance", "--format", "json", sweep.path()]);
        assert_eq!(ran.code, Some(0), "{ran}");
        (sweep.status()["states"]["completed"] == RUNG_TRIALS).then_some(())
    };
    let drive = || {
        let ran = run(home.command("sweep").args(["drive", sweep.path()]), LIMIT).unwrap();
        assert_eq!(ran.code, Some(0), "{ran}");
    };
    std::thread::scope(|scope| {
        scope.spawn(|| home.cluster.wait_for(LIMIT, "all trials to complete", advance).unwrap());
        scope.spawn(drive);
        scope.spawn(drive);
    });
    wait_no_job(&sweep);
    check_rungs(&sweep);
    for trial in 0..u32::try_from(RUNG_TRIALS).unwrap() {
        assert_eq!(sweep.records(trial).len(), 1, "trial {trial} ran once");
    }
}

#[test]
fn a_canary_that_fails_stops_the_sweep_and_its_driver() {
    let home = Home::new(plugged(), "canary", "name: canary\nshell: 'exit 7'\nparameters: {x: [1, 2, 3]}\n");
    let sweep = home.submit(&["--canary"]);
    let status = wait_status(&sweep, "the sweep to be stopped", |status| status["stopped"].is_string());
    assert_eq!(status["stopped"], "the canary t000 failed: failed, exit code 7");
    assert_eq!(states(&status), ["failed"]);
    wait_no_job(&sweep);
}

#[test]
fn a_canary_that_completes_releases_the_others() {
    let home = Home::new(
        plain(),
        "canary-sings",
        "name: canary\ncanary: true\nshell: 'true'\nparameters: {x: [1, 2, 3]}\n",
    );
    let sweep = home.submit(&[]);
    wait_status(&sweep, "three trials", |status| status["states"]["completed"] == 3);
    wait_no_job(&sweep);
    let intent = |batch| fs::read_to_string(sweep.dir.batch(BatchNumber(batch))).unwrap();
    assert!(intent(0).contains(r#""first":0,"count":1"#), "one trial alone: {}", intent(0));
    assert!(intent(1).contains(r#""first":1,"count":2"#), "{}", intent(1));
}

/// Trials that wait to be let go.
const WAITING: &str = "name: waits\nmethod: random\ntrials: 6\nconcurrency: 2\nseed: 3\n\
    metric: {name: loss, goal: minimize}\nparameters: {x: {min: 0.0, max: 1.0}}\nearly_terminate: {type: median}\n\
    command: [sh, -c, 'while ! [ -e go ]; do sleep 0.1; done; [ -e good ] || exit 4; echo 1 > $SWEEP_RESULT']\n";

#[test]
fn a_driven_sweep_that_is_stopped_leaves_neither_trial_nor_driver() {
    let home = Home::new(plain(), "stopped", WAITING);
    let sweep = home.submit(&[]);
    sweep.wait_states(&["running"; 2]);
    home.sweep(&["stop", sweep.path()]).checked().unwrap();
    wait_no_job(&sweep);
    sweep.wait_states(&["cancelled"; 2]);
    home.write("go", "");
    let ran = home.sweep(&["advance", sweep.path()]);
    assert!(ran.code == Some(0) && sweep.states().len() == 2, "{ran}");
    assert!(open_jobs(&sweep).is_empty());
}

#[test]
fn trials_that_failed_are_tried_again_while_the_driver_goes_on() {
    let home = Home::new(plain(), "mended", WAITING);
    let sweep = home.submit(&[]);
    home.write("go", "");
    wait_status(&sweep, "all to fail", |status| status["states"]["failed"] == 6);
    wait_no_job(&sweep);
    fs::remove_file(home.path.join("go")).unwrap();
    home.write("good", "");
    // A driver that nobody needs at first, because the search is done; two more trials are its work.
    home.sweep(&["extend", "--trials", "2", sweep.path()]).checked().unwrap();
    home.sweep(&["resume", sweep.path()]).checked().unwrap();
    wait_status(&sweep, "two new ones to run", |status| status["states"]["running"] == 2);
    home.sweep(&["retry", "--trial", "t001,t003", sweep.path()]).checked().unwrap();
    home.write("go", "");
    let status = wait_status(&sweep, "them to complete", |status| status["states"]["completed"] == 4);
    let attempts: Vec<_> = (0..8).map(|n| status["trials"][n]["attempt"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [0, 1, 0, 1, 0, 0, 0, 0], "{status}");
    wait_no_job(&sweep);
}

#[test]
fn a_driver_that_cannot_drive_is_followed_by_none() {
    let home = Home::new(plain(), "broken", WAITING);
    let sweep = home.submit(&[]);
    sweep.wait_states(&["running"; 2]);
    fs::write(sweep.dir.spec(), "what: is this\n").unwrap();
    home.write("go", "");
    wait_no_job(&sweep);
    assert!(driver_log(&sweep).contains("error: "), "{}", driver_log(&sweep));
}

#[test]
fn a_sweep_whose_drivers_are_all_gone_goes_on_with_a_resume() {
    let home = Home::new(plain(), "orphaned", WAITING);
    let sweep = home.submit(&[]);
    sweep.wait_states(&["running"; 2]);
    // The driver and the one behind it, which a driver that dies at once may not come to put there.
    let drivers = || {
        let drivers: Vec<String> =
            open_jobs(&sweep).into_iter().filter(|job| job.contains(".driver ")).collect();
        (drivers.len() == 2).then_some(drivers)
    };
    let found = home.cluster.wait_for(LIMIT, "a driver and its successor", drivers).unwrap();
    assert_eq!(found.iter().filter(|job| job.ends_with("PENDING")).count(), 1, "{found:?}");
    let name = found[0].split(' ').next().unwrap();
    home.cluster.run(home.command("scancel").args(["--name", name])).unwrap().checked().unwrap();
    let none = || open_jobs(&sweep).iter().all(|job| !job.contains(".driver ")).then_some(());
    home.cluster.wait_for(LIMIT, "no driver", none).unwrap();
    home.write("good", "");
    home.write("go", "");
    sweep.wait_completed(2);
    let resumed = home.json("resume", &[sweep.path()]);
    assert!(resumed["driver"].is_u64(), "{resumed}");
    sweep.wait_completed(6);
    wait_no_job(&sweep);
    assert!(home.json("resume", &[sweep.path()])["driver"].is_null(), "there is nothing to drive");
}

#[test]
fn a_driver_that_could_put_nobody_behind_it_tries_again() {
    let home = Home::new(plain(), "behind", WAITING);
    let lines = "case \"$*\" in *.driver*afterany*) [ -e mended ] || { echo 'not now' >&2; exit 1; } ;; esac\n\
        exec /usr/bin/sbatch \"$@\"";
    let lines = lines.replace("mended", home.path.join("mended").to_str().unwrap());
    // The driver's job has the PATH of whoever submits it.
    let mut submit = home.command_with("sbatch", &lines, "sweep");
    submit.args(["submit", "--format", "json", "--executor", "slurm"]);
    let ran = home.cluster.run(&mut submit).unwrap().checked().unwrap();
    let sweep = home.submitted(&serde_json::from_str(&ran.stdout).unwrap());
    let said = || driver_log(&sweep).contains("no driver could be put behind this one yet").then_some(());
    home.cluster.wait_for(LIMIT, "the driver to say so", said).unwrap();
    home.write("mended", "");
    let is_next = || open_jobs(&sweep).iter().any(|job| job.ends_with(".driver PENDING")).then_some(());
    home.cluster.wait_for(LIMIT, "a driver behind the first", is_next).unwrap();
    home.sweep(&["stop", sweep.path()]).checked().unwrap();
    wait_no_job(&sweep);
}

#[test]
fn a_search_that_was_run_in_a_terminal_goes_on_by_a_job_when_the_terminal_is_gone() {
    let home = Home::new(plain(), "terminal", WAITING);
    let mut run = home.command("sweep");
    run.arg("run").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut run = run.spawn().unwrap();
    let made =
        || home.json("list", &[])["sweeps"].as_array().is_some_and(|sweeps| !sweeps.is_empty()).then_some(());
    home.cluster.wait_for(LIMIT, "the sweep to be made", made).unwrap();
    let sweep = home.newest();
    sweep.wait_states(&["running"; 2]);
    run.kill().unwrap();
    run.wait().unwrap();
    home.write("good", "");
    home.write("go", "");
    sweep.wait_completed(2);
    // Nobody drives it.
    wait_no_job(&sweep);
    assert!(home.json("resume", &[sweep.path()])["driver"].is_u64());
    sweep.wait_completed(6);
    wait_no_job(&sweep);
}

#[test]
fn drivers_that_die_at_once_do_not_follow_each_other_without_a_pause() {
    let home = Home::new(plain(), "pause", WAITING);
    let sweep = home.submit(&[]);
    let drivers = |state: &str| {
        let mut squeue = home.command("squeue");
        let name = format!("--name={}.driver", sweep.dir.path().file_name().unwrap().to_str().unwrap());
        squeue.args(["--noheader", "--format=%i", "--states", state, &name]);
        let ran = home.cluster.run(&mut squeue).unwrap().checked().unwrap();
        ran.stdout.lines().map(|line| line.trim().to_owned()).next()
    };
    let wait = |state: &str| home.cluster.wait_for(LIMIT, state, || drivers(state)).unwrap();
    let (first, next) = (wait("RUNNING"), wait("PENDING"));
    home.cluster.run(home.command("scancel").arg(&first)).unwrap().checked().unwrap();
    // Free to go as far as the first is concerned.
    let job = home.cluster.wait_for(LIMIT, "the next driver to wait for its time", || {
        home.cluster.job(&next).ok().filter(|job| job.reason() == "BeginTime")
    });
    let job = job.unwrap();
    let seconds = |field: &str| {
        let mut date = home.command("date");
        let ran = home.cluster.run(date.args(["+%s", "--date", job.get(field).unwrap()])).unwrap();
        ran.checked().unwrap().stdout.trim().parse::<u64>().unwrap()
    };
    assert!(seconds("StartTime") >= seconds("SubmitTime") + 20, "{job:?}");
    home.sweep(&["stop", sweep.path()]).checked().unwrap();
    wait_no_job(&sweep);
}

/// Reports its loss every moment. `deaf` goes on whatever it hears; the good ones report three times.
const REPORTS: &str = "n=1
while :; do
    sweep log \"loss=$loss\" --step $n; told=$?
    [ $told = 3 ] && [ \"$kind\" = obeys ] && { echo told; exit 3; }
    [ \"$kind\" = good ] && [ $n = 3 ] && exit 0
    while [ \"$kind\" != good ] && ! [ -e go ]; do sleep 0.1; done
    n=$((n + 1)); sleep 0.2
done
";

#[test]
fn bad_trials_are_told_to_end_and_deaf_ones_are_ended() {
    let spec = "name: median\nshell: sh reports.sh\nmetric: {name: loss, goal: minimize}\ngrace_s: 2\n\
        early_terminate: {type: median, grace_steps: 1, grace_trials: 2}\n\
        params: [{loss: 1, kind: good}, {loss: 2, kind: good}, {loss: 8, kind: obeys}, {loss: 9, kind: deaf}]\n";
    for cluster in [plain(), plugged()] {
        let home = Home::new(cluster, "median", spec);
        home.write("reports.sh", REPORTS);
        let sweep = home.submit(&[]);
        sweep.wait_states(&["completed", "completed", "running", "running"]);
        home.write("go", "");
        sweep.wait_states(&["completed", "completed", "pruned", "pruned"]);
        assert_eq!(sweep.read(2, "out.log").lines().last(), Some("told"));
        wait_no_job(&sweep);
        assert_eq!(home.sweep(&["status", "--check", sweep.path()]).code, Some(0));
    }
}

#[test]
fn a_trial_that_is_pruned_before_it_starts_never_does() {
    for cluster in [plain(), plugged()] {
        let home =
            Home::new(cluster, "veto", "name: veto\nshell: 'echo ran > ran-$x'\nparameters: {x: [0, 1]}\n");
        let sweep = home.submit(&["--", "--hold"]);
        // As the driver tells it.
        let folder = sweep.file(0, "");
        let made = home.cluster.run(home.command("mkdir").arg("-p").arg(&folder)).unwrap();
        made.checked().unwrap();
        fs::write(sweep.file(0, "veto"), "").unwrap();
        cluster.scontrol(&["release", &sweep.job().to_string()]).unwrap().checked().unwrap();
        sweep.wait_states(&["pruned", "completed"]);
        assert!(!home.path.join("ran-0").exists() && Path::new(&home.path.join("ran-1")).exists());
    }
}

#[test]
fn an_array_grows_and_lets_more_of_its_trials_run_at_once() {
    let spec = "name: grow\nconcurrency: 1\nparameters: {x: [0, 1, 2]}\n\
        command: [sh, -c, 'while ! [ -e go ]; do sleep 0.1; done']\n";
    let home = Home::new(plain(), "grow", spec);
    let sweep = home.submit(&[]);
    sweep.wait_states(&["running", "pending", "pending"]);
    home.sweep(&["extend", "--concurrency", "3", sweep.path()]).checked().unwrap();
    sweep.wait_states(&["running"; 3]);
    home.write("more.yaml", &spec.replace("2]", "2, 3]"));
    let added = home.json("extend", &["--spec", "more.yaml", sweep.path()]);
    assert_eq!(added["added"], serde_json::json!(["t003"]), "{added}");
    home.write("go", "");
    sweep.wait_completed(4);
    let config: Value = serde_json::from_str(&sweep.read(3, "config.json")).unwrap();
    assert!(config.to_string().contains("\"x\":3"), "{config}");
}

/// sbatch refuses the second call with a word, and a moment later it does not.
fn refused_once(name: &str, word: &str) -> (Ran, usize) {
    let spec = format!("name: {name}\ncanary: true\ncommand: ['true']\nparameters: {{x: [1, 2, 3]}}\n");
    let home = Home::new(plain(), name, &spec);
    let calls = home.path.join("calls");
    let lines = format!(
        "echo call >> {calls}\n[ \"$(wc -l < {calls})\" = 2 ] || exec /usr/bin/sbatch \"$@\"\n\
         echo 'sbatch: error: {word}' >&2\nexit 1",
        calls = calls.display()
    );
    let mut run = home.command_with("sbatch", &lines, "sweep");
    let ran = home.cluster.run(run.args(["run", "--executor", "slurm"])).unwrap();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(home.newest().states(), ["completed"; 3]);
    (ran, fs::read_to_string(calls).unwrap().lines().count())
}

#[test]
fn what_slurm_refuses_is_submitted_later_without_anyones_doing() {
    let (ran, calls) = refused_once("refused", "Batch job submission failed: Invalid qos specification");
    assert!(ran.stderr.contains("Invalid qos") && ran.stderr.contains("trying again in 5 s"), "{ran}");
    assert_eq!(calls, 3);
}

#[test]
fn what_a_limit_leaves_no_room_for_goes_in_in_parts() {
    let (ran, calls) = refused_once("no-room", "AssocMaxSubmitJobLimit");
    assert!(ran.stderr.contains("1 trial waits for room in the queue: AssocMaxSubmitJobLimit"), "{ran}");
    // The first trial, the two others, one of them, the other.
    assert_eq!(calls, 4);
}
