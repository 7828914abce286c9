//! `sweep list`.

use std::path::Path;
use std::process::ExitCode;

use crate::command::{Where, print};
use crate::error::Result;
use crate::render::{self, Format, json, table};
use crate::report::list::List;

/// List the sweeps that are kept here, newest first
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    home: Where,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    /// Reads and reports.
    ///
    /// # Errors
    /// Where the folder of sweeps cannot be read.
    pub fn run(&self) -> Result<ExitCode> {
        let list = List::of(&self.home.home(Path::new(".")))?;
        print(&match self.format {
            Format::Human => render::list::human(&list, table::width()),
            Format::Json => json(&list),
        });
        Ok(ExitCode::SUCCESS)
    }
}
