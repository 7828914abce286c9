//! `sweep supervise`: the process behind the local executor.

use std::path::PathBuf;
use std::process::ExitCode;

use sweep_core::batch::Intent;
use sweep_core::id::BatchNumber;
use sweep_core::layout::SweepDir;

use crate::driver::look::trials_of;
use crate::driver::submit::own_binary;
use crate::error::{At, Result};
use crate::executor::local;

/// Run the trials of one batch as processes of this machine.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub struct Args {
    /// The sweep directory
    dir: PathBuf,
    /// The batch's number
    batch: u32,
    /// How many trials at once
    slots: u32,
}

impl Args {
    /// Runs the batch to its end.
    ///
    /// # Errors
    /// Where its intent cannot be read, or a trial cannot be started.
    pub fn run(&self) -> Result<ExitCode> {
        let dir = SweepDir::new(&self.dir);
        let batch = BatchNumber(self.batch);
        let path = dir.batch(batch);
        let intent = Intent::parse(&path, &std::fs::read(&path).at("read", &path)?)?;
        let trials = trials_of(&dir, &intent)?.into_iter();
        local::supervise(&dir, batch, trials, self.slots, &own_binary()?)?;
        Ok(ExitCode::SUCCESS)
    }
}
