//! The project's own commands: `cargo xtask <command>`, one file a command.
//!
//! What a person or a build machine runs goes through here, so that there is one way to do each thing. It must never
//! change the system beyond installing missing packages, which only `set-up` does.

mod bench;
mod book;
mod build_plugin;
mod build_static;
mod cluster;
mod demo;
mod failure;
mod fuzz;
mod machine;
mod matrix;
mod overhead;
mod package;
mod program;
mod prove;
mod race;
mod rate_limit;
mod results;
mod set_up;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// slurm-sweep's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what the tests and the demo need and this machine lacks.
    SetUp,
    BuildPlugin(build_plugin::Arguments),
    Package(package::Arguments),
    Test(test::Arguments),
    Prove(prove::Arguments),
    Matrix(matrix::Arguments),
    /// Run the iris sweep on a private Slurm, and show its status and best trial.
    Demo,
    #[command(subcommand)]
    Cluster(cluster::Command),
    Fuzz(fuzz::Arguments),
    Bench(bench::Arguments),
    Overhead(overhead::Arguments),
    Race(race::Arguments),
    /// Build the book as a site with mdBook, and check every link in it.
    Book,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::SetUp => set_up::run(),
        Command::BuildPlugin(arguments) => build_plugin::run(&arguments),
        Command::Package(arguments) => package::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Prove(arguments) => prove::run(&arguments),
        Command::Matrix(arguments) => matrix::run(&arguments),
        Command::Demo => demo::run(),
        Command::Cluster(command) => cluster::run(&command),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Overhead(arguments) => overhead::run(&arguments),
        Command::Race(arguments) => race::run(&arguments),
        Command::Book => book::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.code)
        }
    }
}
