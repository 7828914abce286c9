//! Which trials the table shows, and in which order. Pure.

use std::cmp::Ordering;

use sweep_core::value::{Scalar, Value};

use super::state::Sort;
use crate::driver::choose::Condition;
use crate::render::status::params;
use crate::report::grid::{LETTERS, letter};
use crate::report::status::{Status, TrialStatus};

/// The places of the trials that a filter lets through, sorted.
#[must_use]
pub fn rows(status: &Status, filter: &str, sort: Sort, reverse: bool) -> Vec<usize> {
    let filter = Filter::of(filter);
    let mut rows: Vec<usize> =
        (0..status.trials.len()).filter(|place| filter.holds(&status.trials[*place])).collect();
    if sort != Sort::Trial {
        rows.sort_by(|a, b| order(status, sort, &status.trials[*a], &status.trials[*b]));
    }
    if reverse {
        rows.reverse();
    }
    rows
}

enum Filter {
    All,
    /// All of these are true, as in `lr>0.01 state=failed`.
    Conditions(Vec<Condition>),
    /// Each word stands somewhere in the line.
    Words(Vec<String>),
}

impl Filter {
    fn of(text: &str) -> Self {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.is_empty() {
            return Self::All;
        }
        let conditions: Option<Vec<Condition>> = words.iter().map(|word| word.parse().ok()).collect();
        match conditions {
            Some(conditions) => Self::Conditions(conditions),
            None => Self::Words(words.iter().map(|word| word.to_lowercase()).collect()),
        }
    }

    fn holds(&self, trial: &TrialStatus) -> bool {
        match self {
            Self::All => true,
            Self::Conditions(conditions) => conditions
                .iter()
                .all(|condition| condition.is_true_of(value(trial, condition.name()).as_ref())),
            Self::Words(words) => {
                let name = trial.name.as_deref().unwrap_or_default();
                let job = trial.job_id.as_deref().unwrap_or_default();
                let line = format!("{} {} {name} {job} {}", trial.trial, trial.state, params(&trial.params));
                let line = line.to_lowercase();
                words.iter().all(|word| line.contains(word))
            }
        }
    }
}

/// What a condition may be about.
fn value(trial: &TrialStatus, name: &str) -> Option<Value> {
    let whole = |number: Option<u32>| Some(Value::from_word(&number?.to_string()));
    let real = |x: Option<f64>| Some(Value::new(Scalar::Float(x?)));
    match name {
        "trial" => Some(Value::from_text(trial.trial.to_string())),
        "state" => Some(Value::from_text(trial.state.name())),
        "metric" => real(trial.metric),
        "attempt" => whole(Some(trial.attempt)),
        "budget" => real(trial.budget),
        "bracket" => whole(trial.bracket),
        "rung" => whole(trial.rung),
        "exit" => Some(Value::from_word(&trial.exit?.to_string())),
        "time" => real(trial.elapsed_s),
        "node" => trial.node.clone().map(Value::from_text),
        name => trial.params.get(name).cloned().or_else(|| real(trial.metrics.get(name).copied().flatten())),
    }
}

fn order(status: &Status, sort: Sort, a: &TrialStatus, b: &TrialStatus) -> Ordering {
    let urgency = |trial: &TrialStatus| LETTERS.find(letter(trial.state));
    match sort {
        Sort::Trial => a.index.cmp(&b.index),
        Sort::State => urgency(a).cmp(&urgency(b)),
        Sort::Metric => {
            let goal = status.manifest.metric.as_ref().map(|metric| metric.goal).unwrap_or_default();
            goal.order(a.metric, b.metric)
        }
        Sort::Time => b.elapsed_s.unwrap_or(-1.0).total_cmp(&a.elapsed_s.unwrap_or(-1.0)),
        Sort::Parameter(place) => {
            let name = parameters(status).nth(place).unwrap_or_default();
            match (a.params.get(name), b.params.get(name)) {
                (Some(a), Some(b)) => match (a.as_f64(), b.as_f64()) {
                    (Some(a), Some(b)) => a.total_cmp(&b),
                    _ => a.text().cmp(&b.text()),
                },
                (a, b) => a.is_none().cmp(&b.is_none()),
            }
        }
    }
}

/// The parameters by which trials can be sorted: those of the first trial.
pub fn parameters(status: &Status) -> impl Iterator<Item = &str> {
    status.trials.first().into_iter().flat_map(|trial| trial.params.iter().map(|(name, _)| name))
}
