//! Everything that trials reported, as a long table: a row for each key of each line of `metrics.jsonl`. Never a
//! number that is not finite: what a program wrote instead stands as text.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};

use serde_json::{Map, Value as Json};
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::manifest::{Manifest, Metric};
use sweep_core::metric::{STEP, number};

use super::{Cell, Column, Table, Type};
use crate::error::{At, Result};

/// The name of its table.
pub const NAME: &str = "metrics";

/// Longest line that is read, in bytes.
const LINE: u64 = 1024 * 1024;

/// One reported value.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its line in the file, from 0.
    pub line: u64,
    /// The line's step, or the one after that of the key's value before.
    pub step: u64,
    /// The key.
    pub key: String,
    /// What was reported.
    pub value: Reported,
}

/// What was reported under a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Reported {
    /// A finite number, or the text of one.
    Number(f64),
    /// Anything else, a JSON text but for a text itself.
    Text(String),
}

/// The columns.
#[must_use]
pub fn columns() -> Vec<Column> {
    let about = |name, of, about: &str| Column::new(name, of).about(about);
    vec![
        about("trial", Type::Text, "the trial's label"),
        about("trial_index", Type::Integer, "the trial's number, from 0"),
        about("line", Type::Integer, "the report's place among those of its trial, from 0"),
        about(
            "step",
            Type::Integer,
            "the step that it was reported with; without one, the one after the last",
        ),
        about("metric", Type::Text, "the key that it was reported under, or the name of a weighted sum"),
        about("value", Type::Real, "the number; empty where it is none, or not finite"),
        about("text", Type::Text, "what was reported where that is no number"),
    ]
}

/// Writes the rows of some trials.
///
/// # Errors
/// Where a file cannot be read, and those of [`Table::row`].
pub fn write(
    table: &mut Table,
    dir: &SweepDir,
    manifest: &Manifest,
    trials: impl Iterator<Item = TrialIndex>,
) -> Result<()> {
    for trial in trials {
        each(dir, manifest, trial, |point| {
            let (value, text) = match point.value {
                Reported::Number(number) => (Cell::Real(number), Cell::Empty),
                Reported::Text(text) => (Cell::Empty, Cell::Text(text)),
            };
            table.row(&[
                trial.label().to_string().into(),
                trial.0.into(),
                point.line.into(),
                point.step.into(),
                point.key.into(),
                value,
                text,
            ])
        })?;
    }
    Ok(())
}

/// Gives each value that a trial reported, in the order of its lines, and the weighted sums of the spec behind each
/// line that has all of their parts.
///
/// # Errors
/// Where the file cannot be read, and those of `take`. A trial that reported nothing has no file.
pub fn each(
    dir: &SweepDir,
    manifest: &Manifest,
    trial: TrialIndex,
    mut take: impl FnMut(Point) -> Result<()>,
) -> Result<()> {
    let path = dir.trial(trial).metrics();
    let file = match File::open(&path) {
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound) => return Ok(()),
        file => file.at("open", &path)?,
    };
    let sums: Vec<&Metric> = manifest.metrics().filter(|metric| !metric.weights.is_empty()).collect();
    let mut next: HashMap<String, u64> = HashMap::new();
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        std::io::Read::take(&mut lines, LINE).read_until(b'\n', &mut line).at("read", &path)?;
        if line.last() != Some(&b'\n') {
            if (line.len() as u64) < LINE {
                // What has no end is being written, or was cut off.
                return Ok(());
            }
            continue;
        }
        let object: Map<String, Json> = serde_json::from_slice(&line).unwrap_or_default();
        let step = object.get(STEP).and_then(Json::as_u64);
        for (key, value) in values(&object, &sums) {
            let expected = next.entry(key.clone()).or_default();
            let step = step.unwrap_or(*expected);
            *expected = step.saturating_add(1);
            take(Point { line: number, step, key, value })?;
        }
        number += 1;
    }
}

/// What a line reports, and the weighted sums that it has all parts of.
fn values(object: &Map<String, Json>, sums: &[&Metric]) -> Vec<(String, Reported)> {
    let reported = object.iter().filter(|(key, _)| *key != STEP).map(|(key, json)| {
        let value = match (number(json), json) {
            (Some(number), _) => Reported::Number(number),
            (None, Json::String(text)) => Reported::Text(text.clone()),
            (None, other) => Reported::Text(other.to_string()),
        };
        (key.clone(), value)
    });
    let sum = |metric: &&Metric| {
        let parts = metric.weights.iter().map(|(name, weight)| Some(weight * number(object.get(name)?)?));
        let sum = parts.sum::<Option<f64>>().filter(|sum| sum.is_finite())?;
        Some((metric.name.clone(), Reported::Number(sum)))
    };
    reported.chain(sums.iter().filter_map(sum)).collect()
}

/// Lines as programs write them.
#[cfg(test)]
mod tests {
    use sweep_core::manifest::Goal;

    use super::*;

    #[test]
    fn a_line_has_its_keys_and_the_sums_that_it_is_whole_for() {
        let weights = [("p".to_owned(), 0.5), ("r".to_owned(), 2.0)].into();
        let sum = Metric { weights, ..Metric::reported("sum", Goal::Maximize) };
        let of = |line: &str| values(&serde_json::from_str(line).unwrap(), &[&sum]);
        let number = |key: &str, x: f64| (key.to_owned(), Reported::Number(x));
        let text = |key: &str, x: &str| (key.to_owned(), Reported::Text(x.to_owned()));
        assert_eq!(
            of(r#"{"step":3,"p":1,"r":"2"}"#),
            [number("p", 1.0), number("r", 2.0), number("sum", 4.5)]
        );
        assert_eq!(of(r#"{"p":"nan","final":"success"}"#), [text("final", "success"), text("p", "nan")]);
        assert_eq!(of(r#"{"p":[1],"r":null}"#), [text("p", "[1]"), text("r", "null")]);
    }
}
