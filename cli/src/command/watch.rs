//! `sweep watch`.

use std::path::Path;
use std::process::ExitCode;

use crate::command::Where;
use crate::error::Result;
use crate::live::{self, Left};

/// Watch sweeps in the terminal: the grid, the trials, their curves and output
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sweep watch                the newest sweep of this folder; l lists the others
  sweep watch iris           a sweep by the beginning of its id
  NO_COLOR=1 sweep watch     without colours

? shows the keys. Leaving changes nothing: the sweep goes on.")]
pub struct Args {
    /// The sweep: its id, a prefix of it, or its directory; the newest where it is left out
    #[arg(value_name = "SWEEP")]
    sweep: Option<String>,
    /// Begin with the list of sweeps
    #[arg(long, conflicts_with = "sweep")]
    list: bool,
    #[command(flatten)]
    home: Where,
}

/// The shell's code for an end by SIGTERM.
const TERMINATED: u8 = 143;

impl Args {
    /// Watches until a person leaves.
    ///
    /// # Errors
    /// Where there is no sweep, or no terminal.
    pub fn run(&self) -> Result<ExitCode> {
        let home = self.home.home(Path::new("."));
        let dir = if self.list { None } else { Some(home.find(self.sweep.as_deref())?) };
        let colour = std::env::var_os("NO_COLOR").is_none_or(|word| word.is_empty());
        Ok(match live::watch(&home, dir, colour)? {
            Left::ByKey => ExitCode::SUCCESS,
            Left::BySignal => ExitCode::from(TERMINATED),
        })
    }
}
