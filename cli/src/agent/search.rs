//! Driving a search while its trials run here: one step at a time in a thread of its own, so that no trial's end waits
//! for it. Whoever else drives the sweep is left alone.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use sweep_core::layout::SweepDir;

use crate::agent::bell::Rope;
use crate::driver::advance::advance;
use crate::driver::{journal, search};
use crate::error::Result;

/// Between two steps that found nothing, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// The steps that an agent takes.
#[derive(Debug)]
pub struct Steps {
    dir: SweepDir,
    running: Option<Receiver<bool>>,
    next: Instant,
    pause: Duration,
}

/// What is known of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// None is being taken.
    None,
    /// One is being taken.
    Running,
    /// One was taken; whether it did anything.
    Taken(bool),
}

impl Steps {
    /// Of a sweep.
    #[must_use]
    pub fn new(dir: &SweepDir) -> Self {
        Self { dir: dir.clone(), running: None, next: Instant::now(), pause: PAUSE.0 }
    }

    /// Something ended here, so a step is worth taking now.
    pub fn hurry(&mut self) {
        self.pause = PAUSE.0;
        self.next = Instant::now();
    }

    /// Begins a step if it is time for one; `rope` is rung when it is taken.
    pub fn begin(&mut self, mut rope: Rope) {
        if self.running.is_some() || Instant::now() < self.next {
            return;
        }
        let (sender, receiver) = channel();
        let dir = self.dir.clone();
        std::thread::spawn(move || {
            // Another driver, or a Slurm that does not answer: the next step finds out.
            let step = advance(&dir, &|_| {}).ok();
            let did = step.is_some_and(|step| !step.submitted.is_empty() || !step.retried.is_empty());
            let _ = sender.send(did);
            rope.ring();
        });
        self.running = Some(receiver);
    }

    /// What became of the step that was begun.
    pub fn check(&mut self) -> Step {
        let Some(running) = &self.running else { return Step::None };
        let did = match running.try_recv() {
            Ok(did) => did,
            Err(TryRecvError::Empty) => return Step::Running,
            Err(TryRecvError::Disconnected) => false,
        };
        self.running = None;
        self.pause = if did { PAUSE.0 } else { (self.pause * 2).min(PAUSE.1) };
        self.next = Instant::now() + self.pause;
        Step::Taken(did)
    }

    /// Whether the search has said that it is done.
    ///
    /// # Errors
    /// Where the events cannot be read.
    pub fn is_finished(&self) -> Result<bool> {
        Ok(search::is_finished(&journal::read(&self.dir)?))
    }
}
