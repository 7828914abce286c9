//! `cargo xtask test`: everything that is tested, on a machine that has nothing yet but Rust. It must never skip: what
//! cannot be installed is a failure.

use std::env;
use std::path::PathBuf;

use sweep_testbed::artifacts;

use crate::build_plugin::{self, Variant};
use crate::failure::{Failure, Outcome};
use crate::{program, set_up, workspace};

/// Install what is missing, build what is under test, and run all tests.
#[derive(clap::Args)]
pub struct Arguments {
    /// More arguments for `cargo test`, such as `-p sweep-core` or `-- --nocapture a_name`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// A test with a cluster mostly waits, but each cluster is four daemons.
const CLUSTERS_AT_ONCE: &str = "4";

pub fn run(arguments: &Arguments) -> Outcome {
    // Said before everything is built, not after.
    if arguments.rest.is_empty() && !nix::unistd::geteuid().is_root() {
        return Err(Failure::new(
            "the tests start private Slurms, and only root can: run this as root, or a part of it, as in `cargo xtask \
             test -p sweep-core`",
        ));
    }
    run_cargo(&["test", "--workspace", "--no-fail-fast"], &arguments.rest)
}

/// Sets up, builds what is under test, and runs cargo with it.
pub fn run_cargo(words: &[&str], rest: &[String]) -> Outcome {
    set_up::run()?;
    run_cargo_with(words, rest, &built()?)
}

/// What is under test, by the variable that names it.
pub type Built = Vec<(&'static str, PathBuf)>;

fn built() -> Outcome<Built> {
    let plugin = build_plugin::build(Variant::Released)?;
    let plugin_with_faults = build_plugin::build(Variant::WithFaults)?;
    let sweep = build_sweep()?;
    Ok(vec![
        (artifacts::PLUGIN_VARIABLE, plugin),
        (artifacts::PLUGIN_FAULTS_VARIABLE, plugin_with_faults),
        (artifacts::SWEEP_VARIABLE, sweep),
    ])
}

/// Runs cargo with what was built.
pub fn run_cargo_with(words: &[&str], rest: &[String], built: &Built) -> Outcome {
    let mut cargo = workspace::cargo();
    cargo.args(words).args(rest).envs(built.iter().cloned());
    if env::var_os("RUST_TEST_THREADS").is_none() {
        cargo.env("RUST_TEST_THREADS", CLUSTERS_AT_ONCE);
    }
    program::run(&mut cargo)
}

/// Builds the `sweep` command and returns where it is.
pub fn build_sweep() -> Outcome<PathBuf> {
    let mut cargo = workspace::cargo();
    program::run(cargo.args(["build", "--quiet", "--package", "sweep-cli", "--bin", "sweep", "--release"]))?;
    let built = workspace::target().join("release/sweep");
    if built.is_file() {
        Ok(built)
    } else {
        Err(Failure::new(format!("cargo built no `{}`", built.display())))
    }
}
