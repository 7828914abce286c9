//! `sweep top`.

use std::process::ExitCode;

use crate::command::{Which, print};
use crate::driver::look::look;
use crate::error::Result;
use crate::render::{self, Format, json, table};
use crate::report::status::Status;
use crate::report::top::{Grouping, Top};

/// Show the best trials of a sweep
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sweep top                   the ten best of the newest sweep
  sweep top -n 3 --by-bracket the three best of each bracket
  sweep top --format json     for programs")]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// How many
    #[arg(short = 'n', long = "count", value_name = "N", default_value_t = 10)]
    count: usize,
    /// So many of each bracket, or deme
    #[arg(long)]
    by_bracket: bool,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    /// Looks and reports.
    ///
    /// # Errors
    /// Where the sweep cannot be read, or names no metric.
    pub fn run(&self) -> Result<ExitCode> {
        let status = Status::of(look(&self.which.find()?)?);
        let grouping = if self.by_bracket { Grouping::Brackets } else { Grouping::Whole };
        let top = Top::of(&status, self.count, grouping)?;
        print(&match self.format {
            Format::Human => render::top::human(&top, table::width()),
            Format::Json => json(&top),
        });
        Ok(ExitCode::SUCCESS)
    }
}
