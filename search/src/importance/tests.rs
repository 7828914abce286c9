//! Functions whose answer is known, spaces with conditions, and everything that is no number.

use std::f64::consts::PI;

use sweep_core::params::Params;
use sweep_core::value::{Scalar, Value};

use super::*;
use crate::rng::Rng;
use crate::space::{Axis, Condition, Domain, Links, Rule, Space, Test};

const METHODS: [Method; 5] =
    [Method::Fanova, Method::Impurity, Method::Permutation, Method::Correlation, Method::PedAnova];

fn uniform(names: &[&str], min: f64, max: f64) -> Space {
    let axis = |name: &&str| Axis { name: (*name).to_owned(), domain: Domain::Uniform { min, max } };
    Space::new(names.iter().map(axis).collect())
}

fn words(words: &[&str]) -> Domain {
    Domain::Categorical(words.iter().map(|word| Value::from_word(word)).collect())
}

fn draws(space: &Space, count: u64) -> Vec<Params> {
    (0..count).map(|trial| space.assign(|axis| Rng::new(&format!("axis {axis}"), trial).unit())).collect()
}

fn study(space: &Space, trials: &[Params], f: impl Fn(&Params) -> f64) -> Study {
    Study::new(space, trials.iter().map(|params| (params, Some(f(params)))))
}

fn number(params: &Params, name: &str) -> f64 {
    params.get(name).and_then(Value::as_f64).unwrap_or(0.0)
}

fn of<'a>(importance: &'a Importance, name: &str) -> &'a Judgement {
    importance.parameters.iter().find(|judgement| judgement.parameter == name).unwrap()
}

/// Of 3a + 2b + c the shares of the variance are 9, 4 and 1 of 14.
#[test]
fn a_sum_has_the_shares_that_are_known() {
    let space = uniform(&["a", "b", "c", "d"], 0.0, 1.0);
    let trials = draws(&space, 400);
    let study = study(&space, &trials, |params| {
        let [a, b, c] = ["a", "b", "c"].map(|name| number(params, name));
        3.0 * a + 2.0 * b + c
    });
    for method in [Method::Fanova, Method::Impurity, Method::Permutation] {
        let importance = judge(&study, method, Better::Low, Depth::Single);
        for (name, of_14) in [("a", 9.0), ("b", 4.0), ("c", 1.0), ("d", 0.0)] {
            let found = of(&importance, name);
            assert!((found.share - of_14 / 14.0).abs() < 0.07, "{method:?}: {found:?}");
        }
        assert!(importance.explained.unwrap() > 0.8, "{:?}", importance.explained);
    }
}

/// T. Ishigami, T. Homma (1990) with a = 7 and b = 0.1: the first parameter explains 0.314 of the variance, the second
/// 0.442, the third nothing alone, and the first with the third 0.244. Single trees see less of it than there is, all of
/// it in proportion.
#[test]
fn the_ishigami_function_has_the_importance_that_is_known() {
    let space = uniform(&["x1", "x2", "x3"], -PI, PI);
    let trials = draws(&space, 500);
    let study = study(&space, &trials, |params| {
        let [a, b, c] = ["x1", "x2", "x3"].map(|name| number(params, name));
        a.sin() + 7.0 * b.sin().powi(2) + 0.1 * c.powi(4) * a.sin()
    });
    let importance = judge(&study, Method::Fanova, Better::Low, Depth::Pairs);
    for (name, alone, total) in [("x1", 0.415, 0.558), ("x2", 0.585, 0.442), ("x3", 0.0, 0.244)] {
        let found = of(&importance, name);
        assert!((found.share - alone).abs() < 0.15, "{name}: {found:?}");
        assert!((found.total.unwrap() - total).abs() < 0.16, "{name}: {found:?}");
    }
    let pair = &importance.pairs[0];
    assert_eq!(pair.parameters, ["x1", "x3"], "{:?}", importance.pairs);
    assert!((pair.importance - 0.244).abs() < 0.1, "{pair:?}");
}

/// Nothing alone, everything together: 1/4 everywhere but for the sign of a product.
#[test]
fn what_matters_only_together_is_found_by_pairs_and_totals() {
    let space = uniform(&["a", "b", "c"], 0.0, 1.0);
    let trials = draws(&space, 300);
    let study = study(&space, &trials, |params| {
        let sides = ["a", "b"].map(|name| number(params, name) < 0.5);
        if sides[0] == sides[1] { 1.0 } else { -1.0 }
    });
    let importance = judge(&study, Method::Fanova, Better::Low, Depth::Pairs);
    for name in ["a", "b"] {
        let found = of(&importance, name);
        assert!(found.importance < 0.1 && found.total.unwrap() > 0.8, "{found:?}");
    }
    assert!(of(&importance, "c").total.unwrap() < 0.1, "{importance:?}");
    let pair = &importance.pairs[0];
    assert!(pair.parameters == ["a", "b"] && pair.importance > 0.7, "{pair:?}");
    let permuted = judge(&study, Method::Permutation, Better::Low, Depth::Single);
    assert!(of(&permuted, "a").importance > 0.5, "{permuted:?}");
    let correlated = judge(&study, Method::Correlation, Better::Low, Depth::Single);
    assert!(of(&correlated, "a").importance < 0.2, "a line sees nothing: {correlated:?}");
}

/// `lr` is on a logarithmic scale, `momentum` is there for sgd, which one trial in two has, and `beta` for adam, where
/// it changes nothing.
fn conditional() -> Space {
    let axes = vec![
        Axis { name: "optimizer".into(), domain: words(&["adam", "sgd"]) },
        Axis { name: "lr".into(), domain: Domain::LogUniform { min: 1e-5, max: 1.0 } },
        Axis { name: "momentum".into(), domain: Domain::Uniform { min: 0.0, max: 1.0 } },
        Axis { name: "beta".into(), domain: Domain::Uniform { min: 0.0, max: 1.0 } },
    ];
    let rule = |name: &str, word: &str| Rule {
        name: name.into(),
        when: vec![Condition { parent: "optimizer".into(), test: Test::OneOf(vec![Value::from_word(word)]) }],
        then: None,
    };
    let rules = vec![rule("momentum", "sgd"), rule("beta", "adam")];
    Space::linked(axes, &Links { rules, ..Links::default() }).unwrap()
}

#[test]
fn a_conditional_parameter_is_judged_where_it_is_active() {
    let space = conditional();
    let trials = draws(&space, 300);
    let study = study(&space, &trials, |params| {
        let lr = (number(params, "lr").log10() + 2.5) / 2.5;
        let is_sgd = params.get("optimizer") == Some(&Value::from_word("sgd"));
        0.2 * lr * lr + if is_sgd { 3.0 + number(params, "momentum") } else { 0.0 }
    });
    for method in [Method::Fanova, Method::Impurity, Method::Permutation, Method::PedAnova] {
        let importance = judge(&study, method, Better::Low, Depth::Single);
        let [momentum, beta, optimizer] = ["momentum", "beta", "optimizer"].map(|name| of(&importance, name));
        assert!((momentum.coverage - 0.5).abs() < 0.1 && optimizer.coverage == 1.0, "{importance:?}");
        assert_eq!(momentum.trials + beta.trials, 300);
        if method == Method::PedAnova {
            // No trial of the best tenth has it.
            assert_eq!(momentum.importance, 0.0);
        } else {
            assert!(momentum.importance > 0.7, "{method:?}: {momentum:?}");
            assert!(beta.importance < 0.1, "{method:?}: {beta:?}");
        }
    }
    let importance = judge(&study, Method::Fanova, Better::Low, Depth::Pairs);
    assert!(of(&importance, "optimizer").importance > 0.9, "{importance:?}");
    let has = |a: &str, b: &str| importance.pairs.iter().any(|pair| pair.parameters == [a, b]);
    assert!(has("lr", "momentum") && !has("beta", "momentum"), "never both: {:?}", importance.pairs);
}

/// A few trainings diverge; the others say what matters.
#[test]
fn outliers_do_not_decide() {
    let space = uniform(&["a", "b"], 0.0, 1.0);
    let trials = draws(&space, 200);
    let metric = |params: &Params, diverged: f64| {
        let (a, b) = (number(params, "a"), number(params, "b"));
        if (b * 1e6).floor() % 50.0 == 0.0 { diverged } else { a + 0.1 * b }
    };
    for diverged in [1e30, -f64::MAX, f64::INFINITY] {
        let study = study(&space, &trials, |params| metric(params, diverged));
        assert!(study.clipped + study.left_out > 0);
        for method in [Method::Fanova, Method::Impurity] {
            let importance = judge(&study, method, Better::Low, Depth::Single);
            assert!(of(&importance, "a").share > 0.7, "{diverged:e}: {importance:?}");
        }
    }
    let plain = study(&space, &trials, |params| number(params, "a") + 0.1 * number(params, "b"));
    assert_eq!(plain.clipped, 0);
}

#[test]
fn a_correlation_has_a_sign_and_every_value_of_a_list_its_own() {
    let space = Space::new(vec![
        Axis { name: "batch".into(), domain: words(&["16", "32", "64"]) },
        Axis { name: "opt".into(), domain: words(&["adam", "sgd"]) },
    ]);
    let trials = draws(&space, 100);
    let study = study(&space, &trials, |params| -number(params, "batch"));
    let importance = judge(&study, Method::Correlation, Better::Low, Depth::Single);
    assert_eq!(importance.parameters[0].parameter, "batch");
    assert!((importance.parameters[0].correlation.unwrap() + 1.0).abs() < 1e-12);
    let mut values: Vec<_> = importance.parameters[1..].iter().map(|found| found.value.clone()).collect();
    values.sort_by_key(|value| value.as_ref().map(|value| value.text().into_owned()));
    assert_eq!(values, [Some(Value::from_word("adam")), Some(Value::from_word("sgd"))]);
    let [adam, sgd] = [1, 2].map(|place: usize| importance.parameters[place].correlation.unwrap());
    assert!((adam + sgd).abs() < 1e-12);
}

#[test]
fn the_best_are_those_that_the_goal_says() {
    let space = uniform(&["a", "b"], 0.0, 1.0);
    let trials = draws(&space, 300);
    // Low values need a, high ones need b.
    let study = study(&space, &trials, |params| {
        let (a, b) = (number(params, "a"), number(params, "b"));
        if a < 0.2 {
            -1.0 - a
        } else if b < 0.2 {
            1.0 + b
        } else {
            0.0
        }
    });
    let first =
        |better| judge(&study, Method::PedAnova, better, Depth::Single).parameters[0].parameter.clone();
    assert_eq!((first(Better::Low), first(Better::High)), ("a".to_owned(), "b".to_owned()));
}

#[test]
fn coupled_parameters_are_one_and_unknown_ones_are_judged_by_what_was_seen() {
    let coupled = vec![vec!["lr".into(), "batch".into()]];
    let axes = [("lr", words(&["0.1", "0.2", "0.3"])), ("batch", words(&["32", "64", "128"]))];
    let axes = axes.map(|(name, domain)| Axis { name: name.into(), domain });
    let space = Space::linked(axes.into(), &Links { coupled, ..Links::default() }).unwrap();
    let trials: Vec<Params> = draws(&space, 60)
        .into_iter()
        .enumerate()
        .map(|(n, mut params)| {
            params.set("extra", Value::new(Scalar::Int(i64::try_from(n).unwrap() % 7)));
            params
        })
        .collect();
    let study = study(&space, &trials, |params| number(params, "extra"));
    let importance = judge(&study, Method::Fanova, Better::Low, Depth::Single);
    let names: Vec<_> = importance.parameters.iter().map(|found| found.parameter.as_str()).collect();
    assert_eq!(names, ["extra", "batch"]);
    assert_eq!(importance.parameters[1].coupled, ["lr"]);
    assert!(importance.parameters[0].importance > 0.9);
}

#[test]
fn nothing_that_is_told_makes_an_importance_that_is_no_number() {
    let many: Vec<String> = (0..30).map(|n| format!("v{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let space = Space::new(vec![
        Axis { name: "a".into(), domain: Domain::Uniform { min: -1e300, max: 1e300 } },
        Axis { name: "b".into(), domain: words(&many) },
        Axis { name: "c".into(), domain: Domain::IntUniform { min: 3, max: 3 } },
        Axis { name: "d".into(), domain: words(&["only"]) },
    ]);
    let trials = draws(&space, 60);
    let same = vec![trials[0].clone(); 40];
    type Metric = fn(usize) -> f64;
    let metrics: [Metric; 7] = [
        |_| 0.0,
        |_| f64::NAN,
        |n| if n == 3 { 1.0 } else { f64::NAN },
        |n| if n % 2 == 0 { f64::MAX } else { -f64::MAX },
        |n| if n == 7 { 1e308 } else { 5e-324 },
        |n| f64::from(u32::try_from(n).unwrap()) * 5e-324,
        |n| if n % 9 == 0 { 1e30 } else { f64::from(u32::try_from(n).unwrap()) },
    ];
    for (case, metric) in metrics.iter().enumerate() {
        for trials in [&trials[..60], &trials[..1], &trials[..2], &trials[..11], &[], &same[..]] {
            let told = trials.iter().enumerate().map(|(n, params)| (params, Some(metric(n))));
            let study = Study::new(&space, told);
            for method in METHODS {
                let importance = judge(&study, method, Better::High, Depth::Pairs);
                let numbers = importance.parameters.iter().flat_map(|found| {
                    let more = [found.deviation, found.total, found.correlation].into_iter().flatten();
                    [found.importance, found.share, found.coverage].into_iter().chain(more)
                });
                let pairs = importance.pairs.iter().map(|pair| pair.importance);
                let bad: Vec<f64> = numbers.chain(pairs).filter(|number| !number.is_finite()).collect();
                assert!(bad.is_empty(), "case {case}, {} trials, {method:?}: {importance:?}", trials.len());
            }
        }
    }
}

#[test]
fn the_same_study_is_judged_the_same() {
    let space = conditional();
    let trials = draws(&space, 50);
    let study = study(&space, &trials, |params| number(params, "lr") + number(params, "momentum"));
    for method in METHODS {
        let judged = || judge(&study, method, Better::Low, Depth::Pairs);
        assert_eq!(judged(), judged());
    }
}
