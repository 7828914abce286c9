//! `sweep run`.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::command::{print, submit::What};
use crate::driver::advance::{advance, due};
use crate::driver::look::look;
use crate::driver::pace::Pace;
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

/// How often a wait looks for Ctrl-C.
const TICK: Duration = Duration::from_millis(100);

impl Args {
    /// Submits and watches.
    ///
    /// # Errors
    /// Those of `sweep submit`, or where the sweep cannot be read any more.
    pub fn run(&self) -> Result<ExitCode> {
        let interrupted = Arc::new(AtomicBool::new(false));
        let submitted = self.what.submit()?;
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))
                .map_err(|error| Error::world("cannot catch signals").because(&error))?;
        }
        let dir = &submitted.created.dir;
        anstream::eprintln!("{}: {} trials", submitted.created.manifest.id, submitted.created.count);
        let progress = Progress::new(submitted.created.count);
        let mut pace = Pace::default();
        let status = loop {
            let look = look(dir)?;
            let again = !due(&look).is_empty();
            let status = Status::of(look);
            progress.show(&status);
            if again {
                advance(dir, &|_| {})?;
            } else if status.is_over() {
                break status;
            }
            let wait = pace.after(status.states.clone());
            if !pause(wait, &interrupted) {
                progress.finish();
                let place = dir.path().display();
                anstream::eprintln!("the trials go on without this command");
                anstream::eprintln!(
                    "see them with `sweep status {place}`, end them with `sweep stop {place}`"
                );
                return Ok(ExitCode::from(INTERRUPTED));
            }
        };
        progress.finish();
        print(&match self.format {
            Format::Human => human(&status, Rows::Some, table::width()),
            Format::Json => json(&status),
        });
        Ok(ExitCode::from(status.check_code()))
    }
}

/// The shell's code for Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Waits; false where somebody interrupted.
fn pause(wait: Duration, interrupted: &AtomicBool) -> bool {
    let until = Instant::now() + wait;
    while Instant::now() < until {
        if interrupted.load(Ordering::Relaxed) {
            return false;
        }
        std::thread::sleep(TICK.min(until.saturating_duration_since(Instant::now())));
    }
    !interrupted.load(Ordering::Relaxed)
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
