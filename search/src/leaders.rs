//! The best of many results, kept as they come in. Never a sort of all of them: each result costs a logarithm.

use std::collections::BTreeSet;

/// A metric as a number that sorts as it does, whatever its sign; a failure sorts behind every metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Score(u64);

impl Score {
    /// What a failed configuration gets.
    pub(crate) const WORST: Self = Self(u64::MAX);

    /// The score of a metric; one that is missing or not finite is as good as the worst.
    pub(crate) fn of(metric: Option<f64>) -> Self {
        let Some(metric) = metric.filter(|metric| metric.is_finite()) else { return Self::WORST };
        // -0 and 0 are one metric.
        let bits = (metric + 0.0).to_bits();
        Self(if bits >> 63 == 1 { !bits } else { bits | 1 << 63 })
    }

    /// The metric; none of a failure.
    pub(crate) fn metric(self) -> Option<f64> {
        (self != Self::WORST)
            .then(|| f64::from_bits(if self.0 >> 63 == 1 { self.0 & !(1 << 63) } else { !self.0 }))
    }
}

/// A result: ties go to the lower number.
pub(crate) type Result = (Score, u32);

/// Results, the best of them apart, as many as the last quota said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leaders {
    best: BTreeSet<Result>,
    rest: BTreeSet<Result>,
}

impl Leaders {
    /// How many results there are.
    pub(crate) fn len(&self) -> usize {
        self.best.len() + self.rest.len()
    }

    /// Adds a result and lets `quota` of all be the best. A quota never falls.
    pub(crate) fn insert(&mut self, result: Result, quota: usize) {
        self.rest.insert(result);
        // The new one may belong before the worst of the best.
        if let Some(worst) = self.best.last().copied().filter(|worst| result < *worst) {
            self.rest.remove(&result);
            self.best.insert(result);
            self.best.remove(&worst);
            self.rest.insert(worst);
        }
        self.widen(quota);
    }

    /// Lets `quota` of all be the best.
    pub(crate) fn widen(&mut self, quota: usize) {
        while self.best.len() < quota {
            let Some(next) = self.rest.pop_first() else { return };
            self.best.insert(next);
        }
    }

    /// Whether a result is one of the best.
    pub(crate) fn has(&self, result: Result) -> bool {
        self.best.contains(&result)
    }

    /// The worst of the best.
    pub(crate) fn last_in(&self) -> Option<f64> {
        self.best.last().and_then(|(score, _)| score.metric())
    }

    /// The best of the others.
    pub(crate) fn first_out(&self) -> Option<f64> {
        self.rest.first().and_then(|(score, _)| score.metric())
    }
}

/// Scores and the best.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn scores_sort_as_metrics_do_and_failures_last() {
        let metrics = [-f64::MAX, -1.5, -f64::MIN_POSITIVE, 0.0, 1e-300, 2.0, f64::MAX];
        let scores: Vec<_> = metrics.iter().map(|metric| Score::of(Some(*metric))).collect();
        assert!(scores.is_sorted_by(|a, b| a < b));
        assert!(scores.iter().all(|score| *score < Score::WORST));
        assert!(scores.iter().zip(metrics).all(|(score, metric)| score.metric() == Some(metric)));
        assert_eq!(Score::of(Some(-0.0)), Score::of(Some(0.0)));
        for bad in [None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)] {
            assert_eq!(Score::of(bad), Score::WORST);
        }
    }

    #[test]
    fn the_best_third_is_that_of_a_sort_at_every_moment() {
        let mut rng = Rng::new("leaders", 0);
        let mut leaders = Leaders::default();
        let mut all = Vec::new();
        for number in 0..300 {
            // Coarse, so that there are ties.
            let metric = (rng.unit() * 20.0).floor();
            let result = (Score::of((metric > 1.0).then_some(metric)), number);
            all.push(result);
            all.sort_unstable();
            leaders.insert(result, all.len() / 3);
            let best: Vec<_> = leaders.best.iter().copied().collect();
            assert_eq!(best, all[..all.len() / 3]);
            assert_eq!(leaders.len(), all.len());
            assert!(all.iter().all(|result| leaders.has(*result) == best.contains(result)));
            assert_eq!(leaders.last_in(), best.last().and_then(|(score, _)| score.metric()));
            assert_eq!(leaders.first_out(), all.get(best.len()).and_then(|(score, _)| score.metric()));
        }
    }
}
