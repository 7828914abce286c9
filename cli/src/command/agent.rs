//! `sweep agent`, and what a job of several trials becomes.

use std::process::ExitCode;

use serde::Serialize;
use sweep_core::find;
use sweep_core::id::{BatchNumber, TrialIndex};
use sweep_core::layout::SweepDir;
use sweep_core::packing::Launch;
use sweep_core::state::TrialState;

use crate::agent::{Agent, Allocation, Summary, Why, Work};
use crate::command::{Which, notice, print};
use crate::driver::drive::Driver;
use crate::driver::look::look;
use crate::error::{Error, Kind, Result};
use crate::executor::slurm;
use crate::render::{Format, json};
use crate::report::status::SCHEMA_VERSION;
use crate::spec::packing::mebibytes;
use crate::task::parent::Parent;

/// Run many trials in one allocation, side by side, until none is left to take
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Take so many trials, and no more
    #[arg(long, value_name = "N")]
    count: Option<u32>,
    /// Most trials side by side [default: as many as the allocation has room for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    slots: Option<u32>,
    /// How a trial is started: as a child of this process, or as a step of Slurm's
    #[arg(long, value_enum)]
    launch: Option<LaunchWord>,
    /// The CPUs of a trial [default: the spec's, or 1]
    #[arg(long, value_name = "N")]
    cpus: Option<u32>,
    /// The memory of a trial, such as 2G [default: the spec's, or not counted]
    #[arg(long, value_name = "SIZE")]
    mem: Option<String>,
    /// The GPUs of a trial [default: the spec's, or none]
    #[arg(long, value_name = "N")]
    gpus: Option<u32>,
    /// Run the trials as steps of this Slurm job, from outside of it
    #[arg(long, value_name = "JOB")]
    job: Option<u32>,
    /// How long to wait for the next proposal of a search, in seconds [default: the spec's, or 300]
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u32>,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How a trial is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LaunchWord {
    /// Children on one node, steps where the allocation has several
    Auto,
    /// Steps of Slurm's
    Step,
    /// Children of this process
    Direct,
}

/// What an agent did.
#[derive(Serialize)]
struct Report {
    /// The report's version.
    schema_version: u32,
    /// Trials that it started.
    started: u32,
    /// Those that ended with exit code 0.
    completed: u32,
    /// Those that did not.
    failed: u32,
    /// Those that were cut off with it.
    cut_off: u32,
    /// Trials that need more than this allocation has.
    too_large: u32,
    /// Why it came to no more.
    why: &'static str,
}

impl Args {
    /// Offers what nobody was asked to run, and takes what is offered.
    ///
    /// # Errors
    /// Where the sweep cannot be read or written, or the job of `--job` does not run.
    pub fn run(&self) -> Result<ExitCode> {
        let env = |name: &str| std::env::var(name).ok();
        let parent = if env("SLURM_JOB_ID").is_some() { Parent::of_job(env) } else { Parent::Free };
        let dir = self.which.find()?;
        let mut manifest = find::manifest(&dir)?;
        if manifest.command.is_none() {
            return Err(Error::user(format!("sweep `{}` has no command to run", manifest.id))
                .hint("add `command:` to its spec, and make it anew with `sweep init`"));
        }
        let allocation = match self.job {
            Some(job) => Allocation::of_job(job)?,
            None => Allocation::here(env),
        };
        let packing = &mut manifest.packing;
        packing.slots = self.slots.or(packing.slots);
        packing.cpus = self.cpus.map(|cpus| cpus.to_string()).or(packing.cpus.take());
        packing.gpus = self.gpus.map(|gpus| gpus.to_string()).or(packing.gpus.take());
        packing.wait_s = self.wait.or(packing.wait_s);
        packing.launch = self.launch.map_or(packing.launch, LaunchWord::launch);
        if let Some(mem) = &self.mem {
            mebibytes(mem).ok_or_else(|| {
                Error::user(format!("--mem {mem} is no size")).hint("say it as sbatch does: 500M, 2G")
            })?;
            packing.mem = Some(mem.clone());
        }
        if packing.launch == Launch::Step && allocation.job.is_none() {
            return Err(Error::user("there is no Slurm job here to run steps in")
                .hint("start the agent inside a job, name one with --job, or say --launch direct"));
        }
        if self.job.is_some() && packing.launch == Launch::Direct {
            return Err(Error::user(
                "--launch direct runs trials beside this process, which is outside of --job",
            )
            .hint("leave one of the two out"));
        }
        offer(&dir)?;
        let work = Work::offered(&dir, &manifest.id)?;
        let identity = Agent::identity(allocation.job, env)?;
        let agent = Agent { dir, manifest, identity, allocation, parent, count: self.count };
        let summary = agent.run(work)?;
        self.tell(&summary);
        Ok(match summary.why {
            Why::Told(signal) => ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX)),
            Why::CutOff => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        })
    }

    fn tell(&self, summary: &Summary) {
        let report = Report {
            schema_version: SCHEMA_VERSION,
            started: summary.started,
            completed: summary.completed,
            failed: summary.failed,
            cut_off: summary.cut_off,
            too_large: summary.too_large,
            why: why(summary.why),
        };
        print(&match self.format {
            Format::Human => human(&report),
            Format::Json => json(&report),
        });
    }
}

impl LaunchWord {
    fn launch(self) -> Launch {
        match self {
            Self::Auto => Launch::Auto,
            Self::Step => Launch::Step,
            Self::Direct => Launch::Direct,
        }
    }
}

/// Offers to agents what no executor was asked to run.
fn offer(dir: &SweepDir) -> Result<()> {
    let is_open = |dir: &SweepDir| -> Result<Vec<TrialIndex>> {
        let found = look(dir)?;
        if found.stopped.is_some() {
            return Ok(Vec::new());
        }
        let open = found.trials.iter().filter(|trial| trial.status.state == TrialState::Planned);
        Ok(open.map(|trial| trial.trial.index).collect())
    };
    if is_open(dir)?.is_empty() {
        return Ok(());
    }
    let driver = Driver::take_for_agents(dir, &notice)?;
    let mut journal = driver.journal()?;
    driver.settle(&mut journal, &notice)?;
    // Another agent may have come first.
    let open = is_open(dir)?;
    driver.submit(&mut journal, &look(dir)?, &open, &|| {}, &notice)?;
    Ok(())
}

fn why(why: Why) -> &'static str {
    match why {
        Why::Done => "nothing is left to take",
        Why::Counted => "it took as many as it was told to",
        Why::Time => "the time that is left would not do for another",
        Why::Stopped => "the sweep was stopped",
        Why::Told(_) => "it was told to end",
        Why::CutOff => "who started it is gone",
        Why::Waited => "no proposal came for as long as it waits",
    }
}

fn human(report: &Report) -> String {
    let Report { started, completed, failed, cut_off, too_large, why, .. } = report;
    let mut out = format!("{started} trials: {completed} completed, {failed} failed");
    if *cut_off > 0 {
        out.push_str(&format!(", {cut_off} cut off"));
    }
    if *too_large > 0 {
        out.push_str(&format!("; {too_large} need more than this allocation has"));
    }
    out.push_str(&format!("; {why}\n"));
    out
}

/// The exit code of a job that was not to start: the sweep was stopped.
const STOPPED: u8 = 3;

/// Runs the trials of an array task of several, and goes on later in the same job where its time is over before they
/// are.
///
/// # Errors
/// Where a folder cannot be written, or Slurm does not requeue the job.
pub(super) fn of_task(dir: &SweepDir, batch: BatchNumber) -> Result<ExitCode> {
    let env = |name: &str| std::env::var(name).ok();
    let parent = Parent::of_job(env);
    let no_trial = |error: sweep_core::Error| Error::from(error).of_kind(Kind::NoTrial);
    let manifest = find::manifest(dir).map_err(no_trial)?;
    let job = env("SLURM_JOB_ID").and_then(|job| job.parse::<u32>().ok()).ok_or_else(|| {
        Error::new(
            Kind::NoTrial,
            "a job of several trials was started outside Slurm: `SLURM_JOB_ID` is not set",
        )
    })?;
    let task = env("SLURM_ARRAY_TASK_ID").and_then(|task| task.parse().ok()).unwrap_or(0);
    let work = Work::of_task(dir, batch, task)?;
    let identity = Agent::identity(Some(job), env)?;
    let allocation = Allocation::here(env);
    let cluster = super::exec::own_cluster(&manifest, &identity).map(str::to_owned);
    let agent = Agent { dir: dir.clone(), manifest, identity, allocation, parent, count: None };
    let summary = agent.run(work)?;
    let progressed = summary.completed + summary.failed > 0;
    match summary.why {
        Why::Stopped => Ok(ExitCode::from(STOPPED)),
        Why::Told(signal) => Ok(ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))),
        Why::CutOff => Ok(ExitCode::FAILURE),
        // One that came to no end in all its time would not in as much again.
        Why::Time if progressed && summary.rest > 0 => {
            slurm::requeue(cluster.as_deref(), job)?;
            super::exec::wait_for_end(job)
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
