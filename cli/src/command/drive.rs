//! `sweep drive`: the process that follows a sweep when nobody sits at it, in a job of its own or on this machine.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use sweep_core::layout::SweepDir;

use crate::driver::follow::{Followed, Watcher, follow};
use crate::driver::look::{Look, look};
use crate::driver::successor;
use crate::error::{Error, Result};
use crate::executor::slurm;
use crate::report::status::Status;

/// Follow a sweep until it is over.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub struct Args {
    /// The sweep directory
    dir: PathBuf,
}

/// How long a driver puts up with a Slurm that does not answer.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

impl Args {
    /// Drives to the end.
    ///
    /// # Errors
    /// Where the sweep cannot be read, or steps fail for a day.
    pub fn run(&self) -> Result<ExitCode> {
        let dir = SweepDir::new(&self.dir);
        let leave = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&leave))
                .map_err(|error| Error::world("cannot catch signals").because(&error))?;
        }
        let job = std::env::var("SLURM_JOB_ID").ok().and_then(|id| id.parse::<u32>().ok());
        let mut watcher = Quiet { leave };
        if Status::of(look(&dir)?).is_over() {
            return Ok(ExitCode::SUCCESS);
        }
        let next = job.map_or(Next(None), |job| Next::behind(&dir, job, &watcher));
        let followed = follow(&dir, &mut watcher, PATIENCE)?;
        if followed == Followed::Left {
            next.keep();
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The driver that waits behind this one. It is cancelled where this one ends by its own doing, even by a bug, so that
/// drivers that cannot drive do not follow each other for ever; it takes over where this one was ended.
struct Next(Option<u32>);

impl Next {
    /// Puts one there, unless one stands there already: from before a requeue, or another driver's.
    fn behind(dir: &SweepDir, job: u32, watcher: &Quiet) -> Self {
        if let Some(next) = successor::jobs(dir).into_iter().rfind(|other| *other != job) {
            return Self(Some(next));
        }
        match successor::submit(dir, Some(job)) {
            Ok(next) => Self(Some(next)),
            Err(error) => {
                watcher.notice(&format!("no driver could be put behind this one: {error}"));
                Self(None)
            }
        }
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        // If that fails, the next one finds a sweep that is over, or fails as this one did.
        let _ = self.0.map(|job| slurm::cancel(&[job]));
    }
}

/// A watcher that only writes to the log.
struct Quiet {
    leave: Arc<AtomicBool>,
}

impl Watcher for Quiet {
    fn see(&mut self, look: Look) -> bool {
        Status::of(look).is_over()
    }

    fn notice(&self, text: &str) {
        anstream::eprintln!("{} {text}", jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"));
    }

    fn must_leave(&self) -> bool {
        self.leave.load(Ordering::Relaxed)
    }
}
