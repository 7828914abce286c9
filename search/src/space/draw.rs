//! How a number in `[0, 1)` becomes a value, and back. Never two draws for one value: each is the inverse of a
//! distribution at one `u`, so that a `u` for each axis is a configuration.

use sweep_core::value::{Scalar, Value};

use super::domain::{Domain, number};
use super::quantile;

impl Domain {
    /// The value of a `u` in `[0, 1)` by the inverse of the cumulative distribution.
    ///
    /// Logarithms and exponentials are those of libm in Rust, so that the bits are the same on every machine.
    #[must_use]
    pub fn sample(&self, u: f64) -> Value {
        let u = u.clamp(0.0, 1.0);
        if let Some(place) = self.sample_place(u) {
            // An empty list cannot come from a spec; an empty text is better than a panic in a library.
            return self.at(place).unwrap_or_else(|| Value::from_text(""));
        }
        match self {
            Self::Rounded { of, step, whole } => {
                let x = of.quantile(u);
                let rounded = libm::rint(x / step) * step;
                number(if rounded.is_finite() { rounded } else { x }, *whole)
            }
            _ => Value::new(Scalar::Float(self.quantile(u))),
        }
    }

    /// The place of the value of a `u`; `None` for a continuous axis.
    pub(super) fn sample_place(&self, u: f64) -> Option<u64> {
        match self {
            Self::Weighted { weights, .. } => Some(weighted_place(u, weights)),
            _ => Some(place_of(u, self.size()?)),
        }
    }

    /// The `u` in the middle of a value's share: [`Self::sample`] of it gives the value back, a real number but
    /// for rounding. `None` for a value outside.
    #[must_use]
    pub fn cdf(&self, value: &Value) -> Option<f64> {
        if !self.contains(value) {
            return None;
        }
        let u = match self {
            Self::Weighted { weights, .. } => {
                let place = usize::try_from(self.place(value)?).ok()?;
                let before: f64 = weights.iter().take(place).sum();
                (before + weights.get(place)? / 2.0) / weights.iter().sum::<f64>()
            }
            Self::Rounded { of, step, .. } => {
                let x = value.as_f64()?;
                of.share_below(x - step / 2.0) / 2.0 + of.share_below(x + step / 2.0) / 2.0
            }
            _ => match self.size() {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a share of less than 2^-53 has no middle anyway"
                )]
                Some(size) => (self.place(value)? as f64 + 0.5) / size as f64,
                None => self.share_below(value.as_f64()?),
            },
        };
        // Both ends coincide where a range has one value.
        Some(if u.is_nan() { 0.5 } else { u.clamp(0.0, 1.0) })
    }

    /// The number below which a share `u` lies; 0 for what is not a distribution of real numbers.
    pub(super) fn quantile(&self, u: f64) -> f64 {
        match self {
            // As a weighted mean: `max - min` overflows for the widest ranges.
            Self::Uniform { min, max } => ((1.0 - u) * min + u * max).clamp(*min, min.max(*max)),
            Self::LogUniform { min, max } => {
                let (low, high) = (libm::log(*min), libm::log(*max));
                // The ends as they were written: exp(log(x)) is not always x.
                let x = if u > 0.0 { libm::exp((1.0 - u) * low + u * high) } else { *min };
                x.clamp(*min, min.max(*max))
            }
            Self::Normal { mu, sigma } => finite(mu + sigma * quantile::normal(u)),
            Self::LogNormal { mu, sigma } => finite(libm::exp(mu + sigma * quantile::normal(u))),
            Self::Beta { a, b } => quantile::beta(u, *a, *b),
            _ => 0.0,
        }
    }

    /// The share of a distribution of real numbers that lies below a number; 0 for other domains.
    pub(crate) fn share_below(&self, x: f64) -> f64 {
        match self {
            // In halves: `max - min` overflows for the widest ranges.
            Self::Uniform { min, max } => ((x / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0)).clamp(0.0, 1.0),
            Self::LogUniform { min, max } if x > 0.0 => {
                let low = libm::log(*min);
                ((libm::log(x) - low) / (libm::log(*max) - low)).clamp(0.0, 1.0)
            }
            Self::Normal { mu, sigma } => quantile::normal_cdf((x - mu) / sigma),
            Self::LogNormal { mu, sigma } if x > 0.0 => quantile::normal_cdf((libm::log(x) - mu) / sigma),
            Self::Beta { a, b } => quantile::beta_cdf(x, *a, *b),
            _ => 0.0,
        }
    }
}

fn finite(x: f64) -> f64 {
    x.clamp(-f64::MAX, f64::MAX)
}

/// `floor(u·size)`, at most `size - 1`.
fn place_of(u: f64, size: u128) -> u64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "u has 53 bits, so no more of the size can matter; the product is not negative"
    )]
    let place = (u * size as f64) as u128;
    u64::try_from(place.min(size.saturating_sub(1))).unwrap_or(u64::MAX)
}

/// The first place at which the sum of the weights passes `u` times their sum.
fn weighted_place(u: f64, weights: &[f64]) -> u64 {
    let target = u * weights.iter().sum::<f64>();
    let mut sum = 0.0;
    let passed = weights.iter().position(|weight| {
        sum += weight;
        target < sum
    });
    passed.unwrap_or(weights.len().saturating_sub(1)) as u64
}

/// Draws, against the rules and against SciPy's `rint`, `ppf` and their like.
#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Domain {
        Domain::Categorical(words.iter().map(|word| Value::from_word(word)).collect())
    }

    fn rounded(of: Domain, step: f64, whole: bool) -> Domain {
        Domain::Rounded { of: Box::new(of), step, whole }
    }

    fn weighted(weights: &[f64]) -> Domain {
        let values = (0..weights.len()).map(|n| Value::from_word(&n.to_string())).collect();
        Domain::Weighted { values, weights: weights.to_vec() }
    }

    fn domains() -> Vec<Domain> {
        vec![
            words(&["a", "b", "c"]),
            weighted(&[0.1, 0.7, 0.2]),
            Domain::IntUniform { min: 3, max: 9 },
            Domain::Steps { first: 0.5, step: 0.25, count: 9, whole: false },
            Domain::Uniform { min: -f64::MAX, max: f64::MAX },
            Domain::Uniform { min: 0.1, max: 0.3 },
            Domain::LogUniform { min: 1e-300, max: 1e300 },
            Domain::LogUniform { min: 1e-4, max: 0.1 },
            Domain::Normal { mu: -3.0, sigma: 20.0 },
            Domain::Normal { mu: 0.0, sigma: 1e308 },
            Domain::LogNormal { mu: 0.0, sigma: 1.0 },
            Domain::LogNormal { mu: 700.0, sigma: 100.0 },
            Domain::Beta { a: 2.0, b: 5.0 },
            rounded(Domain::Uniform { min: 0.6, max: 9.4 }, 1.0, true),
            rounded(Domain::Uniform { min: 0.0, max: 1.0 }, 0.1, false),
            rounded(Domain::LogUniform { min: 1e-3, max: 1e3 }, 0.5, false),
            rounded(Domain::Normal { mu: 0.0, sigma: 10.0 }, 3.0, true),
            rounded(Domain::LogNormal { mu: 1.0, sigma: 2.0 }, 1.0, true),
            rounded(Domain::Beta { a: 1.0, b: 1.0 }, 0.3, false),
        ]
    }

    #[test]
    fn drawn_values_stay_in_their_domain() {
        for domain in domains() {
            for n in 0..=1000 {
                let value = domain.sample(f64::from(n) / 1000.0);
                assert!(domain.contains(&value), "{domain:?} gave {value}");
            }
        }
    }

    #[test]
    fn the_middle_of_a_values_share_gives_the_value_back() {
        for domain in domains() {
            for n in 1..1000 {
                let value = domain.sample(f64::from(n) / 1000.0);
                let back = domain.sample(domain.cdf(&value).unwrap());
                let real = domain.size().is_none() && !matches!(domain, Domain::Rounded { .. });
                let (Some(x), Some(y), true) = (value.as_f64(), back.as_f64(), real) else {
                    assert_eq!(back, value, "{domain:?}");
                    continue;
                };
                assert!((x - y).abs() <= 1e-9 * x.abs().max(1e-9), "{domain:?}: {x} {y}");
            }
            assert_eq!(domain.cdf(&Value::from_word("no")), None);
        }
    }

    #[test]
    fn whole_numbers_reach_both_ends() {
        let domain = Domain::IntUniform { min: -1, max: 1 };
        let drawn: Vec<_> = [0.0, 0.34, 0.67, 0.999_999, 1.0].map(|u| domain.sample(u).to_string()).into();
        assert_eq!(drawn, ["-1", "0", "1", "1", "1"]);
    }

    #[test]
    fn weights_share_out_the_draws() {
        let domain = weighted(&[0.25, 0.5, 0.25]);
        let drawn: Vec<_> = [0.0, 0.249, 0.25, 0.749, 0.75, 1.0].map(|u| domain.sample(u).to_string()).into();
        assert_eq!(drawn, ["0", "0", "1", "1", "2", "2"]);
    }

    #[test]
    fn a_drawn_logarithm_has_the_same_bits_everywhere() {
        let domain = Domain::LogUniform { min: 1e-4, max: 1e-1 };
        assert_eq!(domain.sample(0.5).to_string(), "0.0031622776601683816");
        assert_eq!(domain.sample(0.0).to_string(), "0.0001");
        assert_eq!(domain.sample(0.123_456_789).to_string(), "0.00023462288299342046");
    }

    /// The expected bits are those of this code, once compared to SciPy's to 14 digits.
    #[test]
    fn every_distribution_has_the_same_bits_everywhere() {
        let table = [
            (Domain::Normal { mu: 1.0, sigma: 2.0 }, "-1.5631031310892016"),
            (Domain::LogNormal { mu: 0.0, sigma: 1.0 }, "0.2776062418520097"),
            (Domain::Beta { a: 2.0, b: 5.0 }, "0.0925952589131287"),
            (rounded(Domain::Normal { mu: 1.0, sigma: 2.0 }, 0.5, false), "-1.5"),
            (rounded(Domain::Uniform { min: 0.0, max: 10.0 }, 1.0, true), "1"),
            (rounded(Domain::Uniform { min: 0.0, max: 10.0 }, 0.3, false), "0.8999999999999999"),
        ];
        for (domain, text) in table {
            assert_eq!(domain.sample(0.1).to_string(), text, "{domain:?}");
        }
    }

    /// `round(x / q) * q` in Python 3 gives 0.0, 0.2, 0.4 where x is half-way: to the even multiple.
    #[test]
    fn half_way_is_rounded_to_even() {
        let domain = rounded(Domain::Uniform { min: 0.0, max: 4.0 }, 1.0, true);
        let drawn: Vec<_> = [0.125, 0.375, 0.625, 0.875].map(|u| domain.sample(u).to_string()).into();
        assert_eq!(drawn, ["0", "2", "2", "4"]);
    }
}
