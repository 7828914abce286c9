//! Laws of spaces, over spaces that nobody thought of: values are in their domain, a value's share gives it back,
//! conditions hold, and combinations are counted and numbered as a list of them all would be.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sweep_core::params::Params;
use sweep_core::value::{Scalar, Value};
use sweep_search::space::{Condition, Links, Rule, Test};
use sweep_search::{Axis, Combinations, Domain, Space};

fn int(n: i64) -> Value {
    Value::new(Scalar::Int(n))
}

/// A distribution of real numbers.
fn real() -> impl Strategy<Value = Domain> {
    let ends = (-1e6..1e6_f64, 1e-3..1e6_f64);
    let above_zero = (1e-9..1e3_f64, 1.001..1e6_f64);
    prop_oneof![
        ends.prop_map(|(min, width)| Domain::Uniform { min, max: min + width }),
        above_zero.prop_map(|(min, factor)| Domain::LogUniform { min, max: min * factor }),
        (-1e3..1e3_f64, 1e-3..1e3_f64).prop_map(|(mu, sigma)| Domain::Normal { mu, sigma }),
        (-10.0..10.0_f64, 0.01..10.0_f64).prop_map(|(mu, sigma)| Domain::LogNormal { mu, sigma }),
        (0.05..50.0_f64, 0.05..50.0_f64).prop_map(|(a, b)| Domain::Beta { a, b }),
    ]
}

fn domain() -> impl Strategy<Value = Domain> {
    let weights = prop::collection::vec(0.01..1.0_f64, 1..6);
    prop_oneof![
        real(),
        (real(), 1e-3..100.0_f64).prop_map(|(of, step)| Domain::Rounded {
            of: Box::new(of),
            step,
            whole: false
        }),
        (real(), 1..50_u8).prop_map(|(of, step)| Domain::Rounded {
            of: Box::new(of),
            step: f64::from(step),
            whole: true
        }),
        (any::<i64>(), any::<i64>()).prop_map(|(a, b)| Domain::IntUniform { min: a.min(b), max: a.max(b) }),
        (-50..50_i64, 0..50_i64).prop_map(|(min, span)| Domain::IntUniform { min, max: min + span }),
        (-1e3..1e3_f64, 1e-3..10.0_f64, 1..200_u64).prop_map(|(first, step, count)| Domain::Steps {
            first,
            step,
            count,
            whole: false
        }),
        (1..7_i64).prop_map(|count| Domain::Categorical((0..count).map(int).collect())),
        weights.prop_map(|weights| {
            let values = (0..).map(int).take(weights.len()).collect();
            Domain::Weighted { values, weights }
        }),
    ]
}

fn test() -> impl Strategy<Value = Test> {
    let values = || prop::collection::vec((-1..5_i64).prop_map(int), 1..3);
    let limit =
        || prop_oneof![(-1..5_i64).prop_map(int), (-1.0..5.0_f64).prop_map(|x| Value::new(Scalar::Float(x)))];
    prop_oneof![
        values().prop_map(Test::OneOf),
        values().prop_map(Test::NoneOf),
        limit().prop_map(Test::Less),
        limit().prop_map(Test::AtMost),
        limit().prop_map(Test::Greater),
        limit().prop_map(Test::AtLeast),
    ]
}

/// A small finite domain of whole numbers.
fn small() -> impl Strategy<Value = Domain> {
    prop_oneof![
        (1..5_i64).prop_map(|count| Domain::Categorical((0..count).map(int).collect())),
        (-1..2_i64, 0..4_i64).prop_map(|(min, span)| Domain::IntUniform { min, max: min + span }),
        (1..4_u64).prop_map(|count| Domain::Steps { first: 0.0, step: 2.0, count, whole: true }),
        prop::collection::vec(0.1..1.0_f64, 1..4).prop_map(|weights| {
            let values = (0..).map(int).take(weights.len()).collect();
            Domain::Weighted { values, weights }
        }),
    ]
}

/// Axes, their names in any order, and rules that depend on axes before: a space without circles.
type Plan = (Vec<(Domain, Vec<(prop::sample::Index, Test)>, Option<i64>)>, Vec<usize>, bool);

fn plan() -> impl Strategy<Value = Plan> {
    (1..6_usize).prop_flat_map(|count| {
        let rule = prop::collection::vec((any::<prop::sample::Index>(), test()), 0..3);
        let axis = (small(), rule, prop::option::weighted(0.2, 0..9_i64));
        let names = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
        (prop::collection::vec(axis, count), names, any::<bool>())
    })
}

/// The space, and the rules again for whoever checks it.
fn space((axes, names, couple): Plan) -> (Space, Vec<Axis>, Links) {
    let name = |place: usize| format!("p{}", names[place]);
    let mut rules = Vec::new();
    for (place, (_, tests, then)) in axes.iter().enumerate().filter(|(place, _)| *place > 0) {
        let when: Vec<_> = tests
            .iter()
            .map(|(parent, test)| Condition { parent: name(parent.index(place)), test: test.clone() })
            .collect();
        if !when.is_empty() {
            rules.push(Rule { name: name(place), when, then: then.map(int) });
        }
    }
    let mut axes: Vec<Axis> = axes
        .into_iter()
        .enumerate()
        .map(|(place, (domain, ..))| Axis { name: name(place), domain })
        .collect();
    let mut coupled = Vec::new();
    if couple {
        // Two lists that belong together, apart from the rest, but that others may depend on.
        for (name, values) in [("x", [7, 8, 7]), ("y", [1, 1, 2])] {
            axes.push(Axis { name: name.into(), domain: Domain::Categorical(values.map(int).into()) });
        }
        coupled.push(vec!["y".to_owned(), "x".to_owned()]);
        let when = vec![Condition { parent: "y".into(), test: Test::OneOf(vec![int(1)]) }];
        axes.push(Axis { name: "z".into(), domain: Domain::Categorical([0, 1].map(int).into()) });
        rules.push(Rule { name: "z".into(), when, then: None });
    }
    let links = Links { rules, coupled, defaults: Params::new() };
    let space = Space::linked(axes.clone(), &links).expect("nothing depends on itself");
    (space, axes, links)
}

/// What a configuration is by the rules alone, of a value for each axis: those that are left, and those fixed.
fn resolved(values: &BTreeMap<String, Value>, links: &Links) -> BTreeMap<String, Value> {
    let mut left = BTreeMap::new();
    let mut open: BTreeSet<&String> = values.keys().collect();
    while !open.is_empty() {
        let rule = |name: &String| links.rules.iter().find(|rule| rule.name == *name);
        let ready = |name: &&&String| {
            rule(name).is_none_or(|rule| rule.when.iter().all(|c| !open.contains(&c.parent)))
        };
        let name = *open.iter().find(ready).expect("nothing depends on itself");
        let own = values[name].clone();
        let value = match rule(name) {
            None => Some(own),
            Some(rule) => {
                let holds =
                    rule.when.iter().all(|c| left.get(&c.parent).is_some_and(|value| c.test.holds(value)));
                match (&rule.then, holds) {
                    (Some(then), true) => Some(then.clone()),
                    (None, false) => None,
                    _ => Some(own),
                }
            }
        };
        if let Some(value) = value {
            left.insert(name.clone(), value);
        }
        open.remove(name);
    }
    left
}

fn key(params: &BTreeMap<String, Value>) -> String {
    params.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(";")
}

/// Every configuration, found by going through all values of all axes.
fn all(axes: &[Axis], links: &Links) -> BTreeSet<String> {
    let mut rows: Vec<BTreeMap<String, Value>> = vec![BTreeMap::new()];
    for axis in axes.iter().filter(|axis| axis.name != "y") {
        let size = u64::try_from(axis.domain.size().expect("finite")).expect("small");
        rows = rows
            .into_iter()
            .flat_map(|row| {
                (0..size).map(move |place| {
                    let mut row = row.clone();
                    row.insert(axis.name.clone(), axis.domain.at(place).expect("within its size"));
                    if axis.name == "x" {
                        let y = &axes.iter().find(|axis| axis.name == "y").expect("coupled with it").domain;
                        row.insert("y".into(), y.at(place).expect("as many"));
                    }
                    row
                })
            })
            .collect();
    }
    rows.iter().map(|row| key(&resolved(row, links))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn a_drawn_value_is_in_its_domain_and_has_its_share(domain in domain(), u in 0.001..0.999_f64) {
        let value = domain.sample(u);
        prop_assert!(domain.contains(&value), "{value}");
        let back = domain.sample(domain.cdf(&value).expect("it is in the domain"));
        match (value.as_f64(), back.as_f64()) {
            (Some(x), Some(y)) if domain.size().is_none_or(|size| size > 1 << 50) => {
                // A step in a flat tail may be all that is left of a share.
                let slack = if let Domain::Rounded { .. } = domain { 0.0 } else { 1e-6 };
                prop_assert!((x - y).abs() <= slack * x.abs().max(1.0), "{x} {y}");
            }
            _ => prop_assert_eq!(back, value),
        }
    }

    #[test]
    fn a_greater_u_never_gives_a_lesser_number(domain in domain(), u in 0.0..1.0_f64, v in 0.0..1.0_f64) {
        let (low, high) = (domain.sample(u.min(v)), domain.sample(u.max(v)));
        prop_assert!(low.as_f64() <= high.as_f64(), "{low} {high}");
    }

    #[test]
    fn combinations_are_those_of_a_list_of_them_all(plan in plan()) {
        let (space, axes, links) = space(plan);
        let expected = all(&axes, &links);
        prop_assert_eq!(space.combinations(), Combinations::Finite(expected.len() as u128));
        let mut found = BTreeSet::new();
        for (number, params) in (0_u128..).zip(space.combinations_from(0)) {
            prop_assert!(space.admits(&params), "{:?}", params);
            prop_assert_eq!(space.number(&params), Some(number));
            found.insert(params.config_key());
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn what_is_drawn_keeps_to_the_rules(plan in plan(), units in prop::collection::vec(0.0..1.0_f64, 9)) {
        let (space, axes, links) = space(plan);
        let drawn = space.assign(|axis| units[axis]);
        prop_assert!(space.admits(&drawn));
        prop_assert!(all(&axes, &links).contains(&drawn.config_key()), "{}", drawn.config_key());
        prop_assert_eq!(space.complete(&drawn, |_| unreachable!("nothing is missing")), drawn);
    }

    #[test]
    fn what_is_completed_keeps_what_fits(
        plan in plan(),
        wanted in prop::collection::vec((0..9_usize, -2..9_i64), 0..6),
        units in prop::collection::vec(0.0..1.0_f64, 9),
    ) {
        let (space, _, links) = space(plan);
        let wanted: Params = wanted.into_iter().map(|(name, n)| (format!("p{name}"), int(n))).collect();
        let completed = space.complete(&wanted, |axis| units[axis]);
        prop_assert!(space.admits(&completed));
        for axis in space.axes().iter().filter(|axis| axis.name.starts_with('p')) {
            if let (Some(value), Some(want)) = (completed.get(&axis.name), wanted.get(&axis.name)) {

                prop_assert!(value == want || !axis.domain.contains(want) || has_then(&links, axis));
            }
        }
    }
}

/// Whether a rule may fix the parameter: then what was wanted does not count.
fn has_then(links: &Links, axis: &Axis) -> bool {
    links.rules.iter().any(|rule| rule.name == axis.name && rule.then.is_some())
}
