//! `sweep supervise`: the process behind the local executor.

use std::path::PathBuf;
use std::process::ExitCode;

use sweep_core::batch::{Intent, Trials};
use sweep_core::id::{BatchNumber, TrialIndex};
use sweep_core::layout::SweepDir;

use crate::driver::submit::own_binary;
use crate::error::{At, Error, Result};
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
        let (first, count) = match intent.trials {
            Trials::Single(index) => (index, 1),
            Trials::Consecutive { first, count } => (first, count),
            Trials::Mapped { .. } => {
                return Err(Error::new(crate::error::Kind::Bug, "a local batch has a map"));
            }
        };
        let trials = (first.0..first.0.saturating_add(count)).map(TrialIndex);
        local::supervise(&dir, batch, trials, self.slots, &own_binary()?)?;
        Ok(ExitCode::SUCCESS)
    }
}
