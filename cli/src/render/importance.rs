//! `sweep importance` for a person: the most important parameter first, what the numbers mean, and how far they can be
//! trusted.

use std::fmt::Write;

use sweep_core::manifest::Goal;
use sweep_search::importance::{Judgement, Method};

use crate::render::status::number;
use crate::render::table;
use crate::report::importance::Mattered;

/// Pairs that are listed; JSON has all.
const PAIRS: usize = 10;
/// A forest that explains less than this share should not be believed.
const BELIEVED: f64 = 0.3;

/// The report as text.
#[must_use]
pub fn human(report: &Mattered, width: u16) -> String {
    let mut out = String::new();
    let found = &report.found;
    let goal = match report.goal {
        Goal::Minimize => "minimize",
        Goal::Maximize => "maximize",
    };
    let budget = report.budget.map(|budget| format!(" of budget {}", number(budget))).unwrap_or_default();
    let _ = writeln!(
        out,
        "{}  importance for {} ({goal}), {} trials{budget}",
        report.sweep_id, report.metric, found.trials
    );
    let _ = writeln!(out, "{}\n", meaning(found.method));
    if found.parameters.is_empty() {
        out.push_str("no trial has completed with this metric yet\n");
    } else {
        out.push_str(&parameters(report, width));
    }
    if !found.pairs.is_empty() {
        out.push_str(&pairs(report, width));
    }
    remarks(&mut out, report);
    out
}

fn meaning(method: Method) -> &'static str {
    match method {
        Method::Fanova => {
            "fANOVA: the share of variance that a parameter explains alone, and with all others"
        }
        Method::Impurity => "random forest: the share of squared error that splits at a parameter take away",
        Method::Permutation => {
            "permutation: the explained variance that is lost where its values are shuffled"
        }
        Method::Correlation => "correlation: -1 to 1, how well a straight line tells the metric",
        Method::PedAnova => "PED-ANOVA: how far the best tenth of trials differ from all, as shares",
    }
}

fn parameters(report: &Mattered, width: u16) -> String {
    let method = report.found.method;
    let head: &[&str] = match method {
        Method::Fanova => &["parameter", "alone", "", "with others", "active in"],
        Method::Correlation => &["parameter", "correlation", "active in"],
        _ => &["parameter", "importance", "", "active in"],
    };
    let mut table = table::table(head, width);
    for judgement in &report.found.parameters {
        let value = match method {
            Method::Correlation => judgement.correlation.map_or_else(String::new, |r| format!("{r:+.2}")),
            Method::PedAnova => percent(judgement.share),
            Method::Permutation => format!("{:.3}", judgement.importance),
            Method::Fanova | Method::Impurity => percent(judgement.importance),
        };
        let mut row = vec![name(judgement), value];
        if method != Method::Correlation {
            row.push(bar(judgement, report));
        }
        row.extend(judgement.total.map(percent));
        row.push(percent(judgement.coverage));
        table.add_row(row);
    }
    table::text(&table)
}

fn pairs(report: &Mattered, width: u16) -> String {
    let mut table = table::table(&["two parameters", "together", "active in"], width);
    for pair in report.found.pairs.iter().take(PAIRS) {
        table.add_row([pair.parameters.join(" × "), percent(pair.importance), percent(pair.coverage)]);
    }
    let more = report.found.pairs.len().saturating_sub(PAIRS);
    let more =
        if more > 0 { format!("… and {more} more; --format json lists them\n") } else { String::new() };
    format!("\n{}{more}", table::text(&table))
}

fn remarks(out: &mut String, report: &Mattered) {
    let found = &report.found;
    if report.other_budgets > 0 {
        let (count, trials, were) = numbered(report.other_budgets, "trial", "was", "were");
        let _ = writeln!(out, "\n{count} completed {trials} of other budgets {were} not looked at");
    }
    if found.left_out > 0 {
        let (count, trials, have) = numbered(found.left_out, "trial", "has", "have");
        let _ = writeln!(out, "\n{count} completed {trials} {have} no finite value of it");
    }
    if found.clipped > 0 {
        let (count, outliers, count_as) = numbered(found.clipped, "outlier", "counts", "count");
        let _ = writeln!(out, "\n{count} {outliers} {count_as} as the nearest value that is none");
    }
    match found.explained {
        None if matches!(found.method, Method::Correlation | Method::PedAnova) || found.trials == 0 => {}
        None => {
            let _ = writeln!(out, "\ntoo few trials, or too little difference between them, to check this");
        }
        Some(explained) if explained < BELIEVED => {
            let explained = percent(explained.max(0.0));
            let _ = writeln!(
                out,
                "\nthe forest explains {explained} of the variance of trials it has not seen: do not rely on this"
            );
        }
        Some(explained) => {
            let explained = percent(explained);
            let _ =
                writeln!(out, "\nthe forest explains {explained} of the variance of trials it has not seen");
        }
    }
}

/// A number, with its noun and verb as the number wants them.
fn numbered(
    count: usize,
    noun: &str,
    one: &'static str,
    more: &'static str,
) -> (usize, String, &'static str) {
    if count == 1 { (count, noun.to_owned(), one) } else { (count, format!("{noun}s"), more) }
}

fn name(judgement: &Judgement) -> String {
    let mut name = judgement.parameter.clone();
    judgement.coupled.iter().for_each(|other| name = format!("{name} + {other}"));
    match &judgement.value {
        Some(value) => format!("{name}={value}"),
        None => name,
    }
}

/// A tenth of the most important a block.
fn bar(judgement: &Judgement, report: &Mattered) -> String {
    let most = report.found.parameters.iter().map(|judgement| judgement.importance).fold(0.0, f64::max);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 10")]
    let blocks = if most > 0.0 { (judgement.importance / most * 10.0).round() as usize } else { 0 };
    "█".repeat(blocks)
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}
