//! Quantiles and distribution functions of the normal and the beta distribution. Never the C library's mathematics:
//! libm in Rust gives the same bits on every machine.

#![allow(clippy::excessive_precision, reason = "the coefficients stand as they were published")]

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The standard normal variable below which a share `u` of the distribution lies; finite for every `u`: the ends
/// are those of the least and the greatest number that a generator of 53 bits gives.
///
/// Wichura 1988, "Algorithm AS 241: the percentage points of the normal distribution", PPND16; about 1 part in
/// 10^16.
#[must_use]
pub fn normal(u: f64) -> f64 {
    let u = inside(u);
    let centred = u - 0.5;
    if centred.abs() <= 0.425 {
        let r = 0.180_625 - centred * centred;
        return centred * polynomial(&CENTRE.0, r) / polynomial(&CENTRE.1, r);
    }
    let tail = if centred < 0.0 { u } else { 1.0 - u };
    let r = libm::sqrt(-libm::log(tail));
    let z = if r <= 5.0 {
        polynomial(&TAIL.0, r - 1.6) / polynomial(&TAIL.1, r - 1.6)
    } else {
        polynomial(&FAR_TAIL.0, r - 5.0) / polynomial(&FAR_TAIL.1, r - 5.0)
    };
    if centred < 0.0 { -z } else { z }
}

/// The share of the standard normal distribution below `z`.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// The number below which a share `u` of the beta distribution lies.
///
/// Newton's steps on [`beta_cdf`] inside a bracket that only shrinks; where a step would leave the bracket, the bits
/// of its ends are halved, so that numbers near 0 are found to the last bit as well.
#[must_use]
pub fn beta(u: f64, a: f64, b: f64) -> f64 {
    let u = inside(u);
    let scale = log_beta(a, b);
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    let mut x = a / (a + b);
    for _ in 0..BETA_STEPS {
        let error = beta_share(x, a, b, scale) - u;
        if error == 0.0 {
            return x;
        }
        if error < 0.0 {
            low = x;
        } else {
            high = x;
        }
        let density = libm::exp((a - 1.0) * libm::log(x) + (b - 1.0) * libm::log1p(-x) - scale);
        let newton = x - error / density;
        let next = if newton > low && newton < high { newton } else { half_way(low, high) };
        if next == x || next <= low || next >= high || (next - x).abs() <= x * f64::EPSILON / 2.0 {
            return next;
        }
        x = next;
    }
    x
}

/// The share of the beta distribution below `x`: the regularised incomplete beta function.
#[must_use]
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    beta_share(x, a, b, log_beta(a, b))
}

/// Far more than Newton needs; halving the bits of a bracket needs 62.
const BETA_STEPS: usize = 200;
/// The continued fraction needs about the square root of the larger of `a` and `b`.
const FRACTION_TERMS: u32 = 100_000;

/// The continued fraction of DLMF 8.17.22, evaluated by Lentz's method, on the side where it converges fast.
fn beta_share(x: f64, a: f64, b: f64, scale: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = libm::exp(a * libm::log(x) + b * libm::log1p(-x) - scale);
    if x <= (a + 1.0) / (a + b + 2.0) {
        (front / a * fraction(x, a, b)).clamp(0.0, 1.0)
    } else {
        (1.0 - front / b * fraction(1.0 - x, b, a)).clamp(0.0, 1.0)
    }
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    // Lentz's method divides by what may be 0; this is as good as 0 and does not overflow.
    let not_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for term in 1..FRACTION_TERMS {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for step in [even, odd] {
            d = 1.0 / not_zero(1.0 + step * d);
            c = not_zero(1.0 + step / c);
            change = c * d;
            result *= change;
        }
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    result
}

/// The logarithm of the beta function. Three logarithms of the gamma function would cancel to few digits, so from 10
/// on only the small remainders of Stirling's formula are subtracted.
fn log_beta(a: f64, b: f64) -> f64 {
    let (small, large) = (a.min(b), a.max(b));
    let ratio = small / (a + b);
    if large < STIRLING {
        return libm::lgamma(small) + libm::lgamma(large) - libm::lgamma(a + b);
    }
    if small < STIRLING {
        let gap = small - small * libm::log(a + b) - (large - 0.5) * libm::log1p(small / large);
        return libm::lgamma(small) + gap + stirling(large) - stirling(a + b);
    }
    0.5 * libm::log(2.0 * PI / small)
        + 0.5 * libm::log1p(small / large)
        + small * libm::log(ratio)
        + large * libm::log1p(-ratio)
        + stirling(a)
        + stirling(b)
        - stirling(a + b)
}

/// From here on the terms of [`stirling`] give all digits.
const STIRLING: f64 = 10.0;

/// What Stirling's formula lacks of the logarithm of the gamma function (DLMF 5.11.1), for 10 and above.
fn stirling(x: f64) -> f64 {
    let square = 1.0 / (x * x);
    let terms = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    polynomial(&terms, square) / x
}

/// The number whose bits are half-way between those of two that are not negative.
fn half_way(low: f64, high: f64) -> f64 {
    let (low, high) = (low.to_bits(), high.to_bits());
    f64::from_bits(low + (high - low) / 2)
}

/// Away from 0 and 1, where quantiles are infinite.
fn inside(u: f64) -> f64 {
    u.clamp(f64::EPSILON / 4.0, 1.0 - f64::EPSILON / 2.0)
}

/// By Horner's rule, the constant first.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// Numerator and denominator.
type Rational = ([f64; 8], [f64; 8]);

const CENTRE: Rational = (
    [
        3.387_132_872_796_366_608,
        133.141_667_891_784_377_45,
        1_971.590_950_306_551_442_7,
        13_731.693_765_509_461_125,
        45_921.953_931_549_871_457,
        67_265.770_927_008_700_853,
        33_430.575_583_588_128_105,
        2_509.080_928_730_122_672_7,
    ],
    [
        1.0,
        42.313_330_701_600_911_252,
        687.187_007_492_057_908_3,
        5_394.196_021_424_751_107_7,
        21_213.794_301_586_595_867,
        39_307.895_800_092_710_61,
        28_729.085_735_721_942_674,
        5_226.495_278_852_854_561,
    ],
);
const TAIL: Rational = (
    [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_9,
        5.769_497_221_460_691_405_5,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        0.241_780_725_177_450_611_77,
        0.022_723_844_989_269_184_583_3,
        7.745_450_142_783_414_076_4e-4,
    ],
    [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_4,
        0.689_767_334_985_100_004_55,
        0.148_103_976_427_480_074_59,
        0.015_198_666_563_616_457_196_6,
        5.475_938_084_995_344_946e-4,
        1.050_750_071_644_416_843_24e-9,
    ],
);
const FAR_TAIL: Rational = (
    [
        6.657_904_643_501_103_777_2,
        5.463_784_911_164_114_369_9,
        1.784_826_539_917_291_335_8,
        0.296_560_571_828_504_891_23,
        0.026_532_189_526_576_123_093,
        0.001_242_660_947_388_078_438_6,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ],
    [
        1.0,
        0.599_832_206_555_887_937_69,
        0.136_929_880_922_735_805_31,
        0.014_875_361_290_850_614_852_5,
        7.868_691_311_456_132_591e-4,
        1.846_318_317_510_054_681_8e-5,
        1.421_511_758_316_445_888_7e-7,
        2.044_263_103_389_939_785_64e-15,
    ],
);

/// Against SciPy 1.x's `norm.ppf`, `norm.cdf` and `beta.ppf`.
#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, relative: f64, what: &str) {
        assert!((found - expected).abs() <= expected.abs() * relative, "{what}: {found:e}, not {expected:e}");
    }

    #[test]
    fn normal_quantiles_are_those_of_scipy() {
        let table = [
            (1e-16, -8.222082216130435),
            (1e-10, -6.361340902404056),
            (1e-5, -4.264890793922825),
            (0.001, -3.090232306167813),
            (0.075, -1.4395314709384563),
            (0.3, -0.5244005127080409),
            (0.7, 0.5244005127080407),
            (0.925, 1.4395314709384563),
            (0.99, 2.3263478740408408),
            (0.999999, 4.753424308817087),
        ];
        for (u, z) in table {
            close(normal(u), z, 1e-14, &format!("at {u}"));
        }
        assert_eq!(normal(0.5), 0.0);
        assert!(normal(0.0).is_finite() && normal(1.0).is_finite());
    }

    #[test]
    fn normal_shares_are_those_of_scipy() {
        let table = [
            (-8.0, 6.22096057427174e-16),
            (-3.0, 0.0013498980316300933),
            (-1.0, 0.15865525393145707),
            (0.0, 0.5),
            (0.5, 0.6914624612740131),
            (2.0, 0.9772498680518208),
        ];
        for (z, u) in table {
            close(normal_cdf(z), u, 1e-13, &format!("at {z}"));
        }
    }

    #[test]
    fn beta_quantiles_are_those_of_scipy() {
        let table = [
            (1.0, 1.0, 0.3, 0.3),
            (2.0, 5.0, 1e-9, 8.165054699768939e-06),
            (2.0, 5.0, 0.3, 0.18180347131894917),
            (2.0, 5.0, 0.9, 0.5103163065514917),
            (0.5, 0.5, 0.01, 0.00024671981713422146),
            (0.5, 0.5, 0.5, 0.4999999999999999),
            (0.5, 0.5, 0.999, 0.999997532600929),
            (5.0, 1.0, 0.5, 0.8705505632961241),
            (0.1, 3.0, 1e-9, 2.3669013519449344e-91),
            (0.1, 3.0, 0.3, 1.397635130911783e-06),
            (0.1, 3.0, 0.999, 0.7240883749121574),
            (30.0, 70.0, 0.5, 0.2986619743086956),
            (1000.0, 2000.0, 0.01, 0.3134822002150808),
            (3.0, 40000.0, 0.9, 0.0001330458307617599),
            (1e6, 1e6, 0.01, 0.49917751227502466),
            (1e6, 1e6, 0.999, 0.501092560941955),
            (0.01, 0.02, 0.3, 2.0289416312649547e-35),
            (0.01, 0.02, 0.9, 1.0),
        ];
        for (a, b, u, x) in table {
            close(beta(u, a, b), x, 1e-11, &format!("beta({a}, {b}) at {u}"));
        }
    }

    #[test]
    fn quantiles_rise_and_shares_undo_them() {
        for (a, b) in [(0.3, 0.4), (1.0, 3.0), (2.0, 2.0), (50.0, 3.0), (1e4, 1e5)] {
            let mut last = 0.0;
            for n in 1..200 {
                let u = f64::from(n) / 200.0;
                let x = beta(u, a, b);
                assert!(x >= last, "beta({a}, {b}) at {u}");
                last = x;
                assert!((beta_cdf(x, a, b) - u).abs() < 1e-10, "beta({a}, {b}) at {u}");
                assert!((normal_cdf(normal(u)) - u).abs() < 1e-15);
            }
        }
    }
}
