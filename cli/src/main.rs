//! The `sweep` binary: arguments in, an exit code out.

use std::process::ExitCode;

use clap::Parser;
use sweep_cli::command::{Cli, completion};

fn main() -> ExitCode {
    completion::answer();
    let cli = Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to be told where standard error is closed.
            let _ = error.print(&mut anstream::stderr().lock());
            ExitCode::from(error.exit_code())
        }
    }
}
