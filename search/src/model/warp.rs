//! What the model sees of results: scaled by their median and quartiles, made as normal as a power can (Yeo and Johnson
//! 2000), then with mean 0 and variance 1. Never another order of the results, and never an infinite one.

use super::elementary::{exp, ln};

/// Past this many quartile distances all results are alike.
const FAR: f64 = 1e60;
/// The powers that are tried: from -2 to 2.
const POWERS: u8 = 40;

/// Results as the model sees them: in the same order, mean 0, variance 1; all 0 where they are all the same.
#[must_use]
pub(crate) fn warped(results: &[f64]) -> Vec<f64> {
    let n = results.len();
    if n == 0 {
        return Vec::new();
    }
    let scaled = scaled(results);
    let logs: Vec<f64> = scaled.iter().map(|z| libm::log1p(z.abs())).collect();
    let signed: f64 = scaled.iter().zip(&logs).map(|(z, log)| if *z < 0.0 { -log } else { *log }).sum();
    let mut best = (f64::NEG_INFINITY, 1.0);
    for step in 0..=POWERS {
        let power = f64::from(step) / 10.0 - 2.0;
        let (_, variance) = moments(&powered(&scaled, &logs, power));
        let likelihood = -0.5 * n as f64 * ln(variance + 1e-12) + (power - 1.0) * signed;
        if likelihood > best.0 {
            best = (likelihood, power);
        }
    }
    standard(&powered(&scaled, &logs, best.1))
}

/// With mean 0 and variance 1; all 0 where they do not vary.
#[must_use]
pub(crate) fn standard(results: &[f64]) -> Vec<f64> {
    let (mean, variance) = moments(results);
    let deviation = variance.sqrt();
    if !(deviation > 1e-9 * mean.abs() && deviation > 1e-12) {
        return vec![0.0; results.len()];
    }
    results.iter().map(|y| (y - mean) / deviation).collect()
}

/// In quartile distances from the median.
fn scaled(results: &[f64]) -> Vec<f64> {
    let mut sorted = results.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let median = sorted[n / 2];
    // In halves: the difference of two huge numbers has no double.
    let half = |a: f64, b: f64| a / 2.0 - b / 2.0;
    let quartiles = half(sorted[3 * n / 4], sorted[n / 4]);
    let whole = half(sorted[n - 1], sorted[0]);
    // Where half of the results are the same, the others still differ.
    let spread = if quartiles > 1e-9 * whole { quartiles } else { whole.max(f64::MIN_POSITIVE) };
    results.iter().map(|y| (half(*y, median) / spread).clamp(-FAR, FAR)).collect()
}

/// The transformed numbers for one power; `logs` are those of `1 + |z|`.
fn powered(scaled: &[f64], logs: &[f64], power: f64) -> Vec<f64> {
    let of = |z: f64, log: f64| {
        let (power, sign) = if z < 0.0 { (2.0 - power, -1.0) } else { (power, 1.0) };
        sign * if power.abs() < 1e-6 { log } else { (grown(power * log) - 1.0) / power }
    };
    scaled.iter().zip(logs).map(|(z, log)| of(*z, *log)).collect()
}

/// The exponential of a number of either sign.
fn grown(x: f64) -> f64 {
    if x <= 0.0 { exp(x) } else { 1.0 / exp(-x) }
}

fn moments(results: &[f64]) -> (f64, f64) {
    let n = results.len().max(1) as f64;
    let mean = results.iter().map(|y| y / n).sum::<f64>();
    (mean, results.iter().map(|y| (y - mean) * (y - mean) / n).sum())
}

/// Shapes of results.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::elementary::gaussian;
    use crate::rng::Rng;

    fn skewness(y: &[f64]) -> f64 {
        y.iter().map(|y| y * y * y).sum::<f64>() / y.len() as f64
    }

    #[test]
    fn the_power_has_its_closed_form() {
        let z: [f64; 3] = [3.0, 0.0, -3.0];
        let logs: Vec<f64> = z.iter().map(|z| z.abs().ln_1p()).collect();
        let check = |power, expected: [f64; 3]| {
            for (got, expected) in powered(&z, &logs, power).into_iter().zip(expected) {
                assert!((got - expected).abs() < 1e-12, "{power}: {got} {expected}");
            }
        };
        check(1.0, [3.0, 0.0, -3.0]);
        check(0.5, [2.0, 0.0, -(8.0 - 1.0) / 1.5]);
        check(0.0, [4.0_f64.ln(), 0.0, -7.5]);
        check(2.0, [7.5, 0.0, -(4.0_f64.ln())]);
    }

    #[test]
    fn what_grows_exponentially_becomes_nearly_normal() {
        let mut rng = Rng::new("warp", 0);
        let y: Vec<f64> = (0..300).map(|_| (2.0 * gaussian(&mut rng)).exp()).collect();
        assert!(skewness(&standard(&y)) > 2.0);
        assert!(skewness(&warped(&y)).abs() < 0.6, "{}", skewness(&warped(&y)));
    }

    #[test]
    fn the_order_stays() {
        let y = [5.0, -1e30, 3.0, 1e30, 3.0, 4.0, -2.0];
        let warped = warped(&y);
        for (a, wa) in y.iter().zip(&warped) {
            for (b, wb) in y.iter().zip(&warped) {
                assert!(a >= b || wa <= wb, "{a} {b}: {wa} {wb}");
            }
        }
    }

    #[test]
    fn every_result_stays_finite() {
        for y in [
            vec![],
            vec![1.0],
            vec![7.0; 9],
            vec![f64::MAX, f64::MIN, 0.0],
            vec![f64::MAX; 5],
            vec![1.0, 1.0, 1.0, 1.0, 1e300],
            vec![0.0, f64::MIN_POSITIVE, 1e-320],
            vec![1e30, 1.0, 1.1, 1.2, 1.3, 1.4],
        ] {
            let warped = warped(&y);
            assert!(warped.iter().all(|w| w.is_finite() && w.abs() < 1e6), "{y:?}: {warped:?}");
        }
        assert_eq!(warped(&[2.0; 4]), [0.0; 4]);
    }
}
