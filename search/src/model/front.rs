//! The next configuration of a search by several metrics, by two rules in turn. One has a Gaussian process for each
//! metric, and looks where the volume that the front dominates is expected to grow most. The other draws what it weighs
//! the metrics by, anew for each proposal, and improves the largest weighted one (Knowles 2006, "ParEGO", with its
//! augmented Chebyshev norm). Together they did better than either alone: the first knows lists and costs of different
//! kinds well, the second goes on where a front is long and the gain in volume small. Of more than [`VOLUMES`] metrics a
//! front has too many boxes, and only the second is used. Never a weight that lasts, which nobody was asked for.

use super::boxes::Boxes;
use super::candidates::{Effort, ranked};
use super::elementary::ln;
use super::encoding::{Encoding, Point};
use super::failing::{Failing, succeeded};
use super::posterior::{Belief, Posterior};
use super::proposing::{
    self, DRAWN, Kernels, Known, LEADERS, Observation, POINTS, Proposals, RUGGED, chosen, completed, dense,
    draws, fitted_at, modelled, ranks,
};
use super::volume::{self, Room};
use crate::pareto;
use crate::rng::Rng;

/// Most metrics whose volume is looked at.
const VOLUMES: usize = 3;
/// One in so many proposals weighs the metrics.
const TURNS: usize = 2;
/// Where a metric is noisy, one in so many proposals comes from densities.
const SHARED: usize = 2;
/// Most points of a front that is improved upon; of more, those with the most room around them.
const FRONT: usize = 60;
/// How far behind the worst of the front the reference lies, as a share of the front's extent, and at least so many
/// standard deviations.
const BEHIND: (f64, f64) = (0.1, 0.1);
/// The share of the sum of all metrics in Chebyshev's norm, so that of two with the same largest one the better counts.
const SUM: f64 = 0.05;

/// What is known of a search by several metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Several<'a> {
    pub(crate) encoding: &'a Encoding,
    /// For each metric every result, in the order in which they were told; the points are the same.
    pub(crate) observed: &'a [Vec<Observation>],
    /// What runs.
    pub(crate) pending: &'a [Point],
}

impl<'a> Several<'a> {
    fn known(&self, metric: usize) -> Known<'a> {
        Known { encoding: self.encoding, observed: &self.observed[metric], pending: self.pending }
    }

    fn count(&self) -> usize {
        self.observed.first().map_or(0, Vec::len)
    }

    fn point(&self, place: usize) -> &'a [f64] {
        &self.observed[0][place].0
    }

    /// The places of trials that have all metrics, of the first so many that ended: of these a model can be made.
    fn succeeded(&self, count: usize) -> Vec<usize> {
        let mut metrics = vec![0; count];
        for place in self.observed.iter().flat_map(|observed| succeeded(&observed[..count])) {
            metrics[place] += 1;
        }
        (0..count).filter(|place| metrics[*place] == self.observed.len()).collect()
    }

    /// Places of results, the best first.
    fn order(&self) -> Vec<usize> {
        let results: Vec<Vec<f64>> = self.observed.iter().map(|observed| completed(observed)).collect();
        let point = |place: usize| results.iter().map(|results| Some(results[place])).collect();
        pareto::order(&(0..self.count()).map(point).collect::<Vec<_>>())
    }
}

/// What to try next.
#[must_use]
pub(crate) fn proposals<'a>(known: &Several<'a>, kernels: &mut [Kernels], rng: &'a mut Rng) -> Proposals<'a> {
    let n = known.count();
    if n % DRAWN == DRAWN - 1 {
        return draws(known.encoding, rng);
    }
    if known.observed.len() > VOLUMES || n.is_multiple_of(TURNS) {
        return weighed(known, rng);
    }
    let mut noise: f64 = 0.0;
    for (metric, kernels) in kernels.iter_mut().enumerate() {
        let Some(kernel) = proposing::kernel(&known.known(metric), fitted_at(n), kernels) else {
            return draws(known.encoding, rng);
        };
        noise = noise.max(kernel.noise);
    }
    let order = known.order();
    if noise > RUGGED && n % SHARED == SHARED - 1 {
        let known = *known;
        return dense(known.encoding, move |place| known.point(place), &order, known.pending, rng);
    }
    let Some(mut outlook) = Outlook::new(known, &order, kernels) else { return draws(known.encoding, rng) };
    let best: Vec<&[f64]> = order.iter().take(16).map(|place| known.point(*place)).collect();
    let effort = Effort { draws: 300, changes: 200, climbs: 4, steps: 120 };
    let found = ranked(known.encoding, &best, effort, rng, |x| outlook.promise(x));
    Box::new(found.into_iter().map(|(_, point)| point))
}

/// By one weighing of all metrics, drawn anew for each proposal.
fn weighed<'a>(known: &Several<'_>, rng: &mut Rng) -> Proposals<'a> {
    // Uniform over all weights that add up to 1: differences of an exponential distribution.
    let draws: Vec<f64> = known.observed.iter().map(|_| -ln(rng.unit().max(1e-300))).collect();
    let whole: f64 = draws.iter().sum();
    let places = known.succeeded(known.count());
    let results: Vec<Vec<f64>> =
        known.observed.iter().map(|observed| spread(&modelled(observed, &places).1)).collect();
    let one = |place: usize| {
        let parts = results.iter().zip(&draws).map(|(results, draw)| draw / whole * results[place]);
        let (most, sum) =
            parts.fold((f64::NEG_INFINITY, 0.0), |(most, sum), part| (part.max(most), sum + part));
        most + SUM * sum
    };
    let mut observed: Vec<Observation> =
        (0..known.count()).map(|place| (known.point(place).to_vec(), None)).collect();
    for (result, place) in places.iter().enumerate() {
        observed[*place].1 = Some(one(result));
    }
    let known = Known { encoding: known.encoding, observed: &observed, pending: known.pending };
    let points: Vec<Point> = proposing::proposals(&known, &mut Kernels::default(), rng).collect();
    Box::new(points.into_iter())
}

/// From 0, the best, to 1.
fn spread(results: &[f64]) -> Vec<f64> {
    let (least, most) = ends(results.iter().copied());
    let range = most - least;
    results.iter().map(|result| if range > 0.0 { (result - least) / range } else { 0.0 }).collect()
}

fn ends(results: impl Iterator<Item = f64>) -> (f64, f64) {
    results.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), x| (x.min(least), x.max(most)))
}

/// What is expected of points.
struct Outlook {
    posteriors: Vec<Posterior>,
    failing: Option<Failing>,
    boxes: Boxes,
    beliefs: Vec<Belief>,
    room: Vec<f64>,
    tables: Room,
}

impl Outlook {
    /// By the kernels that were fitted last; none where one of them is missing.
    fn new(known: &Several<'_>, order: &[usize], kernels: &mut [Kernels]) -> Option<Self> {
        let n = known.count();
        let ranks = ranks(order);
        let places = known.succeeded(n);
        let failures = &mut kernels.first_mut()?.failures;
        let failing = Failing::new(&known.known(0), |count| known.succeeded(count), failures);
        let by_rank: Vec<f64> = places.iter().map(|place| ranks[*place]).collect();
        let chosen = chosen(&by_rank, POINTS);
        let mut points: Vec<&[f64]> = chosen.iter().map(|i| known.point(places[*i])).collect();
        // Where results are noisy, the best of them were lucky: what is believed there is to be improved upon.
        let mut leaders: Vec<usize> = (0..chosen.len()).collect();
        leaders.sort_by(|a, b| by_rank[chosen[*a]].total_cmp(&by_rank[chosen[*b]]));
        leaders.truncate(FRONT.max(LEADERS));
        let pending: Vec<&[f64]> = known.pending.iter().map(Vec::as_slice).collect();
        let mut believed = vec![Vec::new(); leaders.len() + pending.len()];
        points.extend(&pending);
        let mut posteriors = Vec::new();
        let mut room = Vec::new();
        for (metric, kernels) in kernels.iter_mut().enumerate() {
            let kernel = proposing::kernel(&known.known(metric), fitted_at(n), kernels)?;
            let (_, results) = modelled(&known.observed[metric], &places);
            let mut values: Vec<f64> = chosen.iter().map(|i| results[*i]).collect();
            let (metrics, told) = (known.encoding.metrics(), chosen.len());
            let mut posterior = Posterior::new(kernel.clone(), metrics, &points[..told], &values)?;
            let at = leaders.iter().map(|leader| points[*leader]).chain(pending.iter().copied());
            for (place, point) in at.enumerate() {
                believed[place].push(posterior.at(point, &mut room).mean);
            }
            if !pending.is_empty() {
                // What runs is believed to give what is expected of it.
                values.extend(believed[leaders.len()..].iter().map(|means| means[metric]));
                posterior = Posterior::new(kernel, metrics, &points, &values).unwrap_or(posterior);
            }
            posteriors.push(posterior);
        }
        let front = front(&believed);
        let boxes = Boxes::beyond(&front, &reference(&front));
        Some(Self { posteriors, failing, boxes, beliefs: Vec::new(), room, tables: Room::default() })
    }

    /// The logarithm of the volume that is expected of a configuration.
    fn promise(&mut self, x: &[f64]) -> f64 {
        self.beliefs.clear();
        for posterior in &self.posteriors {
            self.beliefs.push(posterior.at(x, &mut self.room));
        }
        let discount = self.failing.as_mut().map_or(0.0, |failing| failing.discount(x));
        volume::log_volume(&self.boxes, &self.beliefs, &mut self.tables) + discount
    }
}

/// Those that no other dominates, [`FRONT`] at most.
fn front(points: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let some: Vec<Vec<Option<f64>>> =
        points.iter().map(|point| point.iter().copied().map(Some).collect()).collect();
    let ranks = pareto::ranks(&some);
    let order = pareto::order(&some).into_iter().filter(|place| ranks[*place] == Some(0));
    order.take(FRONT).map(|place| points[place].clone()).collect()
}

/// A point a little behind the worst of a front in each metric, so that its ends are worth something.
fn reference(front: &[Vec<f64>]) -> Vec<f64> {
    let metrics = front.first().map_or(0, Vec::len);
    let behind = |metric: usize| {
        let (least, most) = ends(front.iter().map(|point| point[metric]));
        most + (BEHIND.0 * (most - least)).max(BEHIND.1)
    };
    (0..metrics).map(behind).collect()
}
