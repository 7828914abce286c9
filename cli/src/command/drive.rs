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
        if Status::of(look(&dir)?).is_over() {
            return Ok(ExitCode::SUCCESS);
        }
        let mut next = Next { dir: dir.clone(), job, behind: None, said: false };
        next.put();
        let mut watcher = Quiet { leave, next };
        if follow(&dir, &mut watcher, PATIENCE)? == Followed::Left {
            watcher.next.keep();
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The driver that waits behind this one. It is cancelled where this one ends by its own doing, even by a bug, so that
/// drivers that cannot drive do not follow each other for ever; it takes over where this one was ended.
struct Next {
    dir: SweepDir,
    /// Our own job; none on this machine, where nobody waits.
    job: Option<u32>,
    behind: Option<u32>,
    /// Whether it was said that none could be put there.
    said: bool,
}

impl Next {
    /// Puts one there, unless one stands there already: from before a requeue, or another driver's. A Slurm that does
    /// not answer now is asked again at the next look.
    fn put(&mut self) {
        let Some(job) = self.job.filter(|_| self.behind.is_none()) else { return };
        let found = successor::jobs(&self.dir).into_iter().rfind(|other| *other != job);
        match found.map_or_else(|| successor::submit(&self.dir, Some(job)), Ok) {
            Ok(next) => self.behind = Some(next),
            Err(error) if !self.said => {
                self.said = true;
                say(&format!("no driver could be put behind this one yet: {error}"));
            }
            Err(_) => {}
        }
    }

    fn keep(&mut self) {
        self.behind = None;
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        // If that fails, the next one finds a sweep that is over, or fails as this one did.
        let _ = self.behind.map(|job| successor::cancel(&self.dir, job));
    }
}

/// A watcher that only writes to the log.
struct Quiet {
    leave: Arc<AtomicBool>,
    next: Next,
}

impl Watcher for Quiet {
    fn see(&mut self, look: Look) -> bool {
        let is_over = Status::of(look).is_over();
        if !is_over {
            self.next.put();
        }
        is_over
    }

    fn notice(&self, text: &str) {
        say(text);
    }

    fn must_leave(&self) -> bool {
        self.leave.load(Ordering::Relaxed)
    }
}

fn say(text: &str) {
    anstream::eprintln!("{} {text}", jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"));
}
