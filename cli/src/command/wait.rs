//! `sweep wait`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::command::Which;
use crate::driver::look::look;
use crate::driver::pace::Pace;
use crate::error::Result;
use crate::report::status::Status;

/// Block until a sweep is done; exits as `status --check` does: 0 all completed, 4 some failed
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Give up after so many seconds, with exit code 5
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

impl Args {
    /// Waits.
    ///
    /// # Errors
    /// Where the sweep cannot be found or read.
    pub fn run(&self) -> Result<ExitCode> {
        let dir = self.which.find()?;
        let until = self.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut pace = Pace::default();
        loop {
            let status = Status::of(look(&dir)?);
            if status.is_over() {
                return Ok(ExitCode::from(status.check_code()));
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(ExitCode::from(status.check_code()));
            }
            let wait = pace.after(status.states);
            std::thread::sleep(left.map_or(wait, |left| wait.min(left)));
        }
    }
}
