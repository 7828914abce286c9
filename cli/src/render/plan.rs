//! `sweep plan` and `submit --dry-run` for a person.

use std::fmt::Write;

use crate::render::cost;
use crate::render::status::params;
use crate::render::table;
use crate::report::plan::Plan;

/// The report as text.
#[must_use]
pub fn human(plan: &Plan, width: u16) -> String {
    let mut out = String::new();
    // hpc-compose's word, which knows no other methods.
    let matrix = if plan.matrix == "none" { String::new() } else { format!(" ({})", plan.matrix) };
    let _ = writeln!(out, "{}  {}{matrix}, {} trials", plan.name, plan.method, grouped(&plan.total));
    let combinations = plan
        .combinations
        .as_ref()
        .map_or_else(|| "a continuous space".into(), |count| format!("{} combinations", grouped(count)));
    let _ = writeln!(out, "{combinations}, replicates: {}\n", plan.replicates);
    out.push_str(&cost::human(&plan.cost, width));
    let mut table = table::table(&["trial", "name", "parameters"], width);
    for trial in &plan.trials {
        let name = trial.name.clone().unwrap_or_default();
        table.add_row([trial.trial.to_string(), name, params(&trial.params)]);
    }
    if !plan.trials.is_empty() {
        out.push_str(&table::text(&table));
    }
    if plan.total != plan.trials.len().to_string() {
        let _ = writeln!(out, "… of {}; --show N shows more", grouped(&plan.total));
    }
    for note in &plan.notes {
        let _ = writeln!(out, "\nnote: {note}");
    }
    if !plan.seeded {
        let _ = writeln!(
            out,
            "\nThe spec has no seed, so these are examples: each sweep draws its own by its id."
        );
    }
    out
}

/// `1234567` as `1,234,567`.
pub(super) fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Numbers that people read.
#[cfg(test)]
mod tests {
    #[test]
    fn digits_are_grouped() {
        for (digits, text) in [("7", "7"), ("100", "100"), ("1000", "1,000"), ("10000000", "10,000,000")] {
            assert_eq!(super::grouped(digits), text);
        }
    }
}
