//! `sweep compare`.

use std::path::Path;
use std::process::ExitCode;

use crate::command::{Where, print};
use crate::driver::look::look;
use crate::error::Result;
use crate::render::{self, Format, json, table};
use crate::report::compare::Compare;

/// Compare sweeps: their best, what they spent, the parameters that all have, what was asked differently
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sweep compare coarse fine
  sweep compare .sweeps/iris-2026* --format json")]
pub struct Args {
    /// The sweeps: ids, prefixes or directories
    #[arg(value_name = "SWEEP", required = true, num_args = 2..)]
    sweeps: Vec<String>,
    #[command(flatten)]
    home: Where,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    /// Looks and reports.
    ///
    /// # Errors
    /// Where a sweep cannot be found or read.
    pub fn run(&self) -> Result<ExitCode> {
        let home = self.home.home(Path::new("."));
        let dirs = self.sweeps.iter().map(|sweep| home.find(Some(sweep))).collect::<Result<Vec<_>>>()?;
        let looks = dirs.iter().map(look).collect::<Result<Vec<_>>>()?;
        let compare = Compare::of(looks);
        print(&match self.format {
            Format::Human => render::compare::human(&compare, table::width()),
            Format::Json => json(&compare),
        });
        Ok(ExitCode::SUCCESS)
    }
}
