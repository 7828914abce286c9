//! The trials of an experiment as a stream, for the table on disk and for plans. Never more than one
//! configuration in memory, besides what random draws must remember.

use std::collections::VecDeque;

use sweep_core::id::TrialIndex;
use sweep_core::trial::Trial;

use crate::rng::Rng;
use crate::seed::trial_seed;
use crate::strategy::{Ask, Event, Proposal, Strategy};

/// Trials in order, from index 0.
///
/// It plays a driver that never reports, so it gives what a strategy proposes before anything has run: all
/// trials of a grid or a random search, the first ones of an adaptive method.
#[derive(Debug)]
pub struct Trials {
    strategy: Box<dyn Strategy>,
    seed: String,
    replicates: u32,
    /// How many configurations were proposed.
    configurations: u32,
    /// Replicates that were proposed and not given yet.
    waiting: VecDeque<Trial>,
}

impl Trials {
    pub(crate) fn new(strategy: Box<dyn Strategy>, seed: String, replicates: u32) -> Self {
        Self { strategy, seed, replicates, configurations: 0, waiting: VecDeque::new() }
    }
}

impl Iterator for Trials {
    type Item = Trial;

    fn next(&mut self) -> Option<Trial> {
        if self.waiting.is_empty()
            && let Ask::Run(proposal) =
                self.strategy.ask(&mut Rng::new(&self.seed, self.configurations.into()))
        {
            self.waiting.extend(of_configuration(
                &proposal,
                self.configurations,
                self.replicates,
                &self.seed,
            ));
            self.strategy.tell(TrialIndex(self.configurations), &Event::Proposed(proposal));
            self.configurations += 1;
        }
        self.waiting.pop_front()
    }
}

/// Every replicate of a configuration. They stand next to each other, and the index goes up by one with each.
pub(crate) fn of_configuration(
    proposal: &Proposal,
    configuration: u32,
    replicates: u32,
    seed: &str,
) -> impl Iterator<Item = Trial> {
    let key = proposal.params.config_key();
    let index = move |configuration: u32, replicate: u32| {
        TrialIndex(configuration.saturating_mul(replicates).saturating_add(replicate))
    };
    (0..replicates).map(move |replicate| Trial {
        index: index(configuration, replicate),
        name: proposal.name.clone(),
        params: proposal.params.clone(),
        replicate,
        budget: proposal.budget,
        // A parent is a configuration; a replicate goes on from the replicate of the same number.
        parent: proposal.parent.map(|parent| index(parent.0, replicate)),
        bracket: proposal.bracket,
        rung: proposal.rung,
        seed: trial_seed(seed, &key, replicate),
        sbatch: proposal.sbatch.clone(),
    })
}

/// The stream.
#[cfg(test)]
mod tests {
    use crate::experiment::Experiment;
    use crate::method::Method;
    use crate::space::{Axis, Domain, Space};

    fn space() -> Space {
        let domain = Domain::IntUniform { min: 0, max: 9 };
        Space::new(["a", "b"].map(|name| Axis { name: name.into(), domain: domain.clone() }).into())
    }

    #[test]
    fn replicates_of_a_configuration_stand_next_to_each_other() {
        let experiment =
            Experiment { space: space(), replicates: 3, limit: Some(2), ..Experiment::default() };
        let rows: Vec<_> = experiment
            .trials()
            .unwrap()
            .map(|t| format!("{} {} {}", t.index.label(), t.params.config_key(), t.replicate))
            .collect();
        assert_eq!(
            rows,
            [
                "t000 a=0;b=0 0",
                "t001 a=0;b=0 1",
                "t002 a=0;b=0 2",
                "t003 a=0;b=1 0",
                "t004 a=0;b=1 1",
                "t005 a=0;b=1 2"
            ]
        );
    }

    #[test]
    fn a_trial_has_the_seed_of_its_configuration_and_replicate() {
        let experiment =
            Experiment { space: space(), replicates: 2, seed: "42".into(), ..Experiment::default() };
        for trial in experiment.trials().unwrap() {
            let key = trial.params.config_key();
            assert_eq!(trial.seed, crate::seed::trial_seed("42", &key, trial.replicate));
        }
    }

    #[test]
    fn a_longer_random_search_begins_with_the_shorter_one() {
        let experiment = |limit| Experiment {
            space: space(),
            method: Method::Random,
            limit: Some(limit),
            ..Experiment::default()
        };
        let all: Vec<_> = experiment(100).trials().unwrap().collect();
        let some: Vec<_> = experiment(30).trials().unwrap().collect();
        assert_eq!(some[..], all[..30]);
    }
}
