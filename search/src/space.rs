//! The space that is searched: named axes, each with its domain, and what connects them. Never a strategy's state.

mod assign;
mod component;
mod condition;
mod domain;
mod draw;
mod link;
mod part;
mod quantile;

use sweep_core::params::Params;

use component::Component;
use link::Group;

pub(crate) use component::Choice;
pub use condition::{Condition, Rule, Test};
pub use domain::{BETA_MOST, Domain};
pub use link::{LinkError, Links};

/// The axes, sorted by name, no name twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space {
    axes: Vec<Axis>,
    /// The axes that are set together, none before one that it depends on.
    groups: Vec<Group>,
    components: Vec<Component>,
    defaults: Params,
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

    /// Those of either of two.
    #[must_use]
    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Finite(a), Self::Finite(b)) => a.checked_add(b).map_or(Self::Beyond, Self::Finite),
            (Self::Infinite, _) | (_, Self::Infinite) => Self::Infinite,
            _ => Self::Beyond,
        }
    }

    /// So many times as many, at least once.
    #[must_use]
    fn times(self, times: u128) -> Self {
        match self {
            Self::Finite(count) => count.checked_mul(times).map_or(Self::Beyond, Self::Finite),
            endless => endless,
        }
    }
}

impl Space {
    /// A space of these axes, sorted by name, each independent of the others. Of two axes with one name the first
    /// is kept; the spec refuses them.
    #[must_use]
    pub fn new(axes: Vec<Axis>) -> Self {
        Self::linked(axes, &Links::default()).expect("nothing connects the axes that could be wrong")
    }

    /// A space of axes that are connected.
    ///
    /// # Errors
    /// Everything that is wrong with the links.
    pub fn linked(mut axes: Vec<Axis>, links: &Links) -> Result<Self, Vec<LinkError>> {
        axes.sort_by(|a, b| a.name.cmp(&b.name));
        axes.dedup_by(|later, first| later.name == first.name);
        let order = link::order(&axes, links)?;
        let (mut components, mut errors) = (Vec::new(), Vec::new());
        let mut start = 0;
        for size in order.components {
            let groups = &order.groups[start..start + size];
            match Component::new(start, groups, &axes) {
                Some(component) => components.push(component),
                None => {
                    let name = axes[groups[0].axes[0]].name.clone();
                    errors.push(LinkError::Entangled { name });
                }
            }
            start += size;
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self { axes, groups: order.groups, components, defaults: links.defaults.clone() })
    }

    /// The axes, sorted by name.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// The values to begin with, as the spec's `default:` gives them: those of some axes or of none. What
    /// [`Space::complete`] makes of them is the first configuration of a search that draws.
    #[must_use]
    pub fn defaults(&self) -> &Params {
        &self.defaults
    }

    /// The axis that leads this one: of coupled axes the first by name, otherwise the axis itself. What varies a
    /// configuration varies the leaders; [`Space::complete`] brings the others along.
    #[must_use]
    pub fn leader(&self, axis: usize) -> usize {
        let group = self.groups.iter().find(|group| group.axes.contains(&axis));
        group.map_or(axis, |group| group.axes[0])
    }

    /// Whether a parameter may be absent from a configuration.
    #[must_use]
    pub fn may_be_absent(&self, axis: usize) -> bool {
        let group = self.groups.iter().find(|group| group.axes.contains(&axis));
        group.is_some_and(|group| !group.when.is_empty() && group.then.is_none())
    }

    /// How many combinations there are: 1 for a space without axes.
    #[must_use]
    pub fn combinations(&self) -> Combinations {
        let counts: Vec<_> = self.components.iter().map(Component::count).collect();
        if counts.contains(&Combinations::Infinite) {
            return Combinations::Infinite;
        }
        counts.into_iter().fold(Combinations::Finite(1), |product, count| match count {
            Combinations::Finite(count) => product.times(count),
            endless => endless,
        })
    }

    /// The first axis with infinitely many values, where they make the space infinite.
    #[must_use]
    pub fn continuous(&self) -> Option<&Axis> {
        let infinite = self.combinations() == Combinations::Infinite;
        self.axes.iter().find(|axis| infinite && axis.domain.size().is_none())
    }

    /// Whether each combination of a finite space is as likely as any other: no list has weights.
    #[must_use]
    pub fn is_even(&self) -> bool {
        self.axes.iter().all(|axis| axis.domain.is_even())
    }

    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }

    pub(crate) fn components(&self) -> &[Component] {
        &self.components
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
