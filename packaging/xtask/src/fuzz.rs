//! `cargo xtask fuzz`: every fuzz target for a while. It must never call a target that crashed a success.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Outcome};
use crate::program::step;
use crate::{program, results, workspace};

/// Run every fuzz target for a while and write the result to RESULTS.md.
#[derive(clap::Args)]
pub struct Arguments {
    /// For each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let folder = workspace::root().join("fuzz");
    if !folder.join("Cargo.toml").is_file() {
        return Err(Failure::new("there is no `fuzz/Cargo.toml` in this checkout"));
    }
    if program::output(nightly("rustc").arg("--version")).is_none() {
        return Err(Failure::new("fuzzing needs a nightly compiler\nhint: rustup toolchain install nightly"));
    }
    if program::output(nightly("cargo").args(["fuzz", "--version"])).is_none() {
        program::run(nightly("cargo").args(["install", "--locked", "cargo-fuzz"]))?;
    }
    let targets = program::output(nightly("cargo").args(["fuzz", "list"]).current_dir(&folder))
        .ok_or_else(|| Failure::new("`cargo fuzz list` failed"))?;
    let targets: Vec<&str> = targets.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if targets.is_empty() {
        return Err(Failure::new("`cargo fuzz list` names no target"));
    }
    let mut table = "| target | seconds | runs | end |\n|---|---|---|---|\n".to_owned();
    let mut crashed = Vec::new();
    for target in targets {
        let ran = fuzz(&folder, target, arguments.seconds)?;
        let end = if ran.clean { "clean" } else { "**crash**" };
        let runs = ran.runs.map_or_else(|| "?".to_owned(), |runs| runs.to_string());
        table += &format!("| {target} | {} | {runs} | {end} |\n", arguments.seconds);
        if !ran.clean {
            crashed.push(target);
        }
    }
    results::write("fuzz", &table)?;
    if crashed.is_empty() { Ok(()) } else { Err(Failure::new(format!("crashes in: {}", crashed.join(", ")))) }
}

struct Ran {
    clean: bool,
    runs: Option<u64>,
}

/// Runs one target; what it says goes to the terminal and is read for its last numbers.
fn fuzz(folder: &Path, target: &str, seconds: u32) -> Outcome<Ran> {
    step(format!("fuzz {target} for {seconds} s"));
    let log = workspace::target().join(format!("fuzz-{target}.log"));
    let failed = || Failure::doing::<std::io::Error>(format!("write `{}`", log.display()));
    fs::create_dir_all(workspace::target()).map_err(failed())?;
    let file = fs::File::create(&log).map_err(failed())?;
    let status = nightly("cargo")
        .current_dir(folder)
        .args(["fuzz", "run", target, "--"])
        .arg(format!("-max_total_time={seconds}"))
        .arg("-print_final_stats=1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .status()
        .map_err(Failure::doing("run `cargo fuzz`"))?;
    let said = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
    let runs = said
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok());
    if !status.success() {
        let lines: Vec<&str> = said.lines().collect();
        eprintln!("{}", lines[lines.len().saturating_sub(40)..].join("\n"));
    }
    Ok(Ran { clean: status.success(), runs })
}

/// A program of the nightly toolchain. The variables that name ours would win over its own.
fn nightly(name: &str) -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly", name])
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("RUSTC");
    command
}
