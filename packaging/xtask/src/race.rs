//! `cargo xtask race`: our strategies and others' over the same learning curves, in one run, by a harness that is given.
//! It must never show a seed's figure of one without that of the others.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::program::{output, run as run_program, step};
use crate::{results, set_up, test, workspace};

/// Race our strategies against Optuna's and others over a harness's learning curves, and write RESULTS.md.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder that holds the harness: `mf.py`, `curves.py` and their data
    #[arg(long, value_name = "DIR")]
    harness: PathBuf,
    /// So many seeds, from 0
    #[arg(long, default_value_t = 20)]
    seeds: u32,
}

/// What the harness and the rivals need; the versions that the figures speak of.
const PACKAGES: [&str; 4] =
    ["numpy==2.4.6", "scikit-learn==1.9.1", "optuna==5.0.0", "coco-experiment==2.8.2"];

/// Epochs until each accuracy is reached, of every scheduler and seed, as a table.
const SCRIPT: &str = include_str!("race/epochs.py");

pub fn run(arguments: &Arguments) -> Outcome {
    set_up::run()?;
    let sweep = test::build_sweep()?;
    let harness = fs::canonicalize(&arguments.harness).map_err(Failure::doing("find the harness"))?;
    if !harness.join("mf.py").is_file() {
        return Err(Failure::new(format!("there is no `mf.py` in `{}`", harness.display())));
    }
    let python = python()?;
    let script = workspace::target().join("race.py");
    fs::write(&script, SCRIPT).map_err(Failure::doing("write the script"))?;
    step(format!("{} seeds of every scheduler; this takes some minutes", arguments.seeds));
    let mut command = Command::new(python);
    command.arg(&script).arg(&harness).arg(sweep).arg(arguments.seeds.to_string());
    let table = output(&mut command)
        .ok_or_else(|| Failure::new("the race failed; run its script by hand to see why"))?;
    println!("{table}");
    results::write("Search over learning curves", &table)
}

/// A Python with the packages, below our own build folder.
fn python() -> Outcome<PathBuf> {
    let venv = workspace::target().join("race-venv");
    let python = venv.join("bin/python");
    let installed = venv.join("installed");
    if !installed.is_file() {
        run_program(Command::new("/usr/bin/python3").args(["-m", "venv"]).arg(&venv))?;
        run_program(Command::new(venv.join("bin/pip")).args(["install", "--quiet"]).args(PACKAGES))?;
        fs::write(&installed, "").map_err(Failure::doing("note what is installed"))?;
    }
    Ok(python)
}
