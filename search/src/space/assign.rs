//! From a number in `[0, 1)` for each axis to a configuration, and back to what a configuration lacks. Never a value
//! outside its domain, and never a parameter that is not active.

use sweep_core::params::Params;

use super::Space;

impl Space {
    /// The configuration of a `u` for each axis, given by its place in [`Space::axes`].
    ///
    /// A parameter that the others make inactive is absent; its `u` is not asked for.
    #[must_use]
    pub fn assign(&self, unit: impl FnMut(usize) -> f64) -> Params {
        self.complete(&Params::new(), unit)
    }

    /// The configuration that has those of the wanted values that are active and in their domain, and draws what
    /// is active besides.
    #[must_use]
    pub fn complete(&self, wanted: &Params, mut unit: impl FnMut(usize) -> f64) -> Params {
        let value = |(place, axis): (usize, &super::Axis)| {
            let kept = wanted.get(&axis.name).filter(|value| axis.domain.contains(value)).cloned();
            (axis.name.clone(), kept.unwrap_or_else(|| axis.domain.sample(unit(place))))
        };
        self.axes().iter().enumerate().map(value).collect()
    }

    /// Whether a configuration has exactly the active parameters, each with a value of its domain.
    #[must_use]
    pub fn admits(&self, params: &Params) -> bool {
        params.len() == self.axes().len()
            && self.axes().iter().all(|axis| params.get(&axis.name).is_some_and(|v| axis.domain.contains(v)))
    }
}

/// Configurations and what is left of them.
#[cfg(test)]
mod tests {
    use sweep_core::value::Value;

    use super::super::{Axis, Domain};
    use super::*;

    fn space() -> Space {
        let solver = Domain::Categorical(["a", "b"].map(Value::from_word).into());
        Space::new(vec![
            Axis { name: "solver".into(), domain: solver },
            Axis { name: "lr".into(), domain: Domain::Uniform { min: 0.0, max: 1.0 } },
        ])
    }

    fn params(pairs: &[(&str, &str)]) -> Params {
        pairs.iter().map(|(name, word)| ((*name).to_owned(), Value::from_word(word))).collect()
    }

    #[test]
    fn a_number_for_each_axis_is_a_configuration() {
        let drawn = space().assign(|axis| [0.25, 0.75][axis]);
        assert_eq!(drawn, params(&[("lr", "0.25"), ("solver", "b")]));
        assert!(space().admits(&drawn));
    }

    #[test]
    fn wanted_values_are_kept_where_they_fit() {
        let wanted = params(&[("solver", "a"), ("lr", "7.0"), ("other", "1")]);
        let completed = space().complete(&wanted, |_| 0.5);
        assert_eq!(completed, params(&[("lr", "0.5"), ("solver", "a")]));
        assert!(space().admits(&completed));
        assert!(!space().admits(&wanted));
    }
}
