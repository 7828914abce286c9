//! The trials of an experiment as a stream, for the table on disk and for plans. Never more than one
//! configuration in memory, besides what random draws must remember.

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
    /// The next trial's index.
    index: u32,
    /// How many configurations were proposed.
    configurations: u32,
    /// The configuration that is being repeated, and the next replicate.
    current: Option<(Proposal, u32)>,
}

impl Trials {
    pub(crate) fn new(strategy: Box<dyn Strategy>, seed: String, replicates: u32) -> Self {
        Self { strategy, seed, replicates, index: 0, configurations: 0, current: None }
    }
}

impl Iterator for Trials {
    type Item = Trial;

    fn next(&mut self) -> Option<Trial> {
        let (proposal, replicate) = match self.current.take() {
            Some(current) => current,
            None => {
                let mut rng = Rng::new(&self.seed, self.configurations.into());
                let Ask::Run(proposal) = self.strategy.ask(&mut rng) else { return None };
                let event = Event::Proposed(proposal);
                self.strategy.tell(TrialIndex(self.configurations), &event);
                self.configurations += 1;
                let Event::Proposed(proposal) = event else { return None };
                (proposal, 0)
            }
        };
        let seed = trial_seed(&self.seed, &proposal.params.config_key(), replicate);
        let index = TrialIndex(self.index);
        self.index += 1;
        let more = replicate + 1 < self.replicates;
        let (proposal, kept) = if more { (proposal.clone(), Some(proposal)) } else { (proposal, None) };
        self.current = kept.map(|kept| (kept, replicate + 1));
        let Proposal { name, params, budget, parent, bracket, rung, sbatch } = proposal;
        // A parent is a configuration; a replicate goes on from the replicate of the same number.
        let trial_of = |parent: TrialIndex| {
            TrialIndex(parent.0.saturating_mul(self.replicates).saturating_add(replicate))
        };
        let parent = parent.map(trial_of);
        Some(Trial { index, name, params, replicate, budget, parent, bracket, rung, seed, sbatch })
    }
}

/// The stream.
#[cfg(test)]
mod tests {
    use crate::experiment::{Experiment, Method};
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
