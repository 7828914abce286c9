//! The metric by the values of each parameter: what the clouds of the page show, in words. Never a group without a
//! trial that can be compared.

use serde::Serialize;

use super::column::{Column, Kind, Role};

/// Trials of about the same value of one parameter.
#[derive(Debug, PartialEq, Serialize)]
pub struct Group {
    /// The parameter.
    pub parameter: String,
    /// Its values: a level, or the least and the most of a quarter of the trials.
    pub values: String,
    /// How many trials.
    pub trials: usize,
    /// The metric of the best.
    pub best: f64,
    /// The metric in the middle.
    pub median: f64,
}

/// Groups that numbers are cut into.
const QUARTERS: usize = 4;
/// Levels of one parameter that are told.
const LEVELS: usize = 12;

/// The groups of every parameter that varies, over the trials that can be compared.
pub(super) fn of(columns: &[Column], rows: &[u32]) -> Vec<Group> {
    let Some(metric) = columns.iter().find(|column| column.role == Role::Metric) else { return Vec::new() };
    let parameters = columns.iter().filter(|column| column.role == Role::Parameter);
    parameters.flat_map(|parameter| groups(parameter, metric, rows)).collect()
}

fn groups(parameter: &Column, metric: &Column, rows: &[u32]) -> Vec<Group> {
    let value = |column: &Column, row: u32| column.values.get(row as usize).copied().flatten();
    let mut pairs: Vec<(f64, f64)> =
        rows.iter().filter_map(|&row| value(parameter, row).zip(value(metric, row))).collect();
    let absent: Vec<f64> = rows
        .iter()
        .filter(|&&row| value(parameter, row).is_none())
        .filter_map(|&row| value(metric, row))
        .collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let maximize = metric.maximize == Some(true);
    let group = |values: String, metrics: Vec<f64>| Group::of(&parameter.name, values, metrics, maximize);
    let mut found = Vec::new();
    let mut distinct: Vec<f64> = pairs.iter().map(|(x, _)| *x).collect();
    distinct.dedup();
    if distinct.len() + usize::from(!absent.is_empty()) < 2 {
        return found;
    }
    if parameter.kind == Kind::Level || distinct.len() <= LEVELS {
        for level in distinct.into_iter().take(LEVELS) {
            let metrics = pairs.iter().filter(|(x, _)| *x == level).map(|(_, y)| *y).collect();
            found.extend(group(parameter.text(level), metrics));
        }
    } else {
        for quarter in 0..QUARTERS {
            let part = &pairs[quarter * pairs.len() / QUARTERS..(quarter + 1) * pairs.len() / QUARTERS];
            let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
            let values = format!("{} to {}", parameter.text(first.0), parameter.text(last.0));
            found.extend(group(values, part.iter().map(|(_, y)| *y).collect()));
        }
    }
    found.extend(group("none".into(), absent));
    found
}

impl Group {
    fn of(parameter: &str, values: String, mut metrics: Vec<f64>, maximize: bool) -> Option<Self> {
        metrics.sort_by(f64::total_cmp);
        if maximize {
            metrics.reverse();
        }
        let (best, median) = (*metrics.first()?, *metrics.get(metrics.len() / 2)?);
        Some(Self { parameter: parameter.to_owned(), values, trials: metrics.len(), best, median })
    }
}
