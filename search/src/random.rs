//! Random search. A finite space is drawn from without replacement; where an axis is continuous, or there are
//! 2^128 combinations or more, each axis of each trial is drawn for itself. Where the spec gives defaults, the first
//! configuration has them. Never a draw that depends on how many machines or drivers took part.

use std::collections::HashSet;

use sweep_core::id::TrialIndex;
use sweep_core::params::Params;

use crate::error::Error;
use crate::rng::Rng;
use crate::sample::{self, Sampler};
use crate::space::{Combinations, Space};
use crate::strategy::{Ask, Event, Proposal, Strategy};

/// Proposes `count` configurations.
#[derive(Clone, Debug)]
pub struct Random {
    space: Space,
    next: u64,
    count: u64,
    /// The configuration of the defaults, which comes first.
    first: Option<Params>,
    draws: Draws,
}

#[derive(Clone, Debug)]
enum Draws {
    /// Each combination as likely, by its number.
    Even { sampler: Box<Sampler>, but: Option<u128> },
    /// By their weights.
    Weighted(Box<Weighted>),
    /// One axis after the other, with replacement.
    ByAxis { seed: String },
}

impl Random {
    /// `count` configurations of a space.
    ///
    /// # Errors
    /// [`Error::TooFew`] where the space is finite and smaller.
    pub fn new(space: Space, seed: &str, count: u64) -> Result<Self, Error> {
        let drawn = |axis: usize| sample::unit(seed, 0, &space.axes()[axis].name);
        let first = (!space.defaults().is_empty()).then(|| space.complete(space.defaults(), drawn));
        let but = first.as_ref().and_then(|first| space.number(first));
        let draws = match space.combinations() {
            Combinations::Finite(total) if space.is_even() => {
                let mut sampler = Box::new(Sampler::new(seed, total, count)?);
                pass(&mut sampler, but);
                Draws::Even { sampler, but }
            }
            Combinations::Finite(total) if total < u128::from(count) => {
                return Err(Error::TooFew { asked: count, combinations: total });
            }
            Combinations::Finite(_) => {
                let mut weighted = Weighted::new(seed, but);
                weighted.draw(&space);
                Draws::Weighted(Box::new(weighted))
            }
            Combinations::Beyond | Combinations::Infinite => Draws::ByAxis { seed: seed.to_owned() },
        };
        Ok(Self { space, next: 0, count, first, draws })
    }

    fn proposed(&self) -> Option<Params> {
        if self.next >= self.count {
            return None;
        }
        if let (0, Some(first)) = (self.next, &self.first) {
            return Some(first.clone());
        }
        match &self.draws {
            Draws::Even { sampler, .. } => self.space.combination(sampler.peek()?),
            Draws::Weighted(weighted) => self.space.combination(weighted.next?),
            Draws::ByAxis { seed } => {
                let axes = self.space.axes();
                Some(self.space.assign(|axis| sample::unit(seed, self.next, &axes[axis].name)))
            }
        }
    }
}

impl Strategy for Random {
    fn ask(&self, _rng: &mut Rng) -> Ask {
        match self.proposed() {
            Some(params) => Ask::Run(Proposal { params, ..Proposal::default() }),
            None => Ask::Done,
        }
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        if !matches!(event, Event::Proposed(_)) {
            return;
        }
        while self.next <= u64::from(trial.0) {
            let was_first = self.next == 0 && self.first.is_some();
            self.next += 1;
            match &mut self.draws {
                _ if was_first || self.next >= self.count => {}
                Draws::Even { sampler, but } => {
                    sampler.advance();
                    pass(sampler, *but);
                }
                Draws::Weighted(weighted) => weighted.draw(&self.space),
                Draws::ByAxis { .. } => {}
            }
        }
    }
}

/// Goes past the combination that came first.
fn pass(sampler: &mut Sampler, but: Option<u128>) {
    if but.is_some() && sampler.peek() == but {
        sampler.advance();
    }
}

/// Draws without replacement from a finite space whose lists have weights: one axis after the other, and again
/// where the combination has come before. What is unlikely would be waited for without end, so after [`TRIES`] the
/// first combination by number that has not come is taken.
#[derive(Clone, Debug)]
struct Weighted {
    seed: String,
    /// Draws so far, those in vain among them.
    counter: u64,
    seen: HashSet<u128>,
    /// No combination before this number is left.
    left: u128,
    next: Option<u128>,
}

/// Draws in vain for one trial.
const TRIES: u32 = 64;

impl Weighted {
    fn new(seed: &str, first: Option<u128>) -> Self {
        let seen = first.into_iter().collect();
        Self { seed: seed.to_owned(), counter: 0, seen, left: 0, next: None }
    }

    fn draw(&mut self, space: &Space) {
        self.next = None;
        for _ in 0..TRIES {
            let unit = |axis: usize| sample::unit(&self.seed, self.counter, &space.axes()[axis].name);
            let number = space.number(&space.assign(unit));
            self.counter += 1;
            if let Some(number) = number.filter(|number| !self.seen.contains(number)) {
                self.seen.insert(number);
                self.next = Some(number);
                return;
            }
        }
        let total = space.combinations().finite().unwrap_or(0);
        while self.left < total && !self.seen.insert(self.left) {
            self.left += 1;
        }
        self.next = (self.left < total).then_some(self.left);
    }
}

/// Draws by weight and with defaults; what is even is tested with the sampler.
#[cfg(test)]
mod tests {
    use sweep_core::value::Value;

    use super::*;
    use crate::space::{Axis, Domain, Links};

    fn proposals(mut random: Random) -> Vec<String> {
        let mut keys = Vec::new();
        while let Ask::Run(proposal) = random.ask(&mut Rng::new("", 0)) {
            keys.push(proposal.params.config_key());
            random.tell(TrialIndex(u32::try_from(keys.len() - 1).unwrap()), &Event::Proposed(proposal));
        }
        keys
    }

    fn weighted(weights: &[f64]) -> Domain {
        let values = (0..weights.len()).map(|n| Value::from_word(&n.to_string())).collect();
        Domain::Weighted { values, weights: weights.to_vec() }
    }

    fn axis(name: &str, domain: Domain) -> Axis {
        Axis { name: name.into(), domain }
    }

    fn distinct(keys: &[String]) -> usize {
        keys.iter().collect::<HashSet<_>>().len()
    }

    #[test]
    fn weighted_draws_come_once_each_and_the_likely_ones_early() {
        let weights = [1e-12, 1e-12, 0.3, 0.7];
        let space =
            Space::new(vec![axis("a", weighted(&weights)), axis("n", Domain::IntUniform { min: 0, max: 4 })]);
        let keys = proposals(Random::new(space.clone(), "s", 20).unwrap());
        assert_eq!((keys.len(), distinct(&keys)), (20, 20));
        let likely = keys[..10].iter().filter(|key| key.starts_with("a=2") || key.starts_with("a=3"));
        assert_eq!(likely.count(), 10);
        assert_eq!(proposals(Random::new(space.clone(), "s", 7).unwrap()), keys[..7]);
        assert_eq!(Random::new(space, "s", 21).err(), Some(Error::TooFew { asked: 21, combinations: 20 }));
    }

    #[test]
    fn weights_are_kept_where_nothing_repeats() {
        let axes = vec![axis("a", weighted(&[0.1, 0.9])), axis("x", Domain::Uniform { min: 0.0, max: 1.0 })];
        let keys = proposals(Random::new(Space::new(axes), "s", 10_000).unwrap());
        let rare = keys.iter().filter(|key| key.starts_with("a=0")).count();
        // Four standard deviations of a binomial of 10,000 at 0.1 are 120.
        assert!((880..=1120).contains(&rare), "{rare}");
    }

    #[test]
    fn defaults_come_first_and_never_again() {
        let defaults = [("n".to_owned(), Value::from_word("3"))].into_iter().collect();
        let links = Links { defaults, ..Links::default() };
        let whole = |name| axis(name, Domain::IntUniform { min: 0, max: 4 });
        for space in [
            Space::linked(vec![whole("n"), whole("m")], &links).unwrap(),
            Space::linked(vec![whole("n"), axis("m", weighted(&[0.1, 0.1, 0.2, 0.3, 0.3]))], &links).unwrap(),
        ] {
            for count in [1, 2, 10, 25] {
                let keys = proposals(Random::new(space.clone(), "s", count).unwrap());
                assert!(keys[0].ends_with("n=3"), "{keys:?}");
                assert_eq!((keys.len() as u64, distinct(&keys) as u64), (count, count));
            }
        }
        let real = axis("x", Domain::Uniform { min: 0.0, max: 1.0 });
        let space = Space::linked(vec![whole("n"), real], &links).unwrap();
        let keys = proposals(Random::new(space, "s", 3).unwrap());
        assert!(keys[0].starts_with("n=3;x=0."), "{keys:?}");
        assert_eq!(distinct(&keys), 3);
    }
}
