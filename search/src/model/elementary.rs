//! Exponentials, logarithms and tails of the normal distribution for the model: the same bits on every machine, since
//! nothing but additions, products, quotients and square roots in a written order is used besides `libm`. Never the C
//! library's mathematics.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2, LOG2_E, PI};

use crate::rng::Rng;

/// Adding and subtracting it rounds to a whole number.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts, the first with zeros at its end, so that its product with a whole number is exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Below, the result has no effect on a sum.
const LEAST: f64 = -700.0;

/// The exponential of a number that is at most 0 or a little above, without branches, so that a loop of them is
/// compiled to vector instructions. One part in 10^15.
#[inline]
#[must_use]
pub(crate) fn exp(x: f64) -> f64 {
    let x = if x < LEAST { LEAST } else { x };
    let shifted = x * LOG2_E + ROUNDER;
    let whole = shifted - ROUNDER;
    let r = (x - whole * LN_2_HIGH) - whole * LN_2_LOW;
    let mut sum = 1.0 / 6_227_020_800.0;
    for factorial in [
        479_001_600.0,
        39_916_800.0,
        3_628_800.0,
        362_880.0,
        40_320.0,
        5_040.0,
        720.0,
        120.0,
        24.0,
        6.0,
        2.0,
        1.0,
        1.0,
    ] {
        sum = sum * r + 1.0 / factorial;
    }
    // The whole part stands in the lowest bits of what was shifted.
    let scale = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0_f64.to_bits()));
    sum * scale
}

/// The natural logarithm.
#[must_use]
pub(crate) fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// A draw of the standard normal distribution.
pub(crate) fn gaussian(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * ln(rng.unit().max(1e-300))).sqrt();
    radius * libm::cos(2.0 * PI * rng.unit())
}

/// A draw from `0..count`; 0 where there is none.
pub(crate) fn below(rng: &mut Rng, count: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
    let place = (rng.unit() * count as f64) as usize;
    place.min(count.saturating_sub(1))
}

/// Below this z the closed form of the expected improvement loses its digits.
const TAIL: f64 = -1.0;
/// Below this z the tail's first terms are exact.
const FAR_TAIL: f64 = -40.0;
/// ln √(2π).
const LOG_ROOT_TWO_PI: f64 = 0.918_938_533_204_672_8;

/// ln(φ(z) + z·Φ(z)): the logarithm of the expected improvement at one standard deviation. Finite for every z down to
/// -10^150 (Ament et al. 2023, "Unexpected improvements to expected improvement", equation 9).
#[must_use]
pub(crate) fn log_improvement(z: f64) -> f64 {
    if z > TAIL {
        let density = libm::exp(-0.5 * z * z - LOG_ROOT_TWO_PI);
        return ln((density + z * normal_cdf(z)).max(f64::MIN_POSITIVE));
    }
    let rest = if z > FAR_TAIL {
        // Φ(z)/φ(z) by the scaled complementary error function.
        ln((1.0 + z * (PI / 2.0).sqrt() * scaled_erfc(-z * FRAC_1_SQRT_2)).max(1e-16))
    } else {
        -2.0 * ln(-z) + libm::log1p(-3.0 / (z * z))
    };
    -0.5 * z * z - LOG_ROOT_TWO_PI + rest
}

/// The share of the standard normal distribution below z.
#[must_use]
pub(crate) fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// exp(x²)·erfc(x) for x from 0.5 on: by the function itself while its digits last, then by the continued fraction
/// (Abramowitz and Stegun 7.1.14).
fn scaled_erfc(x: f64) -> f64 {
    if x < 5.0 {
        return libm::exp(x * x) * libm::erfc(x);
    }
    let mut fraction = x;
    for term in (1..=30_u8).rev() {
        fraction = x + f64::from(term) / 2.0 / fraction;
    }
    1.0 / (fraction * PI.sqrt())
}

const _: () = assert!(LN_2_HIGH + LN_2_LOW == LN_2);

/// Values from tables of 30 digits.
#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, expected: f64, part: f64) {
        assert!((got - expected).abs() <= part * expected.abs(), "{got} is not {expected}");
    }

    #[test]
    fn the_exponential_has_fifteen_digits() {
        for step in 0..7000 {
            let x = -f64::from(step) / 10.0 - 0.0123;
            near(exp(x), libm::exp(x), 2e-15);
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e9) < 1e-300 && exp(f64::NEG_INFINITY) < 1e-300);
    }

    /// ln(φ(z) + z·Φ(z)) with 50 digits.
    #[test]
    fn the_log_of_the_improvement_holds_far_into_the_tail() {
        for (z, expected) in [
            (3.0, 1.098_739_665_327_707_8),
            (0.0, -0.918_938_533_204_672_7),
            (-0.5, -1.620_516_264_387_319_9),
            (-1.0, -2.485_121_025_712_641_3),
            (-2.0, -4.768_783_523_917_114),
            (-5.0, -16.744_301_162_660_99),
            (-10.0, -55.553_122_036_122_36),
            (-39.9, -804.298_571_465_437_2),
            (-40.1, -812.308_552_817_568_6),
        ] {
            near(log_improvement(z), expected, 1e-8);
        }
        let far = log_improvement(-1e6);
        near(far, -5e11 - 28.55, 1e-12);
        assert!(log_improvement(-1e150).is_finite());
    }

    #[test]
    fn the_pieces_of_the_improvement_meet() {
        for seam in [TAIL, FAR_TAIL, -5.0 * std::f64::consts::SQRT_2] {
            near(log_improvement(seam - 1e-9), log_improvement(seam + 1e-9), 1e-7);
        }
    }

    #[test]
    fn draws_have_mean_zero_and_variance_one() {
        let mut rng = Rng::new("normal", 0);
        let draws: Vec<f64> = (0..20_000).map(|_| gaussian(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
