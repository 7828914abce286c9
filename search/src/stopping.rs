//! Stopping trials that are under way: any strategy, with a rule that looks at what trials report. Never a stop that
//! is taken back: a driver is told of it until it says that it was done.

use std::collections::BTreeSet;
use std::fmt::Debug;

use sweep_core::id::TrialIndex;

use crate::rng::Rng;
use crate::strategy::{Ask, Event, Proposal, Strategy};

/// Says which running configurations are to stop.
pub trait Rule: Debug {
    /// A configuration begins. Numbers rise by one.
    fn proposed(&mut self, trial: u32, proposal: &Proposal);

    /// It reported, at a later step than before. Whether it is to stop.
    fn reported(&mut self, trial: u32, step: u64, metric: f64) -> Verdict;

    /// It ended.
    fn ended(&mut self, trial: u32, end: Ending);
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    GoOn,
    /// It is to stop.
    Stop,
}

/// How a configuration ended, to a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with a metric.
    Completed,
    /// Because it was told to, without a metric, or lost.
    Otherwise,
}

/// A strategy with a rule.
#[derive(Debug)]
pub struct Stopping {
    inner: Box<dyn Strategy>,
    rule: Box<dyn Rule>,
    known: Vec<Known>,
    /// Those that are to stop and were not told yet.
    doomed: BTreeSet<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    step: Option<u64>,
    pruned: bool,
    ended: bool,
}

impl Stopping {
    /// A strategy that proposes as `inner` does and stops as `rule` says.
    #[must_use]
    pub fn new(inner: Box<dyn Strategy>, rule: Box<dyn Rule>) -> Self {
        Self { inner, rule, known: Vec::new(), doomed: BTreeSet::new() }
    }

    /// Whether the event is new.
    fn note(&mut self, trial: u32, event: &Event) -> bool {
        let Some(known) = self.known.get_mut(trial as usize) else {
            let Event::Proposed(proposal) = event else { return false };
            if trial as usize != self.known.len() {
                return false;
            }
            self.known.push(Known::default());
            self.rule.proposed(trial, proposal);
            return true;
        };
        if known.ended {
            return false;
        }
        match event {
            Event::Proposed(_) => return false,
            Event::Reported { step, metric } => {
                if known.step.is_some_and(|last| *step <= last) || !metric.is_finite() {
                    return false;
                }
                known.step = Some(*step);
                let verdict = self.rule.reported(trial, *step, *metric);
                if verdict == Verdict::Stop && !known.pruned {
                    self.doomed.insert(trial);
                }
            }
            Event::Pruned => {
                known.pruned = true;
                self.doomed.remove(&trial);
            }
            Event::Ended { metric, .. } => {
                known.ended = true;
                let completed = metric.is_some() && !known.pruned;
                self.rule.ended(trial, if completed { Ending::Completed } else { Ending::Otherwise });
                self.doomed.remove(&trial);
            }
            Event::Withdrawn => {
                known.ended = true;
                self.rule.ended(trial, Ending::Otherwise);
                self.doomed.remove(&trial);
            }
        }
        true
    }
}

impl Strategy for Stopping {
    fn ask(&self, rng: &mut Rng) -> Ask {
        match self.doomed.first() {
            Some(trial) => Ask::Prune(TrialIndex(*trial)),
            None => self.inner.ask(rng),
        }
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        if self.note(trial.0, event) {
            self.inner.tell(trial, event);
        }
    }
}
