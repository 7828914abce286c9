//! Hyperband up to 27, with real training and with measured learning curves: a search that is disturbed in every way
//! finds what an undisturbed one finds, and trains nothing twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;

use crate::chaos::{
    Act, cancel_driver, driver, driving, kill_driver, kill_driver_as_it, lose_node, restart_controller,
    wait_running,
};
use crate::found::{Found, Runs, table};
use crate::lineage::check_steps;
use crate::outcome::say;
use crate::place::{Place, cluster};

/// Trials of Hyperband with a budget of 27 and `eta` 3: 27, 12, 6 and 4 that begin, and those that are promoted.
const TRIALS: usize = 40 + 17 + 8 + 4;
const PROMOTED: usize = TRIALS - 27 - 12 - 6 - 4;

/// What was done to a search, and which jobs were lost by it.
struct Done {
    lost: BTreeSet<String>,
    /// How often somebody took the lease.
    leases: usize,
    /// Kills that came between what a driver did and its word for it.
    between: usize,
}

/// All that is done to it: the driver is killed five times and cancelled once, slurmctld is restarted, and two nodes
/// are lost, the second with the driver on it.
fn disturb(place: &mut Place<'_>) -> Done {
    place.hold();
    place.submit();
    wait_running(place, 40);
    kill_driver(place);
    let other = (driver(place).node + 1) % 3;
    let mut lost = lose_node(place, other);
    let mut between = usize::from(kill_driver_as_it(place, Act::Proposes));
    between += usize::from(kill_driver_as_it(place, Act::Submits));
    restart_controller(place);
    cancel_driver(place);
    wait_running(place, 1);
    lost.extend(lose_node(place, driver(place).node));
    // What is held ends after it is let go, so there is something to learn of both times.
    for _ in 0..2 {
        wait_running(place, 1);
        kill_driver_as_it(place, Act::Learns);
    }
    place.release();
    place.wait_finished();
    let leases = fs::read_dir(place.dir.join("lease")).unwrap().count();
    Done { lost, leases, between }
}

/// The same spec twice, each on a cluster of its own.
fn compare(what: &str, spec: &str, files: &[PathBuf]) {
    let files: Vec<&std::path::Path> = files.iter().map(PathBuf::as_path).collect();
    let undisturbed = || {
        let cluster = cluster();
        let mut place = Place::new(&cluster, "calm", spec, &files);
        place.submit();
        place.wait_finished();
        let labels = table(&place).into_iter().map(|line| line.label);
        Runs::of(&place).check(labels, &BTreeSet::new());
        check_steps(&place);
        Found::of(&place)
    };
    let disturbed = || {
        let cluster = cluster();
        let mut place = Place::new(&cluster, "disturbed", spec, &files);
        let done = disturb(&mut place);
        let labels = table(&place).into_iter().map(|line| line.label);
        let again = Runs::of(&place).check(labels, &done.lost);
        check_steps(&place);
        assert_eq!(driving(&place), 0, "no driver is left");
        assert!(again > 0, "the lost nodes ran trials");
        (Found::of(&place), done, again)
    };
    let (calm, (found, done, again)) = thread::scope(|scope| {
        let calm = scope.spawn(undisturbed);
        let disturbed = scope.spawn(disturbed);
        (calm.join().unwrap(), disturbed.join().unwrap())
    });
    assert_eq!(found, calm);
    assert_eq!((found.trials(), found.promoted()), (TRIALS, PROMOTED));
    say(&format!(
        "Hyperband, R=27, eta=3, {what}: driver killed 5 times ({} of them between an \
         act and its event) and cancelled once, slurmctld restarted once, 2 nodes \
         lost with {} jobs; trials {}, promoted {}, of lost jobs run again {again}, other trials run again 0, leases \
         {}; the same promoted set and the same best as undisturbed: {}",
        done.between,
        done.lost.len(),
        found.trials(),
        found.promoted(),
        done.leases,
        found.best
    ));
}

fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[test]
fn a_disturbed_search_over_the_iris_training_finds_the_same() {
    let folder = project("examples/iris");
    let spec = fs::read_to_string(folder.join("sweep-hyperband.yaml")).unwrap();
    let spec = spec.replace("[python3, ", "[sh, start.sh, python3, ");
    compare("iris training", &spec, &["train.py", "iris.csv"].map(|name| folder.join(name)));
}

#[test]
fn a_disturbed_search_over_measured_learning_curves_finds_the_same() {
    let spec = "name: digits\ncommand: [sh, start.sh, sh, replay.sh]\nmethod: hyperband\n\
        hyperband: {max_budget: 27, eta: 3}\nseed: 11\ncheckpoint: true\nmetric: {name: loss, goal: minimize}\n\
        parameters: {config: {distribution: int_uniform, min: 0, max: 299}}\n\
        retries: {max: 3, on: [node_fail]}\nsbatch: {time: 5, ntasks: 1}\n";
    let folder = project("tests/tests/search_on_slurm");
    compare("measured curves of digits", spec, &["replay.sh", "digits.csv"].map(|name| folder.join(name)));
}
