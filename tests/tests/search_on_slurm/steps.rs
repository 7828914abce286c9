//! `sweep advance` killed behind each of its own system calls: when it submits the first rung, when it hears of ends
//! and promotes, and when it says that the search is done. Whoever takes the next step finds the search as it was.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use sweep_testbed::{Cluster, run};

use crate::found::{Found, Runs, table};
use crate::outcome::say;
use crate::place::{LIMIT, Place, SEARCH_LIMIT, cluster};
use crate::tracer::Traced;

/// A bracket of 3 and 1, and one of 2.
const SPEC: &str = "name: steps\ncommand: [sh, start.sh, sh, replay.sh]\nmethod: hyperband\n\
    hyperband: {max_budget: 3, eta: 3}\nseed: 5\ncheckpoint: true\nmetric: {name: loss, goal: minimize}\n\
    parameters: {config: {distribution: int_uniform, min: 0, max: 299}}\nsbatch: {time: 5, ntasks: 1}\n";
/// How many trials have ended before the step that is killed: none, the first rungs, all.
const BEFORE: [usize; 3] = [0, 5, 6];
/// Sweeps at once; those that are killed beside an sbatch mostly wait for the fence.
const AT_ONCE: usize = 16;

/// A sweep that nobody drives, as far as its next step.
fn prepared(cluster: &'static Cluster, name: &str, before: usize) -> Place<'static> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/search_on_slurm");
    let files = ["replay.sh", "digits.csv"].map(|name| folder.join(name));
    let mut place = Place::new(cluster, name, SPEC, &[&files[0], &files[1]]);
    // A submission that goes no further than the sweep's directory puts no driver there.
    assert!(Traced::complete(&place).kill());
    place.dir = place.dir().unwrap().path().to_owned();
    for ended in BEFORE.into_iter().filter(|ended| (1..=before).contains(ended)) {
        assert!(step(&place).status().unwrap().success());
        wait_ended(&place, ended);
    }
    place
}

fn step(place: &Place<'_>) -> Command {
    let mut command = place.command("sweep");
    command.arg("advance").arg(&place.dir);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn wait_ended(place: &Place<'_>, count: usize) {
    // The lines cost nothing to look at; Slurm is asked when they are there.
    place.wait(&format!("{count} trials to end"), LIMIT, || {
        (Runs::of(place).ended.len() == count).then_some(())
    });
    place.wait(&format!("{count} trials to be known to have ended"), LIMIT, || {
        (place.status()["states"]["completed"] == count).then_some(())
    });
}

/// Takes steps, as anybody may, until the search is done; what it found.
fn go_on(place: &Place<'_>) -> Found {
    place.wait("the search to be done", SEARCH_LIMIT, || {
        // A step that meets a Slurm or a lease that is not free is taken again.
        let _ = step(place).status();
        place.is_finished().then_some(())
    });
    let labels = table(place).into_iter().map(|line| line.label);
    Runs::of(place).check(labels, &BTreeSet::new());
    Found::of(place)
}

#[test]
fn a_step_that_is_killed_anywhere_loses_nothing_and_changes_nothing() {
    let cluster: &'static Cluster = Box::leak(Box::new(cluster()));
    let expected = go_on(&prepared(cluster, "whole", 0));
    let mut points = Vec::new();
    for before in BEFORE {
        let calls =
            Traced::start(&mut step(&prepared(cluster, &format!("traced{before}"), before))).run_out();
        assert!(calls.len() > 4, "the step does something: {calls:?}");
        points.extend((1..=calls.len()).map(|call| (before, call)));
    }
    let expected = &expected;
    let kill = |&(before, call): &(usize, usize)| {
        let place = prepared(cluster, &format!("step{before}-{call}"), before);
        let mut traced = Traced::start(&mut step(&place));
        let in_time = traced.run_to(call) && traced.kill();
        assert_eq!(&go_on(&place), expected, "killed behind call {call}, {before} trials had ended");
        usize::from(in_time)
    };
    let mut kills = 0;
    for some in points.chunks(AT_ONCE) {
        kills += thread::scope(|scope| {
            let threads: Vec<_> = some.iter().map(|point| scope.spawn(|| kill(point))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
    }
    assert!(kills * 10 >= points.len() * 9, "{kills} of {} kills came in time", points.len());
    say(&format!(
        "sweep advance killed behind each of its calls, at 3 steps of a Hyperband search: kills that took effect \
         {kills}, searches {}, other results 0, trials lost 0, run twice 0",
        points.len()
    ));
}

#[test]
fn a_driver_that_waited_for_the_fence_looks_again_soon() {
    let cluster: &'static Cluster = Box::leak(Box::new(cluster()));
    let place = prepared(cluster, "fence", 0);
    let mut traced = Traced::start(&mut step(&place));
    let intent = place.dir.join("batches/0.json");
    let mut calls = 1;
    while fs::metadata(&intent).map_or(0, |file| file.len()) == 0 {
        assert!(traced.run_to(calls), "the step ended before it wrote an intent");
        calls += 1;
    }
    assert!(traced.kill());
    // The fence is half a minute; a rest of ten times as long behind it would be too much.
    let ran = run(place.command("sweep").arg("drive").arg(&place.dir), Duration::from_secs(240)).unwrap();
    assert!(ran.stderr.contains("never reached its executor"), "{ran}");
    assert!(place.is_finished());
    say(&format!(
        "a step killed before its sbatch: the next driver came to the end of the search after {} s, 30 s of them the \
         fence",
        ran.elapsed.as_secs()
    ));
}
