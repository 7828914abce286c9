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
/// not a number as no value. Where a configuration runs several times, the metric is the mean.
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
    },
    /// It was cancelled or lost before it could say anything, and gives its place back.
    Withdrawn,
}

/// One contract for all strategies.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Experiment, Row};
    use crate::method::Method;
    use crate::space::{Axis, Domain, Space};
    use sweep_core::value::Value;

    const SEED: &str = "contract";
    /// Far above what any experiment here proposes.
    const ASKS: u64 = 10_000;

    fn words(name: &str, words: &[&str]) -> Axis {
        let values = words.iter().map(|word| Value::from_word(word)).collect();
        Axis { name: name.into(), domain: Domain::Categorical(values) }
    }

    fn row(name: &str, lr: &str) -> Row {
        let params = [("lr".to_owned(), Value::from_word(lr))].into_iter().collect();
        Row { name: Some(name.into()), params, sbatch: BTreeMap::new() }
    }

    fn experiments() -> Vec<Experiment> {
        let finite = Space::new(vec![
            words("lr", &["0.1", "0.2", "0.3"]),
            Axis { name: "n".into(), domain: Domain::IntUniform { min: 1, max: 4 } },
        ]);
        let endless = Space::new(vec![
            words("solver", &["a", "b"]),
            Axis { name: "lr".into(), domain: Domain::LogUniform { min: 1e-4, max: 0.1 } },
        ]);
        let base = Experiment { seed: SEED.into(), ..Experiment::default() };
        let rows = vec![row("warm", "0.5"), row("hot", "0.6")];
        vec![
            Experiment { space: finite.clone(), ..base.clone() },
            Experiment { space: finite.clone(), limit: Some(5), ..base.clone() },
            Experiment { space: finite.clone(), rows: rows.clone(), ..base.clone() },
            Experiment { rows: rows.clone(), ..base.clone() },
            Experiment { space: finite.clone(), method: Method::Random, limit: Some(12), ..base.clone() },
            Experiment { space: finite, method: Method::Random, limit: Some(7), ..base.clone() },
            Experiment { space: endless.clone(), method: Method::Random, limit: Some(20), ..base.clone() },
            Experiment { space: endless, method: Method::Random, limit: Some(20), rows, ..base },
        ]
    }

    fn ask(strategy: &dyn Strategy, number: u64) -> Ask {
        strategy.ask(&mut Rng::new(SEED, number))
    }

    fn index(number: usize) -> TrialIndex {
        TrialIndex(u32::try_from(number).unwrap())
    }

    /// All proposals, told as soon as they are made.
    fn run(experiment: &Experiment) -> Vec<Proposal> {
        let mut strategy = experiment.strategy().unwrap();
        let mut proposals = Vec::new();
        for number in 0..ASKS {
            match ask(&*strategy, number) {
                Ask::Run(proposal) => {
                    strategy.tell(index(proposals.len()), &Event::Proposed(proposal.clone()));
                    proposals.push(proposal);
                }
                Ask::Done => return proposals,
                Ask::Prune(_) | Ask::Wait => panic!("nothing is running that could report"),
            }
        }
        panic!("it does not end: {experiment:?}");
    }

    #[test]
    fn every_strategy_ends_with_the_number_that_is_counted() {
        for experiment in experiments() {
            let count = experiment.configurations().unwrap();
            assert_eq!(run(&experiment).len() as u128, count, "{experiment:?}");
        }
    }

    #[test]
    fn asking_changes_nothing() {
        for experiment in experiments() {
            let strategy = experiment.strategy().unwrap();
            assert_eq!(ask(&*strategy, 0), ask(&*strategy, 0));
        }
    }

    #[test]
    fn a_strategy_resumed_at_any_point_goes_on_as_if_never_stopped() {
        for experiment in experiments() {
            let all = run(&experiment);
            for cut in 0..=all.len() {
                let mut resumed = experiment.strategy().unwrap();
                for (number, proposal) in all[..cut].iter().enumerate() {
                    resumed.tell(index(number), &Event::Proposed(proposal.clone()));
                }
                let expected = all.get(cut).cloned().map_or(Ask::Done, Ask::Run);
                assert_eq!(ask(&*resumed, cut as u64), expected, "{experiment:?} at {cut}");
            }
        }
    }

    #[test]
    fn a_repeated_event_changes_nothing() {
        for experiment in experiments() {
            let all = run(&experiment);
            let mut strategy = experiment.strategy().unwrap();
            for (number, proposal) in all.iter().enumerate() {
                for (earlier, proposal) in all.iter().enumerate().take(number + 1) {
                    strategy.tell(index(earlier), &Event::Proposed(proposal.clone()));
                }
                strategy.tell(index(number), &Event::Proposed(proposal.clone()));
                let expected = all.get(number + 1).cloned().map_or(Ask::Done, Ask::Run);
                assert_eq!(ask(&*strategy, number as u64 + 1), expected);
            }
        }
    }

    #[test]
    fn reports_may_come_in_any_order() {
        for experiment in experiments() {
            let all = run(&experiment);
            for stride in [1, 2, 3, 5] {
                let mut strategy = experiment.strategy().unwrap();
                for (number, proposal) in all.iter().enumerate() {
                    assert_eq!(ask(&*strategy, number as u64), Ask::Run(proposal.clone()));
                    strategy.tell(index(number), &Event::Proposed(proposal.clone()));
                    let other = index(number * stride % (number + 1));
                    strategy.tell(other, &Event::Ended { metric: Some(f64::NAN) });
                    strategy.tell(other, &Event::Reported { step: 3, metric: 0.5 });
                    strategy.tell(other, &Event::Ended { metric: None });
                }
                assert_eq!(ask(&*strategy, all.len() as u64), Ask::Done);
            }
        }
    }

    #[test]
    fn values_stay_in_their_domain() {
        for experiment in experiments() {
            for proposal in run(&experiment).iter().skip(experiment.rows.len()) {
                let names: Vec<_> = proposal.params.iter().map(|(name, _)| name).collect();
                let axes: Vec<_> = experiment.space.axes().iter().map(|axis| axis.name.as_str()).collect();
                assert_eq!(names, axes);
                for axis in experiment.space.axes() {
                    let value = proposal.params.get(&axis.name).unwrap();
                    assert!(axis.domain.contains(value), "{value} is not in {axis:?}");
                }
            }
        }
    }

    #[test]
    fn no_configuration_of_a_finite_space_comes_twice() {
        for experiment in experiments() {
            let mut keys: Vec<_> = run(&experiment).iter().map(|p| p.params.config_key()).collect();
            let count = keys.len();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len(), count, "{experiment:?}");
        }
    }
}
