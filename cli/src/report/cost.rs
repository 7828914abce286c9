//! What a spec would cost: hours from the cost of a unit of budget, node-hours, and prices by partition. Never a
//! price that stands on a guess: what the spec does not say is left out.

use serde::Serialize;
use sweep_search::price::{BracketRow, Carry, Table, Unit};

use crate::error::{Error, Result};
use crate::spec::Spec;

/// What a spec would cost if every trial completes.
#[derive(Debug, Default, Serialize)]
pub struct Cost {
    /// Brackets and stages of a method that gives budgets.
    pub table: Option<Table>,
    /// Hours of one unit of budget, with repetitions and folds.
    pub unit_hours: Option<f64>,
    /// Hours of all trials one after the other; a trial without a budget counts as one unit.
    pub hours: Option<f64>,
    /// The same where trials go on from checkpoints, for a spec that has none.
    pub hours_with_checkpoints: Option<f64>,
    /// Hours that Slurm lets all trials run at most, by `sbatch: {time: …}`.
    pub limit_hours: Option<f64>,
    /// Nodes of a trial.
    pub nodes: u64,
    /// Hours times nodes.
    pub node_hours: Option<f64>,
    /// What they cost, on each partition that may be meant.
    pub prices: Vec<Price>,
}

/// A price on one partition.
#[derive(Debug, Serialize)]
pub struct Price {
    /// The partition; `default` for one that has no rate of its own.
    pub partition: String,
    /// What a node-hour costs there.
    pub rate: f64,
    /// What the sweep costs there.
    pub price: f64,
}

/// The rate of every partition that has none of its own.
const DEFAULT_RATE: &str = "default";

impl Cost {
    /// The cost of a spec of so many trials.
    ///
    /// # Errors
    /// For brackets that cannot be counted.
    #[expect(clippy::cast_precision_loss, reason = "hours to four digits are enough")]
    pub fn of(spec: &Spec, trials: u128) -> Result<Self> {
        let experiment = spec.experiment("");
        let counted = |carry| experiment.table(carry).map_err(|error| Error::user(error.to_string()));
        let carry = if spec.around.checkpoint { Carry::Checkpoint } else { Carry::Nothing };
        let (table, resumed) = (counted(carry)?, counted(Carry::Checkpoint)?);
        let unit_hours = spec.cost_per_budget.map(|hours| {
            let (repetitions, folds) = (spec.repetitions.unwrap_or(1), spec.folds.unwrap_or(1));
            Unit { repetitions, folds, hours }.trial_hours()
        });
        let priced = |table: &Option<Table>| {
            let units = table.as_ref().map_or(trials as f64, |table| table.units as f64);
            unit_hours.map(|unit| unit * units)
        };
        let hours = priced(&table);
        let limit_hours =
            spec.sbatch.get("time").and_then(|time| limit_hours(time)).map(|h| h * trials as f64);
        // `2-4` is at least two.
        let nodes = spec.sbatch.get("nodes").and_then(|text| text.split('-').next()?.parse().ok());
        let nodes = nodes.unwrap_or(1);
        let node_hours = hours.or(limit_hours).map(|hours| hours * nodes as f64);
        Ok(Self {
            hours_with_checkpoints: priced(&resumed).filter(|_| resumed != table),
            prices: node_hours.map(|node_hours| prices(spec, node_hours)).unwrap_or_default(),
            table,
            unit_hours,
            hours,
            limit_hours,
            nodes,
            node_hours,
        })
    }

    /// What a person should know about the brackets of a space with so many combinations.
    #[must_use]
    pub fn notes(&self, combinations: Option<u128>) -> Vec<String> {
        let Some(table) = &self.table else { return Vec::new() };
        let mut notes = Vec::new();
        let begin = table.configurations;
        if let Some(all) = combinations.filter(|all| *all < begin.into()) {
            notes.push(format!("{begin} configurations begin, but there are only {all}: some come again"));
        }
        let empty =
            |bracket: &&BracketRow| bracket.stages.last().is_some_and(|last| last.configurations == 0);
        for bracket in table.brackets.iter().filter(empty) {
            let reached = bracket.stages.iter().take_while(|stage| stage.configurations > 0).last();
            let number = bracket.bracket;
            notes.push(match reached {
                Some(stage) => format!(
                    "bracket {number} has too few configurations for its last rungs: about none passes a budget of {}",
                    stage.budget
                ),
                None => format!("bracket {number} has no configuration: `trials` are too few"),
            });
        }
        notes
    }
}

/// On the partition that the spec names, or on each that has a rate.
fn prices(spec: &Spec, node_hours: f64) -> Vec<Price> {
    let rates = &spec.driving.rates;
    let at = |(partition, rate): (&String, &f64)| Price {
        partition: partition.clone(),
        rate: *rate,
        price: rate * node_hours,
    };
    match spec.sbatch.get("partition") {
        Some(named) => {
            let rate = rates.get(named).or_else(|| rates.get(DEFAULT_RATE));
            rate.map(|rate| at((named, rate))).into_iter().collect()
        }
        None => rates.iter().map(at).collect(),
    }
}

/// Hours of a time limit as sbatch takes it: minutes, `m:s`, `h:m:s`, `d-h`, `d-h:m`, `d-h:m:s`. None for what has no
/// end and for what is no time.
fn limit_hours(text: &str) -> Option<f64> {
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(days.parse::<u32>().ok()?), rest),
        None => (None, text),
    };
    let parts: Vec<f64> =
        rest.split(':').map(|part| part.parse::<u32>().map(f64::from).ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = match (days, parts.as_slice()) {
        (None, [minutes]) => [0.0, *minutes, 0.0],
        (None, [minutes, seconds]) => [0.0, *minutes, *seconds],
        (Some(_), [hours]) => [*hours, 0.0, 0.0],
        (Some(_), [hours, minutes]) => [*hours, *minutes, 0.0],
        (_, [hours, minutes, seconds]) => [*hours, *minutes, *seconds],
        _ => return None,
    };
    let hours = f64::from(days.unwrap_or(0)) * 24.0 + hours + minutes / 60.0 + seconds / 3600.0;
    // To Slurm 0 is no limit.
    (hours > 0.0).then_some(hours)
}

/// Times.
#[cfg(test)]
mod tests {
    use super::limit_hours;

    #[test]
    fn time_limits_are_read_as_sbatch_reads_them() {
        for (text, hours) in [
            ("90", 1.5),
            ("30:36", 0.51),
            ("02:30:00", 2.5),
            ("1-12", 36.0),
            ("1-00:30", 24.5),
            ("2-01:30:00", 49.5),
        ] {
            assert_eq!(limit_hours(text), Some(hours), "{text}");
        }
        for text in ["0", "UNLIMITED", "INFINITE", "", "a:b", "1:2:3:4", "${time}", "-5"] {
            assert_eq!(limit_hours(text), None, "{text}");
        }
    }
}
