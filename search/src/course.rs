//! The course of a search, as a driver keeps it: what a strategy proposed as trials, and what became of trials as
//! events of configurations. Never more than a replay: the same notes in the same order give the same course.

use std::collections::BTreeSet;

use sweep_core::id::TrialIndex;
use sweep_core::trial::Trial;

use crate::rng::Rng;
use crate::strategy::{Ask, Event, Proposal, Strategy};
use crate::trials::of_configuration;

/// A search that is under way.
#[derive(Debug)]
pub struct Course {
    strategy: Box<dyn Strategy>,
    seed: String,
    replicates: u32,
    /// Every configuration that was proposed.
    configurations: Vec<Configuration>,
    /// The configurations that have not ended.
    open: BTreeSet<u32>,
}

/// What is known of a configuration.
#[derive(Debug)]
struct Configuration {
    /// What became of each replicate.
    ends: Vec<Option<End>>,
    pruned: bool,
}

/// How a trial ended, as the search sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// With these metrics, lower for better.
    Ended {
        /// The one that the search goes by first; without it the trial failed.
        metric: Option<f64>,
        /// The further ones, in the order of the spec.
        others: Vec<Option<f64>>,
    },
    /// By no fault of its own, and it will not run again.
    Withdrawn,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Run these: every replicate of one configuration.
    Run(Vec<Trial>),
    /// Stop these, which have not ended.
    Prune(Vec<TrialIndex>),
    /// Nothing until another trial has reported.
    Wait,
    /// Nothing ever again.
    Done,
}

impl Course {
    /// The course of a search that has proposed nothing yet.
    #[must_use]
    pub fn new(strategy: Box<dyn Strategy>, seed: String, replicates: u32) -> Self {
        let replicates = replicates.max(1);
        Self { strategy, seed, replicates, configurations: Vec::new(), open: BTreeSet::new() }
    }

    /// What to do next. Pure: asking twice gives the same answer.
    #[must_use]
    pub fn next(&self) -> Next {
        let number = u32::try_from(self.configurations.len()).unwrap_or(u32::MAX);
        match self.strategy.ask(&mut Rng::new(&self.seed, number.into())) {
            Ask::Run(proposal) => {
                Next::Run(of_configuration(&proposal, number, self.replicates, &self.seed).collect())
            }
            Ask::Prune(configuration) => {
                let trials = self.trials_of(configuration.0);
                Next::Prune(trials.filter(|trial| self.end(*trial).is_none()).collect())
            }
            Ask::Wait => Next::Wait,
            Ask::Done => Next::Done,
        }
    }

    /// Notes that a trial stands in the table and will run. Trials are noted in order; one that was noted before
    /// changes nothing.
    pub fn proposed(&mut self, trial: &Trial) {
        let configuration = trial.index.0 / self.replicates;
        if configuration as usize != self.configurations.len() {
            return;
        }
        let proposal = Proposal {
            name: trial.name.clone(),
            params: trial.params.clone(),
            budget: trial.budget,
            parent: trial.parent.map(|parent| TrialIndex(parent.0 / self.replicates)),
            bracket: trial.bracket,
            rung: trial.rung,
            sbatch: trial.sbatch.clone(),
        };
        self.strategy.tell(TrialIndex(configuration), &Event::Proposed(proposal));
        let ends = vec![None; self.replicates as usize];
        self.configurations.push(Configuration { ends, pruned: false });
        self.open.insert(configuration);
    }

    /// Notes what a running trial reported. Of several replicates the first speaks.
    pub fn reported(&mut self, trial: TrialIndex, step: u64, metric: f64) {
        if trial.0.is_multiple_of(self.replicates) && metric.is_finite() {
            let configuration = TrialIndex(trial.0 / self.replicates);
            self.strategy.tell(configuration, &Event::Reported { step, metric });
        }
    }

    /// Notes that a trial's configuration was told to stop.
    pub fn pruned(&mut self, trial: TrialIndex) {
        let configuration = trial.0 / self.replicates;
        let Some(known) = self.configurations.get_mut(configuration as usize) else { return };
        if !known.pruned {
            known.pruned = true;
            self.strategy.tell(TrialIndex(configuration), &Event::Pruned);
        }
    }

    /// Notes how a trial ended. A configuration has ended with the last of its replicates: its metric is their mean.
    pub fn ended(&mut self, trial: TrialIndex, end: End) {
        let configuration = trial.0 / self.replicates;
        let Some(known) = self.configurations.get_mut(configuration as usize) else { return };
        let Some(place) = known.ends.get_mut((trial.0 % self.replicates) as usize) else { return };
        if place.is_some() {
            return;
        }
        *place = Some(match end {
            End::Ended { metric, others } => {
                End::Ended { metric: finite(metric), others: others.into_iter().map(finite).collect() }
            }
            End::Withdrawn => End::Withdrawn,
        });
        let ends: Vec<&End> = known.ends.iter().flatten().collect();
        if ends.len() < known.ends.len() {
            return;
        }
        self.open.remove(&configuration);
        let event = if ends.iter().all(|end| **end == End::Withdrawn) {
            Event::Withdrawn
        } else {
            let most = ends.iter().map(|end| end.others().len()).max().unwrap_or(0);
            let other = |place: usize| mean(ends.iter().filter_map(|end| *end.others().get(place)?));
            Event::Ended {
                metric: mean(ends.iter().filter_map(|end| end.metric())),
                others: (0..most).map(other).collect(),
            }
        };
        self.strategy.tell(TrialIndex(configuration), &event);
    }

    /// How a trial ended, where that was noted.
    #[must_use]
    pub fn end(&self, trial: TrialIndex) -> Option<&End> {
        let known = self.configurations.get((trial.0 / self.replicates) as usize)?;
        known.ends.get((trial.0 % self.replicates) as usize)?.as_ref()
    }

    /// Whether a trial's configuration was told to stop.
    #[must_use]
    pub fn is_pruned(&self, trial: TrialIndex) -> bool {
        self.configurations.get((trial.0 / self.replicates) as usize).is_some_and(|known| known.pruned)
    }

    /// How many trials were proposed.
    #[must_use]
    pub fn proposals(&self) -> u32 {
        u32::try_from(self.configurations.len()).unwrap_or(u32::MAX).saturating_mul(self.replicates)
    }

    /// How many trials belong to configurations that have not ended.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        u32::try_from(self.open.len()).unwrap_or(u32::MAX).saturating_mul(self.replicates)
    }

    /// How many trials a configuration has.
    #[must_use]
    pub fn replicates(&self) -> u32 {
        self.replicates
    }

    fn trials_of(&self, configuration: u32) -> impl Iterator<Item = TrialIndex> + use<> {
        let first = configuration.saturating_mul(self.replicates);
        (first..first.saturating_add(self.replicates)).map(TrialIndex)
    }
}

impl End {
    /// The end of a trial of a search by one metric.
    #[must_use]
    pub fn ended(metric: Option<f64>) -> Self {
        Self::Ended { metric, others: Vec::new() }
    }

    fn metric(&self) -> Option<f64> {
        match self {
            Self::Ended { metric, .. } => *metric,
            Self::Withdrawn => None,
        }
    }

    /// The further metrics. Those of a trial that failed count for nothing.
    fn others(&self) -> &[Option<f64>] {
        match self {
            Self::Ended { metric: Some(_), others } => others,
            _ => &[],
        }
    }
}

fn finite(metric: Option<f64>) -> Option<f64> {
    metric.filter(|metric| metric.is_finite())
}

/// The mean of what there is.
fn mean(metrics: impl Iterator<Item = f64>) -> Option<f64> {
    let metrics: Vec<f64> = metrics.collect();
    #[expect(clippy::cast_precision_loss, reason = "a number of replicates")]
    let mean = (!metrics.is_empty()).then(|| metrics.iter().sum::<f64>() / metrics.len() as f64);
    mean
}

/// Courses with a strategy that writes down what it is told.
#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Debug, Default)]
    struct Listener {
        told: Arc<Mutex<Vec<String>>>,
        proposed: u32,
    }

    impl Strategy for Listener {
        fn ask(&self, _rng: &mut Rng) -> Ask {
            match self.proposed {
                0 => Ask::Run(Proposal::default()),
                1 => Ask::Run(Proposal { parent: Some(TrialIndex(0)), ..Proposal::default() }),
                _ => Ask::Prune(TrialIndex(1)),
            }
        }

        fn tell(&mut self, trial: TrialIndex, event: &Event) {
            let text = match event {
                Event::Proposed(_) => {
                    self.proposed = trial.0 + 1;
                    "proposed".to_owned()
                }
                other => format!("{other:?}"),
            };
            self.told.lock().unwrap().push(format!("{} {text}", trial.0));
        }
    }

    #[test]
    fn replicates_are_one_configuration_to_the_strategy() {
        let listener = Listener::default();
        let told = Arc::clone(&listener.told);
        let mut course = Course::new(Box::new(listener), "42".into(), 2);
        for first in [0, 2] {
            let Next::Run(trials) = course.next() else { panic!("{:?}", course.next()) };
            assert_eq!(course.next(), Next::Run(trials.clone()));
            assert_eq!(trials.iter().map(|trial| trial.index.0).collect::<Vec<_>>(), [first, first + 1]);
            assert_eq!(trials[1].parent, (first == 2).then_some(TrialIndex(1)));
            trials.iter().for_each(|trial| course.proposed(trial));
        }
        assert_eq!((course.proposals(), course.in_flight()), (4, 4));
        course.ended(TrialIndex(2), End::ended(Some(1.0)));
        assert_eq!(course.next(), Next::Prune(vec![TrialIndex(3)]));
        course.pruned(TrialIndex(3));
        course.pruned(TrialIndex(2));
        course.reported(TrialIndex(3), 1, 5.0);
        course.reported(TrialIndex(2), 1, 6.0);
        course.ended(TrialIndex(2), End::Withdrawn);
        course.ended(TrialIndex(3), End::ended(Some(2.0)));
        course.ended(TrialIndex(0), End::Withdrawn);
        course.ended(TrialIndex(1), End::Withdrawn);
        assert_eq!(course.in_flight(), 0);
        assert_eq!(
            *told.lock().unwrap(),
            [
                "0 proposed",
                "1 proposed",
                "1 Pruned",
                "1 Reported { step: 1, metric: 6.0 }",
                "1 Ended { metric: Some(1.5), others: [] }",
                "0 Withdrawn"
            ]
        );
    }

    #[test]
    fn a_replicate_that_failed_leaves_the_mean_of_the_others() {
        let listener = Listener::default();
        let told = Arc::clone(&listener.told);
        let mut course = Course::new(Box::new(listener), "42".into(), 3);
        let Next::Run(trials) = course.next() else { panic!("{:?}", course.next()) };
        trials.iter().for_each(|trial| course.proposed(trial));
        let end = |metric, others: &[Option<f64>]| End::Ended { metric, others: others.to_vec() };
        course.ended(TrialIndex(0), end(Some(1.0), &[Some(10.0), None]));
        // What a trial reported before it failed is not what its configuration came to.
        course.ended(TrialIndex(1), end(Some(f64::NAN), &[Some(1e9), Some(1e9)]));
        course.ended(TrialIndex(2), end(Some(3.0), &[Some(20.0), Some(f64::INFINITY)]));
        assert_eq!(told.lock().unwrap()[1], "0 Ended { metric: Some(2.0), others: [Some(15.0), None] }");
        assert_eq!(course.end(TrialIndex(1)), Some(&end(None, &[Some(1e9), Some(1e9)])));
    }
}
