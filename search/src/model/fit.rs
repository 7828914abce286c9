//! The kernel's parameters that fit the results best: the maximum of likelihood and prior, by L-BFGS over logarithms
//! with the gradient written out (Rasmussen and Williams 2006, equations 2.30 and 5.9). Never a start that is drawn.

use super::descent::{Limits, minimise};
use super::elementary::ln;
use super::kernel::{Metric, distance, matern};
use super::linear::{add_scaled, backward, cholesky, dot, forward, inverse_transposed};

/// The parameters of the kernel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kernel {
    /// Of each parameter's squared distance.
    pub(crate) weights: Vec<f64>,
    /// The variance of the function.
    pub(crate) s2: f64,
    /// The variance of a result around the function.
    pub(crate) noise: f64,
}

/// Means of the logarithms of lengths, and how the logarithm of the noise is spread.
const LIST_LENGTH: f64 = 0.3;
const NOISE_MEAN: f64 = -9.210_340_371_976_182;
const NOISE_SPREAD: f64 = 2.0;
/// Bounds of the logarithms.
const WEIGHT: (f64, f64) = (-10.0, 12.0);
const SIGNAL: (f64, f64) = (-4.0, 4.0);
const NOISE: (f64, f64) = (-16.0, 0.0);

/// What is fitted to.
pub(crate) struct Evidence<'a> {
    /// Of each parameter.
    pub(crate) metrics: &'a [Metric],
    /// The points.
    pub(crate) points: Vec<&'a [f64]>,
    /// Their results, with mean 0 and variance 1.
    pub(crate) results: Vec<f64>,
}

/// The negative logarithm of likelihood and prior as a function of the logarithms of weights, signal and noise.
struct Misfit<'a> {
    n: usize,
    d: usize,
    /// Squared distances: for each parameter those of all pairs, the pair (i, j) with j < i at i(i-1)/2 + j.
    distances: Vec<f64>,
    results: &'a [f64],
    /// Of the logarithm of each parameter's length.
    means: Vec<f64>,
}

impl Kernel {
    /// What is believed before there are results.
    #[must_use]
    pub(crate) fn prior(evidence: &Evidence<'_>) -> Self {
        let means = evidence.length_means();
        let weights = means.iter().map(|mean| libm::exp(-2.0 * mean)).collect();
        Self { weights, s2: 1.0, noise: libm::exp(NOISE_MEAN) }
    }

    fn logs(&self) -> Vec<f64> {
        self.weights.iter().chain([&self.s2, &self.noise]).map(|x| ln(*x)).collect()
    }

    fn of_logs(logs: &[f64]) -> Self {
        let d = logs.len() - 2;
        let weights = logs[..d].iter().map(|x| libm::exp(*x)).collect();
        Self { weights, s2: libm::exp(logs[d]), noise: libm::exp(logs[d + 1]) }
    }

    /// The kernel that fits best of those that are reached from some starts, each in so many steps.
    #[must_use]
    pub(crate) fn fitted(evidence: &Evidence<'_>, starts: &[Self], steps: usize) -> Option<Self> {
        let mut misfit = Misfit::new(evidence);
        let mut bounds = vec![WEIGHT; misfit.d];
        bounds.extend([SIGNAL, NOISE]);
        let limits = Limits { steps, fall: 1e-3, stride: 2.0 };
        let mut best: Option<(f64, Vec<f64>)> = None;
        for start in starts {
            let found = minimise(start.logs(), &bounds, limits, &mut |logs: &[f64]| misfit.at(logs));
            if let Some(found) = found
                && best.as_ref().is_none_or(|best| found.0 < best.0)
            {
                best = Some(found);
            }
        }
        best.map(|(_, logs)| Self::of_logs(&logs))
    }
}

impl Evidence<'_> {
    /// The means of the logarithms of lengths: longer where a configuration has more parameters.
    fn length_means(&self) -> Vec<f64> {
        let active: usize = self.points.iter().map(|x| x.iter().filter(|x| **x >= 0.0).count()).sum();
        let each = (active as f64 / self.points.len().max(1) as f64).max(1.0);
        let mean = ln(0.5 * each.sqrt());
        let of = |metric: &Metric| if *metric == Metric::Equal { LIST_LENGTH } else { mean };
        self.metrics.iter().map(of).collect()
    }
}

impl<'a> Misfit<'a> {
    fn new(evidence: &'a Evidence<'_>) -> Self {
        let (n, d) = (evidence.points.len(), evidence.metrics.len());
        let mut distances = Vec::with_capacity(d * n * n.saturating_sub(1) / 2);
        for (q, metric) in evidence.metrics.iter().enumerate() {
            for (i, a) in evidence.points.iter().enumerate() {
                distances.extend(evidence.points[..i].iter().map(|b| distance(*metric, a[q], b[q])));
            }
        }
        Self { n, d, distances, results: &evidence.results, means: evidence.length_means() }
    }

    fn at(&mut self, logs: &[f64]) -> Option<(f64, Vec<f64>)> {
        let (n, d) = (self.n, self.d);
        let pairs = n * n.saturating_sub(1) / 2;
        let weights: Vec<f64> = logs[..d].iter().map(|x| libm::exp(*x)).collect();
        let (s2, noise) = (libm::exp(logs[d]), libm::exp(logs[d + 1]));
        let mut r2 = vec![0.0; pairs];
        for (q, w) in weights.iter().enumerate() {
            add_scaled(&mut r2, *w, &self.distances[q * pairs..(q + 1) * pairs]);
        }
        let mut slopes = vec![0.0; pairs];
        for (r2, slope) in r2.iter_mut().zip(&mut slopes) {
            let (value, derivative) = matern(*r2);
            (*r2, *slope) = (s2 * value, s2 * derivative);
        }
        let values = r2;
        let mut factor = vec![0.0; n * n];
        for i in 0..n {
            let first = i * i.saturating_sub(1) / 2;
            factor[i * n..i * n + i].copy_from_slice(&values[first..first + i]);
            factor[i * n + i] = s2 + noise;
        }
        cholesky(&mut factor, n)?;
        let white = forward(&factor, n, self.results);
        let alpha = backward(&factor, n, &white);
        let inverse = inverse_transposed(&factor, n);
        let mut misfit = 0.5 * dot(&white, &white) + (0..n).map(|i| ln(factor[i * n + i])).sum::<f64>();
        // For each pair α·αᵀ - K⁻¹; its weighted sums are the gradient.
        let (mut of_signal, mut of_noise) = (0.0, 0.0);
        for i in 0..n {
            let first = i * i.saturating_sub(1) / 2;
            let row = &inverse[i * n + i..(i + 1) * n];
            let mut sum = 0.0;
            for j in 0..i {
                let m = alpha[i] * alpha[j] - dot(row, &inverse[j * n + i..(j + 1) * n]);
                sum += 2.0 * m * values[first + j];
                slopes[first + j] *= m;
            }
            let m = alpha[i] * alpha[i] - dot(row, row);
            of_signal += sum + m * s2;
            of_noise += m * noise;
        }
        let mut gradient = Vec::with_capacity(d + 2);
        for (q, w) in weights.iter().enumerate() {
            gradient.push(-w * dot(&slopes, &self.distances[q * pairs..(q + 1) * pairs]));
        }
        gradient.extend([-0.5 * of_signal, -0.5 * of_noise]);
        misfit += self.prior(logs, &mut gradient);
        (misfit.is_finite() && gradient.iter().all(|g| g.is_finite())).then_some((misfit, gradient))
    }

    /// The part of the prior: of lengths, signal and noise, each normal in its logarithm.
    fn prior(&self, logs: &[f64], gradient: &mut [f64]) -> f64 {
        let d = self.d;
        let mut part = 0.0;
        for q in 0..d {
            // The length is w^(-1/2).
            let off = -0.5 * logs[q] - self.means[q];
            part += 0.5 * off * off;
            gradient[q] -= 0.5 * off;
        }
        part += 0.5 * logs[d] * logs[d];
        gradient[d] += logs[d];
        let off = (logs[d + 1] - NOISE_MEAN) / NOISE_SPREAD;
        gradient[d + 1] += off / NOISE_SPREAD;
        part + 0.5 * off * off
    }
}

/// Gradients and what is found again.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::elementary::gaussian;
    use crate::rng::Rng;

    const METRICS: [Metric; 3] = [Metric::Near, Metric::Equal, Metric::Near];

    fn points(n: usize) -> Vec<Vec<f64>> {
        let mut rng = Rng::new("fit", 0);
        let point = |rng: &mut Rng| {
            let kind = (rng.unit() * 3.0).floor();
            let last = if kind == 0.0 { -1.0 } else { rng.unit() };
            vec![rng.unit(), kind, last]
        };
        (0..n).map(|_| point(&mut rng)).collect()
    }

    fn evidence(points: &[Vec<f64>], results: Vec<f64>) -> Evidence<'_> {
        Evidence { metrics: &METRICS, points: points.iter().map(Vec::as_slice).collect(), results }
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let points = points(17);
        let results: Vec<f64> = points.iter().map(|x| (5.0 * x[0]).sin() + x[1] / 3.0 + x[2]).collect();
        let evidence = evidence(&points, results);
        let mut misfit = Misfit::new(&evidence);
        for logs in [[0.3, -0.5, 1.0, 0.2, -5.0], [2.0, 1.0, -3.0, -1.0, -1.0], [-4.0, 0.0, 6.0, 2.0, -9.0]] {
            let (_, gradient) = misfit.at(&logs).unwrap();
            for q in 0..5 {
                let h = 1e-5;
                let (mut above, mut below) = (logs, logs);
                above[q] += h;
                below[q] -= h;
                let slope = (misfit.at(&above).unwrap().0 - misfit.at(&below).unwrap().0) / (2.0 * h);
                assert!(
                    (gradient[q] - slope).abs() < 1e-4 * (1.0 + slope.abs()),
                    "{q}: {} {slope}",
                    gradient[q]
                );
            }
        }
    }

    #[test]
    fn the_misfit_of_two_points_has_its_closed_form() {
        let points = vec![vec![0.2, 0.0, 0.5], vec![0.6, 0.0, 0.5]];
        let evidence = evidence(&points, vec![1.0, -1.0]);
        let mut misfit = Misfit::new(&evidence);
        let logs = [1.0, 0.0, 0.0, 0.0, -2.0];
        let k = matern(1.0_f64.exp() * 0.16).0;
        let (a, b) = (1.0 + (-2.0_f64).exp(), k);
        // Eigenvalues a ± b; the results lie along the vector of a - b.
        let likelihood = 0.5 * 2.0 / (a - b) + 0.5 * ((a - b) * (a + b)).ln();
        let mean = (0.5 * 3.0_f64.sqrt()).ln();
        let prior = 0.5 * (-0.5 - mean).powi(2)
            + 0.5 * 0.3 * 0.3
            + 0.5 * mean * mean
            + 0.5 * ((-2.0 - NOISE_MEAN) / NOISE_SPREAD).powi(2);
        let got = misfit.at(&logs).unwrap().0;
        assert!((got - likelihood - prior).abs() < 1e-10, "{got}");
    }

    #[test]
    fn what_does_not_matter_gets_a_small_weight() {
        let points = points(60);
        let results =
            crate::model::warp::standard(&points.iter().map(|x| (6.0 * x[0]).sin()).collect::<Vec<_>>());
        let evidence = evidence(&points, results);
        let kernel = Kernel::fitted(&evidence, &[Kernel::prior(&evidence)], 60).unwrap();
        assert!(kernel.weights[0] > 20.0 * kernel.weights[2], "{kernel:?}");
        assert!(kernel.noise < 0.01, "{kernel:?}");
    }

    #[test]
    fn noise_is_recognised() {
        let points = points(80);
        let mut rng = Rng::new("noise", 0);
        let results: Vec<f64> = points.iter().map(|x| 2.0 * x[0] + 0.5 * gaussian(&mut rng)).collect();
        let evidence = evidence(&points, crate::model::warp::standard(&results));
        let kernel = Kernel::fitted(&evidence, &[Kernel::prior(&evidence)], 60).unwrap();
        // 0.25 of a variance of 1/3 + 0.25.
        assert!((0.15..0.8).contains(&kernel.noise), "{kernel:?}");
    }
}
