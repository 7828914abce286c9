//! `sweep extend`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use sweep_core::id::TrialLabel;
use sweep_core::limits;

use crate::command::{Which, notice, print};
use crate::driver::extend::{Extended, More, extend};
use crate::error::{Error, Result};
use crate::render::{Format, json};
use crate::report::status::SCHEMA_VERSION;

/// Add to a sweep: more trials, new values, another number of trials at once
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// So many configurations more, of a search that has a number of them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    trials: Option<u64>,
    /// A copy of the spec with more values, rows or replicates: what the sweep does not have of it is added
    #[arg(long, value_name = "SPEC", conflicts_with = "trials")]
    spec: Option<PathBuf>,
    /// So many trials at once from now on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: Option<u32>,
    /// Most trials that are added [default: 100]
    #[arg(long, value_name = "N")]
    max_trials: Option<u64>,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was added.
#[derive(Serialize)]
struct Report<'a> {
    /// The report's version.
    schema_version: u32,
    /// Trials that were added and submitted.
    added: &'a [TrialLabel],
    /// Their jobs.
    jobs: &'a [String],
    /// How many configurations the search may have from now on.
    limit: Option<u64>,
    /// How many trials may run at once from now on, where that was asked for.
    concurrency: Option<u32>,
    /// What could not be changed any more.
    notes: &'a [String],
}

impl Args {
    /// Adds and submits.
    ///
    /// # Errors
    /// Where nothing is asked for, nothing can be added, or the executor refuses.
    pub fn run(&self) -> Result<ExitCode> {
        if self.trials.is_none() && self.spec.is_none() && self.concurrency.is_none() {
            return Err(Error::user("nothing to add").hint("say --trials N, --spec COPY or --concurrency N"));
        }
        let more = More {
            trials: self.trials,
            spec: self.spec.as_deref(),
            concurrency: self.concurrency,
            guard: self.max_trials.unwrap_or(limits::TRIALS_GUARD),
        };
        let extended = extend(&self.which.find()?, &more, &notice)?;
        print(&match self.format {
            Format::Human => self.human(&extended),
            Format::Json => json(&Report {
                schema_version: SCHEMA_VERSION,
                added: &extended.trials,
                jobs: &extended.jobs,
                limit: extended.limit,
                concurrency: self.concurrency,
                notes: &extended.notes,
            }),
        });
        Ok(ExitCode::SUCCESS)
    }

    fn human(&self, extended: &Extended) -> String {
        let mut lines = Vec::new();
        if let (Some(first), Some(last)) = (extended.trials.first(), extended.trials.last()) {
            let (count, jobs) = (extended.trials.len(), extended.jobs.join(" "));
            lines.push(format!("{count} trials added, {first} to {last}; jobs {jobs}"));
        } else if let Some(limit) = extended.limit {
            lines.push(format!(
                "the search may have {limit} configurations now; `sweep resume` sees that it is driven"
            ));
        } else if self.spec.is_some() || self.trials.is_some() {
            lines.push("nothing to add: the sweep has every trial".into());
        }
        if let Some(concurrency) = self.concurrency {
            lines.push(format!("{concurrency} trials at once from now on"));
        }
        lines.extend(extended.notes.iter().cloned());
        lines.join("\n") + "\n"
    }
}
