//! `cargo xtask prove`: the long proofs on real Slurms, every end of a trial and every moment of a kill. They take
//! minutes of a machine that does nothing else, so they are apart from the tests. It must never skip.

use crate::failure::Outcome;
use crate::test::run_cargo;

/// Prove on real Slurms that every end is known, and that no trial is lost or run twice.
#[derive(clap::Args)]
pub struct Arguments {
    /// More arguments for `cargo test`, such as `-- --nocapture a_name`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let words =
        ["test", "--package", "sweep-testbed", "--no-fail-fast", "--test", "ends", "--test", "exactly_once"];
    run_cargo(&words, &arguments.rest)
}
