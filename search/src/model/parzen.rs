//! The tree-structured Parzen estimator (Bergstra et al. 2011), with kernels over all parameters at once: a point is
//! proposed where good results lie more densely than the others. It expects nothing of how the function runs between
//! results, so it holds where the process of the model is at its end. Never a density of 0.

use super::elementary::{below, gaussian, ln, normal_cdf};
use super::encoding::{Encoding, Point};
use super::kernel::{ABSENT, Metric};
use crate::rng::Rng;

/// Which share of results is good, and at most how many.
const GOOD: (f64, usize) = (0.1, 25);
/// Points that are compared.
const CANDIDATES: usize = 24;
/// The width of a kernel in a space of one parameter with one result.
const WIDTH: f64 = 0.2;

/// Kernels around points, and one over the whole space.
struct Density<'a> {
    encoding: &'a Encoding,
    centres: Vec<&'a [f64]>,
    width: f64,
}

/// A point that promises most, of results sorted from the best to the worst.
#[must_use]
pub(crate) fn proposal(encoding: &Encoding, sorted: &[&[f64]], rng: &mut Rng) -> Point {
    let n = sorted.len();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
    let good = ((GOOD.0 * n as f64).ceil() as usize).clamp(1, GOOD.1).min(n);
    let (good, rest) = sorted.split_at(good);
    let (good, rest) = (Density::new(encoding, good), Density::new(encoding, rest));
    let mut best = (f64::NEG_INFINITY, Point::new());
    for _ in 0..CANDIDATES {
        let point = good.draw(rng);
        let promise = good.log_at(&point) - rest.log_at(&point);
        if promise > best.0 {
            best = (promise, point);
        }
    }
    best.1
}

impl<'a> Density<'a> {
    fn new(encoding: &'a Encoding, points: &[&'a [f64]]) -> Self {
        let active: usize = points.iter().map(|x| x.iter().filter(|x| **x >= 0.0).count()).sum();
        let d = active as f64 / points.len().max(1) as f64;
        let width = WIDTH * libm::pow(points.len().max(1) as f64, -1.0 / (d + 4.0));
        Self { encoding, centres: points.to_vec(), width }
    }

    fn draw(&self, rng: &mut Rng) -> Point {
        let centre = below(rng, self.centres.len() + 1);
        let Some(centre) = self.centres.get(centre) else { return self.encoding.random(rng) };
        let mut point: Point = centre.to_vec();
        for (dim, x) in point.iter_mut().enumerate().filter(|(_, x)| **x >= 0.0) {
            match self.encoding.list(dim) {
                Some(_) if rng.unit() < self.other() => *x = ABSENT,
                Some(_) => {}
                None => *x = self.truncated(*x, rng),
            }
        }
        self.encoding.settle(&mut point, rng);
        point
    }

    /// How likely a list has any value, its own included.
    fn other(&self) -> f64 {
        1.0 / (self.centres.len() as f64 + 1.0)
    }

    fn truncated(&self, centre: f64, rng: &mut Rng) -> f64 {
        for _ in 0..100 {
            let x = centre + self.width * gaussian(rng);
            if (0.0..=1.0).contains(&x) {
                return x;
            }
        }
        centre
    }

    fn log_at(&self, x: &[f64]) -> f64 {
        // That of the whole space is 1 everywhere.
        let mut logs = vec![0.0];
        logs.extend(self.centres.iter().map(|centre| self.log_kernel(centre, x)));
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logs.iter().map(|log| libm::exp(log - most)).sum();
        most + ln(sum / logs.len() as f64)
    }

    /// Relative to even chances, so that a parameter which one of both lacks counts for nothing.
    fn log_kernel(&self, centre: &[f64], x: &[f64]) -> f64 {
        let mut log = 0.0;
        for (dim, metric) in self.encoding.metrics().iter().enumerate() {
            let (c, x) = (centre[dim], x[dim]);
            if c < 0.0 || x < 0.0 {
                continue;
            }
            match metric {
                Metric::Near => {
                    let z = (x - c) / self.width;
                    let inside = normal_cdf((1.0 - c) / self.width) - normal_cdf(-c / self.width);
                    log -= 0.5 * z * z + ln(self.width * inside) + 0.918_938_533_204_672_8;
                }
                Metric::Equal => {
                    let count = self.encoding.list(dim).unwrap_or(1) as f64;
                    let other = self.other();
                    log += ln(other + if c == x { (1.0 - other) * count } else { 0.0 });
                }
            }
        }
        log
    }
}

/// Densities and what is proposed.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Axis, Domain, Space};

    fn line() -> Encoding {
        Encoding::new(&Space::new(vec![Axis {
            name: "x".into(),
            domain: Domain::Uniform { min: 0.0, max: 1.0 },
        }]))
    }

    #[test]
    fn a_density_has_the_mass_one() {
        let encoding = line();
        let centres: [&[f64]; 3] = [&[0.0], &[0.4], &[0.95]];
        let density = Density::new(&encoding, &centres);
        let mass: f64 =
            (0..1000).map(|i| density.log_at(&[(f64::from(i) + 0.5) / 1000.0]).exp() / 1000.0).sum();
        assert!((mass - 1.0).abs() < 1e-4, "{mass}");
    }

    #[test]
    fn proposals_lie_where_results_are_good() {
        let encoding = line();
        let points: Vec<Vec<f64>> = (0..40).map(|i| vec![f64::from(i * 7 % 40) / 40.0]).collect();
        let mut sorted: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        sorted.sort_by(|a, b| (a[0] - 0.7).abs().total_cmp(&(b[0] - 0.7).abs()));
        let near = |seed| (proposal(&encoding, &sorted, &mut Rng::new("parzen", seed))[0] - 0.7).abs() < 0.2;
        assert!((0..50).filter(|seed| near(*seed)).count() > 40);
    }
}
