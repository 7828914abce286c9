//! `sweep pause`.

use std::process::ExitCode;

use sweep_core::batch::Executor;

use crate::command::{Which, print};
use crate::driver::calls;
use crate::driver::look::Batches;
use crate::error::{Error, Result};
use crate::executor::slurm::{self, Hold};

/// Hold back the trials of a sweep that wait; those that run go on, and `sweep resume` lets the rest go
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
}

impl Args {
    /// Holds the sweep's jobs.
    ///
    /// # Errors
    /// For a sweep of the local executor, or where Slurm does not answer.
    pub fn run(&self) -> Result<ExitCode> {
        let dir = self.which.find()?;
        let batches = Batches::read(&dir)?;
        let jobs = batches.jobs();
        if let Some(other) = jobs.iter().find(|job| job.executor != Executor::Slurm) {
            return Err(Error::user(format!("a sweep of the {} executor cannot be paused", other.executor))
                .hint("end it with `sweep stop`"));
        }
        slurm::hold(&batches.slurm_jobs(), Hold::Back)?;
        calls::note(&dir);
        print(&format!(
            "trials that wait are held back, in {} jobs; let them go with `sweep resume`\n",
            jobs.len()
        ));
        Ok(ExitCode::SUCCESS)
    }
}
