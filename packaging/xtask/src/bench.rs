//! `cargo xtask bench`: what the product promises, measured in one run beside what it is compared with. A missed bar is
//! a row that says so, and must never be a failed command: a slow machine is no bug.

mod callgrind;
mod find;
mod measure;
mod node;
mod quiet;
mod sbatch;
mod site;
mod statistics;
mod status;
mod submit;
mod submitit;
mod table;

use std::path::PathBuf;

use crate::build_plugin::{self, Variant};
use crate::failure::{Failure, Outcome};
use crate::program::step;
use crate::{results, set_up, test, workspace};
use table::Table;

/// Measure what the product promises and write it into RESULTS.md.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only these; RESULTS.md then stays as it is
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Benchmark>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Benchmark {
    /// `sweep submit` beside a bare sbatch, a loop of sbatch and submitit
    Submit,
    /// `sweep status` beside squeue and sacct
    Status,
    /// Instructions of sbatch with the plugin and without
    Sbatch,
    /// Instructions of slurmstepd with the plugin and without
    Node,
    /// System calls until a trial is found
    Find,
}

/// What is under test, as it is released.
struct Artifacts {
    sweep: PathBuf,
    plugin: PathBuf,
}

pub fn run(arguments: &Arguments) -> Outcome {
    set_up::run()?;
    if !nix::unistd::geteuid().is_root() {
        return Err(Failure::new("a private Slurm has to be started as root\nhint: sudo cargo xtask bench"));
    }
    let artifacts =
        Artifacts { sweep: test::build_sweep()?, plugin: build_plugin::build(Variant::Released)? };
    let all = <Benchmark as clap::ValueEnum>::value_variants();
    let chosen = |benchmark: &&Benchmark| arguments.only.is_empty() || arguments.only.contains(benchmark);
    let mut body = String::new();
    for benchmark in all.iter().filter(chosen) {
        let quiet = quiet::wait();
        let mut table = benchmark.measure(&artifacts)?;
        table.notes.push(format!("Before it began, {quiet}."));
        let text = table.to_markdown();
        println!("{text}");
        body.push_str(&text);
        body.push('\n');
    }
    if arguments.only.is_empty() {
        results::write("Benchmarks", &body)?;
        step("written into RESULTS.md");
    } else {
        step("RESULTS.md stays as it is: it takes a run of all benchmarks");
    }
    Ok(())
}

impl Benchmark {
    fn measure(self, artifacts: &Artifacts) -> Outcome<Table> {
        match self {
            Self::Submit => submit::measure(artifacts),
            Self::Status => status::measure(artifacts),
            Self::Sbatch => sbatch::measure(artifacts),
            Self::Node => node::measure(artifacts),
            Self::Find => find::measure(artifacts),
        }
    }
}

/// A folder of this command's own below the build folder.
fn folder(name: &str) -> Outcome<PathBuf> {
    let folder = workspace::target().join("bench").join(name);
    std::fs::create_dir_all(&folder).map_err(Failure::doing(format!("make `{}`", folder.display())))?;
    Ok(folder)
}
