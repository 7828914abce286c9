//! The space that is searched: named axes, each with its domain. Never a strategy's state.

mod assign;
mod domain;
mod draw;
mod quantile;

pub use domain::{BETA_MOST, Domain};

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

/// Axes and their values.
#[cfg(test)]
mod tests {
    use sweep_core::value::Value;

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
}
