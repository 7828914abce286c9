//! `sweep resume`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Serialize;
use sweep_core::id::{TrialIndex, TrialLabel};
use sweep_core::layout::SweepDir;
use sweep_core::state::TrialState;

use crate::command::{Which, notice, print};
use crate::driver::drive::Driver;
use crate::driver::look::{Batches, look};
use crate::driver::pace::Pace;
use crate::driver::submit::Waiting;
use crate::driver::{drift, journal, search, spread, successor};
use crate::error::Result;
use crate::executor::local;
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

/// What was submitted, found and left.
#[derive(Serialize)]
struct Report {
    /// The report's version.
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
    /// The job that drives the search from now on, where nobody did.
    driver: Option<u32>,
    /// What is not in the queue yet because a limit of Slurm's stands in the way.
    waiting: Option<Waiting>,
}

/// Lets somebody drive a driven sweep that is not done, where nobody does.
fn drive(dir: &SweepDir, driver: &Driver) -> Result<Option<u32>> {
    let manifest = driver.manifest();
    let waits = Batches::read(dir)?.full().is_some() && look(dir)?.waiting() > 0;
    let is_done = !waits && (!manifest.driven || search::is_finished(&journal::read(dir)?));
    if is_done || !successor::jobs(dir).is_empty() || local::find_driver(dir).is_some() {
        return Ok(None);
    }
    successor::start(dir, driver.executor())
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
        let when_full = || successor::ensure(&dir, &notice);
        let given = driver.submit(&mut journal, &look, &trials, &when_full, &notice)?;
        let taken = given.taken;
        let jobs = Batches::read(&dir)?.slurm_jobs();
        let release = || slurm::hold(&jobs, Hold::Go);
        let released = until_answered(PATIENCE, release, || slurm::site().is_ok());
        // Of several clusters one may be down; what it holds back is not what this is about.
        match (released, spread::clusters(driver.manifest()).is_empty()) {
            (Err(error), false) => notice(&format!("jobs may still be held back: {error}")),
            (released, _) => released?,
        }
        let names = |taken: &[crate::driver::submit::Taken]| {
            taken.iter().map(crate::driver::submit::Taken::name).collect()
        };
        let driver = drive(&dir, &driver)?;
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
            driver,
            waiting: given.waiting,
        };
        print(&match self.format {
            Format::Human => human(&report),
            Format::Json => json(&report),
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// How long Slurm, which has just taken our jobs, may stand still before that is an error.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks Slurm for something until it has `answered`, which is an error only if it answers at all.
fn until_answered(
    patience: Duration,
    mut ask: impl FnMut() -> Result<()>,
    answers: impl Fn() -> bool,
) -> Result<()> {
    let until = Instant::now() + patience;
    let mut pace = Pace::default();
    let mut refused = false;
    loop {
        match ask() {
            Err(_) if !refused && Instant::now() < until => {
                // One that answers now may have stood still when it was asked: its second no counts.
                refused = answers();
                if !refused {
                    std::thread::sleep(pace.after(()));
                }
            }
            answer => return answer,
        }
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
    let waiting = report.waiting.as_ref().map_or(0, |waiting| waiting.trials as usize);
    say(report.submitted.len() - waiting, "trials submitted, jobs", &report.jobs);
    if let Some(waiting) = &report.waiting {
        lines.push(waiting.to_string());
    }
    if let Some(job) = report.driver {
        lines.push(format!("job {job} drives the search"));
    }
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

/// Slurms that stand still, come back, and refuse.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_slurm_that_stands_still_for_a_moment_is_asked_again() {
        let mut asked = 0;
        let ask = || {
            asked += 1;
            if asked < 3 { Err(Error::world("no answer")) } else { Ok(()) }
        };
        until_answered(PATIENCE, ask, || false).unwrap();
        assert_eq!(asked, 3);
    }

    #[test]
    fn a_slurm_that_answers_others_and_refuses_twice_is_believed() {
        let mut asked = 0;
        let ask = || {
            asked += 1;
            Err(Error::world("denied"))
        };
        assert_eq!(until_answered(PATIENCE, ask, || true).unwrap_err().to_string(), "denied");
        assert_eq!(asked, 2);
    }

    #[test]
    fn a_slurm_that_never_answers_is_given_up() {
        let error = until_answered(Duration::ZERO, || Err(Error::world("no answer")), || false);
        assert_eq!(error.unwrap_err().to_string(), "no answer");
    }
}
