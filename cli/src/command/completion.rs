//! `sweep completion`.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::command::Cli;
use crate::error::Result;

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which shell
    shell: Shell,
}

impl Args {
    /// Prints the script.
    ///
    /// # Errors
    /// None.
    pub fn run(&self) -> Result<ExitCode> {
        clap_complete::generate(self.shell, &mut Cli::command(), "sweep", &mut std::io::stdout());
        Ok(ExitCode::SUCCESS)
    }
}
