//! `sweep run`.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::command::{print, submit::What};
use crate::driver::follow::{Followed, Watcher, follow};
use crate::driver::look::Look;
use crate::error::{Error, Result};
use crate::render::status::{Rows, human};
use crate::render::{Format, json, table};
use crate::report::status::Status;

/// Submit a sweep and show its progress until it is done
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    what: What,
    /// For whom the status at the end is
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    /// Submits and watches.
    ///
    /// # Errors
    /// Those of `sweep submit`, or where the sweep cannot be read any more.
    pub fn run(&self) -> Result<ExitCode> {
        let interrupted = Arc::new(AtomicBool::new(false));
        let submitted = self.what.submit(&|_| {})?;
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))
                .map_err(|error| Error::world("cannot catch signals").because(&error))?;
        }
        let dir = &submitted.created.dir;
        anstream::eprintln!("{}: {} trials", submitted.created.manifest.id, submitted.created.count);
        let mut watcher =
            Foreground { progress: Progress::new(submitted.created.count), interrupted, status: None };
        let followed = follow(dir, &mut watcher, PATIENCE)?;
        watcher.progress.finish();
        let Some(status) = watcher.status.take_if(|_| followed == Followed::ToTheEnd) else {
            let place = dir.path().display();
            anstream::eprintln!("the trials go on without this command");
            if submitted.created.manifest.driven {
                anstream::eprintln!("the search does not: go on with `sweep resume {place}`");
            } else if watcher.status.is_some_and(|status| status.waiting.is_some()) {
                anstream::eprintln!("those that wait for room do not: go on with `sweep resume {place}`");
            }
            anstream::eprintln!("see them with `sweep status {place}`, end them with `sweep stop {place}`");
            return Ok(ExitCode::from(INTERRUPTED));
        };
        let status = status.with_failure(dir, &format!(" {}", dir.path().display()));
        print(&match self.format {
            Format::Human => human(&status, Rows::Some, table::width()),
            Format::Json => json(&status),
        });
        Ok(ExitCode::from(status.check_code()))
    }
}

/// The shell's code for Ctrl-C.
const INTERRUPTED: u8 = 130;
/// How long a person puts up with steps that fail.
const PATIENCE: Duration = Duration::from_secs(120);

/// A person who watches.
struct Foreground {
    progress: Progress,
    interrupted: Arc<AtomicBool>,
    status: Option<Status>,
}

impl Watcher for Foreground {
    fn see(&mut self, look: Look) -> bool {
        let status = Status::of(look);
        self.progress.show(&status);
        let is_over = status.is_over();
        self.status = Some(status);
        is_over
    }

    fn notice(&self, text: &str) {
        anstream::eprintln!("{text}");
    }

    fn must_leave(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// A bar on a terminal, a line for each change elsewhere.
struct Progress {
    bar: Option<ProgressBar>,
    last: std::cell::RefCell<String>,
}

impl Progress {
    fn new(trials: u32) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}  {elapsed}");
            ProgressBar::new(trials.into()).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, last: std::cell::RefCell::default() }
    }

    fn show(&self, status: &Status) {
        let ended: u32 =
            status.states.iter().filter(|(state, _)| state.is_final()).map(|(_, count)| count).sum();
        let states: Vec<_> = status.states.iter().map(|(state, count)| format!("{state} {count}")).collect();
        let text = states.join("  ");
        match &self.bar {
            Some(bar) => {
                bar.set_length(status.trials.len() as u64);
                bar.set_position(ended.into());
                bar.set_message(text);
            }
            None if *self.last.borrow() != text => {
                anstream::eprintln!("{text}");
                *self.last.borrow_mut() = text;
            }
            None => {}
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
