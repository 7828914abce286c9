//! `sweep show` for a person.

use std::fmt::Write;

use sweep_core::record::{Kind, Record};

use crate::render::status::{number, params};
use crate::report::show::{Curve, Show};

/// Lines of output that are shown.
const OUTPUT_LINES: usize = 20;

/// The report as text.
#[must_use]
pub fn human(show: &Show) -> String {
    let mut out = String::new();
    let status = &show.status;
    let name = status.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let _ = writeln!(out, "{}{name} of {}: {}", status.trial, show.sweep_id, status.state);
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(out, "{key:<12}{value}");
    };
    line("parameters", &params(&status.params));
    if let Some(metric) = status.metric.filter(|_| status.metrics.len() == 1) {
        line("metric", &number(metric));
    } else if status.metrics.values().any(Option::is_some) {
        let given = status.metrics.iter().filter_map(|(name, value)| Some((name, (*value)?)));
        let values: Vec<String> = given.map(|(name, value)| format!("{name}={}", number(value))).collect();
        line("metrics", &values.join(" "));
    }
    for curve in &show.curves {
        let Curve { name, reports, first, last, last_step, least, greatest } = curve;
        let [first, last, step, least, greatest] =
            [first, last, last_step, least, greatest].map(|x| number(*x));
        let text = if *reports == 1 {
            format!("{name}: {last} at step {step}")
        } else {
            format!("{name}: {reports} values from {first} to {last} at step {step}, {least} to {greatest}")
        };
        line("reported", &text);
    }
    if let Some(budget) = status.budget {
        let place = status.bracket.map_or_else(String::new, |n| format!(", bracket {n}"));
        let rung = status.rung.map_or_else(String::new, |n| format!(", rung {n}"));
        let parent = status.parent.map_or_else(String::new, |parent| format!(", goes on from {parent}"));
        line("budget", &format!("{}{place}{rung}{parent}", number(budget)));
    }
    line("job", status.job_id.as_deref().unwrap_or("-"));
    if let Some(cluster) = &status.cluster {
        line("cluster", cluster);
    }
    line("folder", &show.folder);
    if let Some(refusal) = &status.refusal {
        line("refused", refusal);
    }
    let cluster = |records: &Vec<Record>| records.first().and_then(|start| start.cluster.clone());
    let moved = show.attempts.iter().any(|records| cluster(records) != status.cluster);
    for (n, records) in show.attempts.iter().enumerate() {
        let on = cluster(records).filter(|_| moved).map(|name| format!(", cluster {name}"));
        line(&format!("attempt {n}"), &(attempt(records) + on.as_deref().unwrap_or_default()));
    }
    if let Some(error) = &status.task_error {
        let _ = write!(out, "\na task could not start:\n{}", indented(error));
    }
    if let Some(output) = show.output.as_ref().filter(|output| !output.is_empty()) {
        let lines: Vec<&str> = output.lines().collect();
        let last = lines.len().saturating_sub(OUTPUT_LINES);
        let head =
            if last > 0 { format!("the last {OUTPUT_LINES} lines of output") } else { "output".into() };
        let _ = write!(out, "\n{head}:\n{}", indented(&lines[last..].join("\n")));
    }
    out
}

fn attempt(records: &[Record]) -> String {
    let Some(start) = records.first() else { return "no record".into() };
    let mut text = format!("job {} on {}", start.job, start.node);
    let Some(end) = records.iter().find(|record| record.kind == Kind::End) else {
        return text + ", no end record";
    };
    match (end.signal, end.exit) {
        (Some(signal), _) => text += &format!(", signal {signal}"),
        (None, Some(code)) => text += &format!(", exit code {code}"),
        (None, None) => {}
    }
    if let Some(elapsed) = end.elapsed_s {
        text += &format!(", {elapsed:.1} s");
    }
    if let Some(cpu) = end.cpu_s {
        text += &format!(", {cpu:.1} s of CPU");
    }
    if let Some(kib) = end.memory_peak_kib {
        text += &format!(", {} MiB at most", kib / 1024);
    }
    text
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
