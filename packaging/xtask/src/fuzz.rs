//! `cargo xtask fuzz`: every fuzz target for a while, from its seeds and from what earlier runs found. It must never
//! call a target that crashed a success.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use crate::failure::{Failure, Outcome};
use crate::program::step;
use crate::{program, results, workspace};

/// Run every fuzz target for a while and write the result to RESULTS.md.
#[derive(clap::Args)]
pub struct Arguments {
    /// For each target.
    #[arg(long, default_value_t = 300)]
    seconds: u32,
    /// This target alone, and RESULTS.md stays as it is.
    #[arg(long, value_name = "TARGET")]
    only: Option<String>,
    /// So many targets side by side.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: u32,
}

/// One input may take so long, in seconds: the readers are quick or they are wrong.
const INPUT_LIMIT_S: u32 = 10;
/// One target may take so much memory, the sanitizer's own with it.
const MEMORY_LIMIT_MIB: u32 = 2048;

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
    let listed = program::output(nightly("cargo").args(["fuzz", "list"]).current_dir(&folder))
        .ok_or_else(|| Failure::new("`cargo fuzz list` failed"))?;
    let is_asked = |target: &&str| arguments.only.as_deref().is_none_or(|only| only == *target);
    let targets: Vec<&str> = listed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let asked: Vec<&str> = targets.iter().copied().filter(is_asked).collect();
    if asked.is_empty() {
        return Err(Failure::new(format!("no such target\nhint: there are {}", targets.join(", "))));
    }
    let built = build(&folder)?;
    let ran = fuzz_all(&folder, &built, &asked, arguments)?;
    let mut table = "| target | seconds | runs | edges | end |\n|---|--:|--:|--:|---|\n".to_owned();
    for (target, ran) in asked.iter().zip(&ran) {
        let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let end = if ran.clean { "clean" } else { "**crash**" };
        let (runs, edges) = (number(ran.runs), number(ran.edges));
        table += &format!("| {target} | {} | {runs} | {edges} | {end} |\n", arguments.seconds);
    }
    println!("{table}");
    if arguments.only.is_none() {
        table += &format!("\n{} at a time, at the lowest priority.\n", arguments.jobs);
        results::write("Fuzzing", &table)?;
    }
    let crashed: Vec<&str> =
        asked.iter().zip(&ran).filter(|(_, ran)| !ran.clean).map(|(target, _)| *target).collect();
    if crashed.is_empty() { Ok(()) } else { Err(Failure::new(format!("crashes in: {}", crashed.join(", ")))) }
}

/// Builds all targets at once; the folder that they are in.
fn build(folder: &Path) -> Outcome<PathBuf> {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(_) => workspace::target(),
        None => folder.join("target"),
    };
    let mut cargo = nightly("cargo");
    program::run(cargo.args(["fuzz", "build", "--target-dir"]).arg(&target).current_dir(folder))?;
    Ok(target.join(format!("{}-unknown-linux-gnu/release", std::env::consts::ARCH)))
}

struct Ran {
    clean: bool,
    runs: Option<u64>,
    edges: Option<u64>,
}

/// Runs targets, so many side by side, in their order.
fn fuzz_all(folder: &Path, built: &Path, targets: &[&str], arguments: &Arguments) -> Outcome<Vec<Ran>> {
    let (next, done) = (Mutex::new(targets.iter().enumerate()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs {
            scope.spawn(|| {
                loop {
                    let taken = next.lock().expect("nothing panics with it").next();
                    let Some((place, target)) = taken else { return };
                    let ran = fuzz(folder, built, target, arguments.seconds);
                    done.lock().expect("nothing panics with it").push((place, ran));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("nothing panics with it");
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, ran)| ran).collect()
}

/// Runs one target; what it says goes to a file and is read for its last numbers. What it finds new stays in the
/// target folder: the committed seeds change by hand only.
fn fuzz(folder: &Path, built: &Path, target: &str, seconds: u32) -> Outcome<Ran> {
    step(format!("fuzz {target} for {seconds} s"));
    let kept = workspace::target().join("fuzz-corpus").join(target);
    let artifacts = folder.join("artifacts").join(target);
    let log = workspace::target().join(format!("fuzz-{target}.log"));
    let failed = || Failure::doing::<std::io::Error>(format!("write `{}`", log.display()));
    fs::create_dir_all(&kept).and_then(|()| fs::create_dir_all(&artifacts)).map_err(failed())?;
    let file = fs::File::create(&log).map_err(failed())?;
    let dictionaries = folder.join("dictionaries");
    let own = dictionaries.join(format!("{target}.dict"));
    let dictionary = if own.is_file() { own } else { dictionaries.join("json.dict") };
    let scratch = PathBuf::from(format!("/dev/shm/sweep-fuzz-{target}-{}", std::process::id()));
    let status = Command::new("nice")
        .args(["-n", "19"])
        .arg(built.join(target))
        .args([&kept, &folder.join("corpus").join(target)])
        .arg(format!("-dict={}", dictionary.display()))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={INPUT_LIMIT_S}"))
        .arg(format!("-rss_limit_mb={MEMORY_LIMIT_MIB}"))
        .arg("-print_final_stats=1")
        // As cargo-fuzz sets it; and nothing here is of interest by what it leaks at the end of a run.
        .env("ASAN_OPTIONS", "detect_odr_violation=0:detect_leaks=0")
        .env("SWEEP_FUZZ_FOLDER", &scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .status()
        .map_err(Failure::doing(format!("run `{target}`")));
    // Targets that read no files have made none.
    let _ = fs::remove_dir_all(scratch);
    let status = status?;
    let said = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
    if !status.success() {
        let lines: Vec<&str> = said.lines().collect();
        eprintln!("{}", lines[lines.len().saturating_sub(40)..].join("\n"));
    }
    Ok(Ran { clean: status.success(), runs: executed(&said), edges: covered(&said) })
}

/// The number of inputs, of libFuzzer's last words.
fn executed(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")?.trim().parse().ok())
}

/// How many edges were covered at last: `#7 NEW    cov: 1010 ft: 3602 …`.
fn covered(said: &str) -> Option<u64> {
    let last = said.lines().rev().find_map(|line| line.split_once(" cov: "))?;
    last.1.split(' ').next()?.parse().ok()
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

#[cfg(test)]
mod tests {
    //! libFuzzer's words.
    use super::*;

    #[test]
    fn the_last_numbers_count() {
        let said = "#7\tNEW    cov: 10 ft: 3602 corp: 426/44Kb\n#9\tDONE   cov: 12 ft: 1\n\
                    stat::number_of_executed_units: 9\n";
        assert_eq!((executed(said), covered(said)), (Some(9), Some(12)));
        assert_eq!((executed(""), covered("")), (None, None));
    }
}
