//! Trials as columns: a column holds one metric, parameter or fact of every trial, numbers as numbers and all else as
//! places in a list of levels. Never a number with more digits than a plot or a table of people needs.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use sweep_core::value::{Scalar, Value};
use sweep_search::space::Domain;

use crate::report::status::{Status, TrialStatus};
use crate::spec::Spec;

/// One column.
#[derive(Debug, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Where its values come from.
    pub role: Role,
    /// What they are.
    pub kind: Kind,
    /// Whether they are to be seen by their logarithm.
    pub log: bool,
    /// Whether all are whole numbers.
    pub whole: bool,
    /// Of a metric, whether more is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximize: Option<bool>,
    /// Of levels: their texts, numbers first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// A value a trial: a number, or the place of a level; none where the trial has none.
    pub values: Vec<Option<f64>>,
}

/// Where a column's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// What trials report.
    Metric,
    /// What was searched.
    Parameter,
    /// What became of them.
    Fact,
}

/// What a column's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Numbers.
    Number,
    /// Places in the list of levels.
    Level,
}

/// Numbers are seen by their logarithm where the greatest is at least so many times the least.
const RATIO: f64 = 100.0;
/// The same of numbers that the spec lists one by one: who lists 8, 16, 32, … thinks in factors.
const RATIO_OF_LISTED: f64 = 8.0;
/// Digits behind the first that a number of the page has.
const DIGITS: usize = 6;

/// The columns of a sweep: facts that say what a trial is, metrics, parameters, and further facts. `ends` says how
/// long after the sweep's making each trial ended, in seconds.
pub(super) fn of(status: &Status, spec: Option<&Spec>, ends: &[Option<f64>]) -> Vec<Column> {
    let trials = &status.trials;
    let mut columns = vec![texts("state", trials, |trial| Some(trial.state.to_string()))];
    columns.extend(Some(texts("name", trials, |trial| trial.name.clone())).filter(Column::says_anything));
    for metric in status.manifest.metrics() {
        let values = trials.iter().map(|trial| trial.metrics.get(&metric.name).copied().flatten());
        let mut column = Column::numbers(&metric.name, Role::Metric, values.collect());
        column.maximize = Some(metric.goal == sweep_core::manifest::Goal::Maximize);
        columns.push(column);
    }
    columns.extend(parameters(trials, spec));
    let number = |name: &str, of: &dyn Fn(&TrialStatus) -> Option<f64>| {
        Column::numbers(name, Role::Fact, trials.iter().map(of).collect())
    };
    let facts = [
        number("budget", &|trial| trial.budget),
        number("bracket", &|trial| trial.bracket.map(f64::from)),
        number("rung", &|trial| trial.rung.map(f64::from)),
        number("parent", &|trial| trial.parent.map(|parent| f64::from(parent.0.0))),
        number("front", &|trial| trial.front.and_then(|front| u32::try_from(front).ok()).map(f64::from)),
        number("replicate", &|trial| Some(f64::from(trial.replicate))),
        number("attempt", &|trial| Some(f64::from(trial.attempt))),
        number("elapsed_s", &|trial| trial.elapsed_s),
        Column::numbers("ended_s", Role::Fact, ends.to_vec()),
        number("exit", &|trial| trial.exit.map(f64::from)),
        number("signal", &|trial| trial.signal.map(f64::from)),
        texts("node", trials, |trial| trial.node.clone()),
        texts("job", trials, |trial| trial.job_id.clone()),
    ];
    let facts = facts.map(|mut column| {
        // Budgets grow by factors.
        column.log = column.name == "budget" && column.is_wide(RATIO_OF_LISTED);
        column
    });
    let mute = |column: &Column| {
        let same = |name: &str| column.name == name && column.values.iter().all(|value| *value == Some(0.0));
        same("replicate") || same("attempt")
    };
    columns.extend(facts.into_iter().filter(|column| column.says_anything() && !mute(column)));
    columns
}

/// A column for each parameter that a trial has, in the order of their first appearance.
fn parameters(trials: &[TrialStatus], spec: Option<&Spec>) -> Vec<Column> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut found: Vec<(&str, Vec<Option<&Value>>)> = Vec::new();
    for (row, trial) in trials.iter().enumerate() {
        for (name, value) in trial.params.iter() {
            let place = *places.entry(name).or_insert(found.len());
            if place == found.len() {
                found.push((name, vec![None; trials.len()]));
            }
            found[place].1[row] = Some(value);
        }
    }
    found.into_iter().map(|(name, values)| parameter(name, &values, domain(spec, name))).collect()
}

fn domain<'a>(spec: Option<&'a Spec>, name: &str) -> Option<&'a Domain> {
    spec?.space.axes().iter().find(|axis| axis.name == name).map(|axis| &axis.domain)
}

fn parameter(name: &str, values: &[Option<&Value>], domain: Option<&Domain>) -> Column {
    if values.iter().flatten().all(|value| value.as_f64().is_some()) {
        let numbers = values.iter().map(|value| value.and_then(Value::as_f64)).collect();
        let mut column = Column::numbers(name, Role::Parameter, numbers);
        column.log = match domain {
            Some(domain) => is_log(domain, &column),
            None => column.is_wide(RATIO),
        };
        return column;
    }
    let mut levels: Vec<&Value> = values.iter().copied().flatten().collect();
    levels.sort_by(|a, b| order(a, b));
    let mut seen = HashSet::new();
    let mut texts: Vec<String> = levels.iter().map(|value| value.text().into_owned()).collect();
    // A number and a text that a program reads alike are one level, and need not stand beside each other.
    texts.retain(|text| seen.insert(text.clone()));
    Column::levels(name, Role::Parameter, texts, values.iter().map(|v| v.map(|v| v.text().into_owned())))
}

/// Whether a parameter of this domain is seen by its logarithm.
fn is_log(domain: &Domain, column: &Column) -> bool {
    match domain {
        Domain::LogUniform { .. } | Domain::LogNormal { .. } => column.is_wide(1.0),
        Domain::Categorical(_) | Domain::Weighted { .. } => column.is_wide(RATIO_OF_LISTED),
        Domain::Rounded { of, .. } => is_log(of, column),
        _ => false,
    }
}

/// Numbers by size, then truths, then texts.
fn order(a: &Value, b: &Value) -> std::cmp::Ordering {
    let rank = |value: &Value| match value.scalar() {
        Scalar::Int(_) | Scalar::Float(_) => 0,
        Scalar::Bool(_) => 1,
        Scalar::Text(_) => 2,
    };
    let size = |value: &Value| value.as_f64().unwrap_or(0.0);
    rank(a).cmp(&rank(b)).then(size(a).total_cmp(&size(b))).then_with(|| a.text().cmp(&b.text()))
}

fn texts(name: &str, trials: &[TrialStatus], of: impl Fn(&TrialStatus) -> Option<String>) -> Column {
    let values: Vec<Option<String>> = trials.iter().map(of).collect();
    let mut levels: Vec<String> = values.iter().flatten().cloned().collect();
    levels.sort_unstable();
    levels.dedup();
    Column::levels(name, Role::Fact, levels, values.into_iter())
}

impl Column {
    fn numbers(name: &str, role: Role, values: Vec<Option<f64>>) -> Self {
        let values: Vec<_> = values.into_iter().map(|value| value.map(shortened)).collect();
        let whole = values.iter().flatten().all(|x| x.fract() == 0.0);
        Self {
            name: name.to_owned(),
            role,
            kind: Kind::Number,
            log: false,
            whole,
            maximize: None,
            levels: vec![],
            values,
        }
    }

    fn levels(
        name: &str,
        role: Role,
        levels: Vec<String>,
        values: impl Iterator<Item = Option<String>>,
    ) -> Self {
        let places: HashMap<&str, u32> = levels.iter().map(String::as_str).zip(0..).collect();
        let values =
            values.map(|value| value.and_then(|text| places.get(text.as_str()).copied().map(f64::from)));
        let values = values.collect();
        let name = name.to_owned();
        Self { name, role, kind: Kind::Level, log: false, whole: true, maximize: None, levels, values }
    }

    /// A value of its own as text.
    pub(super) fn text(&self, value: f64) -> String {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
        match self.kind {
            Kind::Level => self.levels.get(value as usize).cloned().unwrap_or_default(),
            Kind::Number => Value::new(Scalar::Float((value * 1e9).round() / 1e9)).text().into_owned(),
        }
    }

    /// Whether all of its numbers are above 0, and the greatest at least so many times the least.
    fn is_wide(&self, ratio: f64) -> bool {
        let present = self.values.iter().copied().flatten();
        let (least, most) =
            present.fold((f64::INFINITY, 0.0_f64), |(least, most), x| (least.min(x), most.max(x)));
        least > 0.0 && most >= least * ratio
    }

    /// Whether any trial has a value.
    fn says_anything(&self) -> bool {
        self.values.iter().any(Option::is_some)
    }
}

/// A number to seven digits.
pub(super) fn shortened(x: f64) -> f64 {
    format!("{x:.DIGITS$e}").parse().unwrap_or(x)
}

/// Columns of parameters.
#[cfg(test)]
mod tests {
    use super::*;

    fn column(words: &[&str]) -> Column {
        let values: Vec<Option<Value>> =
            words.iter().map(|word| (!word.is_empty()).then(|| Value::from_word(word))).collect();
        parameter("p", &values.iter().map(Option::as_ref).collect::<Vec<_>>(), None)
    }

    #[test]
    fn numbers_stay_numbers_and_what_is_absent_has_no_value() {
        let found = column(&["1e-4", "", "0.5", "3"]);
        assert_eq!((found.kind, found.log, found.whole), (Kind::Number, true, false));
        assert_eq!(found.values, [Some(1e-4), None, Some(0.5), Some(3.0)]);
        assert!(!column(&["0", "100"]).log && column(&["1", "2"]).whole);
    }

    #[test]
    fn mixed_values_are_levels_numbers_first() {
        let found = column(&["relu", "10", "true", "", "2", "relu"]);
        assert_eq!(found.levels, ["2", "10", "true", "relu"]);
        assert_eq!(found.values, [Some(3.0), Some(1.0), Some(2.0), None, Some(0.0), Some(3.0)]);
    }

    #[test]
    fn a_text_that_looks_like_another_value_is_the_same_level() {
        let (text, number) = (Value::from_text("10"), Value::from_word("10"));
        let other = Value::from_word("true");
        let found = parameter("p", &[Some(&text), Some(&other), Some(&number)], None);
        assert_eq!((found.levels.len(), found.values), (2, vec![Some(0.0), Some(1.0), Some(0.0)]));
    }

    #[test]
    fn seven_digits_are_enough() {
        assert_eq!(shortened(0.123_456_789), 0.123_456_8);
        assert_eq!(shortened(-1.0), -1.0);
    }
}
