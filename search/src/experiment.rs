//! Everything that decides which trials a sweep has: space, method, explicit rows, seed, replicates. A spec
//! becomes one, and one gives the strategy, the number of trials and the trials themselves. Never what a trial
//! runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use sweep_core::limits;
use sweep_core::params::Params;

use crate::error::Error;
use crate::explicit::Explicit;
use crate::grid::Grid;
use crate::random::Random;
use crate::space::{Combinations, Space};
use crate::strategy::Strategy;
use crate::trials::Trials;

/// What is searched, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Experiment {
    /// What draws and trials' seeds depend on.
    pub seed: String,
    /// How the space is searched.
    pub method: Method,
    /// The space; one without axes adds no trials to the rows.
    pub space: Space,
    /// Explicit trials, before all others.
    pub rows: Vec<Row>,
    /// Values of parameters that a row or a combination lacks.
    pub defaults: Params,
    /// The most configurations, rows included; random search needs it.
    pub limit: Option<u64>,
    /// How often each configuration runs; 0 counts as 1.
    pub replicates: u32,
}

/// How a space is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Every combination.
    #[default]
    Grid,
    /// Draws.
    Random,
}

impl Method {
    /// The spec's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Random => "random",
        }
    }
}

/// An explicit trial.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The user's name for it.
    pub name: Option<String>,
    /// Its values.
    pub params: Params,
    /// sbatch options of its own, as written.
    pub sbatch: BTreeMap<String, String>,
}

impl Experiment {
    /// How many configurations there are, at once, whatever the number.
    ///
    /// # Errors
    /// As [`Self::strategy`], without [`Error::TooMany`].
    pub fn configurations(&self) -> Result<u128, Error> {
        let rows = u128::from(self.rows_within_limit());
        let searched = match self.method {
            _ if self.space.axes().is_empty() => 0,
            Method::Random => u128::from(self.draws()?),
            Method::Grid => match (self.limit_past_rows(), self.space.combinations()) {
                (_, Combinations::Infinite) => {
                    let axis = self.space.continuous();
                    let name = axis.map(|axis| axis.name.clone()).unwrap_or_default();
                    return Err(Error::Continuous { name });
                }
                (Some(limit), Combinations::Finite(count)) => count.min(limit.into()),
                (Some(limit), Combinations::Beyond) => limit.into(),
                (None, combinations) => combinations.countable()?,
            },
        };
        if rows + searched == 0 && self.limit != Some(0) {
            return Err(Error::Nothing);
        }
        rows.checked_add(searched).ok_or(Error::Uncountable)
    }

    /// How many trials there are: configurations times replicates.
    ///
    /// # Errors
    /// As [`Self::configurations`].
    pub fn count(&self) -> Result<u128, Error> {
        self.configurations()?.checked_mul(self.replicates.max(1).into()).ok_or(Error::Uncountable)
    }

    /// Whether what is proposed depends on what trials reported, so that somebody must drive the search.
    #[must_use]
    pub fn is_adaptive(&self) -> bool {
        match self.method {
            Method::Grid | Method::Random => false,
        }
    }

    /// Whether the strategy listens to what trials report while they run.
    #[must_use]
    pub fn listens(&self) -> bool {
        match self.method {
            Method::Grid | Method::Random => false,
        }
    }

    /// A strategy that has proposed nothing yet. Replicates are not its business: see [`Self::trials`].
    ///
    /// # Errors
    /// [`Error::Nothing`], [`Error::Continuous`], [`Error::Uncountable`], [`Error::Endless`], [`Error::TooFew`] or,
    /// above [`limits::TRIALS`], [`Error::TooMany`].
    pub fn strategy(&self) -> Result<Box<dyn Strategy>, Error> {
        // Before anything is made to hold so many.
        if self.configurations()? > u128::from(limits::TRIALS) {
            return Err(Error::TooMany);
        }
        let rest: Option<Box<dyn Strategy>> = match self.method {
            _ if self.space.axes().is_empty() => None,
            Method::Grid => Some(Box::new(Grid::new(self.space.clone(), self.limit_past_rows())?)),
            Method::Random => Some(Box::new(Random::new(self.space.clone(), &self.seed, self.draws()?)?)),
        };
        match rest {
            Some(rest) if self.rows.is_empty() && self.defaults.is_empty() => Ok(rest),
            rest => {
                let rows: Arc<[Row]> = self.rows.clone().into();
                Ok(Box::new(Explicit::new(rows, self.defaults.clone(), self.rows_within_limit(), rest)))
            }
        }
    }

    /// Every trial in order, each made when it is asked for: a configuration's replicates stand next to each
    /// other, and the index goes up by one with each.
    ///
    /// # Errors
    /// As [`Self::strategy`], and [`Error::TooMany`] above [`limits::TRIALS`].
    pub fn trials(&self) -> Result<Trials, Error> {
        if self.count()? > u128::from(limits::TRIALS) {
            return Err(Error::TooMany);
        }
        Ok(Trials::new(self.strategy()?, self.seed.clone(), self.replicates.max(1)))
    }

    /// The rows that count: more than a sweep may have trials are as good as too many.
    fn rows_within_limit(&self) -> u32 {
        let rows = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        u32::try_from(rows.min(self.limit.unwrap_or(u64::MAX))).unwrap_or(u32::MAX)
    }

    fn limit_past_rows(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_sub(self.rows.len() as u64))
    }

    fn draws(&self) -> Result<u64, Error> {
        let draws = self.limit_past_rows().ok_or(Error::Endless)?;
        match self.space.combinations() {
            Combinations::Finite(combinations) if combinations < draws.into() => {
                Err(Error::TooFew { asked: draws, combinations })
            }
            _ => Ok(draws),
        }
    }
}

/// Counting and what cannot be searched.
#[cfg(test)]
mod tests {
    use sweep_core::value::Value;

    use super::*;
    use crate::space::{Axis, Domain};

    fn ints(count: i64, axes: usize) -> Space {
        let domain = Domain::IntUniform { min: 1, max: count };
        Space::new((0..axes).map(|n| Axis { name: format!("p{n}"), domain: domain.clone() }).collect())
    }

    fn continuous() -> Space {
        Space::new(vec![Axis { name: "lr".into(), domain: Domain::Uniform { min: 0.0, max: 1.0 } }])
    }

    #[test]
    fn trials_are_configurations_times_replicates() {
        let experiment = Experiment { space: ints(10, 7), replicates: 3, ..Experiment::default() };
        assert_eq!(experiment.count(), Ok(30_000_000));
        assert_eq!(Experiment { limit: Some(4), ..experiment }.count(), Ok(12));
    }

    #[test]
    fn rows_count_towards_the_limit() {
        let rows = vec![Row::default(), Row::default()];
        let experiment = Experiment { rows, space: ints(5, 1), ..Experiment::default() };
        for (limit, count) in [(None, 7), (Some(1), 1), (Some(2), 2), (Some(4), 4), (Some(9), 7)] {
            let experiment = Experiment { limit, ..experiment.clone() };
            assert_eq!(experiment.count(), Ok(count));
            assert_eq!(experiment.trials().unwrap().count() as u128, count);
        }
    }

    #[test]
    fn what_cannot_be_searched_says_why() {
        let check = |experiment: Experiment, error: Error| {
            assert_eq!(experiment.count(), Err(error.clone()));
            assert_eq!(experiment.trials().err(), Some(error));
        };
        let base = Experiment::default();
        check(base.clone(), Error::Nothing);
        check(Experiment { space: continuous(), ..base.clone() }, Error::Continuous { name: "lr".into() });
        check(Experiment { space: ints(i64::MAX, 3), ..base.clone() }, Error::Uncountable);
        let random = Experiment { method: Method::Random, ..base };
        check(Experiment { space: continuous(), ..random.clone() }, Error::Endless);
        check(
            Experiment { space: ints(3, 2), limit: Some(10), ..random },
            Error::TooFew { asked: 10, combinations: 9 },
        );
    }

    #[test]
    fn more_trials_than_a_sweep_may_have_are_counted_but_not_made() {
        let experiment = Experiment { space: ints(1000, 3), ..Experiment::default() };
        assert_eq!(experiment.count(), Ok(1_000_000_000));
        assert_eq!(experiment.trials().err(), Some(Error::TooMany));
        let draws = Experiment {
            method: Method::Random,
            limit: Some(u64::MAX),
            space: ints(i64::MAX, 2),
            ..experiment
        };
        assert_eq!(draws.strategy().err(), Some(Error::TooMany));
    }

    #[test]
    fn defaults_fill_rows_and_combinations() {
        let pair = |name: &str, word| (name.to_owned(), Value::from_word(word));
        let row = Row { params: [pair("z", "1")].into_iter().collect(), ..Row::default() };
        let defaults = [pair("z", "9"), pair("a", "8")].into_iter().collect();
        let experiment = Experiment { rows: vec![row], defaults, space: ints(2, 1), ..Experiment::default() };
        let trials = experiment.trials().unwrap();
        let texts: Vec<String> = trials
            .map(|trial| trial.params.iter().map(|(name, value)| format!("{name}={value} ")).collect())
            .collect();
        assert_eq!(texts, ["z=1 a=8 ", "a=8 p0=1 z=9 ", "a=8 p0=2 z=9 "]);
    }
}
