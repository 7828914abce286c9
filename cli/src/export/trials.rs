//! A sweep's trials as a table: what became of each, a column for each metric, a column for each parameter. Never two
//! columns of one name, whatever the parameters are called.

use std::collections::{BTreeMap, HashSet};

use sweep_core::record::Record;
use sweep_core::value::{Scalar, Value};

use super::{Cell, Column, Table, Type};
use crate::driver::look::{Look, TrialLook};
use crate::error::Result;
use crate::report::status::{Status, TrialStatus};

/// The name of its table.
pub const NAME: &str = "trials";

/// Columns that every sweep has, in this order; new ones come behind them.
const FIXED: [(&str, Type, &str); 20] = [
    ("trial", Type::Text, "the trial's label"),
    ("trial_index", Type::Integer, "the trial's number, from 0"),
    ("name", Type::Text, "the user's name for it"),
    ("state", Type::Text, "where it stands, in the words of `sweep status`"),
    ("attempt", Type::Integer, "its newest attempt, from 0"),
    ("job_id", Type::Text, "its job as Slurm's commands take it, or its process as host:pid:start"),
    ("replicate", Type::Integer, "which repetition of its configuration it is, from 0"),
    ("budget", Type::Real, "what the search gave it to spend, in the spec's units"),
    ("bracket", Type::Integer, "its bracket, deme or member"),
    ("rung", Type::Integer, "its rung or generation, from 0"),
    ("parent", Type::Text, "the label of the trial that it goes on from"),
    ("exit", Type::Integer, "the exit code of its newest attempt"),
    ("signal", Type::Integer, "the signal that ended its newest attempt"),
    ("elapsed_s", Type::Real, "how long its newest attempt took, in seconds"),
    ("node", Type::Text, "the node that its newest attempt ran on"),
    ("started", Type::Time, "when its newest attempt started, in UTC"),
    ("ended", Type::Time, "when its newest attempt ended, in UTC"),
    ("cpu_s", Type::Real, "user and system time of its newest attempt, in seconds"),
    ("memory_peak_kib", Type::Integer, "the largest resident set of its newest attempt, in KiB"),
    ("cluster", Type::Text, "the cluster that has its job, where that is known"),
];

/// A sweep's trials, as they are written.
pub struct Trials {
    status: Status,
    /// What the records of each trial's newest attempt say besides.
    measured: Vec<[Cell; 4]>,
    metrics: Vec<String>,
    parameters: BTreeMap<String, Type>,
    columns: Vec<Column>,
}

impl Trials {
    /// What a look found.
    #[must_use]
    pub fn of(look: Look) -> Self {
        let measured = look.trials.iter().map(measured).collect();
        let status = Status::of(look);
        let metrics: Vec<String> = status.manifest.metrics().map(|metric| metric.name.clone()).collect();
        let parameters = parameters(&status);
        let columns = columns(&metrics, &parameters);
        Self { status, measured, metrics, parameters, columns }
    }

    /// The columns: those of every sweep, the front of several metrics, metrics in the spec's order, parameters by
    /// their names.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Writes a row for each trial.
    ///
    /// # Errors
    /// Those of [`Table::row`].
    pub fn write(&self, table: &mut Table) -> Result<()> {
        for (trial, measured) in self.status.trials.iter().zip(&self.measured) {
            let mut row = fixed(trial);
            row.extend(measured.iter().cloned());
            row.push(trial.cluster.clone().into());
            if self.metrics.len() > 1 {
                row.push(trial.front.and_then(|front| i64::try_from(front).ok()).into());
            }
            row.extend(
                self.metrics.iter().map(|name| Cell::from(trial.metrics.get(name).copied().flatten())),
            );
            row.extend(self.parameters.iter().map(|(name, of)| cell(trial.params.get(name), *of)));
            table.row(&row)?;
        }
        Ok(())
    }
}

fn columns(metrics: &[String], parameters: &BTreeMap<String, Type>) -> Vec<Column> {
    let mut names = Names::default();
    let mut columns: Vec<Column> = Vec::new();
    let fixed = FIXED.iter().map(|(name, of, about)| Column::new(names.take("", name), *of).about(*about));
    columns.extend(fixed);
    if metrics.len() > 1 {
        let about = "its Pareto front: 0 where no other trial is better in every metric";
        columns.push(Column::new(names.take("", "front"), Type::Integer).about(about));
    }
    for name in metrics {
        let about = format!("the last value of the metric `{name}`");
        columns.push(Column::new(names.take("metric.", name), Type::Real).about(about));
    }
    for (name, of) in parameters {
        let about = format!("the parameter `{name}`; empty where it does not count");
        columns.push(Column::new(names.take("param.", name), *of).about(about));
    }
    columns
}

fn measured(trial: &TrialLook) -> [Cell; 4] {
    let time = |record: Option<&Record>| {
        record.and_then(|record| i64::try_from(record.time_ns).ok()).map_or(Cell::Empty, Cell::Time)
    };
    let end = trial.end();
    [
        time(trial.start()),
        time(end),
        end.and_then(|end| end.cpu_s).into(),
        end.and_then(|end| end.memory_peak_kib).into(),
    ]
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
