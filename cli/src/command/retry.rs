//! `sweep retry`.

use std::process::ExitCode;

use serde::Serialize;
use sweep_core::id::{TrialIndex, TrialLabel};
use sweep_core::state::TrialState;

use crate::command::{Which, notice, print};
use crate::driver::choose::{Choice, Condition, states, trials};
use crate::driver::drive::Driver;
use crate::driver::look::look;
use crate::driver::successor;
use crate::error::{Error, Result};
use crate::render::{Format, json};
use crate::report::status::SCHEMA_VERSION;

/// Run trials again that ended without success, as new attempts of the same trials
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Those in these states [default: failed, timeout, out_of_memory, node_fail, preempted, cancelled, lost]
    #[arg(long, value_name = "STATES")]
    state: Option<String>,
    /// These trials, such as t003,t007
    #[arg(long, value_name = "TRIALS")]
    trial: Option<String>,
    /// Those of which this is true, such as 'lr>0.01'; may be given several times
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<String>,
    /// Show which trials would run again, and submit nothing
    #[arg(long)]
    dry_run: bool,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What is retried where nobody says.
const WITHOUT_SUCCESS: [TrialState; 7] = [
    TrialState::Failed,
    TrialState::Timeout,
    TrialState::OutOfMemory,
    TrialState::NodeFail,
    TrialState::Preempted,
    TrialState::Cancelled,
    TrialState::Lost,
];

/// Trials that run again.
#[derive(Serialize)]
struct Report {
    /// The report's version.
    schema_version: u32,
    /// Whether nothing was submitted.
    dry_run: bool,
    /// The trials.
    retried: Vec<TrialLabel>,
    /// Their jobs.
    jobs: Vec<String>,
}

impl Args {
    /// Chooses and submits.
    ///
    /// # Errors
    /// Where a chosen trial is not at an end, the sweep was stopped, or the executor refuses.
    pub fn run(&self) -> Result<ExitCode> {
        let choice = self.choice()?;
        let dir = self.which.find()?;
        if self.dry_run {
            let chosen = choose(&look(&dir)?.trials, &choice)?;
            return Ok(self.report(&chosen, Vec::new()));
        }
        let driver = Driver::take(&dir, &notice)?;
        let mut journal = driver.journal()?;
        driver.settle(&mut journal, &notice)?;
        let look = look(&dir)?;
        let chosen = choose(&look.trials, &choice)?;
        let when_full = || successor::ensure(&dir, &notice);
        let given = driver.submit(&mut journal, &look, &chosen, &when_full, &notice)?;
        if let Some(waiting) = &given.waiting {
            notice(&waiting.to_string());
        }
        Ok(self.report(&chosen, given.jobs()))
    }

    fn choice(&self) -> Result<Choice> {
        let named = self.trial.as_deref().map(trials).transpose()?.unwrap_or_default();
        let chosen_states = match &self.state {
            Some(text) => states(text)?,
            // A trial that is named is meant, whatever its end.
            None if !named.is_empty() => Vec::new(),
            None => WITHOUT_SUCCESS.to_vec(),
        };
        let conditions =
            self.conditions.iter().map(|text| text.parse::<Condition>()).collect::<Result<_>>()?;
        Ok(Choice { states: chosen_states, trials: named, conditions })
    }

    fn report(&self, chosen: &[TrialIndex], jobs: Vec<String>) -> ExitCode {
        let retried: Vec<TrialLabel> = chosen.iter().map(|index| index.label()).collect();
        let report = Report { schema_version: SCHEMA_VERSION, dry_run: self.dry_run, retried, jobs };
        print(&match self.format {
            Format::Human => human(&report),
            Format::Json => json(&report),
        });
        ExitCode::SUCCESS
    }
}

/// The chosen trials; one that is named and not at an end is an error, one that only falls into a choice is not.
fn choose(all: &[crate::driver::look::TrialLook], choice: &Choice) -> Result<Vec<TrialIndex>> {
    if let Some(index) = choice.trials.iter().find(|index| index.0 as usize >= all.len()) {
        return Err(Error::user(format!("there is no trial {}", index.label())));
    }
    let chosen: Vec<_> = all.iter().filter(|trial| choice.holds(trial)).collect();
    let open = chosen.iter().find(|trial| !trial.status.state.is_final() && !choice.trials.is_empty());
    if let Some(open) = open {
        let text = format!("{} is {}, not at an end", open.trial.index.label(), open.status.state);
        return Err(Error::user(text).hint("wait for its end, or cancel it"));
    }
    let ended = chosen.iter().filter(|trial| {
        let state = trial.status.state;
        state.is_final() && state != TrialState::Pruned
    });
    Ok(ended.map(|trial| trial.trial.index).collect())
}

fn human(report: &Report) -> String {
    if report.retried.is_empty() {
        return "no trial to run again\n".into();
    }
    let labels: Vec<_> = report.retried.iter().take(10).map(ToString::to_string).collect();
    let more = if report.retried.len() > labels.len() { " …" } else { "" };
    let labels = labels.join(" ");
    let count = report.retried.len();
    let (trials, run) = if count == 1 { ("trial", "runs") } else { ("trials", "run") };
    if report.dry_run {
        return format!("{count} {trials} would run again: {labels}{more}\n");
    }
    let jobs = if report.jobs.len() == 1 { "job" } else { "jobs" };
    format!("{count} {trials} {run} again: {labels}{more}; {jobs} {}\n", report.jobs.join(" "))
}
