//! Where methods that only ration budgets get their configurations from: the rows of the spec, then draws. Never a
//! configuration twice, as long as the space has others.

use std::sync::Arc;

use sweep_core::id::TrialIndex;
use sweep_core::limits;
use sweep_core::params::Params;

use crate::error::Error;
use crate::experiment::Row;
use crate::explicit::Explicit;
use crate::latin::Latin;
use crate::random::Random;
use crate::rng::Rng;
use crate::seen::Seen;
use crate::sobol::Sobol;
use crate::space::{Combinations, Space};
use crate::strategy::{Ask, Event, Strategy};

/// How configurations are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proposals {
    /// Each for itself; without replacement where the space is finite.
    #[default]
    Random,
    /// By a Sobol sequence.
    Sobol,
    /// By a Latin hypercube.
    Latin,
    /// By a model of what those before came to: [`crate::bayes::Bayes`], which is a source of its own.
    Bayes,
}

/// Draws again of a configuration that was there before; hyperband-snakemake gives up after as many.
const REDRAWS: u32 = 27;

/// What configurations are drawn from.
#[derive(Clone, Debug)]
pub struct Pool {
    /// The space; without axes there are only the rows.
    pub space: Space,
    /// Explicit configurations, before all others.
    pub rows: Arc<[Row]>,
    /// Values of parameters that a configuration lacks.
    pub defaults: Params,
    /// What draws depend on.
    pub seed: String,
    /// How they are drawn.
    pub proposals: Proposals,
    /// About how many will be asked for: the strata of a Latin hypercube.
    pub count: u64,
}

/// Proposes configurations without an end, but where there are only rows.
#[derive(Debug)]
pub struct Source {
    pool: Pool,
    /// How often the draws of a finite space were begun anew.
    round: u32,
    inner: Box<dyn Strategy>,
    /// How many the inner strategy was told of.
    told: u32,
    /// What was proposed since the space was last used up.
    seen: Seen,
    upcoming: Ask,
    next: u32,
}

impl Source {
    /// A source that has proposed nothing yet.
    ///
    /// # Errors
    /// [`Error::TooManyAxes`] for a Sobol sequence.
    pub fn new(pool: Pool) -> Result<Self, Error> {
        let inner = drawn(&pool, 0)?;
        let upcoming = inner.ask(&mut Rng::new(&pool.seed, 0));
        Ok(Self { pool, round: 0, inner, told: 0, seen: Seen::default(), upcoming, next: 0 })
    }

    fn advance(&mut self) {
        let Ask::Run(last) = &self.upcoming else { return };
        self.seen.note(&last.params);
        let mut taken = Event::Proposed(last.clone());
        for _ in 0..=REDRAWS {
            self.inner.tell(TrialIndex(self.told), &taken);
            self.told += 1;
            self.upcoming = self.ask_inner();
            let Ask::Run(proposal) = &self.upcoming else { return };
            if !self.seen.has(&proposal.params) {
                return;
            }
            taken = Event::Proposed(proposal.clone());
        }
    }

    /// What the inner strategy says; where it has no more, the space is drawn from once more.
    fn ask_inner(&mut self) -> Ask {
        let ask = self.inner.ask(&mut Rng::new(&self.pool.seed, self.told.into()));
        if !matches!(ask, Ask::Done) || self.pool.space.axes().is_empty() {
            return ask;
        }
        self.round += 1;
        let Ok(inner) = drawn(&self.pool, self.round) else { return Ask::Done };
        (self.inner, self.told) = (inner, 0);
        if self.pool.space.combinations().finite().is_some_and(|all| all <= self.seen.count()) {
            self.seen.clear();
        }
        self.inner.ask(&mut Rng::new(&self.pool.seed, 0))
    }
}

impl Strategy for Source {
    fn ask(&self, _rng: &mut Rng) -> Ask {
        self.upcoming.clone()
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        // None of the draws learns from results; a model is asked for elsewhere.
        if matches!(event, Event::Proposed(_)) {
            while self.next <= trial.0 && matches!(self.upcoming, Ask::Run(_)) {
                self.next += 1;
                self.advance();
            }
        }
    }
}

/// The draws of one round; rows stand before the first.
fn drawn(pool: &Pool, round: u32) -> Result<Box<dyn Strategy>, Error> {
    let seed = if round == 0 { pool.seed.clone() } else { format!("{}/{round}", pool.seed) };
    let space = pool.space.clone();
    // Some more than are asked for: a configuration that is lost is replaced.
    let draws = pool.count.saturating_mul(2).saturating_add(64).min(limits::TRIALS.into());
    let rest: Option<Box<dyn Strategy>> = match pool.proposals {
        _ if space.axes().is_empty() => None,
        Proposals::Random | Proposals::Bayes => {
            let draws = match space.combinations() {
                Combinations::Finite(all) => u64::try_from(all).unwrap_or(u64::MAX).min(draws),
                Combinations::Beyond | Combinations::Infinite => u64::MAX,
            };
            Some(Box::new(Random::new(space, &seed, draws)?))
        }
        Proposals::Sobol => Some(Box::new(Sobol::new(space, &seed, u64::MAX)?)),
        Proposals::Latin => Some(Box::new(Latin::new(space, &seed, pool.count))),
    };
    let rows: Arc<[Row]> = if round == 0 { Arc::clone(&pool.rows) } else { Arc::default() };
    match rest {
        Some(rest) if rows.is_empty() && pool.defaults.is_empty() => Ok(rest),
        rest => {
            let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            Ok(Box::new(Explicit::new(rows, pool.defaults.clone(), count, rest)))
        }
    }
}

/// Draws.
#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sweep_core::value::Value;

    use super::*;
    use crate::space::{Axis, Domain};
    use crate::strategy::Proposal;

    fn pool(space: Space, proposals: Proposals) -> Pool {
        let (rows, defaults) = (Arc::default(), Params::new());
        Pool { space, rows, defaults, seed: "42".into(), proposals, count: 8 }
    }

    fn ints(name: &str, max: i64) -> Axis {
        Axis { name: name.into(), domain: Domain::IntUniform { min: 1, max } }
    }

    fn take(pool: Pool, count: u32) -> Vec<Proposal> {
        let mut source = Source::new(pool).unwrap();
        let mut proposals = Vec::new();
        for number in 0..count {
            let Ask::Run(proposal) = source.ask(&mut Rng::new("", 0)) else { break };
            source.tell(TrialIndex(number), &Event::Proposed(proposal.clone()));
            proposals.push(proposal);
        }
        proposals
    }

    fn distinct(proposals: &[Proposal]) -> usize {
        proposals.iter().map(|proposal| proposal.params.config_key()).collect::<HashSet<_>>().len()
    }

    #[test]
    fn a_finite_space_is_used_up_before_a_configuration_comes_again() {
        let space = Space::new(vec![ints("a", 5), ints("b", 6)]);
        for proposals in [Proposals::Random, Proposals::Sobol, Proposals::Latin] {
            let drawn = take(pool(space.clone(), proposals), 100);
            assert_eq!(drawn.len(), 100);
            let least = if proposals == Proposals::Random { 30 } else { 25 };
            assert!(distinct(&drawn[..30]) >= least, "{proposals:?}: {}", distinct(&drawn[..30]));
        }
    }

    #[test]
    fn rows_come_first_and_without_a_space_alone() {
        let row = |word: &str| Row {
            name: Some(word.into()),
            params: [("a".to_owned(), Value::from_word(word))].into_iter().collect(),
            ..Row::default()
        };
        let rows: Arc<[Row]> = [row("7"), row("9")].into();
        let with_space = Pool { rows, ..pool(Space::new(vec![ints("a", 9)]), Proposals::Random) };
        let drawn = take(with_space.clone(), 9);
        assert_eq!(drawn[0].params.config_key(), "a=7");
        assert_eq!(drawn[1].params.config_key(), "a=9");
        assert_eq!(distinct(&drawn), 9);
        assert_eq!(take(Pool { space: Space::default(), ..with_space }, 9).len(), 2);
    }
}
