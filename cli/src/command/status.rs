//! `sweep status`.

use std::process::ExitCode;

use crate::command::{Which, print};
use crate::driver::look::look;
use crate::error::Result;
use crate::render::status::{Rows, human};
use crate::render::{Format, json, table};
use crate::report::status::Status;

/// Show where every trial of a sweep stands
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sweep status                  the newest sweep of this folder
  sweep status iris --all       every trial, every rung drawn
  sweep status --check; echo $? for scripts: 0 all completed, 4 some failed, 5 still running")]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// List every trial
    #[arg(long)]
    all: bool,
    /// Exit with 0 when all completed, 4 when some failed, 5 while some are to come
    #[arg(long)]
    check: bool,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    /// Looks and reports.
    ///
    /// # Errors
    /// Where the sweep cannot be found or read.
    pub fn run(&self) -> Result<ExitCode> {
        let dir = self.which.find()?;
        let status = Status::of(look(&dir)?).with_failure(&dir, &self.which.words());
        let rows = if self.all { Rows::All } else { Rows::Some };
        print(&match self.format {
            Format::Human => human(&status, rows, table::width()),
            Format::Json => json(&status),
        });
        Ok(if self.check { ExitCode::from(status.check_code()) } else { ExitCode::SUCCESS })
    }
}
