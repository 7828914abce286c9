//! `sweep advance`.

use std::process::ExitCode;

use crate::command::{Which, notice, print};
use crate::driver::advance::{Step, advance};
use crate::error::Result;
use crate::render::{Format, json};

/// Take one step of a sweep: settle what a crash left open, try again what the spec's `retries` say, and let the search
/// propose
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
            Format::Human => human(&step),
            Format::Json => json(&step),
        });
        Ok(ExitCode::SUCCESS)
    }
}

fn human(step: &Step) -> String {
    let counts = [
        (step.settled, "batches settled"),
        (step.retried.len(), "trials run again"),
        (step.submitted.len(), "trials submitted"),
        (step.pruned.len(), "trials told to end"),
    ];
    let mut done: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    done.extend(step.stopped.as_ref().map(|reason| format!("the sweep is stopped: {reason}")));
    if done.is_empty() { "nothing to do\n".into() } else { done.join(", ") + "\n" }
}
