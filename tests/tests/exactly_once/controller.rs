//! slurmctld standing still, going on and being restarted around a submission and around the look for its jobs. The
//! tests share a cluster: each has its controller to itself only while it disturbs it, so that what waits for the
//! fence meets the other tests' disturbances as well.

use std::process::Command;
use std::sync::mpsc::channel;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sweep_testbed::{Cluster, Daemon, wait_for};

use crate::killing::{Killed, Moments, Point, account};
use crate::outcome::say;
use crate::site::{Home, LIMIT, TRIALS, disturbed, wait_idle, wait_idle_but};
use crate::tracer::Traced;

/// The controller of the shared cluster, as long as this lives.
struct Controller {
    cluster: &'static Cluster,
    _alone: MutexGuard<'static, ()>,
}

impl Controller {
    fn take() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { cluster: disturbed(), _alone: alone }
    }

    fn freeze(&self) {
        self.cluster.freeze(Daemon::Slurmctld).unwrap();
    }

    fn thaw(&self) {
        self.cluster.thaw(Daemon::Slurmctld).unwrap();
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // A test that failed in between must not fail all others.
        let _ = self.cluster.thaw(Daemon::Slurmctld);
    }
}

#[test]
fn kills_while_slurmctld_stands_still_lose_no_trial_and_run_none_twice() {
    const KILLS: usize = 30;
    let controller = Controller::take();
    let cluster = controller.cluster;
    let calls = Traced::start(&mut Home::new(cluster, "still-traced").submission()).run_out();
    let complete = calls.iter().position(|name| name.starts_with("rename")).unwrap() + 1;
    let mut moments = Moments(3);
    // Behind the last start of an sbatch there is nothing left to wait for.
    let last = calls.iter().rposition(|name| name.starts_with("clone")).unwrap();
    let points: Vec<(usize, usize, Duration)> = (0..KILLS)
        .map(|n| (n, complete + n * (last - complete) / KILLS, moments.below(Duration::from_millis(400))))
        .collect();
    let all: Vec<Killed> = std::thread::scope(|scope| {
        let (ready, all_ready) = channel();
        let mut threads = Vec::new();
        for &(n, call, time) in &points {
            let (go, gone) = channel::<()>();
            let ready = ready.clone();
            let thread = scope.spawn(move || {
                let home = Home::new(cluster, &format!("still{n}"));
                let mut traced = Traced::start(&mut home.submission());
                traced.run_to(call);
                ready.send(()).unwrap();
                gone.recv_timeout(LIMIT).unwrap();
                traced.run_for(time);
                let in_time = traced.kill();
                Killed { home, point: Point::Call(call), in_time }
            });
            threads.push((go, thread));
        }
        threads.iter().for_each(|_| all_ready.recv_timeout(LIMIT).unwrap());
        controller.freeze();
        threads.iter().for_each(|(go, _)| go.send(()).unwrap());
        let all = threads.into_iter().map(|(_, thread)| thread.join().unwrap()).collect();
        controller.thaw();
        all
    });
    drop(controller);
    account(&all, KILLS, || wait_idle(cluster))
        .settle("sweep submit killed while slurmctld stands still", 20);
}

/// The `sbatch` that a process has started.
fn sbatch_of(parent: i32) -> Option<i32> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    let is_sbatch = |pid: &i32| {
        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "sbatch")
    };
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(is_sbatch)
}

#[test]
fn an_sbatch_that_is_killed_while_slurmctld_stands_still_loses_nothing() {
    let mut moments = Moments(4);
    let mut homes = Vec::new();
    for n in 0..5 {
        let controller = Controller::take();
        let home = Home::new(controller.cluster, &format!("sbatch{n}"));
        let mut traced = Traced::before_sbatch(&home);
        controller.freeze();
        let sbatch = traced.run_until(LIMIT, sbatch_of).expect("sbatch is started");
        traced.run_for(moments.below(Duration::from_millis(300)));
        // SAFETY: a plain system call; the process is a child of a tracee that nobody has waited for.
        unsafe { libc::kill(sbatch, libc::SIGKILL) };
        traced.run_out();
        controller.thaw();
        let said = std::fs::read_to_string(home.path.join("submit.err")).unwrap();
        assert!(said.contains("sbatch does not know whether Slurm took the job"), "{said}");
        homes.push(home);
    }
    let found = crate::site::in_parallel(homes.len(), &homes, |home| {
        let ran = home.resume();
        home.wait_ran_once(TRIALS);
        ran.stdout.contains("that nobody had noted")
    });
    let late = found.iter().filter(|found| **found).count();
    say(&format!(
        "sbatch killed while slurmctld stands still: kills {}, jobs that came all the same {late}, lost 0, run twice 0",
        homes.len()
    ));
}

#[test]
fn slurmctld_that_stands_still_during_sbatch_for_a_moment_costs_nothing() {
    let controller = Controller::take();
    let home = Home::new(controller.cluster, "moment");
    let mut traced = Traced::before_sbatch(&home);
    controller.freeze();
    traced.run_until(LIMIT, sbatch_of).expect("sbatch is started");
    traced.run_for(Duration::from_secs(2));
    controller.thaw();
    traced.run_out();
    drop(controller);
    assert_eq!(std::fs::read_to_string(home.path.join("submit.err")).unwrap(), "");
    home.wait_ran_once(TRIALS);
    say("slurmctld stands still during sbatch, for 2 s: lost 0, run twice 0");
}

#[test]
fn slurmctld_that_stands_still_during_sbatch_for_longer_than_sbatch_waits_loses_nothing() {
    let controller = Controller::take();
    let home = Home::new(controller.cluster, "long");
    let traced = Traced::before_sbatch(&home);
    controller.freeze();
    traced.run_out();
    controller.thaw();
    drop(controller);
    let said = std::fs::read_to_string(home.path.join("submit.err")).unwrap();
    assert!(said.contains("sbatch does not know whether Slurm took the job"), "{said}");
    home.resume();
    home.wait_ran_once(TRIALS);
    say("slurmctld stands still until sbatch gives up: lost 0, run twice 0");
}

/// A sweep whose first intent is written and whose job was never asked for.
fn unresolved(cluster: &'static Cluster, name: &str) -> Home {
    let home = Home::new(cluster, name);
    assert!(Traced::before_sbatch(&home).kill());
    home
}

/// `sweep resume` in the background, and where it says what it waits for.
fn resuming(home: &Home) -> (std::process::Child, std::path::PathBuf) {
    let said = home.path.join("resume.err");
    let mut command: Command = home.command("sweep");
    command.arg("resume").stdout(std::process::Stdio::null());
    let child = command.stderr(std::fs::File::create(&said).unwrap()).spawn().unwrap();
    let waits = wait_for(LIMIT, || {
        std::fs::read_to_string(&said).unwrap().contains("looking for their jobs").then_some(())
    });
    waits.expect("resume looks for the job");
    (child, said)
}

#[test]
fn slurmctld_that_stands_still_during_the_look_loses_nothing() {
    let controller = Controller::take();
    let home = unresolved(controller.cluster, "look");
    controller.freeze();
    let ran = home.sweep(&["resume"]);
    controller.thaw();
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(home.runs().is_empty());
    // Once more, in the middle of its wait.
    let (mut child, said) = resuming(&home);
    controller.freeze();
    let ended = wait_for(LIMIT, || child.try_wait().unwrap());
    controller.thaw();
    drop(controller);
    let said = std::fs::read_to_string(said).unwrap();
    assert_eq!(ended.expect("resume ends").code(), Some(1), "{said}");
    home.resume();
    home.wait_ran_once(TRIALS);
    say("slurmctld stands still during the look: lost 0, run twice 0");
}

#[test]
fn slurmctld_that_is_restarted_in_between_loses_nothing() {
    let controller = Controller::take();
    let cluster = controller.cluster;
    let calls = Traced::start(&mut Home::new(cluster, "restart-traced").submission()).run_out();
    let complete = calls.iter().position(|name| name.starts_with("rename")).unwrap() + 1;
    let all: Vec<Killed> = (0..12)
        .map(|n| {
            let home = Home::new(cluster, &format!("restart{n}"));
            let call = complete + n * (calls.len() - complete) / 12;
            crate::killing::kill(home, Point::Call(call))
        })
        .collect();
    cluster.restart(Daemon::Slurmctld).unwrap();
    // And once more while somebody waits for the fence.
    let home = unresolved(cluster, "restart-look");
    let (mut child, _) = resuming(&home);
    cluster.restart(Daemon::Slurmctld).unwrap();
    drop(controller);
    wait_for(LIMIT, || child.try_wait().unwrap()).expect("resume ends");
    home.resume();
    home.wait_ran_once(TRIALS);
    account(&all, all.len(), || wait_idle(cluster)).settle("sweep submit killed, slurmctld restarted", 12);
}

/// Waits until slurmctld has written down all that it knows by now. It does so some seconds after a change, and one
/// that is killed before that forgets what it was told: a job it took, or that a job has ended. The first is no longer
/// anybody's, and the second Slurm takes for the loss of a node, half an hour later, and starts the job again.
fn wait_saved(cluster: &Cluster) {
    // It writes jobs in the order of their numbers and all in one file.
    let last = "the-last-that-it-was-told";
    let mut sbatch = cluster.command("sbatch");
    sbatch.args(["--hold", "--output=/dev/null", &format!("--job-name={last}"), "--wrap=true"]);
    cluster.run(&mut sbatch).unwrap().checked().unwrap();
    let file = cluster.directory().join("state/job_state");
    let saved = wait_for(LIMIT, || {
        let bytes = std::fs::read(&file).unwrap_or_default();
        bytes.windows(last.len()).any(|text| text == last.as_bytes()).then_some(())
    });
    saved.expect("slurmctld saves its state");
}

#[test]
fn slurmctld_that_is_killed_during_the_look_loses_nothing_that_it_has_saved() {
    // Of its own: nobody else may tell this slurmctld anything while it is about to be killed.
    let cluster = crate::site::with_command(&crate::site::roomy().set("SlurmctldTimeout", "122"));
    let ended = Home::new(cluster, "killed-ended");
    assert!(ended.submission().status().unwrap().success());
    ended.wait_ran_once(TRIALS);
    let waits = Home::new(cluster, "killed-waits");
    // Its jobs are in the queue and may not start before slurmctld is back.
    cluster.scontrol(&["update", "PartitionName=main", "State=DOWN"]).unwrap().checked().unwrap();
    assert!(waits.submission().status().unwrap().success());
    let cut_off = unresolved(cluster, "killed-look");
    wait_idle_but(cluster, &["PENDING"]);
    wait_saved(cluster);
    let (mut child, _) = resuming(&cut_off);
    cluster.kill(Daemon::Slurmctld).unwrap();
    cluster.launch(Daemon::Slurmctld).unwrap();
    cluster.scontrol(&["update", "PartitionName=main", "State=UP"]).unwrap().checked().unwrap();
    wait_for(LIMIT, || child.try_wait().unwrap()).expect("resume ends");
    cut_off.resume();
    for home in [&ended, &waits, &cut_off] {
        home.wait_ran_once(TRIALS);
    }
    say("slurmctld killed during the look: lost 0, run twice 0");
}
