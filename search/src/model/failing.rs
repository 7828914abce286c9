//! Which configurations fail: a Gaussian process over all that ended, 1 for a failure and 0 for a result, so that the
//! model of results is made of results alone (Gelbart et al. 2014, "Bayesian optimization with unknown constraints").
//! Never a failure by chance that hides the results around it.

use super::elementary::{ln, normal_cdf};
use super::fit::Kernel;
use super::posterior::Posterior;
use super::proposing::{Fits, Known, Observation, POINTS, chosen, fitted, fitted_at};
use super::warp::standard;

/// A result so many times as far behind the median as the first best one is before it counts as a failure: a loss that
/// diverged says where results are bad, not how bad they are.
const ABSURD: f64 = 1e6;
/// The first results, which say how far results lie apart where nothing is known yet, and the fewest that do.
const FIRST: usize = 20;
const FEWEST: usize = 4;
/// The least chance of a result.
const LEAST: f64 = 1e-12;
/// The power of the chance: a trial that fails costs as much as any, and tells less. Of 1, 2 and 4, where a bowl's
/// minimum lay before or behind the edge of a half space that fails, 4 had the fewest failures and was never further
/// from the minimum.
const CAUTION: f64 = 4.0;

/// The places of results that a model can be made of.
#[must_use]
pub(super) fn succeeded(observed: &[Observation]) -> Vec<usize> {
    let results = || observed.iter().filter_map(|(_, result)| *result);
    let mut first: Vec<f64> = results().take(FIRST).collect();
    first.sort_unstable_by(f64::total_cmp);
    let median = first.get(first.len() / 2).copied().unwrap_or(0.0);
    let scale = if first.len() < FEWEST { 0.0 } else { median - first[0] };
    let is_absurd = |y: f64| scale > 0.0 && y - median > ABSURD * scale;
    let usable = |place: &usize| observed[*place].1.is_some_and(|y| !is_absurd(y));
    (0..observed.len()).filter(usable).collect()
}

/// What is believed of failures.
pub(super) struct Failing {
    posterior: Posterior,
    /// As likely as not, in standard deviations of what was told.
    even: f64,
    room: Vec<f64>,
}

impl Failing {
    /// By what ended; `succeeded` gives the places of results among the first so many of it. None where nothing failed,
    /// or everything did.
    #[must_use]
    pub(super) fn new(
        known: &Known<'_>,
        succeeded: impl Fn(usize) -> Vec<usize>,
        fits: &mut Fits,
    ) -> Option<Self> {
        let n = known.observed.len();
        let labels = |count: usize| {
            let mut labels = vec![1.0; count];
            for place in succeeded(count) {
                labels[place] = 0.0;
            }
            labels
        };
        let (all, count) = (labels(n), fitted_at(n));
        if all.iter().all(|label| *label == all[0]) {
            return None;
        }
        let point = |place: usize| known.observed[place].0.as_slice();
        let fit = || {
            let points: Vec<&[f64]> = (0..count).map(point).collect();
            fitted(known.encoding, &points, &standard(&labels(count)))
        };
        let kernel: Kernel = fits.entry(count).or_insert_with(fit).clone()?;
        // Of too many to know them all, failures and the latest.
        let rare: Vec<f64> = all.iter().map(|label| -label).collect();
        let chosen = chosen(&rare, POINTS);
        let points: Vec<&[f64]> = chosen.iter().map(|place| point(*place)).collect();
        let standard = standard(&chosen.iter().map(|place| all[*place]).collect::<Vec<_>>());
        let end = |better: fn(f64, f64) -> f64| standard.iter().copied().reduce(better);
        let even = f64::midpoint(end(f64::min)?, end(f64::max)?);
        let posterior = Posterior::new(kernel, known.encoding.metrics(), &points, &standard)?;
        Some(Self { posterior, even, room: Vec::new() })
    }

    /// What promises are to be changed by: the logarithm of the chance that a configuration gives a result, with
    /// caution.
    #[must_use]
    pub(super) fn discount(&mut self, x: &[f64]) -> f64 {
        let belief = self.posterior.at(x, &mut self.room);
        CAUTION * ln(normal_cdf((self.even - belief.mean) / belief.variance.sqrt()).max(LEAST))
    }
}

/// Chances and proportions.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encoding::Encoding;
    use crate::rng::Rng;
    use crate::space::{Axis, Domain, Space};

    fn line(count: usize, result: impl Fn(usize, f64) -> Option<f64>) -> Vec<Observation> {
        let mut rng = Rng::new("failing", 0);
        let one = |place| {
            let x = rng.unit();
            (vec![x], result(place, x))
        };
        (0..count).map(one).collect()
    }

    fn chance(observed: &[Observation], x: f64) -> f64 {
        let axis = Axis { name: "x".into(), domain: Domain::Uniform { min: 0.0, max: 1.0 } };
        let encoding = Encoding::new(&Space::new(vec![axis]));
        let known = Known { encoding: &encoding, observed, pending: &[] };
        let failing = Failing::new(&known, |count| succeeded(&observed[..count]), &mut Fits::new());
        failing.map_or(1.0, |mut failing| (failing.discount(&[x]) / CAUTION).exp())
    }

    #[test]
    fn where_all_fail_a_result_is_unlikely_and_where_none_does_it_is_certain() {
        let observed = line(30, |_, x| (x > 0.4).then_some(x));
        assert!(chance(&observed, 0.1) < 0.01 && chance(&observed, 0.8) > 0.99);
        assert!((2..=8).map(|step| chance(&observed, f64::from(step) / 10.0)).is_sorted());
    }

    #[test]
    fn failures_by_chance_are_nowhere_likely() {
        let observed = line(40, |place, x| (place % 5 != 0).then_some(x));
        let least = (0..=20).map(|step| chance(&observed, f64::from(step) / 20.0)).fold(1.0, f64::min);
        assert!(least > 0.8, "{least}");
    }

    #[test]
    fn without_failures_or_without_results_nothing_is_said() {
        for result in [Some(1.0), None] {
            assert_eq!(chance(&line(10, |_, _| result), 0.5), 1.0);
        }
    }

    #[test]
    fn a_result_out_of_all_proportion_is_a_failure_and_a_bad_one_is_not() {
        let places =
            |results: &[f64]| succeeded(&results.iter().map(|y| (vec![0.5], Some(*y))).collect::<Vec<_>>());
        assert_eq!(places(&[1.0, 2.0, 3.0, 1e30, 2.5]), [0, 1, 2, 4]);
        assert_eq!(places(&[1.0, 2.0, 3.0, 1e5, 2.5]), [0, 1, 2, 3, 4]);
        // The first of a search that has converged since are as good a beginning as any.
        let converging: Vec<f64> = (0..60).map(|n| 10.0_f64.powi(4 - n / 2)).collect();
        assert_eq!(places(&converging).len(), 60);
        // Half of them, and none where nothing says how far results lie apart.
        assert_eq!(places(&[1e30, 1.0, 1e30, 2.0, 1e30, 3.0, 4.0]), [1, 3, 5, 6]);
        assert_eq!(places(&[1e30, 1.0, 1.0]), [0, 1, 2]);
        assert_eq!(places(&[-1e30, 1.0, 2.0, 3.0]).len(), 4);
    }
}
