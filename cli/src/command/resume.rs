//! `sweep resume`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use sweep_core::id::{TrialIndex, TrialLabel};
use sweep_core::state::TrialState;

use crate::command::{Which, notice, print};
use crate::driver::drift;
use crate::driver::drive::Driver;
use crate::driver::look::{Batches, look};
use crate::error::Result;
use crate::executor::slurm::{self, Hold};
use crate::render::{Format, json};
use crate::report::status::SCHEMA_VERSION;

/// Go on with a sweep after a crash, a refusal or a pause: submit what was never submitted
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Check first that this spec still gives the sweep's trials
    #[arg(long, value_name = "SPEC")]
    spec: Option<PathBuf>,
    /// Submit again trials of which nothing is left: no job, no record
    #[arg(long)]
    assume_lost: bool,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Report {
    schema_version: u32,
    /// Batches whose job was found after a crash.
    found: Vec<String>,
    /// Jobs of batches that were submitted again after a crash.
    repeated: Vec<String>,
    /// Jobs that were cancelled because another of the same batch runs its trials.
    cancelled_twins: Vec<u32>,
    /// Trials that were submitted now.
    submitted: Vec<TrialLabel>,
    /// Trials of which nothing is left, which stay as they are without --assume-lost.
    lost: Vec<TrialLabel>,
    /// The new jobs.
    jobs: Vec<String>,
}

impl Args {
    /// Settles and submits.
    ///
    /// # Errors
    /// Where the sweep was stopped, the spec has changed, or the executor refuses.
    pub fn run(&self) -> Result<ExitCode> {
        let dir = self.which.find()?;
        if let Some(spec) = &self.spec {
            drift::check(&dir, spec)?;
        }
        let driver = Driver::take(&dir, &notice)?;
        let mut journal = driver.journal()?;
        let settled = driver.settle(&mut journal, &notice)?;
        let look = look(&dir)?;
        let of_state = |state: TrialState| -> Vec<TrialIndex> {
            let in_state = look.trials.iter().filter(|trial| trial.status.state == state);
            in_state.map(|trial| trial.trial.index).collect()
        };
        let lost = of_state(TrialState::Lost);
        let mut trials = of_state(TrialState::Planned);
        trials.extend(of_state(TrialState::SubmitFailed));
        if self.assume_lost {
            trials.extend(&lost);
        }
        trials.sort();
        let taken = driver.submit(&mut journal, &look, &trials)?;
        let jobs = Batches::read(&dir)?.jobs();
        slurm::hold(&jobs.iter().filter_map(|(_, job)| job.parse().ok()).collect::<Vec<_>>(), Hold::Go)?;
        let names =
            |taken: &[crate::driver::submit::Taken]| taken.iter().map(|taken| taken.job.clone()).collect();
        let report = Report {
            schema_version: SCHEMA_VERSION,
            found: names(&settled.found),
            repeated: names(&settled.repeated),
            cancelled_twins: settled.twins,
            submitted: trials.iter().map(|index| index.label()).collect(),
            lost: if self.assume_lost {
                Vec::new()
            } else {
                lost.iter().map(|index| index.label()).collect()
            },
            jobs: names(&taken),
        };
        print(&match self.format {
            Format::Human => human(&report),
            Format::Json => json(&report),
        });
        Ok(ExitCode::SUCCESS)
    }
}

fn human(report: &Report) -> String {
    let mut lines = Vec::new();
    let mut say = |count: usize, text: &str, names: &[String]| {
        if count > 0 {
            lines.push(format!("{count} {text}: {}", names.join(" ")));
        }
    };
    say(report.found.len(), "jobs found that nobody had noted", &report.found);
    say(report.repeated.len(), "batches that never arrived submitted again, jobs", &report.repeated);
    let twins: Vec<_> = report.cancelled_twins.iter().map(ToString::to_string).collect();
    say(twins.len(), "jobs cancelled as a second one of their batch", &twins);
    say(report.submitted.len(), "trials submitted, jobs", &report.jobs);
    if !report.lost.is_empty() {
        lines.push(format!(
            "{} trials left no trace, {} first; --assume-lost submits them again",
            report.lost.len(),
            report.lost[0]
        ));
    }
    if lines.is_empty() {
        lines.push("nothing to do: every trial was submitted".into());
    }
    lines.join("\n") + "\n"
}
