//! Everything that decides which trials a sweep has: space, method, explicit rows, seed, replicates. A spec
//! becomes one, and one gives the strategy, the number of trials and the trials themselves. Never what a trial
//! runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use sweep_core::limits;
use sweep_core::params::Params;

use crate::asha::Asha;
use crate::band_stop::BandStop;
use crate::bayes::{self, Bayes, Described};
use crate::error::Error;
use crate::explicit::Explicit;
use crate::genetic::Genetic;
use crate::grid::Grid;
use crate::hyperband::{Hyperband, Spare};
use crate::ladder::{self, Bracket, Ladder, Rung};
use crate::latin::Latin;
use crate::median::Median;
use crate::method::{AshaMode, Method, Rungs, Stop};
use crate::pbt::Pbt;
use crate::random::Random;
use crate::rung_stop::RungStop;
use crate::skips;
use crate::sobol::Sobol;
use crate::source::{Pool, Proposals, Source};
use crate::space::{Combinations, Space};
use crate::stopping::Stopping;
use crate::strategy::Strategy;
use crate::trials::Trials;

/// What is searched, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Experiment {
    /// What draws and trials' seeds depend on.
    pub seed: String,
    /// How the space is searched.
    pub method: Method,
    /// Which running trials are stopped.
    pub stop: Option<Stop>,
    /// The space; one without axes adds no trials to the rows.
    pub space: Space,
    /// What the values of the only axis stand for, where they stand for whole configurations.
    pub described: Option<Described>,
    /// Explicit trials, before all others.
    pub rows: Vec<Row>,
    /// Values of parameters that a row or a combination lacks.
    pub defaults: Params,
    /// The most configurations, rows included; random search needs it.
    pub limit: Option<u64>,
    /// How often each configuration runs; 0 counts as 1.
    pub replicates: u32,
    /// What is known before anything ran; only a model of results looks at it.
    pub past: Vec<Past>,
    /// How many metrics trials report; 0 counts as 1. See [`Self::goes_by_all_metrics`].
    pub metrics: usize,
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

/// What a configuration came to in another sweep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Its values: one of the space's configurations.
    pub params: Params,
    /// Its metrics, lower for better.
    pub metrics: Vec<f64>,
    /// What it had to spend.
    pub budget: Option<f64>,
}

impl Past {
    /// All metrics, as many as are asked for.
    pub(crate) fn costs(&self, metrics: usize) -> Vec<Option<f64>> {
        let all = self.metrics.iter().copied().map(Some).chain(std::iter::repeat(None));
        all.take(metrics).collect()
    }
}

impl Experiment {
    /// How many configurations there are, at once, whatever the number. Of a method that looks at results it is how
    /// many there are if every trial completes: where trials fail they are fewer, and lost ones are replaced. Of ASHA
    /// it is how many a barrier at each rung would leave, which is about as many.
    ///
    /// # Errors
    /// As [`Self::strategy`], without [`Error::TooMany`].
    pub fn configurations(&self) -> Result<u128, Error> {
        if let Some(brackets) = self.brackets()? {
            return Ok(ladder::runs(&brackets));
        }
        let rows = u128::from(self.rows_within_limit());
        let searched = match self.method {
            Method::Genetic(settings) => return self.bred(settings.total()),
            Method::Pbt(settings) => return self.bred(settings.total()),
            Method::Bayes => return self.modelled().map(u128::from),
            _ if self.space.axes().is_empty() => 0,
            Method::Random => u128::from(self.draws()?),
            Method::Sobol | Method::Latin => self.limit_past_rows().ok_or(Error::Endless)?.into(),
            _ => match (self.limit_past_rows(), self.space.combinations()) {
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

    /// The brackets of a method with rungs; none for the others. Where there is no space, the rows are all that
    /// begins.
    ///
    /// # Errors
    /// [`Error::Nothing`] without any configuration, and those of [`Method::brackets`]. Hyperband decides itself
    /// how many begin, so rows alone are [`Error::TooFew`] where they are fewer.
    pub fn brackets(&self) -> Result<Option<Vec<Bracket>>, Error> {
        let rows = self.rows.len() as u64;
        let space = !self.space.axes().is_empty();
        let limit = if space { self.limit } else { Some(rows.min(self.limit.unwrap_or(rows))) };
        let Some(mut brackets) = self.method.brackets(limit)? else { return Ok(None) };
        let begin: u64 =
            brackets.iter().filter_map(|b| b.rungs.first()).map(|rung| rung.configurations).sum();
        if !space && rows == 0 {
            return Err(Error::Nothing);
        }
        if !space && begin > rows {
            return Err(Error::TooFew { asked: begin, combinations: rows.into() });
        }
        if matches!(self.method, Method::Asha(_, AshaMode::Stop)) {
            brackets.iter_mut().for_each(whole_budget_first);
        }
        if let [bracket] = brackets.as_mut_slice()
            && let Some(ladder) = self.skipped_ladder()
        {
            skips::make_room(bracket, ladder.eta, bayes::least_modelled(ladder.most));
        }
        Ok(Some(brackets))
    }

    /// The ladder of which a model has configurations skip rungs, if there is one bracket: where it promotes.
    fn skipped_ladder(&self) -> Option<Ladder> {
        let Method::Asha(Rungs { ladder, proposals: Proposals::Bayes }, AshaMode::Promote) = self.method
        else {
            return None;
        };
        Some(ladder).filter(|_| !self.space.axes().is_empty())
    }

    /// A search that breeds: so many configurations, or the limit.
    fn bred(&self, total: u64) -> Result<u128, Error> {
        match self.space.axes().is_empty() {
            true => Err(Error::Nothing),
            false => Ok(total.min(self.limit.unwrap_or(u64::MAX)).into()),
        }
    }

    /// A search by a model: the limit, or all of a smaller space, rows included.
    fn modelled(&self) -> Result<u64, Error> {
        if self.space.axes().is_empty() {
            return Err(Error::Nothing);
        }
        let rows = self.rows_within_limit();
        let all = match self.space.combinations() {
            // Rows are combinations, too.
            Combinations::Finite(all) => u64::try_from(all).unwrap_or(u64::MAX).max(rows.into()),
            Combinations::Beyond | Combinations::Infinite => u64::MAX,
        };
        Ok(self.limit.ok_or(Error::Endless)?.min(all))
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
        self.method.is_adaptive() || self.stop.is_some()
    }

    /// Whether the strategy listens to what trials report while they run.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.stop.is_some() || matches!(self.method, Method::Asha(_, AshaMode::Stop))
    }

    /// Whether the strategy looks for the configurations that are best by all metrics together; else the first one
    /// decides, where any does.
    #[must_use]
    pub fn goes_by_all_metrics(&self) -> bool {
        self.metrics > 1 && matches!(self.method, Method::Bayes | Method::Genetic(_))
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
        let strategy = match self.brackets()? {
            Some(brackets) => self.rationed(brackets)?,
            None => self.proposing()?,
        };
        Ok(match &self.stop {
            None => strategy,
            Some(Stop::Median(grace)) => Box::new(Stopping::new(strategy, Box::new(Median::new(*grace)))),
            Some(Stop::Bands { bands, eta, strictness }) => {
                Box::new(Stopping::new(strategy, Box::new(BandStop::new(bands, *eta, *strictness))))
            }
        })
    }

    /// The methods without rungs.
    fn proposing(&self) -> Result<Box<dyn Strategy>, Error> {
        let limit = self.limit.unwrap_or(u64::MAX);
        let space = || self.space.clone();
        let rows: Arc<[Row]> = self.rows.clone().into();
        let rest: Option<Box<dyn Strategy>> = match self.method {
            Method::Genetic(settings) => {
                let genetic =
                    Genetic::new(settings, space(), &self.seed, rows, limit).by_metrics(self.metrics);
                return Ok(self.with_defaults(Box::new(genetic)));
            }
            Method::Bayes => {
                let bayes = Bayes::new(space(), &self.seed, rows, self.modelled()?);
                let bayes = bayes.by_metrics(self.metrics).knowing(&self.past);
                return Ok(self.with_defaults(Box::new(bayes)));
            }
            Method::Pbt(settings) => {
                let pbt = Pbt::new(settings, space(), &self.seed, rows, limit);
                return Ok(self.with_defaults(Box::new(pbt)));
            }
            _ if self.space.axes().is_empty() => None,
            Method::Random => Some(Box::new(Random::new(space(), &self.seed, self.draws()?)?)),
            Method::Sobol => {
                let count = self.limit_past_rows().ok_or(Error::Endless)?;
                Some(Box::new(Sobol::new(space(), &self.seed, count)?))
            }
            Method::Latin => {
                let count = self.limit_past_rows().ok_or(Error::Endless)?;
                Some(Box::new(Latin::new(space(), &self.seed, count)))
            }
            _ => Some(Box::new(Grid::new(space(), self.limit_past_rows())?)),
        };
        Ok(match rest {
            Some(rest) if self.rows.is_empty() && self.defaults.is_empty() => rest,
            rest => Box::new(Explicit::new(rows, self.defaults.clone(), self.rows_within_limit(), rest)),
        })
    }

    /// The methods with rungs, over the rows and draws.
    fn rationed(&self, brackets: Vec<Bracket>) -> Result<Box<dyn Strategy>, Error> {
        let (Method::Hyperband(rungs) | Method::Halving(rungs) | Method::Asha(rungs, _)) = self.method else {
            return Err(Error::Nothing);
        };
        let count = brackets.iter().filter_map(|b| b.rungs.first()).map(|rung| rung.configurations).sum();
        let source = self.source(rungs, &brackets, count)?;
        let spare = if self.space.axes().is_empty() { Spare::None } else { Spare::Some };
        let Ladder { eta, .. } = rungs.ladder;
        Ok(match self.method {
            Method::Asha(_, AshaMode::Promote) => Box::new(Asha::new(eta, brackets, source, spare)),
            Method::Asha(_, AshaMode::Stop) => {
                let levels = self.method.brackets(Some(count))?.unwrap_or_default();
                let rule = Box::new(RungStop::new(eta, &levels));
                Box::new(Stopping::new(Box::new(Hyperband::new(brackets, source, spare)), rule))
            }
            _ => Box::new(Hyperband::new(brackets, source, spare)),
        })
    }

    /// Where the configurations of a method with rungs come from.
    fn source(
        &self,
        Rungs { ladder, proposals }: Rungs,
        brackets: &[Bracket],
        count: u64,
    ) -> Result<Box<dyn Strategy>, Error> {
        let rows: Arc<[Row]> = self.rows.clone().into();
        if proposals == Proposals::Bayes && !self.space.axes().is_empty() {
            let mut bayes = Bayes::new(self.space.clone(), &self.seed, rows, u64::MAX).on_rungs(ladder.most);
            // Nothing here ever has a greater budget than the ladder's.
            #[expect(clippy::cast_precision_loss, reason = "budgets are small")]
            let is_reached = |past: &&Past| past.budget.is_some_and(|budget| budget <= ladder.most as f64);
            bayes = bayes.knowing(&self.past.iter().filter(is_reached).cloned().collect::<Vec<_>>());
            if let Some(described) = &self.described {
                bayes = bayes.described(described);
            }
            if let [bracket] = brackets
                && self.skipped_ladder().is_some()
            {
                bayes = bayes.skipping(bracket, ladder.eta);
            }
            return Ok(self.with_defaults(Box::new(bayes)));
        }
        let (space, defaults, seed) = (self.space.clone(), self.defaults.clone(), self.seed.clone());
        Ok(Box::new(Source::new(Pool { space, rows, defaults, seed, proposals, count })?))
    }

    /// A strategy whose proposals lack the parameters that have a value by `defaults:`.
    fn with_defaults(&self, strategy: Box<dyn Strategy>) -> Box<dyn Strategy> {
        match self.defaults.is_empty() {
            true => strategy,
            false => {
                let none = Arc::default();
                Box::new(Explicit::new(none, self.defaults.clone(), 0, Some(strategy)))
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

/// The bracket of configurations that have the last rung's budget from the start.
fn whole_budget_first(bracket: &mut Bracket) {
    if let (Some(first), Some(last)) = (bracket.rungs.first().copied(), bracket.rungs.last().copied()) {
        bracket.rungs = vec![Rung { budget: last.budget, ..first }];
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
