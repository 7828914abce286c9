//! What a result was measured on. It must never name the machine or its owner: hardware and versions only.

use std::fs;
use std::process::Command;

use crate::{program, workspace};

/// One line: date, commit and machine.
pub fn provenance() -> String {
    format!("{}, commit {}, {}", date(), commit(), machine())
}

fn date() -> String {
    program::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))
        .unwrap_or_else(|| "unknown date".to_owned())
}

/// Short, with `-dirty` where the checkout differs from it. Results themselves do not count: a command that writes
/// two sections would call its own first one a change.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        program::output(Command::new("git").current_dir(workspace::root()).args(arguments))
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    match git(&["status", "--porcelain", "--", ".", ":!RESULTS.md"]).as_deref() {
        Some("") => commit,
        _ => commit + "-dirty",
    }
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = field(&processors, "model name").unwrap_or("unknown CPU");
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    let memory = read("/proc/meminfo");
    let memory_kib = field(&memory, "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let memory_gib = memory_kib.unwrap_or(0).div_ceil(1 << 20);
    let kernel = read("/proc/sys/kernel/osrelease");
    // sbatch does not say its version without a configuration; the daemon does.
    let slurm = program::output(Command::new("slurmctld").arg("-V")).unwrap_or_else(|| "no Slurm".to_owned());
    format!("{model}, {cores} cores, {memory_gib} GiB, Linux {}, {slurm}", kernel.trim())
}

/// The value of the first `name : value` line.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then_some(value.trim())
    })
}
