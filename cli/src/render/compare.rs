//! `sweep compare` for a person: a column a sweep.

use std::fmt::Write;

use crate::render::status::number;
use crate::render::table;
use crate::report::compare::{Compare, Side};

/// The report as text.
#[must_use]
pub fn human(compare: &Compare, width: u16) -> String {
    let mut out = String::new();
    let mut head = vec![""];
    head.extend(compare.sweeps.iter().map(|side| side.sweep_id.as_str()));
    let mut table = table::table(&head, width);
    let mut row = |name: &str, value: &dyn Fn(&Side) -> String| {
        let mut cells = vec![name.to_owned()];
        cells.extend(compare.sweeps.iter().map(value));
        table.add_row(cells);
    };
    let shown = |value: Option<f64>| value.map_or_else(|| "-".into(), number);
    let metric = compare.metric.as_deref().unwrap_or("metric");
    row("method", &|side| side.method.clone());
    row("trials", &|side| side.trials.to_string());
    row("completed", &|side| side.completed.to_string());
    row("failed", &|side| side.failed.to_string());
    row("node-hours", &|side| format!("{:.2}", side.node_hours));
    row(&format!("best {metric}"), &|side| shown(side.metric));
    row("by", &|side| side.best.map_or_else(|| "-".into(), |trial| trial.to_string()));
    row("the best one came", &|side| {
        side.best_after.map_or_else(|| "-".into(), |n| format!("as number {n}"))
    });
    let equal = format!("best of the first {}", compare.equal_trials);
    row(&equal, &|side| shown(side.metric_at_equal));
    out.push_str(&table::text(&table));
    match (&compare.metric, &compare.best) {
        (Some(metric), Some(best)) => {
            let _ = writeln!(out, "\nthe best {metric} is that of {best}");
        }
        (None, _) => out.push_str("\ntheir metrics differ, so none is called the best\n"),
        (Some(_), None) => out.push_str("\nno trial has completed with a metric yet\n"),
    }
    if !compare.shared.is_empty() {
        out.push_str("\nparameters that all have: what was tried, and the best one's\n");
        let mut table = table::table(&head, width);
        for shared in &compare.shared {
            let mut cells = vec![shared.name.clone()];
            let pairs = shared.tried.iter().zip(&shared.best);
            cells.extend(pairs.map(|(tried, best)| match best {
                Some(best) => format!("{tried}; {best}"),
                None => tried.clone(),
            }));
            table.add_row(cells);
        }
        out.push_str(&table::text(&table));
    }
    if !compare.differences.is_empty() {
        out.push_str("\nasked differently\n");
        let mut table = table::table(&head, width);
        for difference in &compare.differences {
            table.add_row(std::iter::once(&difference.what).chain(&difference.values));
        }
        out.push_str(&table::text(&table));
    }
    out
}
