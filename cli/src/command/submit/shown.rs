//! What `sweep submit` says of what it did, or would do. It never submits.

use std::collections::BTreeMap;

use serde::Serialize;
use sweep_core::batch::Executor;
use sweep_core::spread::Place;

use super::Submitted;
use crate::driver::submit::Waiting;
use crate::render::{plan, table};
use crate::report::plan::Plan;

/// What was submitted, or would be.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    /// The report's version.
    pub schema_version: u32,
    /// Whether nothing was submitted.
    pub dry_run: bool,
    /// The sweep, where one was made.
    pub sweep_id: Option<String>,
    /// Its directory.
    pub dir: Option<String>,
    /// What runs the trials.
    pub executor: String,
    /// How many trials; a text, since it may pass 2^64.
    pub trials: String,
    /// The calls of the executor.
    pub batches: Vec<BatchReport<'a>>,
    /// The job that drives the search, where the sweep needs one and it is a job.
    pub driver: Option<u32>,
    /// What is not in the queue yet because a limit of Slurm's stands in the way.
    pub waiting: Option<&'a Waiting>,
    /// What the spec would run, of a dry run.
    pub plan: Option<Plan>,
    /// What every job would run, of a dry run.
    pub job_script: Option<&'static str>,
}

/// One call of the executor.
#[derive(Serialize)]
pub(super) struct BatchReport<'a> {
    /// Its number.
    pub batch: u32,
    /// What the executor named it.
    pub job: Option<&'a str>,
    /// How many trials it runs.
    pub trials: u32,
    /// Where it goes, of a spec with `spread`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<&'a Place>,
    /// The sbatch call, of a dry run.
    pub call: Option<String>,
}

/// A call of the executor as a dry run has it.
pub(super) struct Planned {
    /// How many trials it has.
    pub trials: u32,
    /// Where it goes, of a spec with `spread`.
    pub place: Option<Place>,
    /// The call, where there is one.
    pub call: Option<String>,
}

/// What was submitted.
pub(super) fn human(submitted: &Submitted) -> String {
    let mut out = String::new();
    let jobs = submitted.given.jobs();
    let shown = if jobs.len() > 5 {
        format!("{} … {}", jobs[..4].join(" "), jobs[jobs.len() - 1])
    } else {
        jobs.join(" ")
    };
    let runner = match submitted.executor {
        Executor::Slurm => format!("{} sbatch calls, jobs {shown}", jobs.len()),
        Executor::Local => format!("on this machine, process {shown}"),
        Executor::Agent => {
            format!("offered to agents: `sweep agent {}`", submitted.created.dir.path().display())
        }
    };
    out.push_str(&format!(
        "submitted {}: {} trials, {runner}\n",
        submitted.created.manifest.id, submitted.created.count
    ));
    let mut places: BTreeMap<&Place, u32> = BTreeMap::new();
    for taken in &submitted.given.taken {
        if let Some(place) = &taken.place {
            *places.entry(place).or_default() += taken.trials;
        }
    }
    for (place, trials) in places {
        out.push_str(&format!("  {trials} with {place}\n"));
    }
    if let Some(waiting) = &submitted.given.waiting {
        out.push_str(&format!("{waiting}\n"));
    }
    out.push_str(&format!(
        "see how it goes with `sweep status {}`\n",
        submitted.created.dir.path().display()
    ));
    out
}

/// What would be submitted.
pub(super) fn dry_run(report: &Plan, executor: Executor, calls: &[Planned]) -> String {
    let mut out = plan::human(report, table::width());
    match executor {
        Executor::Local => out.push_str("\nthey would run as processes of this machine\n"),
        Executor::Agent => out.push_str("\nthey would be offered to agents\n"),
        Executor::Slurm if calls.is_empty() => out.push_str("\nso many sbatch calls are not listed\n"),
        Executor::Slurm => {
            out.push_str(&format!("\n{} sbatch calls:\n", calls.len()));
            for Planned { trials, place, call } in calls {
                let place = place.as_ref().map(|place| format!(", {place}")).unwrap_or_default();
                let call = call.as_deref().unwrap_or_default();
                out.push_str(&format!("  # {trials} trials{place}\n  {call}\n"));
            }
            out.push_str("\njob.sh:\n");
            for line in crate::driver::create::JOB_SCRIPT.lines() {
                out.push_str(&format!("  {line}\n"));
            }
        }
    }
    out.push_str("\nnothing was submitted\n");
    out
}
