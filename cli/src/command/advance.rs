//! `sweep advance`.

use std::process::ExitCode;

use crate::command::{Which, notice, print};
use crate::driver::advance::advance;
use crate::error::Result;
use crate::render::{Format, json};

/// Take one step of a sweep: settle what a crash left open, and try again what the spec's `retries` say
///
/// It is safe to run at any time, twice, or from cron.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    /// Takes the step.
    ///
    /// # Errors
    /// Where the sweep was stopped, or the executor refuses.
    pub fn run(&self) -> Result<ExitCode> {
        let step = advance(&self.which.find()?, &notice)?;
        print(&match self.format {
            Format::Human => {
                format!("{} batches settled, {} trials run again\n", step.settled, step.retried.len())
            }
            Format::Json => json(&step),
        });
        Ok(ExitCode::SUCCESS)
    }
}
