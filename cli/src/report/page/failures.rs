//! What failed and why: trials that ended alike stand together, by how they ended and the last line of what they
//! printed. Never more output read than a page can show.

use std::collections::BTreeMap;

use serde::Serialize;
use sweep_core::id::TrialLabel;
use sweep_core::layout::SweepDir;
use sweep_core::state::{Bucket, TrialState};

use crate::driver::look::{Look, TrialLook};
use crate::report::output;

/// Trials that ended alike.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// How.
    pub state: TrialState,
    /// The exit code or signal, or why it could not start.
    pub how: String,
    /// The last line of what the first printed.
    pub last_line: Option<String>,
    /// The last lines of what the first printed.
    pub output: Option<String>,
    /// How many trials.
    pub count: usize,
    /// The first of them.
    pub trials: Vec<TrialLabel>,
}

/// Trials whose output is read.
const READ: usize = 1000;
/// Lines of it that are shown.
const LINES: usize = 12;
/// Trials that are named of those that failed alike.
const NAMED: usize = 12;
/// Kinds of failures that are shown.
const KINDS: usize = 50;

pub(super) fn of(dir: &SweepDir, look: &Look) -> Vec<Failure> {
    let is_failure = |trial: &&TrialLook| {
        matches!(trial.status.bucket, Bucket::Failed | Bucket::SubmitFailed | Bucket::MissingTracking)
            || trial.task_error.is_some()
    };
    let mut alike: BTreeMap<(TrialState, String, String), Failure> = BTreeMap::new();
    for (place, trial) in look.trials.iter().filter(is_failure).enumerate() {
        let label = trial.trial.index.label();
        let output = (place < READ).then(|| output::tail(&dir.trial(trial.trial.index))).flatten();
        let lines = output.map(|text| output::last_lines(text.trim_end(), LINES)).unwrap_or_default();
        let last = lines.iter().map(|line| line.trim()).rfind(|line| !line.is_empty());
        let state = trial.status.state;
        let how = how(trial);
        let key = (state, how.clone(), last.map(shape).unwrap_or_default());
        let failure = alike.entry(key).or_insert_with(|| Failure {
            state,
            how,
            last_line: last.map(str::to_owned),
            output: last.map(|_| lines.join("\n")),
            count: 0,
            trials: Vec::new(),
        });
        failure.count += 1;
        if failure.trials.len() < NAMED {
            failure.trials.push(label);
        }
    }
    let mut failures: Vec<Failure> = alike.into_values().collect();
    failures.sort_by_key(|failure| (std::cmp::Reverse(failure.count), failure.trials[0]));
    failures.truncate(KINDS);
    failures
}

fn how(trial: &TrialLook) -> String {
    if let Some(refusal) = &trial.refusal {
        return format!("refused: {refusal}");
    }
    if let Some(error) = &trial.task_error {
        return format!("could not start: {}", error.trim());
    }
    match trial.end().map(|end| (end.signal, end.exit)) {
        Some((Some(signal), _)) => format!("signal {signal}"),
        Some((None, Some(code))) => format!("exit code {code}"),
        Some((None, None)) => "ended".into(),
        None => "no end was written down".into(),
    }
}

/// A line without its numbers: `step 12: loss is nan` and `step 9: loss is nan` are the same failure.
fn shape(line: &str) -> String {
    let mut shape = String::with_capacity(line.len());
    for c in line.chars() {
        match c.is_ascii_digit() {
            true if shape.ends_with('#') => {}
            true => shape.push('#'),
            false => shape.push(c),
        }
    }
    shape
}

/// Lines that are alike.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_in_numbers_are_alike() {
        assert_eq!(shape("step 12: loss is nan"), shape("step 9: loss is nan"));
        assert_ne!(shape("step 12"), shape("stop 12"));
    }
}
