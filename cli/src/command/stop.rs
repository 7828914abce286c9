//! `sweep stop`.

use std::process::ExitCode;

use serde::Serialize;

use crate::command::{Which, print};
use crate::driver::{advance, stop};
use crate::error::Result;
use crate::render::{Format, json};
use crate::report::status::SCHEMA_VERSION;

/// Stop a sweep: cancel what runs and waits, and let nothing more of it start
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Why, for whoever reads the status later
    #[arg(long, default_value = "stopped by hand")]
    reason: String,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A sweep that was stopped.
#[derive(Serialize)]
struct Report {
    /// The report's version.
    schema_version: u32,
    /// The sweep's directory.
    dir: String,
    /// Why.
    reason: String,
    /// Jobs that were told to end.
    cancelled_jobs: Vec<String>,
}

impl Args {
    /// Stops the sweep.
    ///
    /// # Errors
    /// Where it cannot be found, or Slurm does not answer; it is stopped then all the same.
    pub fn run(&self) -> Result<ExitCode> {
        let dir = self.which.find()?;
        let jobs = stop::stop(&dir, &self.reason)?;
        // Who stopped it first said why.
        let reason = stop::read(&dir)?.map_or_else(|| self.reason.clone(), |stopped| stopped.reason);
        print(&match self.format {
            Format::Human => {
                let told = if jobs.len() == 1 { "job was" } else { "jobs were" };
                format!("stopped {}: {} {told} told to end\n", dir.path().display(), jobs.len())
            }
            Format::Json => json(&Report {
                schema_version: SCHEMA_VERSION,
                dir: dir.path().display().to_string(),
                reason: reason.clone(),
                cancelled_jobs: jobs,
            }),
        });
        // It is stopped, whatever becomes of the telling.
        let notice = |text: &str| anstream::eprintln!("{text}");
        if let Err(error) = advance::tell_of_stop(&dir, &reason, &notice) {
            notice(&format!("`notify` was not told of the stop: {error}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}
