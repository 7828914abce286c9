//! What became of each generation, from the trials themselves. Never the search's own state: a table of trials with
//! their brackets, rungs and metrics is enough, so it can be had of a sweep that nobody drives.

use std::collections::BTreeMap;

use serde::Serialize;
use sweep_core::id::TrialIndex;

/// A configuration as a log sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Its number.
    pub trial: TrialIndex,
    /// Its deme, or the member of a population.
    pub deme: u32,
    /// Its generation.
    pub generation: u32,
    /// Its metric, lower for better; none where it failed.
    pub metric: Option<f64>,
}

/// A generation of one deme.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Generation {
    /// Its number, from 0.
    pub generation: u32,
    /// The deme.
    pub deme: u32,
    /// How many ended.
    pub ended: u64,
    /// How many of them failed.
    pub failed: u64,
    /// The best of them; of two that are as good the first.
    pub best: Option<TrialIndex>,
    /// Its metric.
    pub best_metric: Option<f64>,
    /// The mean of all metrics.
    pub mean: Option<f64>,
}

/// A line for each generation of each deme, in that order.
#[must_use]
pub fn generations(outcomes: impl IntoIterator<Item = Outcome>) -> Vec<Generation> {
    let mut rows: BTreeMap<(u32, u32), (Generation, f64)> = BTreeMap::new();
    for Outcome { trial, deme, generation, metric } in outcomes {
        let empty =
            Generation { generation, deme, ended: 0, failed: 0, best: None, best_metric: None, mean: None };
        let (row, sum) = rows.entry((generation, deme)).or_insert((empty, 0.0));
        row.ended += 1;
        let Some(metric) = metric.filter(|metric| metric.is_finite()) else {
            row.failed += 1;
            continue;
        };
        *sum += metric;
        if row.best.zip(row.best_metric).is_none_or(|(best, known)| (metric, trial.0) < (known, best.0)) {
            (row.best, row.best_metric) = (Some(trial), Some(metric));
        }
    }
    let mean = |(mut row, sum): (Generation, f64)| {
        let good = row.ended - row.failed;
        #[expect(clippy::cast_precision_loss, reason = "a number of configurations")]
        let mean = (good > 0).then(|| sum / good as f64);
        row.mean = mean;
        row
    };
    rows.into_values().map(mean).collect()
}

/// Logs.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_generation_of_each_deme_has_a_line() {
        let outcome =
            |trial, deme, generation, metric| Outcome { trial: TrialIndex(trial), deme, generation, metric };
        let log = generations([
            outcome(3, 0, 1, Some(1.0)),
            outcome(1, 0, 0, Some(2.0)),
            outcome(0, 0, 0, Some(4.0)),
            outcome(4, 0, 0, Some(2.0)),
            outcome(2, 1, 0, None),
        ]);
        let lines: Vec<_> = log
            .iter()
            .map(|g| (g.generation, g.deme, g.ended, g.failed, g.best.map(|t| t.0), g.mean))
            .collect();
        assert_eq!(
            lines,
            [
                (0, 0, 3, 0, Some(1), Some(8.0 / 3.0)),
                (0, 1, 1, 1, None, None),
                (1, 0, 1, 0, Some(3), Some(1.0))
            ]
        );
    }
}
