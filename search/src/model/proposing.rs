//! The next configuration, given the results so far: the largest expected improvement under a Gaussian process that was
//! fitted to them, by the chance that it gives a result at all. Never a result that was not told, and never more points
//! than [`POINTS`].

use std::collections::BTreeMap;

use super::candidates::{Effort, ranked};
use super::elementary::{below, ln, log_improvement};
use super::encoding::{Encoding, Point};
use super::failing::{Failing, succeeded};
use super::fit::{Evidence, Kernel};
use super::parzen;
use super::posterior::Posterior;
use super::warp::warped;
use crate::rng::Rng;

/// Most results that the process is conditioned on; of more, the best and the latest.
pub(crate) const POINTS: usize = 400;
/// Most results that the kernel is fitted to.
const FITTED: usize = 250;
/// Most coordinates in all pairs of points of a fit.
const DISTANCES: usize = 8_000_000;
/// Up to so many results the kernel is fitted anew with each.
const ALWAYS: usize = 30;
/// Results that a fit begins with, and its steps; what it finds is where the fit to all of them begins, with its steps.
const FEW: (usize, usize) = (100, 40);
const ALL_STEPS: usize = 20;
/// The best results, of which one is to be improved upon.
pub(super) const LEADERS: usize = 20;
/// A fit also begins with longer lengths and more noise than is believed: what rises and falls between any two results
/// is noise to whoever looks for the way down. Of the weights a share, and the noise.
const SMOOTH: (f64, f64) = (0.25, 0.1);
/// With more noise, or where the best result is so long ago, or twice the number of coordinates, or a fifth of all, the
/// model is at its end, and such a share of proposals, by a draw, comes from densities.
pub(super) const RUGGED: f64 = 0.01;
const STAGNANT: usize = 10;
const SHARED: f64 = 0.6;
/// Of so many proposals one is drawn from the space.
pub(super) const DRAWN: usize = 25;

/// What became of a configuration: its point, and its result; none for a failure.
pub(crate) type Observation = (Point, Option<f64>);

/// Kernels by how many trials that ended they were fitted to.
pub(super) type Fits = BTreeMap<usize, Option<Kernel>>;

/// Kernels that were fitted, of results and of failures. A cache of a pure result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kernels {
    results: Fits,
    pub(super) failures: Fits,
}

/// What is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) encoding: &'a Encoding,
    /// In the order in which they were told.
    pub(crate) observed: &'a [Observation],
    /// What runs.
    pub(crate) pending: &'a [Point],
}

/// Of some points the one that promises most; none where there are none.
#[must_use]
pub(crate) fn most_promising(
    known: &Known<'_>,
    points: &[&[f64]],
    kernels: &mut Kernels,
    rng: &mut Rng,
) -> Option<usize> {
    if points.is_empty() {
        return None;
    }
    let drawn = below(rng, points.len());
    if known.observed.len() % DRAWN == DRAWN - 1 {
        return Some(drawn);
    }
    let outlook = Outlook::new(known, kernels);
    outlook.and_then(|mut outlook| outlook.most(points, f64::NEG_INFINITY)).or(Some(drawn))
}

/// Of some points the one that promises most, if it promises more than another one does, or there is no other; none where
/// the other one would not be what the model says.
#[must_use]
pub(crate) fn more_promising(
    known: &Known<'_>,
    points: &[&[f64]],
    than: Option<&[f64]>,
    kernels: &mut Kernels,
) -> Option<usize> {
    if points.is_empty() || known.observed.len() % DRAWN == DRAWN - 1 {
        return None;
    }
    let mut outlook = Outlook::new(known, kernels)?;
    let than = than.map_or(f64::NEG_INFINITY, |than| outlook.promise(than));
    outlook.most(points, than)
}

/// Points in the order in which they are to be tried, each made as it is asked for: the first that is new is the
/// proposal.
pub(crate) type Proposals<'a> = Box<dyn Iterator<Item = Point> + 'a>;

/// How many points are drawn where none is new.
const TRIES: usize = 10;

/// Points that are drawn from the space.
pub(super) fn draws<'a>(encoding: &'a Encoding, rng: &'a mut Rng) -> Proposals<'a> {
    Box::new((0..TRIES).map(|_| encoding.random(rng)))
}

/// The rank of each place, of places in their order.
pub(super) fn ranks(order: &[usize]) -> Vec<f64> {
    let mut ranks = vec![0.0; order.len()];
    for (rank, place) in order.iter().enumerate() {
        ranks[*place] = rank as f64;
    }
    ranks
}

/// Points where results that stand first lie more densely than the others, of at most [`POINTS`] results the first and
/// the latest; `order` has the places of all, the best first.
pub(super) fn dense<'a>(
    encoding: &'a Encoding,
    point: impl Fn(usize) -> &'a [f64],
    order: &[usize],
    pending: &'a [Point],
    rng: &'a mut Rng,
) -> Proposals<'a> {
    let ranks = ranks(order);
    let mut chosen = chosen(&ranks, POINTS);
    chosen.sort_by(|a, b| ranks[*a].total_cmp(&ranks[*b]));
    let mut sorted: Vec<&[f64]> = chosen.into_iter().map(point).collect();
    sorted.extend(pending.iter().map(Vec::as_slice));
    Box::new((0..TRIES).map(move |_| parzen::proposal(encoding, &sorted, rng)))
}

/// What to try next.
#[must_use]
pub(crate) fn proposals<'a>(known: &Known<'a>, kernels: &mut Kernels, rng: &'a mut Rng) -> Proposals<'a> {
    let n = known.observed.len();
    if n % DRAWN == DRAWN - 1 {
        return draws(known.encoding, rng);
    }
    let Some(kernel) = kernel(known, fitted_at(n), kernels) else { return draws(known.encoding, rng) };
    let results = completed(known.observed);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| results[*a].total_cmp(&results[*b]));
    let at_its_end = kernel.noise > RUGGED || stagnates(&results, known.encoding.metrics().len());
    if at_its_end && rng.unit() < SHARED {
        let observed = known.observed;
        let point = |place: usize| observed[place].0.as_slice();
        return dense(known.encoding, point, &order, known.pending, rng);
    }
    let Some(mut outlook) = Outlook::new(known, kernels) else { return draws(known.encoding, rng) };
    let best: Vec<&[f64]> = order.iter().take(8).map(|i| known.observed[*i].0.as_slice()).collect();
    let effort = Effort { draws: 300, changes: 200, climbs: 4, steps: 120 };
    let found = ranked(known.encoding, &best, effort, rng, |x| outlook.promise(x));
    Box::new(found.into_iter().map(|(_, point)| point))
}

/// What is expected of points.
struct Outlook {
    posterior: Posterior,
    failing: Option<Failing>,
    /// What is to be improved upon.
    least: f64,
    room: Vec<f64>,
}

impl Outlook {
    /// By the kernel that was fitted last; none where there is none.
    fn new(known: &Known<'_>, kernels: &mut Kernels) -> Option<Self> {
        let n = known.observed.len();
        let kernel = kernel(known, fitted_at(n), kernels)?;
        let places = |count: usize| succeeded(&known.observed[..count]);
        let failing = Failing::new(known, places, &mut kernels.failures);
        let (ran, results) = modelled(known.observed, &places(n));
        let chosen = chosen(&results, POINTS);
        let mut points: Vec<&[f64]> = chosen.iter().map(|i| ran[*i]).collect();
        let mut values: Vec<f64> = chosen.iter().map(|i| results[*i]).collect();
        let mut posterior = Posterior::new(kernel.clone(), known.encoding.metrics(), &points, &values)?;
        let mut room = Vec::new();
        // Where results are noisy, the least of them was lucky: what is believed there is to be improved upon.
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
        let believed = order.iter().take(LEADERS).map(|i| posterior.at(points[*i], &mut room).mean);
        let least = believed.fold(f64::INFINITY, f64::min);
        if !known.pending.is_empty() {
            // What runs is believed to give what is expected of it.
            let expected: Vec<f64> = known.pending.iter().map(|x| posterior.at(x, &mut room).mean).collect();
            points.extend(known.pending.iter().map(Vec::as_slice));
            values.extend(expected);
            posterior =
                Posterior::new(kernel, known.encoding.metrics(), &points, &values).unwrap_or(posterior);
        }
        Some(Self { posterior, failing, least, room })
    }

    /// Which of some points promises most; none where none promises more than that.
    fn most(&mut self, points: &[&[f64]], than: f64) -> Option<usize> {
        let mut best = (than, None);
        for (place, point) in points.iter().enumerate() {
            let promise = self.promise(point);
            if promise > best.0 {
                best = (promise, Some(place));
            }
        }
        best.1
    }

    /// The logarithm of the improvement that is expected at a configuration.
    fn promise(&mut self, x: &[f64]) -> f64 {
        let belief = self.posterior.at(x, &mut self.room);
        let deviation = belief.variance.sqrt();
        let discount = self.failing.as_mut().map_or(0.0, |failing| failing.discount(x));
        log_improvement((self.least - belief.mean) / deviation) + ln(deviation) + discount
    }
}

/// Whether the best result is long ago, for a space of so many coordinates.
fn stagnates(results: &[f64], d: usize) -> bool {
    let mut first = 0;
    for (place, result) in results.iter().enumerate() {
        if *result < results[first] {
            first = place;
        }
    }
    results.len() - first > (2 * d).max(STAGNANT).max(results.len() / 5)
}

/// The results, failures as the worst of them.
pub(super) fn completed(observed: &[Observation]) -> Vec<f64> {
    let worst = observed.iter().filter_map(|(_, result)| *result).fold(f64::NEG_INFINITY, f64::max);
    let worst = if worst.is_finite() { worst } else { 0.0 };
    observed.iter().map(|(_, result)| result.unwrap_or(worst)).collect()
}

/// The last number of results, up to `n`, at which the kernel is fitted.
pub(super) fn fitted_at(n: usize) -> usize {
    let mut at = ALWAYS;
    while n > ALWAYS && at + 1 + at / 25 <= n {
        at += 1 + at / 25;
    }
    if n < ALWAYS { n } else { at }
}

/// The points and, as the model sees them, the results at these places.
pub(super) fn modelled<'a>(observed: &'a [Observation], places: &[usize]) -> (Vec<&'a [f64]>, Vec<f64>) {
    let results: Vec<f64> = places.iter().filter_map(|place| observed[*place].1).collect();
    (places.iter().map(|place| observed[*place].0.as_slice()).collect(), warped(&results))
}

/// The kernel that fits the results of the first `count` trials that ended; none where they have no results. It depends
/// on them alone: neither on when somebody asked nor on the kernels before, so that a search which is resumed needs one
/// fit.
pub(super) fn kernel(known: &Known<'_>, count: usize, kernels: &mut Kernels) -> Option<Kernel> {
    let fit = || {
        let observed = &known.observed[..count];
        let (points, results) = modelled(observed, &succeeded(observed));
        fitted(known.encoding, &points, &results)
    };
    kernels.results.entry(count).or_insert_with(fit).clone()
}

/// The kernel that fits these values best.
pub(super) fn fitted(encoding: &Encoding, points: &[&[f64]], values: &[f64]) -> Option<Kernel> {
    if values.is_empty() {
        return None;
    }
    let evidence = |most: usize| {
        let chosen = chosen(values, most);
        Evidence {
            metrics: encoding.metrics(),
            points: chosen.iter().map(|i| points[*i]).collect(),
            results: chosen.iter().map(|i| values[*i]).collect(),
        }
    };
    let d = encoding.metrics().len().max(1);
    let most = FITTED.min(((2 * DISTANCES / d) as f64).sqrt() as usize);
    let few = evidence(FEW.0.min(most));
    let prior = Kernel::prior(&few);
    let weights = prior.weights.iter().map(|w| w * SMOOTH.0).collect();
    let starts = [Kernel { weights, noise: SMOOTH.1, ..prior.clone() }, prior];
    let begun = Kernel::fitted(&few, &starts, FEW.1)?;
    if few.points.len() == values.len().min(most) {
        return Some(begun);
    }
    Kernel::fitted(&evidence(most), &[begun], ALL_STEPS)
}

/// Of many results the best and the latest, half of each, in their order.
pub(super) fn chosen(results: &[f64], most: usize) -> Vec<usize> {
    let n = results.len();
    if n <= most {
        return (0..n).collect();
    }
    let latest = n - most / 2;
    let mut order: Vec<usize> = (0..latest).collect();
    order.sort_by(|a, b| results[*a].total_cmp(&results[*b]));
    order.truncate(most - most / 2);
    order.extend(latest..n);
    order.sort_unstable();
    order
}
