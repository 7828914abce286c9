//! The values of one axis, and how a number in `[0, 1)` becomes one of them. Never two draws for one value: each is
//! the inverse of a distribution at one `u`, so that a `u` for each axis is a configuration.

use sweep_core::value::{Scalar, Value};

/// The values of an axis. The words are W&B's: `values`, `int_uniform`, `uniform`, `log_uniform_values`.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// These values, each as likely; one value is a constant. Never empty.
    Categorical(Vec<Value>),
    /// The whole numbers from `min` to `max`, both included.
    IntUniform {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// The real numbers from `min` to `max`.
    Uniform {
        /// The least, finite.
        min: f64,
        /// The greatest, finite.
        max: f64,
    },
    /// The real numbers from `min` to `max` with a uniform logarithm.
    LogUniform {
        /// The least, above 0.
        min: f64,
        /// The greatest, finite.
        max: f64,
    },
}

impl Domain {
    /// How many values there are; `None` for infinitely many.
    #[must_use]
    pub fn size(&self) -> Option<u128> {
        match self {
            Self::Categorical(values) => Some(values.len() as u128),
            Self::IntUniform { min, max } => {
                let span = i128::from(*max) - i128::from(*min) + 1;
                Some(u128::try_from(span).unwrap_or(0))
            }
            Self::Uniform { .. } | Self::LogUniform { .. } => None,
        }
    }

    /// The value at a place, from 0; `None` past the end and on a continuous axis.
    #[must_use]
    pub fn at(&self, place: u64) -> Option<Value> {
        match self {
            Self::Categorical(values) => values.get(usize::try_from(place).ok()?).cloned(),
            Self::IntUniform { min, max } => {
                let n = i64::try_from(i128::from(*min) + i128::from(place)).ok()?;
                (n <= *max).then(|| Value::new(Scalar::Int(n)))
            }
            Self::Uniform { .. } | Self::LogUniform { .. } => None,
        }
    }

    /// The value of a `u` in `[0, 1)` by the inverse of the cumulative distribution.
    ///
    /// Logarithms and exponentials are those of libm in Rust, so that the bits are the same on every machine.
    #[must_use]
    pub fn sample(&self, u: f64) -> Value {
        let u = u.clamp(0.0, 1.0);
        match self {
            Self::Categorical(values) => {
                let place = place_of(u, values.len() as u128);
                let value = usize::try_from(place).ok().and_then(|place| values.get(place));
                // An empty list cannot come from a spec; an empty text is better than a panic in a library.
                value.cloned().unwrap_or_else(|| Value::from_text(""))
            }
            Self::IntUniform { min, max } => {
                let place = place_of(u, self.size().unwrap_or(0));
                Value::new(Scalar::Int(self.at(place).as_ref().and_then(whole).unwrap_or((*min).min(*max))))
            }
            // As a weighted mean: `max - min` overflows for the widest ranges.
            Self::Uniform { min, max } => {
                Value::new(Scalar::Float(((1.0 - u) * min + u * max).clamp(*min, min.max(*max))))
            }
            Self::LogUniform { min, max } => {
                let (low, high) = (libm::log(*min), libm::log(*max));
                // The ends as they were written: exp(log(x)) is not always x.
                let x = if u > 0.0 { libm::exp((1.0 - u) * low + u * high) } else { *min };
                Value::new(Scalar::Float(x.clamp(*min, min.max(*max))))
            }
        }
    }

    /// The place of a value, from 0; `None` where it has none, and on a continuous axis.
    #[must_use]
    pub fn place(&self, value: &Value) -> Option<u64> {
        match (self, value.scalar()) {
            (Self::Categorical(values), _) => values.iter().position(|v| v == value)?.try_into().ok(),
            (Self::IntUniform { min, max }, Scalar::Int(n)) if min <= n && n <= max => {
                u64::try_from(i128::from(*n) - i128::from(*min)).ok()
            }
            _ => None,
        }
    }

    /// The `u` in the middle of a value's share: [`Self::sample`] of it gives the value back, a real number but
    /// for rounding. `None` for a value outside.
    #[must_use]
    pub fn cdf(&self, value: &Value) -> Option<f64> {
        if !self.contains(value) {
            return None;
        }
        let x = value.as_f64();
        let u = match self {
            Self::Categorical(_) | Self::IntUniform { .. } => {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a share of more than 2^53 has no middle anyway"
                )]
                let (place, size) = (self.place(value)? as f64, self.size()? as f64);
                (place + 0.5) / size
            }
            Self::Uniform { min, max } => {
                // In halves: `max - min` overflows for the widest ranges.
                (x? / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0)
            }
            Self::LogUniform { min, max } => {
                let low = libm::log(*min);
                (libm::log(x?) - low) / (libm::log(*max) - low)
            }
        };
        // Both ends coincide where a range has one value.
        Some(if u.is_nan() { 0.5 } else { u.clamp(0.0, 1.0) })
    }

    /// Whether a value is in the domain.
    #[must_use]
    pub fn contains(&self, value: &Value) -> bool {
        match (self, value.scalar()) {
            (Self::Categorical(values), _) => values.contains(value),
            (Self::IntUniform { min, max }, Scalar::Int(n)) => min <= n && n <= max,
            (Self::Uniform { min, max } | Self::LogUniform { min, max }, Scalar::Float(x)) => {
                min <= x && x <= max
            }
            _ => false,
        }
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value.scalar() {
        Scalar::Int(n) => Some(*n),
        _ => None,
    }
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

/// Places, shares and draws.
#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Domain {
        Domain::Categorical(words.iter().map(|word| Value::from_word(word)).collect())
    }

    #[test]
    fn whole_numbers_reach_both_ends() {
        let domain = Domain::IntUniform { min: i64::MIN, max: i64::MAX };
        assert_eq!(domain.at(0), Some(Value::new(Scalar::Int(i64::MIN))));
        assert_eq!(domain.at(u64::MAX), Some(Value::new(Scalar::Int(i64::MAX))));
        let domain = Domain::IntUniform { min: -1, max: 1 };
        assert_eq!(domain.at(3), None);
        let drawn: Vec<_> = [0.0, 0.34, 0.67, 0.999_999, 1.0].map(|u| domain.sample(u).to_string()).into();
        assert_eq!(drawn, ["-1", "0", "1", "1", "1"]);
    }

    #[test]
    fn drawn_values_stay_in_their_domain() {
        let domains = [
            words(&["a", "b", "c"]),
            Domain::IntUniform { min: 3, max: 9 },
            Domain::Uniform { min: -f64::MAX, max: f64::MAX },
            Domain::Uniform { min: 0.1, max: 0.3 },
            Domain::LogUniform { min: 1e-300, max: 1e300 },
            Domain::LogUniform { min: 1e-4, max: 0.1 },
        ];
        for domain in domains {
            for n in 0..=1000 {
                let value = domain.sample(f64::from(n) / 1000.0);
                assert!(domain.contains(&value), "{domain:?} gave {value}");
            }
        }
    }

    #[test]
    fn a_drawn_logarithm_has_the_same_bits_everywhere() {
        let domain = Domain::LogUniform { min: 1e-4, max: 1e-1 };
        assert_eq!(domain.sample(0.5).to_string(), "0.0031622776601683816");
        assert_eq!(domain.sample(0.0).to_string(), "0.0001");
        assert_eq!(domain.sample(0.123_456_789).to_string(), "0.00023462288299342046");
    }

    #[test]
    fn the_middle_of_a_values_share_gives_the_value_back() {
        for domain in [words(&["a", "b", "c"]), Domain::IntUniform { min: -3, max: 96 }] {
            for place in 0..u64::try_from(domain.size().unwrap()).unwrap() {
                let value = domain.at(place).unwrap();
                assert_eq!(domain.place(&value), Some(place));
                assert_eq!(domain.sample(domain.cdf(&value).unwrap()), value);
            }
            assert_eq!(domain.cdf(&Value::from_word("1000")), None);
        }
    }

    #[test]
    fn the_share_of_a_real_number_is_where_it_was_drawn() {
        let domains = [
            Domain::Uniform { min: -f64::MAX, max: f64::MAX },
            Domain::Uniform { min: -3.0, max: 7.0 },
            Domain::LogUniform { min: 1e-300, max: 1e300 },
        ];
        for domain in domains {
            for n in 0..=100 {
                let u = f64::from(n) / 100.0;
                assert!((domain.cdf(&domain.sample(u)).unwrap() - u).abs() < 1e-14, "{domain:?} {u}");
            }
        }
    }
}
