//! The space that is searched: named axes, each with its domain. Never a strategy's state.

use sweep_core::value::{Scalar, Value};

/// The axes, sorted by name, no name twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space {
    axes: Vec<Axis>,
}

/// One named axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The parameter's name.
    pub name: String,
    /// Its values.
    pub domain: Domain,
}

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

/// How many combinations a space has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combinations {
    /// This many.
    Finite(u128),
    /// Finitely many, 2^128 or more.
    Beyond,
    /// Infinitely many: an axis is continuous.
    Infinite,
}

impl Combinations {
    /// The number, where it can be written.
    #[must_use]
    pub fn finite(self) -> Option<u128> {
        match self {
            Self::Finite(count) => Some(count),
            Self::Beyond | Self::Infinite => None,
        }
    }
}

impl Space {
    /// A space of these axes, sorted by name. Of two axes with one name the first is kept; the spec refuses them.
    #[must_use]
    pub fn new(mut axes: Vec<Axis>) -> Self {
        axes.sort_by(|a, b| a.name.cmp(&b.name));
        axes.dedup_by(|later, first| later.name == first.name);
        Self { axes }
    }

    /// The axes, sorted by name.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// How many combinations there are: 1 for a space without axes.
    #[must_use]
    pub fn combinations(&self) -> Combinations {
        if self.axes.iter().any(|axis| axis.domain.size().is_none()) {
            return Combinations::Infinite;
        }
        let sizes = self.axes.iter().filter_map(|axis| axis.domain.size());
        match sizes.into_iter().try_fold(1_u128, u128::checked_mul) {
            Some(count) => Combinations::Finite(count),
            None => Combinations::Beyond,
        }
    }

    /// The first axis with infinitely many values.
    #[must_use]
    pub fn continuous(&self) -> Option<&Axis> {
        self.axes.iter().find(|axis| axis.domain.size().is_none())
    }
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

/// Axes and their values.
#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Domain {
        Domain::Categorical(words.iter().map(|word| Value::from_word(word)).collect())
    }

    fn axis(name: &str, domain: Domain) -> Axis {
        Axis { name: name.into(), domain }
    }

    #[test]
    fn a_huge_space_is_counted_at_once() {
        let seven = Domain::IntUniform { min: 1, max: 10 };
        let space = Space::new((0..7).map(|n| axis(&format!("p{n}"), seven.clone())).collect());
        assert_eq!(space.combinations(), Combinations::Finite(10_000_000));
        let all = Domain::IntUniform { min: i64::MIN, max: i64::MAX };
        assert_eq!(all.size(), Some(1 << 64));
        let space = Space::new((0..2).map(|n| axis(&format!("p{n}"), all.clone())).collect());
        assert_eq!(space.combinations(), Combinations::Beyond);
    }

    #[test]
    fn one_continuous_axis_makes_a_space_infinite() {
        let all = Domain::IntUniform { min: i64::MIN, max: i64::MAX };
        let mut axes: Vec<Axis> = (0..3).map(|n| axis(&format!("p{n}"), all.clone())).collect();
        axes.push(axis("lr", Domain::Uniform { min: 0.0, max: 1.0 }));
        let space = Space::new(axes);
        assert_eq!(space.combinations(), Combinations::Infinite);
        assert_eq!(space.continuous().unwrap().name, "lr");
    }

    #[test]
    fn axes_are_sorted_by_name() {
        let space =
            Space::new(vec![axis("b", words(&["1"])), axis("B", words(&["1"])), axis("a", words(&["1"]))]);
        let names: Vec<_> = space.axes().iter().map(|axis| axis.name.as_str()).collect();
        assert_eq!(names, ["B", "a", "b"]);
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
}
