//! Grid search: every combination, or the first of them, in the order of their numbers. Never more than one
//! combination in memory.

use sweep_core::id::TrialIndex;

use crate::error::Error;
use crate::rng::Rng;
use crate::space::Space;
use crate::strategy::{Ask, Event, Proposal, Strategy};

/// Proposes combination `k` as configuration `k`.
#[derive(Clone, Debug)]
pub struct Grid {
    space: Space,
    count: u128,
    next: u128,
}

impl Grid {
    /// All combinations of a finite space, or the first `limit`.
    ///
    /// # Errors
    /// [`Error::Continuous`] or [`Error::Uncountable`].
    pub fn new(space: Space, limit: Option<u64>) -> Result<Self, Error> {
        if let Some(axis) = space.continuous() {
            return Err(Error::Continuous { name: axis.name.clone() });
        }
        let count = match (space.combinations().finite(), limit) {
            (Some(count), Some(limit)) => count.min(limit.into()),
            // The first of more than 2^128 combinations are as good as the first of any other number.
            (None, Some(limit)) => limit.into(),
            (Some(count), None) => count,
            (None, None) => return Err(Error::Uncountable),
        };
        Ok(Self { space, count, next: 0 })
    }
}

impl Strategy for Grid {
    fn ask(&self, _rng: &mut Rng) -> Ask {
        if self.next >= self.count {
            return Ask::Done;
        }
        match self.space.combination(self.next) {
            Some(params) => Ask::Run(Proposal { params, ..Proposal::default() }),
            None => Ask::Done,
        }
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        if let Event::Proposed(_) = event {
            self.next = self.next.max(u128::from(trial.0) + 1);
        }
    }
}
