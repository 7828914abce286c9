//! A promoted or bred trial goes on from its parent's step, not from zero: it says so itself, and its parent's
//! checkpoint says the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::chaos::{driver, driving, wait_next};
use crate::found::table;
use crate::outcome::say;
use crate::place::{Place, cluster};

/// Makes sure that each trial with a parent began at the step at which that ended. How many there are.
pub fn check_steps(place: &Place<'_>) -> usize {
    let folder = |label: &str| place.dir.join("trials").join(label);
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    let mut checked = 0;
    for line in table(place) {
        let output = fs::read_to_string(folder(&line.label).join("out.log")).unwrap();
        let said = output.lines().find_map(|line| line.strip_prefix("goes on from step "));
        // Of several attempts the first began from the parent.
        let said = said.map(|said| said.split_once(" of ").unwrap());
        match &line.parent {
            Some(parent) => {
                let step = ends[parent].to_string();
                assert_eq!(said, Some((step.as_str(), parent.as_str())), "{}", line.label);
                assert!(ends[parent] > 0);
                checked += 1;
            }
            None => assert!(said.is_none_or(|(_, whose)| whose == line.label), "{}: {said:?}", line.label),
        }
        ends.insert(line.label.clone(), end(&folder(&line.label).join("checkpoint")));
    }
    checked
}

/// The step that a checkpoint is of.
fn end(checkpoint: &Path) -> u64 {
    if let Ok(text) = fs::read_to_string(checkpoint.join("step")) {
        return text.trim().parse().unwrap();
    }
    let state = fs::read(checkpoint.join("state.json")).unwrap();
    serde_json::from_slice::<serde_json::Value>(&state).unwrap()["step"].as_u64().unwrap()
}

#[test]
fn asha_population_based_training_and_genetic_search_go_on_from_their_parents_step() {
    let cluster = cluster();
    // What ASHA promotes depends on who ended first; how many begin does not.
    for (method, begin) in [("asha", 18), ("pbt", 6), ("genetic", 8)] {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/iris");
        let spec = fs::read_to_string(folder.join(format!("sweep-{method}.yaml"))).unwrap();
        let spec = spec.replace("[python3, ", "[sh, start.sh, python3, ");
        let files = ["train.py", "iris.csv"].map(|name| folder.join(name));
        let mut place = Place::new(&cluster, method, &spec, &[&files[0], &files[1]]);
        place.submit();
        place.wait_finished();
        assert_eq!(driving(&place), 0, "no driver is left");
        let status = place.status();
        let trials = status["trials"].as_array().unwrap().len();
        assert_eq!(status["states"]["completed"], trials, "{status}");
        let checked = check_steps(&place);
        assert_eq!(checked + begin, trials, "{method}");
        assert!(checked >= begin / 3, "{method}: {checked}");
        say(&format!(
            "{method} on Slurm, driven by a job: trials {trials}, of which {checked} went on from their parent's step; \
             best {}",
            status["best"].as_str().unwrap()
        ));
    }
}

#[test]
fn a_driver_hands_over_before_its_time_limit() {
    let cluster = cluster();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/iris");
    let spec = fs::read_to_string(folder.join("sweep-asha.yaml")).unwrap();
    let spec = spec.replace("[python3, ", "[sh, start.sh, python3, ") + "driver: {time: 2}\n";
    let files = ["train.py", "iris.csv"].map(|name| folder.join(name));
    let mut place = Place::new(&cluster, "short", &spec, &[&files[0], &files[1]]);
    place.hold();
    place.submit();
    wait_next(&place, &driver(&place));
    place.release();
    place.wait_finished();
    let log = fs::read_to_string(place.dir.join("driver.log")).unwrap();
    assert!(!log.contains("TIME LIMIT"), "{log}");
    check_steps(&place);
    say("a driver with a time limit of two minutes: handed over to the next, which came to the end");
}
