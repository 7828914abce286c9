//! Random search. A finite space is drawn from without replacement; where an axis is continuous, or there are
//! 2^128 combinations or more, each axis of each trial is drawn for itself. Never a draw that depends on how many
//! machines or drivers took part.

use sweep_core::id::TrialIndex;

use crate::error::Error;
use crate::rng::Rng;
use crate::sample::{self, Sampler};
use crate::space::{Combinations, Space};
use crate::strategy::{Ask, Event, Proposal, Strategy};

/// Proposes `draws` configurations.
#[derive(Clone, Debug)]
pub struct Random {
    space: Space,
    next: u64,
    draws: Draws,
}

#[derive(Clone, Debug)]
enum Draws {
    Without(Box<Sampler>),
    ByAxis { seed: String, count: u64 },
}

impl Random {
    /// `draws` configurations of a space.
    ///
    /// # Errors
    /// [`Error::TooFew`] where the space is finite and smaller.
    pub fn new(space: Space, seed: &str, draws: u64) -> Result<Self, Error> {
        let draws = match space.combinations() {
            Combinations::Finite(total) => Draws::Without(Box::new(Sampler::new(seed, total, draws)?)),
            Combinations::Beyond | Combinations::Infinite => {
                Draws::ByAxis { seed: seed.to_owned(), count: draws }
            }
        };
        Ok(Self { space, next: 0, draws })
    }
}

impl Strategy for Random {
    fn ask(&self, _rng: &mut Rng) -> Ask {
        let params = match &self.draws {
            Draws::Without(sampler) => sampler.peek().and_then(|number| self.space.combination(number)),
            Draws::ByAxis { seed, count } => (self.next < *count).then(|| {
                let axes = self.space.axes().iter();
                let value = |name| sample::unit(seed, self.next, name);
                axes.map(|axis| (axis.name.clone(), axis.domain.sample(value(&axis.name)))).collect()
            }),
        };
        match params {
            Some(params) => Ask::Run(Proposal { params, ..Proposal::default() }),
            None => Ask::Done,
        }
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        if !matches!(event, Event::Proposed(_)) {
            return;
        }
        while self.next <= u64::from(trial.0) {
            self.next += 1;
            if let Draws::Without(sampler) = &mut self.draws {
                sampler.advance();
            }
        }
    }
}
