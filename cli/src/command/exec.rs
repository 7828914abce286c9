//! `sweep exec`: what every job of a sweep becomes.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use sweep_core::find;
use sweep_core::id::BatchNumber;
use sweep_core::layout::SweepDir;
use sweep_core::manifest::Manifest;
use sweep_core::selector::Selector;

use crate::driver::spread;
use crate::error::{Error, Result};
use crate::executor::slurm::{self, submission};
use crate::task::identity::Identity;
use crate::task::parent::Parent;
use crate::task::{self, Outcome, Task, child};

/// Run one trial inside its job; `job.sh` calls this.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub struct Args {
    /// The sweep directory
    dir: PathBuf,
    /// The batch's number
    batch: u32,
    /// The trial: t003, @OFFSET or @map:N; `agent` for all of an array task's
    trial: Trials,
    /// Run it as a process of this machine, whatever job we are in
    #[arg(long)]
    local: bool,
    /// Run it as a step of an agent's, which has its claim
    #[arg(long)]
    step: bool,
}

/// What a task runs.
#[derive(Clone, Copy, Debug)]
enum Trials {
    One(Selector),
    OfTask,
}

impl FromStr for Trials {
    type Err = sweep_core::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == submission::AGENT { Ok(Self::OfTask) } else { text.parse().map(Self::One) }
    }
}

/// The exit code of a task that was not to start: the sweep was stopped, or the trial pruned.
const STOPPED: u8 = 3;

impl Args {
    /// Runs the trial and ends as its command ended.
    ///
    /// # Errors
    /// Where it could not start; the reason also stands in the sweep directory.
    pub fn run(&self) -> Result<ExitCode> {
        let env = |name: &str| std::env::var(name).ok();
        let (dir, batch) = (SweepDir::new(&self.dir), BatchNumber(self.batch));
        let selector = match self.trial {
            Trials::One(selector) => selector,
            Trials::OfTask => {
                return super::agent::of_task(&dir, batch).inspect_err(|error| {
                    let task = Task { dir, batch, selector: Selector::Offset(0) };
                    if let Ok(identity) = Identity::of_slurm(env) {
                        task::leave_error(&task, &identity, error);
                    }
                });
            }
        };
        // Processes of this machine go on when their supervisor is gone.
        let parent = if self.local { Parent::Free } else { Parent::of_job(env) };
        let task = Task { dir, batch, selector };
        let identity = if self.local { Identity::of_process() } else { Identity::of_slurm(env) };
        let identity = identity.map(|identity| match env("SLURM_STEP_ID").filter(|_| self.step) {
            Some(step) => Identity { step, ..identity },
            None => identity,
        });
        let result = identity.and_then(|identity| {
            task::run(&task, &identity, parent)
                .inspect_err(|error| task::leave_error(&task, &identity, error))
        });
        let requeue = |task: &Task| -> Result<ExitCode> {
            let identity = Identity::of_slurm(env)?;
            let manifest = find::manifest(&task.dir)?;
            requeue(&manifest, &identity).inspect_err(|error| task::leave_error(task, &identity, error))
        };
        Ok(match result? {
            Outcome::Ended(status) => child::end_as(status),
            Outcome::Stopped => ExitCode::from(STOPPED),
            Outcome::CompletedBefore => ExitCode::SUCCESS,
            Outcome::ToBeRequeued => return requeue(&task),
            // Nobody is left to hear it.
            Outcome::CutOff => ExitCode::FAILURE,
        })
    }
}

/// How long this process waits for Slurm to end it, having asked to be requeued.
const PATIENCE: Duration = Duration::from_secs(60);

/// Puts this job back into the queue, which ends this process.
fn requeue(manifest: &Manifest, identity: &Identity) -> Result<ExitCode> {
    let job = identity.job.slurm_id().ok_or_else(|| Error::world("only a Slurm job can be requeued"))?;
    slurm::requeue(own_cluster(manifest, identity), job)?;
    wait_for_end(job)
}

/// The cluster that this job is told by. What it was submitted with may lead Slurm's commands to another, whose job of the
/// same number is not ours.
pub(super) fn own_cluster<'a>(manifest: &Manifest, identity: &'a Identity) -> Option<&'a str> {
    let names_clusters = !spread::clusters(manifest).is_empty();
    identity.cluster.as_deref().filter(|_| names_clusters)
}

/// Waits for Slurm to end this process, whose job it has taken back.
///
/// # Errors
/// Where it does not.
pub(super) fn wait_for_end(job: u32) -> Result<ExitCode> {
    std::thread::sleep(PATIENCE);
    Err(Error::world(format!("Slurm took job {job} back and did not end it")))
}
