//! `sweep status` for a person: what was asked, how many trials stand where, the trials, the best, what to do
//! about those that failed.

use std::fmt::Write;

use sweep_core::params::Params;
use sweep_core::state::Bucket;

use crate::render::{grid, table};
use crate::report::failure::Failure;
use crate::report::status::{Status, TrialStatus};

/// Trials of a sweep that are listed without being asked for, and of a larger one.
const ROWS: usize = 20;
const ROWS_OF_MORE: usize = 10;

/// Which trials are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// All of them, in order.
    All,
    /// All of a small sweep; of a large one those that matter most.
    Some,
}

/// The report as text.
#[must_use]
pub fn human(status: &Status, rows: Rows, width: u16) -> String {
    let mut out = String::new();
    let manifest = &status.manifest;
    let total = status.trials.len();
    let _ =
        writeln!(out, "{}  {}, {total} trials, made {}", status.sweep_id, manifest.method, manifest.created);
    if let Some(reason) = &status.stopped {
        let _ = writeln!(out, "stopped: {reason}");
    }
    if let Some(error) = &status.slurm_unanswered {
        let _ = writeln!(out, "Slurm could not be asked, so this is what the records say: {error}");
    }
    if manifest.driven && status.stopped.is_none() {
        let _ = match (&status.driver, status.finished) {
            (_, true) => writeln!(out, "the search is done"),
            (Some(driver), _) => writeln!(out, "the search is driven by {driver}"),
            (None, _) => {
                writeln!(out, "nobody is seen to drive the search; if nobody does, `sweep resume` lets one")
            }
        };
    }
    if let Some(waiting) = &status.waiting {
        let _ = match &status.driver {
            Some(driver) => writeln!(out, "{waiting}; {driver} submits them"),
            None => writeln!(out, "{waiting}; `sweep resume` sees to it that they are submitted"),
        };
    }
    let states: Vec<_> = status.states.iter().map(|(state, count)| format!("{state} {count}")).collect();
    let _ = writeln!(out, "{}\n", states.join("   "));
    progress(&mut out, status);
    let closed = if rows == Rows::All { grid::Closed::Drawn } else { grid::Closed::Counted };
    let _ = writeln!(out, "{}", grid::long(status, closed, width));
    out.push_str(&trials(status, rows, width));
    best(&mut out, status);
    failures(&mut out, status);
    out
}

/// What was spent, and the time that is left.
fn progress(out: &mut String, status: &Status) {
    if let Some(spent) = &status.spent {
        let part = |spent: Option<f64>, most: Option<f64>, unit: &str| {
            let (spent, most) = (spent?, most?);
            Some(format!(
                "{} of {}{unit} ({:.0} %)",
                number(round(spent)),
                number(most),
                100.0 * spent / most
            ))
        };
        let budget = spent.budget;
        let parts = [
            part(spent.node_hours, budget.node_hours, " node-hours"),
            part(spent.hours, budget.hours, " hours"),
            part(spent.price, budget.price, " of money"),
        ];
        let _ = writeln!(out, "spent: {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "));
    } else if status.node_hours >= 0.1 {
        let _ = writeln!(out, "spent: {} node-hours", number(round(status.node_hours)));
    }
    if let Some(text) = time_left(status) {
        let _ = writeln!(out, "{text}");
    }
    if status.spent.is_some() || status.node_hours >= 0.1 || status.time_left.is_some() {
        out.push('\n');
    }
}

/// The time that is left, as a sentence.
#[must_use]
pub fn time_left(status: &Status) -> Option<String> {
    let left = status.time_left?;
    let more = if left.more_may_come { "; more may be proposed" } else { "" };
    let time = duration(left.seconds);
    Some(format!("time left: about {time} for {} trials, {} at once{more}", left.trials, left.at_once))
}

fn round(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}

/// A time as people say it, in its two largest units.
#[must_use]
pub fn duration(seconds: f64) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    let mut rest = seconds.round() as u64;
    let mut parts = Vec::new();
    for (unit, size) in UNITS {
        if rest >= size || (parts.is_empty() && unit == "s") {
            parts.push(format!("{} {unit}", rest / size));
        } else if !parts.is_empty() {
            break;
        }
        rest %= size;
        if parts.len() == 2 {
            break;
        }
    }
    parts.join(" ")
}

fn trials(status: &Status, rows: Rows, width: u16) -> String {
    let metric = status.manifest.metric.as_ref();
    let mut listed: Vec<&TrialStatus> = status.trials.iter().collect();
    let is_cut = rows == Rows::Some && listed.len() > ROWS;
    let shown = if is_cut { ROWS_OF_MORE } else { listed.len() };
    if listed.len() > shown {
        // Failures first, then what runs, then the best.
        let urgency = |trial: &TrialStatus| match trial.bucket {
            Bucket::Failed | Bucket::SubmitFailed | Bucket::Unknown | Bucket::MissingTracking => 0,
            Bucket::Running => 1,
            Bucket::Completed => 2,
            Bucket::Pending => 3,
        };
        let goal = metric.map(|metric| metric.goal).unwrap_or_default();
        listed.sort_by(|a, b| urgency(a).cmp(&urgency(b)).then_with(|| goal.order(a.metric, b.metric)));
    }
    let name = metric.map_or("metric", |metric| metric.name.as_str());
    let mut table = table::table(&["trial", "state", "try", "job", name, "parameters"], width);
    let names_clusters = status.names_clusters();
    for trial in listed.iter().take(shown) {
        let mut row = comfy_table::Row::from([
            trial.trial.to_string(),
            trial.state.to_string(),
            trial.attempt.to_string(),
            job(trial, names_clusters),
            trial.metric.map_or_else(|| "-".into(), number),
            params(&trial.params),
        ]);
        if is_cut {
            row.max_height(1);
        }
        table.add_row(row);
    }
    let mut text = table::text(&table);
    if listed.len() > shown {
        let _ = writeln!(text, "… and {} more; --all lists them", listed.len() - shown);
    }
    text
}

/// A trial's job, as sbatch names it where there are several clusters.
fn job(trial: &TrialStatus, names_clusters: bool) -> String {
    let job = trial.job_id.as_deref().unwrap_or("-");
    match trial.cluster.as_ref().filter(|_| names_clusters && trial.job_id.is_some()) {
        Some(cluster) => format!("{job};{cluster}"),
        None => job.to_owned(),
    }
}

/// The best trials that are named.
const TOP: usize = 3;

fn best(out: &mut String, status: &Status) {
    if !status.pareto.is_empty() {
        return front(out, status);
    }
    let Some((best, metric)) = status.best_trial().zip(status.manifest.metric.as_ref()) else { return };
    let value = best.metric.map(number).unwrap_or_default();
    let _ = writeln!(out, "\nbest: {} with {} {value}  {}", best.trial, metric.name, params(&best.params));
    let next = status.ranking.iter().filter_map(|label| status.trial(*label));
    let next: Vec<String> = next
        .filter(|trial| trial.trial != best.trial && trial.budget == best.budget)
        .take(TOP - 1)
        .map(|trial| format!("{} {}", trial.trial, trial.metric.map(number).unwrap_or_default()))
        .collect();
    if !next.is_empty() {
        let _ = writeln!(out, "next: {}; `sweep top` lists more", next.join(", "));
    }
}

/// The trials that no other is better than in every metric.
fn front(out: &mut String, status: &Status) {
    let names: Vec<&str> = status.manifest.metrics().map(|metric| metric.name.as_str()).collect();
    let _ = writeln!(out, "\nPareto front of {}, {} trials:", names.join(", "), status.pareto.len());
    let of_front = status.trials.iter().filter(|trial| status.pareto.contains(&trial.trial));
    for trial in of_front.take(ROWS) {
        let value =
            |name: &&str| trial.metrics.get(*name).copied().flatten().map_or_else(|| "-".into(), number);
        let values: Vec<String> = names.iter().map(|name| format!("{name} {}", value(name))).collect();
        let _ = writeln!(out, "  {}  {}  {}", trial.trial, values.join("  "), params(&trial.params));
    }
    if status.pareto.len() > ROWS {
        let _ = writeln!(out, "  … and {} more", status.pareto.len() - ROWS);
    }
}

fn failures(out: &mut String, status: &Status) {
    if status.failures.is_empty() {
        return;
    }
    let kinds: Vec<String> = status.failures.iter().map(Failure::of_kind).collect();
    let _ = writeln!(out, "\nfailures: {}", kinds.join(", "));
    let Some(failure) = &status.failure else { return };
    if let Some(reason) = &failure.reason {
        let _ = writeln!(out, "{}: {reason}", failure.trial);
    }
    if !failure.output.is_empty() {
        let _ = writeln!(out, "the last lines of {}:", failure.trial);
        failure.output.iter().for_each(|line| {
            let _ = writeln!(out, "  {line}");
        });
    }
    let _ = writeln!(out, "more of it:     {}", failure.show);
    if let Some(retry) = &failure.retry {
        let _ = writeln!(out, "run them again: {retry}");
    }
}

/// `a=1 b=2`.
#[must_use]
pub fn params(params: &Params) -> String {
    params.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// A number to six digits, as people compare them.
#[must_use]
pub fn number(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 {
        return "0".into();
    }
    if !(1e-4..1e6).contains(&size) {
        return format!("{x:.5e}");
    }
    #[expect(clippy::cast_possible_truncation, reason = "between -5 and 6")]
    let whole_digits = size.log10().floor() as i32 + 1;
    let decimals = usize::try_from(6 - whole_digits.min(6)).unwrap_or(0);
    let text = format!("{x:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Numbers on a screen.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_its_two_largest_units() {
        for (seconds, text) in [
            (0.2, "0 s"),
            (59.6, "1 min"),
            (61.0, "1 min 1 s"),
            (7260.0, "2 h 1 min"),
            (7205.0, "2 h"),
            (90_000.0, "1 d 1 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn numbers_have_six_digits() {
        for (x, text) in [
            (0.953_333_333, "0.953333"),
            (0.96, "0.96"),
            (1.0, "1"),
            (123_456.7, "123457"),
            (0.000_012_3, "1.23000e-5"),
            (-0.5, "-0.5"),
            (0.0, "0"),
            (0.001_234_567, "0.00123457"),
        ] {
            assert_eq!(number(x), text);
        }
    }
}
