//! What a search found and what it took: read from the table, `best.json` and the lines that trials left. It never
//! asks the command.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::place::Place;

/// A rung of a bracket.
pub type Rung = (u64, u64);

/// One line of the table.
pub struct Line {
    pub label: String,
    pub rung: Rung,
    pub params: String,
    pub budget: Option<f64>,
    pub parent: Option<String>,
}

/// The table of a sweep.
pub fn table(place: &Place<'_>) -> Vec<Line> {
    let text = fs::read_to_string(place.dir.join("trials.jsonl")).unwrap();
    let lines = text.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
    let line = |value: Value| Line {
        label: value["trial"].as_str().unwrap().to_owned(),
        rung: (value["bracket"].as_u64().unwrap_or(0), value["rung"].as_u64().unwrap_or(0)),
        params: value["params"].to_string(),
        budget: value["budget"].as_f64(),
        parent: value["parent"].as_str().map(str::to_owned),
    };
    lines.map(line).collect()
}

/// The search's answer.
#[derive(Debug, PartialEq)]
pub struct Found {
    /// Parameters and budget of all that was run, by rung.
    pub rungs: BTreeMap<Rung, BTreeSet<String>>,
    /// Parameters, budget and metric of the best.
    pub best: String,
}

impl Found {
    /// Of a search that is done.
    pub fn of(place: &Place<'_>) -> Self {
        let mut rungs: BTreeMap<Rung, BTreeSet<String>> = BTreeMap::new();
        let table = table(place);
        for line in &table {
            let pair = format!("{} for {:?}", line.params, line.budget);
            let new = rungs.entry(line.rung).or_default().insert(pair);
            assert!(new, "{} is the second of rung {:?} with {}", line.label, line.rung, line.params);
        }
        let best: Value = serde_json::from_slice(&fs::read(place.dir.join("best.json")).unwrap()).unwrap();
        let best = format!("{} for {} gives {}", best["params"], best["budget"], best["value"]);
        Self { rungs, best }
    }

    /// How many were promoted.
    pub fn promoted(&self) -> usize {
        self.rungs.iter().filter(|((_, rung), _)| *rung > 0).map(|(_, pairs)| pairs.len()).sum()
    }

    /// How many were run.
    pub fn trials(&self) -> usize {
        self.rungs.values().map(BTreeSet::len).sum()
    }
}

/// The runs that each trial left a line of.
pub struct Runs {
    /// By label: the jobs that began it.
    pub begun: BTreeMap<String, Vec<String>>,
    /// By label: how often it came to its end, and how.
    pub ended: BTreeMap<String, Vec<String>>,
}

impl Runs {
    /// Of a sweep as far as it has come.
    pub fn of(place: &Place<'_>) -> Self {
        let mut runs = Self { begun: BTreeMap::new(), ended: BTreeMap::new() };
        for entry in fs::read_dir(place.path.join("runs")).unwrap().map(Result::unwrap) {
            let label = entry.file_name().into_string().unwrap();
            for line in fs::read_to_string(entry.path()).unwrap().lines() {
                let mut words = line.split(' ').map(str::to_owned);
                let into = match words.next().as_deref() {
                    Some("begin") => &mut runs.begun,
                    Some("end") => &mut runs.ended,
                    other => panic!("{label}: {other:?}"),
                };
                into.entry(label.clone()).or_default().push(words.next().unwrap());
            }
        }
        runs
    }

    /// Makes sure that each of the table's trials came to one good end, and that only those of `lost` jobs began
    /// more than once. How many those are.
    pub fn check(&self, labels: impl Iterator<Item = String>, lost: &BTreeSet<String>) -> usize {
        let mut expected = 0;
        let mut again = 0;
        for label in labels {
            expected += 1;
            assert_eq!(self.ended.get(&label).map(Vec::as_slice), Some(&["0".to_owned()][..]), "{label}");
            let begun = &self.begun[&label];
            let was_lost = begun.iter().any(|job| lost.contains(job));
            assert!(begun.len() == 1 || was_lost, "{label} was begun by {begun:?}, of which none was lost");
            again += usize::from(begun.len() > 1);
        }
        assert_eq!((self.begun.len(), self.ended.len()), (expected, expected), "nothing else ran");
        again
    }
}
