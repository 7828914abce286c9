//! What every strategy is: something that proposes trials and is told what became of them. Never a clock, a file
//! or a generator of its own: the same seed and the same tellings give the same proposals.

use std::collections::BTreeMap;

use sweep_core::id::TrialIndex;
use sweep_core::params::Params;

use crate::rng::Rng;

/// Proposes configurations, numbered from 0 in the order in which they are proposed.
///
/// A driver asks, writes down that it will run the proposal, and tells the strategy so with
/// [`Event::Proposed`]; until then every ask gives the same answer. Telling all events again from the start gives
/// the same state: that is how a sweep is resumed.
pub trait Strategy: std::fmt::Debug {
    /// What to do next. Pure: asking twice gives the same answer.
    fn ask(&self, rng: &mut Rng) -> Ask;

    /// Takes note of an event. The only thing that changes a strategy; a repeat changes nothing.
    fn tell(&mut self, trial: TrialIndex, event: &Event);
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Run this.
    Run(Proposal),
    /// Stop this running configuration. Every ask repeats it until [`Event::Pruned`] was told.
    Prune(TrialIndex),
    /// Nothing until another trial has reported.
    Wait,
    /// Nothing ever again.
    Done,
}

/// A configuration to run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proposal {
    /// The user's name for it.
    pub name: Option<String>,
    /// Its values.
    pub params: Params,
    /// What it may spend.
    pub budget: Option<f64>,
    /// The configuration that it goes on from.
    pub parent: Option<TrialIndex>,
    /// Hyperband's bracket; the deme of a genetic search; the member of a population.
    pub bracket: Option<u32>,
    /// The rung of the bracket; the generation of a genetic search or a population.
    pub rung: Option<u32>,
    /// sbatch options of its own, as written.
    pub sbatch: BTreeMap<String, String>,
}

/// What became of a configuration.
///
/// Every metric is lower for better and finite: a driver that maximizes tells the negative, and tells a value that is
/// not a number as no value. Where a configuration runs several times, each metric is the mean.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It was written down and will run.
    Proposed(Proposal),
    /// It reported its metric while running. One that is not past the last step told changes nothing.
    Reported {
        /// The program's step.
        step: u64,
        /// The metric.
        metric: f64,
    },
    /// It was told to stop, as [`Ask::Prune`] asked. Its end follows, with the last metric that it reported.
    Pruned,
    /// It ended. Without a metric it failed: as good as the worst, and it still counts.
    Ended {
        /// The final metric.
        metric: Option<f64>,
        /// The further metrics of a search by several, in the order of its spec; one that is missing is as good as the
        /// worst.
        others: Vec<Option<f64>>,
    },
    /// It was cancelled or lost before it could say anything, and gives its place back.
    Withdrawn,
}

impl Event {
    /// The end of a configuration of a search by one metric.
    #[must_use]
    pub fn ended(metric: Option<f64>) -> Self {
        Self::Ended { metric, others: Vec::new() }
    }
}

#[cfg(test)]
mod contract;
#[cfg(test)]
pub(crate) use contract::tangled;
