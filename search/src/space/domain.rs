//! The values of one axis: which there are, and how many. Never how likely each is: that is `draw.rs`.

use sweep_core::value::{Scalar, Value};

/// The values of an axis, with the distribution that they are drawn from. The words are W&B's.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// These values, each as likely; one value is a constant. Never empty.
    Categorical(Vec<Value>),
    /// These values with these weights: as many, each above 0, their sum the whole.
    Weighted {
        /// The values; never empty.
        values: Vec<Value>,
        /// Their weights.
        weights: Vec<f64>,
    },
    /// The whole numbers from `min` to `max`, both included.
    IntUniform {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// `first`, `first + step`, … : what a grid makes of a rounded uniform range.
    Steps {
        /// The first.
        first: f64,
        /// The distance of two.
        step: f64,
        /// How many; at least 1.
        count: u64,
        /// Whether the values are whole numbers.
        whole: bool,
    },
    /// The real numbers from `min` to `max`.
    Uniform {
        /// The least, finite.
        min: f64,
        /// The greatest, finite.
        max: f64,
    },
    /// The real numbers from `min` to `max` with a uniform logarithm. W&B's `inv_log_uniform_values` is the same
    /// distribution: where log(1/x) is uniform, log(x) is.
    LogUniform {
        /// The least, above 0.
        min: f64,
        /// The greatest, finite.
        max: f64,
    },
    /// The normal distribution.
    Normal {
        /// Its mean.
        mu: f64,
        /// Its standard deviation, above 0.
        sigma: f64,
    },
    /// The numbers whose logarithm has the normal distribution.
    LogNormal {
        /// The logarithm's mean.
        mu: f64,
        /// The logarithm's standard deviation, above 0.
        sigma: f64,
    },
    /// The beta distribution on the numbers from 0 to 1.
    Beta {
        /// Above 0, at most [`BETA_MOST`].
        a: f64,
        /// Above 0, at most [`BETA_MOST`].
        b: f64,
    },
    /// A distribution of real numbers, each rounded to the next multiple of `step` (W&B's `q_…`): the even one of
    /// two that are as near. So the ends may lie half a step outside those of the distribution.
    Rounded {
        /// What is rounded: one of the distributions of real numbers.
        of: Box<Domain>,
        /// Above 0.
        step: f64,
        /// Whether the values are whole numbers: where the step was written as one.
        whole: bool,
    },
}

/// The greatest `a` and `b` of a beta distribution whose quantiles are good to 10 digits.
pub const BETA_MOST: f64 = 1e6;

impl Domain {
    /// The distribution of exp(x) for a uniform x from `min` to `max`: W&B's `log_uniform`, whose limits are
    /// exponents. `None` where a limit has no double.
    #[must_use]
    pub fn of_exponents(min: f64, max: f64) -> Option<Self> {
        let (min, max) = (libm::exp(min), libm::exp(max));
        (min > 0.0 && max.is_finite() && min < max).then_some(Self::LogUniform { min, max })
    }

    /// What a grid lists: of a rounded uniform range the steps from its `min` on that are below its `max`, as
    /// W&B's grid has them; of everything else itself. `None` for more steps than a double counts.
    #[must_use]
    pub fn listed(self) -> Option<Self> {
        let Self::Rounded { of, step, whole } = &self else { return Some(self) };
        let Self::Uniform { min, max } = **of else { return Some(self) };
        let count = libm::ceil((max - min) / step);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
        let count = (1.0..TWO_POW_51).contains(&count).then_some(count as u64)?;
        Some(Self::Steps { first: min, step: *step, count, whole: *whole && libm::rint(min) == min })
    }

    /// How many values there are; `None` for infinitely many. What is rounded counts as infinitely many: its
    /// values are drawn as W&B draws them, not each as likely.
    #[must_use]
    pub fn size(&self) -> Option<u128> {
        match self {
            Self::Categorical(values) | Self::Weighted { values, .. } => Some(values.len() as u128),
            Self::IntUniform { min, max } => {
                let span = i128::from(*max) - i128::from(*min) + 1;
                Some(u128::try_from(span).unwrap_or(0))
            }
            Self::Steps { count, .. } => Some((*count).into()),
            _ => None,
        }
    }

    /// The value at a place, from 0; `None` past the end and on a continuous axis.
    #[must_use]
    pub fn at(&self, place: u64) -> Option<Value> {
        match self {
            Self::Categorical(values) | Self::Weighted { values, .. } => {
                values.get(usize::try_from(place).ok()?).cloned()
            }
            Self::IntUniform { min, max } => {
                let n = i64::try_from(i128::from(*min) + i128::from(place)).ok()?;
                (n <= *max).then(|| Value::new(Scalar::Int(n)))
            }
            Self::Steps { first, step, count, whole } => {
                #[expect(clippy::cast_precision_loss, reason = "no more than 2^53 steps come from a spec")]
                let x = first + place as f64 * step;
                (place < *count).then(|| number(x, *whole))
            }
            _ => None,
        }
    }

    /// The place of a value, from 0; `None` where it has none, and on a continuous axis.
    #[must_use]
    pub fn place(&self, value: &Value) -> Option<u64> {
        match (self, value.scalar()) {
            (Self::Categorical(values) | Self::Weighted { values, .. }, _) => {
                values.iter().position(|v| v == value)?.try_into().ok()
            }
            (Self::IntUniform { min, max }, Scalar::Int(n)) if min <= n && n <= max => {
                u64::try_from(i128::from(*n) - i128::from(*min)).ok()
            }
            (Self::Steps { first, step, .. }, _) => {
                #[expect(clippy::cast_possible_truncation, reason = "what is too large is refused by `at`")]
                let place = libm::rint((value.as_f64()? - first) / step) as i128;
                let place = u64::try_from(place).ok()?;
                (self.at(place).as_ref() == Some(value)).then_some(place)
            }
            _ => None,
        }
    }

    /// Whether a value is in the domain.
    #[must_use]
    pub fn contains(&self, value: &Value) -> bool {
        if self.size().is_some() {
            return self.place(value).is_some();
        }
        let Some(x) = value.as_f64() else { return false };
        match self {
            Self::Rounded { of, step, whole } => {
                let (low, high) = of.limits().unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
                let n = libm::rint(x / step);
                matches!(value.scalar(), Scalar::Int(_)) == (*whole && x.abs() < TWO_POW_63)
                    && libm::rint(low / step) <= n
                    && n <= libm::rint(high / step)
                    // Beyond, the quotient is no longer exact, and the numbers are far more than a step apart.
                    && (n * step == x || n.abs() >= TWO_POW_51)
            }
            _ => {
                let (low, high) = self.limits().unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
                matches!(value.scalar(), Scalar::Float(_)) && low <= x && x <= high
            }
        }
    }

    /// The least and the greatest number; `None` for listed values. Of what is rounded those of the values; of
    /// distributions without an end the greatest that a double holds.
    #[must_use]
    pub fn limits(&self) -> Option<(f64, f64)> {
        Some(match self {
            Self::Categorical(_) | Self::Weighted { .. } => return None,
            #[expect(clippy::cast_precision_loss, reason = "limits of a size, not of identity")]
            Self::IntUniform { min, max } => (*min as f64, *max as f64),
            #[expect(clippy::cast_precision_loss, reason = "no more than 2^53 steps come from a spec")]
            Self::Steps { first, step, count, .. } => {
                (*first, first + (count.saturating_sub(1)) as f64 * step)
            }
            Self::Uniform { min, max } | Self::LogUniform { min, max } => (*min, *max),
            Self::Normal { .. } => (-f64::MAX, f64::MAX),
            Self::LogNormal { .. } => (0.0, f64::MAX),
            Self::Beta { .. } => (0.0, 1.0),
            Self::Rounded { of, step, .. } => {
                let round = |end: f64| {
                    let rounded = libm::rint(end / step) * step;
                    if rounded.is_finite() { rounded } else { end }
                };
                let (low, high) = of.limits()?;
                (round(low), round(high))
            }
        })
    }

    /// Whether all values of a finite domain are as likely.
    #[must_use]
    pub fn is_even(&self) -> bool {
        self.size().is_some() && !matches!(self, Self::Weighted { .. })
    }
}

/// From here on a double is no `i64`.
const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_POW_51: f64 = 2_251_799_813_685_248.0;

/// A number as a value; a whole one as such where it fits.
pub(super) fn number(x: f64, whole: bool) -> Value {
    if whole && x.abs() < TWO_POW_63 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
        return Value::new(Scalar::Int(x as i64));
    }
    // -0 is 0 with another text.
    Value::new(Scalar::Float(x + 0.0))
}

/// Sizes, places and limits.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_reach_both_ends() {
        let domain = Domain::IntUniform { min: i64::MIN, max: i64::MAX };
        assert_eq!(domain.size(), Some(1 << 64));
        assert_eq!(domain.at(0), Some(Value::new(Scalar::Int(i64::MIN))));
        assert_eq!(domain.at(u64::MAX), Some(Value::new(Scalar::Int(i64::MAX))));
        assert_eq!(Domain::IntUniform { min: -1, max: 1 }.at(3), None);
    }

    #[test]
    fn steps_have_places() {
        let domain = Domain::Steps { first: 0.1, step: 0.1, count: 5, whole: false };
        let texts: Vec<_> = (0..6).filter_map(|place| domain.at(place)).map(|v| v.to_string()).collect();
        assert_eq!(texts, ["0.1", "0.2", "0.30000000000000004", "0.4", "0.5"]);
        for place in 0..5 {
            assert_eq!(domain.place(&domain.at(place).unwrap()), Some(place));
        }
        for outside in ["0.0", "0.6", "0.25", "x", "1e300", "-1e300"] {
            assert!(!domain.contains(&Value::from_word(outside)), "{outside}");
        }
        let whole = Domain::Steps { first: -4.0, step: 4.0, count: 3, whole: true };
        assert_eq!(whole.at(2), Some(Value::from_word("4")));
        assert!(!whole.contains(&Value::from_word("4.0")));
    }

    /// `numpy.arange(0, 1, 0.25)` and `numpy.arange(1, 8, 3)`.
    #[test]
    fn a_grid_lists_steps_up_to_but_without_the_end() {
        let listed = |min, max, step, whole| {
            let of = Box::new(Domain::Uniform { min, max });
            let domain = Domain::Rounded { of, step, whole }.listed().unwrap();
            let values = (0..10).map_while(|place| domain.at(place));
            values.map(|value| value.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(listed(0.0, 1.0, 0.25, false), ["0.0", "0.25", "0.5", "0.75"]);
        assert_eq!(listed(1.0, 8.0, 3.0, true), ["1", "4", "7"]);
        let of = Box::new(Domain::Uniform { min: 0.0, max: 1.0 });
        assert_eq!(Domain::Rounded { of, step: 1e-300, whole: false }.listed(), None);
    }

    #[test]
    fn exponents_become_limits() {
        let Some(Domain::LogUniform { min, max }) = Domain::of_exponents(-2.0, 0.0) else { panic!() };
        assert_eq!((min, max), (0.1353352832366127, 1.0));
        assert_eq!(Domain::of_exponents(-1.0, 1000.0), None);
        assert_eq!(Domain::of_exponents(-1000.0, 1.0), None);
    }

    #[test]
    fn what_is_rounded_may_pass_the_ends_by_half_a_step() {
        let of = Box::new(Domain::Uniform { min: 0.6, max: 2.4 });
        let domain = Domain::Rounded { of, step: 1.0, whole: true };
        assert_eq!(domain.limits(), Some((1.0, 2.0)));
        let inside = |word| domain.contains(&Value::from_word(word));
        assert!(inside("1") && inside("2"));
        assert!(!inside("0") && !inside("3") && !inside("1.0") && !inside("1.5") && !inside("a"));
    }
}
