//! What is believed of the function at a point, given results elsewhere (Rasmussen and Williams 2006, algorithm 2.1).
//! Never a variance below 0.

use super::fit::Kernel;
use super::kernel::{Columns, Metric};
use super::linear::{backward, cholesky, dot, forward, inverse_transposed};

/// How often the noise is raised where the matrix has no factor.
const TRIES: usize = 8;
/// The least variance.
const LEAST: f64 = 1e-12;

/// A Gaussian process with results.
#[derive(Clone, Debug)]
pub(crate) struct Posterior {
    kernel: Kernel,
    columns: Columns,
    /// K⁻¹ times the results.
    alpha: Vec<f64>,
    /// The inverse of the factor, row by row.
    inverse: Vec<f64>,
}

/// A mean and a variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Belief {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

impl Posterior {
    /// The process with these results; `None` where the points are so alike that no noise helps.
    #[must_use]
    pub(crate) fn new(
        kernel: Kernel,
        metrics: &[Metric],
        points: &[&[f64]],
        results: &[f64],
    ) -> Option<Self> {
        let n = points.len();
        let columns = Columns::new(metrics, points);
        let mut kernel = kernel;
        let mut rows = vec![0.0; n * n];
        for (i, point) in points.iter().enumerate() {
            columns.row(&kernel.weights, kernel.s2, point, &mut rows[i * n..(i + 1) * n]);
        }
        for _ in 0..TRIES {
            let mut factor = rows.clone();
            for i in 0..n {
                factor[i * n + i] = kernel.s2 + kernel.noise;
            }
            if cholesky(&mut factor, n).is_some() {
                let alpha = backward(&factor, n, &forward(&factor, n, results));
                let upper = inverse_transposed(&factor, n);
                // The factor's room is used again for the inverse.
                for i in 0..n {
                    for j in 0..=i {
                        factor[i * n + j] = upper[j * n + i];
                    }
                }
                return Some(Self { kernel, columns, alpha, inverse: factor });
            }
            kernel.noise = kernel.noise * 10.0 + 1e-8;
        }
        None
    }

    /// The belief at a point. `room` is of any length, so that it can be used again.
    #[must_use]
    pub(crate) fn at(&self, x: &[f64], room: &mut Vec<f64>) -> Belief {
        let n = self.columns.n;
        room.resize(n, 0.0);
        self.columns.row(&self.kernel.weights, self.kernel.s2, x, room);
        let mean = dot(room, &self.alpha);
        let mut variance = self.kernel.s2;
        for i in 0..n {
            let u = dot(&self.inverse[i * n..i * n + i + 1], &room[..=i]);
            variance -= u * u;
        }
        Belief { mean, variance: variance.max(LEAST) }
    }
}

/// Beliefs.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kernel::matern;

    const METRICS: [Metric; 1] = [Metric::Near];

    fn kernel(noise: f64) -> Kernel {
        Kernel { weights: vec![4.0], s2: 1.5, noise }
    }

    #[test]
    fn the_belief_beside_one_result_has_its_closed_form() {
        let posterior = Posterior::new(kernel(0.5), &METRICS, &[&[0.25]], &[2.0]).unwrap();
        let k = 1.5 * matern(4.0 * 0.25).0;
        let belief = posterior.at(&[0.75], &mut Vec::new());
        assert!((belief.mean - k * 2.0 / 2.0).abs() < 1e-14);
        assert!((belief.variance - (1.5 - k * k / 2.0)).abs() < 1e-14);
    }

    #[test]
    fn without_noise_results_are_met() {
        let points: Vec<Vec<f64>> = (0..9).map(|i| vec![f64::from(i) / 8.0]).collect();
        let refs: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let results: Vec<f64> = points.iter().map(|x| (7.0 * x[0]).sin()).collect();
        let posterior = Posterior::new(kernel(1e-9), &METRICS, &refs, &results).unwrap();
        for (point, result) in points.iter().zip(&results) {
            let belief = posterior.at(point, &mut Vec::new());
            assert!((belief.mean - result).abs() < 1e-5 && belief.variance < 1e-5);
        }
        let between = posterior.at(&[0.3125], &mut Vec::new());
        assert!((between.mean - (7.0_f64 * 0.3125).sin()).abs() < 0.05 && between.variance > 1e-6);
    }

    #[test]
    fn equal_points_raise_the_noise() {
        let point = vec![0.5];
        let refs: Vec<&[f64]> = vec![&point; 30];
        let results: Vec<f64> = (0..30).map(f64::from).collect();
        let posterior = Posterior::new(kernel(0.0), &METRICS, &refs, &results).unwrap();
        assert!(posterior.kernel.noise > 0.0);
        assert!((posterior.at(&point, &mut Vec::new()).mean - 14.5).abs() < 0.1);
    }
}
