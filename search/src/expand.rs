//! Every combination of a finite space, by its number: names sorted, the last name fastest, as hpc-compose orders
//! them. Never a list of them all.
//!
//! Parameters that depend on each other stand together at the place of the first of them, and each of them behind
//! those that it depends on; coupled parameters are one.

use sweep_core::params::Params;

use crate::space::{Choice, Space};

impl Space {
    /// The combination of this number, from 0; `None` past the last and where there is no last.
    #[must_use]
    pub fn combination(&self, number: u128) -> Option<Params> {
        let mut rest = number;
        let mut values = vec![None; self.axes().len()];
        for component in self.components().iter().rev() {
            // Of more than 2^128 combinations each number is one.
            let (digit, left) = match component.count().finite() {
                Some(count) => (rest.checked_rem(count)?, rest / count),
                None => (rest, 0),
            };
            rest = left;
            let choices = component.choices(digit)?;
            for (group, choice) in self.groups()[component.start..].iter().zip(choices) {
                for axis in &group.axes {
                    values[*axis] = match choice {
                        Choice::Absent => None,
                        Choice::Fixed => group.then.clone(),
                        Choice::Place(place) => Some(self.axes()[*axis].domain.at(place)?),
                    };
                }
            }
        }
        (rest == 0).then(|| self.params(values))
    }

    /// The number of a combination, the inverse of [`Space::combination`]; `None` for what is none, for an
    /// infinite space, and past 2^128.
    #[must_use]
    pub fn number(&self, params: &Params) -> Option<u128> {
        self.combinations().finite()?;
        let choices = self.choices(params)?;
        self.components().iter().try_fold(0_u128, |number, component| {
            let digit = component.number(&choices[component.start..])?;
            number.checked_mul(component.count().finite()?)?.checked_add(digit)
        })
    }

    /// The combinations from one number on, each made when it is asked for.
    pub fn combinations_from(&self, number: u128) -> impl Iterator<Item = Params> + '_ {
        (number..=u128::MAX).map_while(|number| self.combination(number))
    }
}

/// The order and the ends.
#[cfg(test)]
mod tests {
    use sweep_core::value::Value;

    use super::*;
    use crate::space::{Axis, Domain};

    fn axis(name: &str, words: &[&str]) -> Axis {
        let values = words.iter().map(|word| Value::from_word(word)).collect();
        Axis { name: name.into(), domain: Domain::Categorical(values) }
    }

    #[test]
    fn the_last_sorted_name_varies_fastest() {
        let space = Space::new(vec![axis("lr", &["0.1", "1e-2"]), axis("batch", &["32", "64", "128"])]);
        let keys: Vec<_> = space.combinations_from(0).map(|params| params.config_key()).collect();
        assert_eq!(
            keys,
            [
                "batch=32;lr=0.1",
                "batch=32;lr=1e-2",
                "batch=64;lr=0.1",
                "batch=64;lr=1e-2",
                "batch=128;lr=0.1",
                "batch=128;lr=1e-2"
            ]
        );
        let tail: Vec<_> = space.combinations_from(4).map(|params| params.config_key()).collect();
        assert_eq!(tail, keys[4..]);
        assert_eq!(space.combination(6), None);
    }

    #[test]
    fn ten_million_combinations_are_reached_by_number() {
        let ten = Domain::IntUniform { min: 0, max: 9 };
        let axes = (0..7).map(|n| Axis { name: format!("p{n}"), domain: ten.clone() }).collect();
        let space = Space::new(axes);
        let params = space.combination(1_234_567).unwrap();
        let digits: String = params.iter().map(|(_, value)| value.to_string()).collect();
        assert_eq!(digits, "1234567");
        assert_eq!(space.combinations_from(9_999_990).count(), 10);
    }

    #[test]
    fn a_continuous_axis_has_no_combinations() {
        let lr = Axis { name: "lr".into(), domain: Domain::Uniform { min: 0.0, max: 1.0 } };
        assert_eq!(Space::new(vec![lr]).combination(0), None);
    }
}
