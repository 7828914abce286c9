//! From a number in `[0, 1)` for each axis to a configuration, and back to what a configuration lacks. Never a value
//! outside its domain, and never a parameter that is not active.

use sweep_core::params::Params;
use sweep_core::value::Value;

use super::link::Group;
use super::{Axis, Choice, Domain, Space};

impl Space {
    /// The configuration of a `u` for each axis, given by its place in [`Space::axes`].
    ///
    /// A parameter that the others make inactive is absent; its `u` is not asked for. Coupled parameters have the
    /// `u` of their leader.
    #[must_use]
    pub fn assign(&self, unit: impl FnMut(usize) -> f64) -> Params {
        self.complete(&Params::new(), unit)
    }

    /// The configuration that has those of the wanted values that are active and in their domain, and draws what
    /// is active besides.
    ///
    /// Of coupled parameters the row that all wanted values agree on is taken; where there is none, the leader's.
    #[must_use]
    pub fn complete(&self, wanted: &Params, mut unit: impl FnMut(usize) -> f64) -> Params {
        let mut values: Vec<Option<Value>> = vec![None; self.axes.len()];
        for group in &self.groups {
            let holds = group.holds(&values);
            let first = group.axes[0];
            let axis = &self.axes[first];
            match (&group.then, holds) {
                (None, false) => {}
                (Some(then), true) if !group.when.is_empty() => values[first] = Some(then.clone()),
                _ if group.axes.len() == 1 => {
                    let kept = wanted.get(&axis.name).and_then(|value| kept(&axis.domain, value));
                    values[first] = Some(kept.unwrap_or_else(|| axis.domain.sample(unit(first))));
                }
                _ => {
                    let place = self.wanted_row(group, wanted).or_else(|| {
                        let drawn = axis.domain.sample_place(unit(first))?;
                        usize::try_from(drawn).ok()
                    });
                    for member in &group.axes {
                        values[*member] = place.and_then(|place| self.axes[*member].domain.at(place as u64));
                    }
                }
            }
        }
        self.params(values)
    }

    /// Whether a configuration has exactly the active parameters, each with a value of its domain.
    #[must_use]
    pub fn admits(&self, params: &Params) -> bool {
        self.choices(params).is_some()
    }

    /// What a configuration says about each group; `None` where it is none of this space.
    pub(crate) fn choices(&self, params: &Params) -> Option<Vec<Choice>> {
        let mut values: Vec<Option<Value>> = vec![None; self.axes.len()];
        let mut choices = Vec::with_capacity(self.groups.len());
        let mut count = 0;
        for group in &self.groups {
            let holds = group.holds(&values);
            let first = group.axes[0];
            let axis = &self.axes[first];
            let given = || params.get(&axis.name);
            choices.push(match (&group.then, holds) {
                (None, false) => {
                    if group.axes.iter().any(|member| params.get(&self.axes[*member].name).is_some()) {
                        return None;
                    }
                    Choice::Absent
                }
                (Some(then), true) if !group.when.is_empty() => {
                    given().filter(|value| *value == then)?;
                    Choice::Fixed
                }
                _ if group.axes.len() == 1 => {
                    let value = given().filter(|value| axis.domain.contains(value))?;
                    // What has no place is never numbered.
                    Choice::Place(axis.domain.place(value).unwrap_or(0))
                }
                _ => {
                    let row =
                        self.rows(group).find(|row| self.agreeing(group, params, *row) == group.axes.len());
                    Choice::Place(row? as u64)
                }
            });
            if choices.last() != Some(&Choice::Absent) {
                count += group.axes.len();
                for member in &group.axes {
                    values[*member] = params.get(&self.axes[*member].name).cloned();
                }
            }
        }
        (count == params.len()).then_some(choices)
    }

    /// The parameters of a value, or none, for each axis.
    pub(crate) fn params(&self, values: Vec<Option<Value>>) -> Params {
        let named = self.axes.iter().zip(values);
        named.filter_map(|(Axis { name, .. }, value)| Some((name.clone(), value?))).collect()
    }

    /// The row of coupled lists that most of the wanted values agree on, the leader's above others.
    pub(super) fn wanted_row(&self, group: &Group, wanted: &Params) -> Option<usize> {
        let leader = std::slice::from_ref(&group.axes[0]);
        let score = |row: usize| {
            let all = self.agreeing(group, wanted, row);
            let led = self.agreeing_of(leader, wanted, row);
            let given =
                group.axes.iter().filter(|axis| wanted.get(&self.axes[**axis].name).is_some()).count();
            (all == given, led, all)
        };
        let scored = self.rows(group).map(|row| (score(row), row)).filter(|((_, _, all), _)| *all > 0);
        // Of rows that are as good, the first.
        scored.rev().max_by_key(|(score, _)| *score).map(|(_, row)| row)
    }

    fn rows(&self, group: &Group) -> std::ops::Range<usize> {
        match &self.axes[group.axes[0]].domain {
            Domain::Categorical(values) => 0..values.len(),
            _ => 0..0,
        }
    }

    fn agreeing(&self, group: &Group, params: &Params, row: usize) -> usize {
        self.agreeing_of(&group.axes, params, row)
    }

    fn agreeing_of(&self, axes: &[usize], params: &Params, row: usize) -> usize {
        let agrees = |axis: &&usize| {
            let Axis { name, domain } = &self.axes[**axis];
            let there = matches!(domain, Domain::Categorical(values) if values.get(row) == params.get(name));
            there && params.get(name).is_some()
        };
        axes.iter().filter(agrees).count()
    }
}

impl Group {
    /// Whether all conditions hold for the values of what came before.
    fn holds(&self, values: &[Option<Value>]) -> bool {
        self.when.iter().all(|(axis, test)| values[*axis].as_ref().is_some_and(|value| test.holds(value)))
    }
}

/// A wanted value, as the domain writes it.
fn kept(domain: &Domain, value: &Value) -> Option<Value> {
    if !domain.contains(value) {
        return None;
    }
    let listed = domain.place(value).and_then(|place| domain.at(place));
    Some(listed.unwrap_or_else(|| value.clone()))
}

/// Configurations and what is left of them.
#[cfg(test)]
mod tests {
    use super::super::{Condition, Links, Rule, Test};
    use super::*;

    fn words(words: &str) -> Domain {
        Domain::Categorical(words.split(' ').map(Value::from_word).collect())
    }

    fn axis(name: &str, domain: Domain) -> Axis {
        Axis { name: name.into(), domain }
    }

    fn params(pairs: &[(&str, &str)]) -> Params {
        pairs.iter().map(|(name, word)| ((*name).to_owned(), Value::from_word(word))).collect()
    }

    fn rule(name: &str, parent: &str, word: &str, then: Option<&str>) -> Rule {
        let test = Test::OneOf(vec![Value::from_word(word)]);
        let when = vec![Condition { parent: parent.into(), test }];
        Rule { name: name.into(), when, then: then.map(Value::from_word) }
    }

    fn real() -> Domain {
        Domain::Uniform { min: 0.0, max: 1.0 }
    }

    #[test]
    fn a_number_for_each_axis_is_a_configuration() {
        let space = Space::new(vec![axis("solver", words("a b")), axis("lr", real())]);
        let drawn = space.assign(|axis| [0.25, 0.75][axis]);
        assert_eq!(drawn, params(&[("lr", "0.25"), ("solver", "b")]));
        assert!(space.admits(&drawn));
    }

    #[test]
    fn wanted_values_are_kept_where_they_fit() {
        let space = Space::new(vec![axis("solver", words("a b")), axis("lr", real())]);
        let wanted = params(&[("solver", "a"), ("lr", "7.0"), ("other", "1")]);
        let completed = space.complete(&wanted, |_| 0.5);
        assert_eq!(completed, params(&[("lr", "0.5"), ("solver", "a")]));
        assert!(space.admits(&completed));
        assert!(!space.admits(&wanted));
    }

    #[test]
    fn a_parameter_is_there_only_where_its_parents_let_it() {
        let rules = vec![rule("l1", "solver", "saga", None), rule("b", "l1", "0.5", None)];
        let space = Space::linked(
            vec![axis("solver", words("saga lbfgs")), axis("l1", words("0.5 0.6")), axis("b", real())],
            &Links { rules, ..Links::default() },
        )
        .unwrap();
        assert_eq!(space.assign(|_| 0.75), params(&[("solver", "lbfgs")]));
        assert_eq!(space.assign(|_| 0.25), params(&[("b", "0.25"), ("l1", "0.5"), ("solver", "saga")]));
        let wanted = params(&[("b", "0.5"), ("l1", "0.6"), ("solver", "saga")]);
        assert_eq!(space.complete(&wanted, |_| 0.0), params(&[("l1", "0.6"), ("solver", "saga")]));
        assert!(!space.admits(&wanted));
        assert!(!space.admits(&params(&[("l1", "0.6"), ("solver", "lbfgs")])));
        assert!(!space.admits(&params(&[("solver", "saga")])));
        assert!(space.may_be_absent(0) && !space.may_be_absent(2));
    }

    #[test]
    fn a_rule_with_a_value_fixes_it_where_the_conditions_hold() {
        let rules = vec![rule("l1", "solver", "lbfgs", Some("0"))];
        let space = Space::linked(
            vec![axis("solver", words("saga lbfgs")), axis("l1", real())],
            &Links { rules, ..Links::default() },
        )
        .unwrap();
        assert_eq!(space.assign(|_| 0.75), params(&[("l1", "0"), ("solver", "lbfgs")]));
        assert_eq!(space.assign(|_| 0.25), params(&[("l1", "0.25"), ("solver", "saga")]));
        assert!(space.admits(&params(&[("l1", "0"), ("solver", "lbfgs")])));
        assert!(!space.admits(&params(&[("l1", "0.5"), ("solver", "lbfgs")])));
        assert!(!space.may_be_absent(0));
    }

    #[test]
    fn coupled_values_stay_together() {
        let coupled = vec![vec!["lr".into(), "batch".into()]];
        let space = Space::linked(
            vec![axis("lr", words("0.1 0.2 0.1")), axis("batch", words("32 64 128"))],
            &Links { coupled, ..Links::default() },
        )
        .unwrap();
        assert_eq!(space.assign(|axis| [0.5, f64::NAN][axis]), params(&[("batch", "64"), ("lr", "0.2")]));
        let complete = |pairs: &[(&str, &str)]| space.complete(&params(pairs), |_| 0.5).config_key();
        assert_eq!(complete(&[("lr", "0.1")]), "batch=32;lr=0.1");
        assert_eq!(complete(&[("batch", "128")]), "batch=128;lr=0.1");
        assert_eq!(complete(&[("batch", "128"), ("lr", "0.1")]), "batch=128;lr=0.1");
        assert_eq!(complete(&[("batch", "128"), ("lr", "0.2")]), "batch=128;lr=0.1", "the leader's row");
        assert_eq!(complete(&[("batch", "7"), ("lr", "7")]), "batch=64;lr=0.2");
        assert!(space.admits(&params(&[("batch", "128"), ("lr", "0.1")])));
        assert!(!space.admits(&params(&[("batch", "128"), ("lr", "0.2")])));
        assert_eq!((space.leader(1), space.leader(0)), (0, 0));
    }
}
