//! `cargo xtask matrix`: one build of the plugin on every Slurm that Debian has, each private, each in a system of its
//! own release. It must never build anything for one release that it does not run on all.

mod headers;
pub mod programs;
pub mod suite;
mod table;
mod verdicts;

use std::fs;

use sweep_testbed::{Root, mirror};

use crate::build_plugin::{self, Variant};
use crate::failure::{Failure, Outcome};
use crate::program::step;
use crate::{build_static, results, set_up, workspace};

use suite::{Column, Suite};

/// The section of RESULTS.md.
const HEADING: &str = "One build, every Slurm";

/// Install one build of the plugin in systems with Slurm 20.11, 22.05, 24.11 and 26.05, and run the same journeys in each.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only these, separated by commas; RESULTS.md stays as it is then.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Suite>,
    /// Only journeys with one of these in their names; RESULTS.md stays as it is then.
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    journeys: Vec<String>,
    /// A static `sweep` that is built already, such as the packages'.
    #[arg(long, value_name = "FILE")]
    sweep: Option<std::path::PathBuf>,
}

/// What is put into every root.
pub struct Built {
    pub plugin: std::path::PathBuf,
    pub plugin_with_faults: std::path::PathBuf,
    pub sweep: std::path::PathBuf,
    pub programs: Vec<programs::Program>,
}

pub fn run(arguments: &Arguments) -> Outcome {
    if !nix::unistd::geteuid().is_root() {
        return Err(Failure::new("systems of other releases are made and entered by root: run this as root"));
    }
    set_up::run()?;
    set_up::ensure(&set_up::ROOTS)?;
    let built = Built {
        plugin: build_plugin::build(Variant::Released)?,
        plugin_with_faults: build_plugin::build(Variant::WithFaults)?,
        sweep: arguments.sweep.clone().map_or_else(build_static::build, Ok)?,
        programs: programs::build()?,
    };
    let (roots, mirror) = (workspace::target().join("roots"), mirror()?);
    let all = <Suite as clap::ValueEnum>::value_variants();
    let chosen = all.iter().filter(|suite| arguments.only.is_empty() || arguments.only.contains(suite));
    let mut columns: Vec<Column> = Vec::new();
    for suite in chosen {
        step(format!("{}: a system with its own Slurm", suite.name()));
        let root = Root::kept(&roots, suite.name(), &mirror)?;
        columns.push(suite::run(*suite, &root, &built, &arguments.journeys)?);
        // What is known so far, for who does not want to wait.
        println!("{}", table::text(&columns));
    }
    let body = table::markdown(&columns);
    let file = workspace::target().join("matrix.md");
    fs::write(&file, &body).map_err(Failure::doing(format!("write `{}`", file.display())))?;
    if arguments.only.is_empty() && arguments.journeys.is_empty() {
        results::write(HEADING, &body)?;
        step(format!("`{HEADING}` is written into RESULTS.md"));
    } else {
        step("RESULTS.md stays as it is: it takes the whole matrix");
    }
    let failed: Vec<String> = columns.iter().filter_map(Column::complaint).collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(failed.join("\n"))) }
}
