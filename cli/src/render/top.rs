//! `sweep top` for a person.

use std::fmt::Write;

use crate::render::status::{number, params};
use crate::render::{grid, table};
use crate::report::top::{Group, Top};

/// The report as text.
#[must_use]
pub fn human(top: &Top, width: u16) -> String {
    let mut out = String::new();
    if top.ranked == 0 {
        return "no trial has completed with a metric yet\n".into();
    }
    let (word, _) = grid::words(&top.method);
    for (place, group) in top.groups.iter().enumerate() {
        if let Some(bracket) = group.bracket {
            let _ = writeln!(out, "{}{word} {bracket}", if place > 0 { "\n" } else { "" });
        }
        out.push_str(&of_group(top, group, width));
    }
    let shown: usize = top.groups.iter().map(|group| group.trials.len()).sum();
    if shown < top.ranked {
        let _ = writeln!(out, "… and {} more; -n says how many are shown", top.ranked - shown);
    }
    out
}

fn of_group(top: &Top, group: &Group, width: u16) -> String {
    let has_budget = group.trials.iter().any(|trial| trial.budget.is_some());
    // One metric ranks by itself; several stand side by side behind their front.
    let is_several = top.objectives.len() > 1;
    let mut head = vec!["", "trial"];
    head.extend(is_several.then_some("front"));
    head.extend(top.objectives.iter().map(String::as_str));
    head.extend(has_budget.then_some("budget"));
    head.push("parameters");
    let mut table = table::table(&head, width);
    for trial in &group.trials {
        let name = trial.name.as_ref().map_or_else(String::new, |name| format!("({name}) "));
        let mut row = vec![trial.rank.to_string(), trial.trial.to_string()];
        row.extend(is_several.then(|| trial.front.map(|front| front.to_string()).unwrap_or_default()));
        let value = |name: &String| trial.metrics.get(name).copied().flatten();
        row.extend(top.objectives.iter().map(|name| value(name).map(number).unwrap_or_default()));
        row.extend(has_budget.then(|| trial.budget.map(number).unwrap_or_default()));
        row.push(format!("{name}{}", params(&trial.params)));
        table.add_row(row);
    }
    table::text(&table)
}
