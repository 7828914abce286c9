//! What befalls the trials: people, the scheduler, and the machines. Every step waits for the one before, by what
//! Slurm or the trial itself says.

use std::fs;

use sweep_testbed::Daemon;

use crate::place::{BEHEADED, FRAIL, Place};
use crate::row::{Row, jobs};
use crate::sweep::Sweep;

/// Waits until every trial that can begin has begun.
pub fn wait_begun(place: &Place, sweeps: &[Sweep], rows: &[Row]) {
    for row in rows.iter().filter(|row| row.end.begins()) {
        let sweep = of(sweeps, row);
        place.wait(&format!("{} to begin", row.name()), || sweep.begun(row.trial, 0));
    }
}

fn of<'a>(sweeps: &'a [Sweep], row: &Row) -> &'a Sweep {
    sweeps.iter().find(|sweep| sweep.form == row.form).expect("each form has a sweep")
}

fn named<'a>(rows: &'a [Row], start: &'static str) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(move |row| row.end.name.starts_with(start))
}

/// Everything that is done to trials.
pub fn disturb(place: &Place, sweeps: &[Sweep], rows: &[Row]) {
    behead(place, sweeps, rows);
    for row in named(rows, "scancel").chain(named(rows, "half cancelled, this")) {
        let mut scancel = of(sweeps, row).command(place, "scancel");
        place.cluster.run(scancel.arg(&row.job)).unwrap().checked().unwrap();
    }
    for row in named(rows, "scontrol requeue") {
        place.scontrol(&["requeue", &row.job]);
    }
    preempt(place, rows);
    fail_node(place, sweeps, rows);
    give_up_beheaded(place, rows);
    // How long a job took, by sacct, takes in how long nobody could be told of its end.
    place.wait("the trial whose resources are measured", || {
        let jobs = jobs(place);
        let done = |row: &Row| jobs.get(&row.job).is_some_and(|job| job.state() == "COMPLETED");
        named(rows, "resources").all(done).then_some(())
    });
    place.cluster.restart(Daemon::Slurmctld).unwrap();
    sweeps.iter().for_each(Sweep::go);
}

/// The number that a task runs under.
fn raw_job(place: &Place, row: &Row) -> String {
    jobs(place).get(&row.job).map(|job| job.get("JobId").to_owned()).unwrap_or_default()
}

fn behead(place: &Place, sweeps: &[Sweep], rows: &[Row]) {
    for row in named(rows, "slurmstepd killed") {
        let runs = of(sweeps, row).processes(row.trial);
        // `sweep exec`, its child, and the one that is deaf.
        assert!(runs.len() >= 3, "{}: {runs:?}", row.name());
        place.cluster.kill_slurmstepds(raw_job(place, row)).unwrap();
    }
    for row in named(rows, "slurmstepd killed") {
        let gone = || of(sweeps, row).processes(row.trial).is_empty().then_some(());
        place.wait(&format!("{} to leave nothing behind", row.name()), gone);
    }
}

/// Rows whose second attempt began while something of the first was still there.
pub fn doubled(sweeps: &[Sweep], rows: &[Row]) -> Vec<String> {
    let again = rows.iter().filter(|row| row.end.attempt > 0);
    let left = again.map(|row| (row, of(sweeps, row).left(row.trial)));
    left.filter(|(_, left)| left.as_deref() != Some(""))
        .map(|(row, left)| format!("{}: of the first attempt there was {left:?}", row.name()))
        .collect()
}

/// Slurm learns that a slurmstepd is gone when its slurmd next says which jobs it has.
fn give_up_beheaded(place: &Place, rows: &[Row]) {
    place.wait("Slurm to miss the jobs whose slurmstepd was killed", || {
        place.cluster.restart(Daemon::Slurmd(BEHEADED)).unwrap();
        let jobs = jobs(place);
        let gone = |row: &Row| jobs.get(&row.job).is_some_and(|job| job.state() != "RUNNING");
        named(rows, "slurmstepd killed").all(gone).then_some(())
    });
}

/// A job of a better partition takes the whole node, and leaves it when the others have.
fn preempt(place: &Place, rows: &[Row]) {
    let go = place.cluster.scratch().join("go");
    let wrap = format!("--wrap=until [ -e {} ]; do sleep 0.2; done", go.display());
    let options = ["--partition=high", "--exclusive", "--output=/dev/null"];
    let job = place.cluster.submit(&[options[0], options[1], options[2], &wrap]).unwrap();
    place.cluster.wait_job_state(job, &["RUNNING"], crate::place::LIMIT).unwrap();
    place.wait("the preempted to be gone", || {
        let jobs = jobs(place);
        let gone = |row: &Row| jobs.get(&row.job).is_some_and(|job| job.state() != "RUNNING");
        named(rows, "preempted").all(gone).then_some(())
    });
    fs::write(go, "").unwrap();
}

/// All that runs on the node ends at once, as when the power is cut, and somebody notices.
fn fail_node(place: &Place, sweeps: &[Sweep], rows: &[Row]) {
    let cluster = &place.cluster;
    let ids: Vec<String> = named(rows, "node failed").map(|row| raw_job(place, row)).collect();
    cluster.kill(Daemon::Slurmd(FRAIL)).unwrap();
    for id in ids {
        cluster.kill_slurmstepds(id).unwrap();
    }
    for row in named(rows, "node failed") {
        let (own, parent) = of(sweeps, row).begun(row.trial, 0).unwrap();
        // `sweep exec` first, which would otherwise see its child end.
        for pid in [parent, own] {
            // SAFETY: a plain system call; the trial wrote both numbers, and nothing else has ended it.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }
    let node = format!("NodeName=r{FRAIL}");
    place.scontrol(&["update", &node, "State=DOWN", "Reason=power"]);
    place.wait("Slurm to give up the node's jobs", || {
        let jobs = jobs(place);
        let gone = |row: &Row| jobs.get(&row.job).is_some_and(|job| job.state() != "RUNNING");
        named(rows, "node failed").all(gone).then_some(())
    });
    cluster.launch(Daemon::Slurmd(FRAIL)).unwrap();
    // A node that says that it is there is taken back (ReturnToService=2).
    place.wait("the node to be back", || cluster.node(FRAIL).ok().filter(|node| !node.is_out_of_service()));
}

/// Cancels what still waits, and lets slurmctld drop every job that has ended.
pub fn make_slurm_forget(place: &Place, rows: &[Row]) {
    for row in named(rows, "prolog failed, requeued") {
        let mut scancel = place.cluster.command("scancel");
        place.cluster.run(scancel.arg(&row.job)).unwrap().checked().unwrap();
    }
    let conf = place.cluster.slurm_conf();
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, format!("MinJobAge=2\n{text}")).unwrap();
    place.cluster.restart(Daemon::Slurmctld).unwrap();
    let mut last = String::new();
    place
        .cluster
        .wait_for(2 * crate::place::LIMIT, "Slurm to forget all jobs", || {
            let jobs = jobs(place);
            last = format!("{jobs:?}");
            jobs.is_empty().then_some(())
        })
        .unwrap_or_else(|error| panic!("{error}\n{last}"));
}
