//! A sweep's trials as a table: what became of each, a column for each metric, a column for each parameter. Never two
//! columns of one name, whatever the parameters are called.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use sweep_core::value::{Scalar, Value};

use super::{Cell, Column, Form, Table, Type};
use crate::error::Result;
use crate::report::status::{Status, TrialStatus};

/// Columns that every sweep has.
const FIXED: [(&str, Type); 15] = [
    ("trial", Type::Text),
    ("trial_index", Type::Integer),
    ("name", Type::Text),
    ("state", Type::Text),
    ("attempt", Type::Integer),
    ("job_id", Type::Text),
    ("replicate", Type::Integer),
    ("budget", Type::Real),
    ("bracket", Type::Integer),
    ("rung", Type::Integer),
    ("parent", Type::Text),
    ("exit", Type::Integer),
    ("signal", Type::Integer),
    ("elapsed_s", Type::Real),
    ("node", Type::Text),
];

/// Writes the table of a sweep, on standard output where there is no file.
///
/// # Errors
/// Those of [`Table`].
pub fn write(status: &Status, form: Form, file: Option<&Path>) -> Result<()> {
    let metrics: Vec<&str> = status.manifest.metrics().map(|metric| metric.name.as_str()).collect();
    let parameters = parameters(status);
    let mut names = Names::default();
    let mut columns: Vec<Column> =
        FIXED.iter().map(|(name, of)| Column::new(names.take("", name), *of)).collect();
    let ranked = metrics.len() > 1;
    columns.extend(ranked.then(|| Column::new(names.take("", "front"), Type::Integer)));
    columns.extend(metrics.iter().map(|name| Column::new(names.take("metric.", name), Type::Real)));
    columns.extend(parameters.iter().map(|(name, of)| Column::new(names.take("param.", name), *of)));
    let mut table = Table::create(form, file, "trials", &columns)?;
    for trial in &status.trials {
        let mut row = fixed(trial);
        row.extend(ranked.then(|| trial.front.and_then(|front| i64::try_from(front).ok()).into()));
        row.extend(metrics.iter().map(|name| Cell::from(trial.metrics.get(*name).copied().flatten())));
        row.extend(parameters.iter().map(|(name, of)| cell(trial.params.get(name), *of)));
        table.row(&row)?;
    }
    table.finish()
}

fn fixed(trial: &TrialStatus) -> Vec<Cell> {
    vec![
        trial.trial.to_string().into(),
        trial.index.0.into(),
        trial.name.clone().into(),
        trial.state.to_string().into(),
        trial.attempt.into(),
        trial.job_id.clone().into(),
        trial.replicate.into(),
        trial.budget.into(),
        trial.bracket.into(),
        trial.rung.into(),
        trial.parent.map(|parent| parent.to_string()).into(),
        trial.exit.into(),
        trial.signal.into(),
        trial.elapsed_s.into(),
        trial.node.clone().into(),
    ]
}

/// Every parameter that a trial has, with the narrowest type that all of its values have.
fn parameters(status: &Status) -> BTreeMap<String, Type> {
    let mut found: BTreeMap<String, Type> = BTreeMap::new();
    for (name, value) in status.trials.iter().flat_map(|trial| trial.params.iter()) {
        let of = match value.scalar() {
            Scalar::Bool(_) => Type::Boolean,
            Scalar::Int(_) => Type::Integer,
            Scalar::Float(_) => Type::Real,
            Scalar::Text(_) => Type::Text,
        };
        match found.get_mut(name) {
            None => drop(found.insert(name.to_owned(), of)),
            Some(known) if *known != of => {
                let numbers = [Type::Integer, Type::Real];
                let both = numbers.contains(known) && numbers.contains(&of);
                *known = if both { Type::Real } else { Type::Text };
            }
            Some(_) => {}
        }
    }
    found
}

fn cell(value: Option<&Value>, of: Type) -> Cell {
    let Some(value) = value else { return Cell::Empty };
    match (of, value.scalar()) {
        (Type::Boolean, Scalar::Bool(yes)) => Cell::Boolean(*yes),
        (Type::Integer, Scalar::Int(number)) => Cell::Integer(*number),
        (Type::Real, _) => value.as_f64().into(),
        _ => Cell::Text(value.text().into_owned()),
    }
}

/// Names that are taken; SQLite takes two that differ in case for one.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    fn take(&mut self, prefix: &str, name: &str) -> String {
        let mut name = name.to_owned();
        while !self.0.insert(name.to_lowercase()) {
            name = format!("{prefix}{name}");
            if prefix.is_empty() {
                name.push('_');
            }
        }
        name
    }
}

/// Names of columns.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_columns_have_one_name() {
        let mut names = Names::default();
        let taken =
            [("", "state"), ("metric.", "loss"), ("param.", "State"), ("param.", "loss"), ("param.", "LOSS")];
        let taken = taken.map(|(prefix, name)| names.take(prefix, name));
        assert_eq!(taken, ["state", "loss", "param.State", "param.loss", "param.param.LOSS"]);
    }
}
