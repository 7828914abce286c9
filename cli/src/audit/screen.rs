//! Attempts for a person: one line each, written as they come. The columns are as wide as they are, since nobody
//! knows what is still to come; what the user claimed stands last, behind a bar. Never a control character.

use sweep_core::error::printable;

use super::attempts::Attempt;
use super::table::Names;
use crate::export::time_text;

/// Columns up to the bar.
const LEFT: [(&str, usize); 6] =
    [("start (UTC)", 16), ("user", 8), ("node", 8), ("job", 9), ("state", 11), ("ran", 8)];

/// The head line.
#[must_use]
pub fn head(width: u16) -> String {
    line(LEFT.map(|(name, _)| name.to_owned()), "claimed by the user", width)
}

/// The line of an attempt.
pub fn attempt(attempt: &Attempt, names: &mut Names, width: u16) -> String {
    let record = &attempt.record;
    let start = time_text(i64::try_from(attempt.start_ns).unwrap_or(i64::MAX));
    let job = match (record.array_job, record.array_task, record.step.as_str()) {
        (Some(job), Some(task), "batch") => format!("{job}_{task}"),
        (Some(job), Some(task), step) => format!("{job}_{task}.{step}"),
        (_, _, "batch") => record.job.to_string(),
        (_, _, step) => format!("{}.{step}", record.job),
    };
    let user = names.of(record.uid).map_or_else(|| record.uid.to_string(), str::to_owned);
    let state = match (record.exit, record.signal) {
        (_, Some(signal)) => format!("signal {signal}"),
        (Some(code), _) if code != 0 => format!("exit {code}"),
        _ => attempt.state.word().to_owned(),
    };
    let left = [
        start.get(..16).unwrap_or(&start).replace('T', " "),
        user,
        record.node.clone(),
        job,
        state,
        record.elapsed_s.map(length).unwrap_or_default(),
    ];
    let claimed = &record.claimed;
    let mut right = match (&claimed.trial, &claimed.sweep) {
        (Some(trial), Some(sweep)) => format!("{trial} {sweep}"),
        _ => {
            let pairs: Vec<_> =
                claimed.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
            pairs.join(" ")
        }
    };
    if !record.refused.is_empty() {
        right = format!("refused: {} {right}", record.refused.join("; "));
    }
    line(left, right.trim_end(), width)
}

/// A line within the width, where the left columns leave room for anything.
fn line(left: [String; 6], right: &str, width: u16) -> String {
    let mut out = String::new();
    for (text, (_, width)) in left.into_iter().zip(LEFT) {
        out.push_str(&fit(&text, width));
        out.push(' ');
    }
    out.push_str("| ");
    let room = usize::from(width).saturating_sub(out.chars().count()).max(10);
    out.push_str(fit(right, room).trim_end());
    out.push('\n');
    out
}

/// Text of exactly this many columns.
fn fit(text: &str, width: usize) -> String {
    let text = printable(text, usize::MAX);
    if text.chars().count() <= width {
        return format!("{text:<width$}");
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// `1:02:03`.
fn length(seconds: f64) -> String {
    // Whole seconds: the fraction is in the JSON.
    let seconds = seconds.max(0.0) as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}
