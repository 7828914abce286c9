//! Bayesian search on what breaks numerics: it always answers, with a configuration of the space. Never a panic, a
//! value outside, or an ask whose cost grows with all that was told.

use std::collections::HashSet;

use sweep_core::id::TrialIndex;
use sweep_core::params::Params;
use sweep_core::value::Value;
use sweep_search::rng::Rng;
use sweep_search::{Ask, Axis, Domain, Event, Experiment, Method, Row, Space, Strategy};

fn line(name: String) -> Axis {
    Axis { name, domain: Domain::Uniform { min: -1.0, max: 1.0 } }
}

fn plane() -> Space {
    Space::new(vec![line("x".into()), line("y".into())])
}

fn numbers(params: &Params) -> f64 {
    params.iter().filter_map(|(_, value)| value.as_f64()).map(|x| (x - 0.3) * (x - 0.3)).sum()
}

fn search(space: Space, trials: u64, seed: &str) -> Box<dyn Strategy> {
    let limit = Some(trials);
    let experiment =
        Experiment { seed: seed.into(), method: Method::Bayes, space, limit, ..Experiment::default() };
    experiment.strategy().expect("a space and a limit")
}

/// What a trial comes to, by its number and its configuration.
type Metric = fn(usize, &Params) -> Option<f64>;

/// All proposals, where trials end as they come.
fn run(space: &Space, trials: u64, metric: impl Fn(usize, &Params) -> Option<f64>) -> Vec<Params> {
    let mut strategy = search(space.clone(), trials, "safety");
    let mut all = Vec::new();
    while let Ask::Run(proposal) = strategy.ask(&mut Rng::new("", 0)) {
        assert!(space.admits(&proposal.params), "{:?}", proposal.params);
        let trial = TrialIndex(u32::try_from(all.len()).expect("few"));
        strategy.tell(trial, &Event::Proposed(proposal.clone()));
        strategy.tell(trial, &Event::ended(metric(all.len(), &proposal.params)));
        all.push(proposal.params);
    }
    all
}

fn distinct(all: &[Params]) -> usize {
    all.iter().map(Params::config_key).collect::<HashSet<_>>().len()
}

#[test]
fn any_results_are_borne() {
    let odd: [(&str, Metric); 8] = [
        ("constant", |_, _| Some(7.0)),
        ("all failed", |_, _| None),
        ("not a number", |_, _| Some(f64::NAN)),
        ("infinite", |n, p| if n % 3 == 0 { Some(f64::INFINITY) } else { Some(numbers(p)) }),
        ("outliers", |n, p| if n % 5 == 0 { Some(1e30) } else { Some(numbers(p)) }),
        ("outliers below", |n, p| if n % 7 == 3 { Some(-1e30) } else { Some(numbers(p)) }),
        ("the largest", |n, _| Some(if n % 2 == 0 { f64::MAX } else { f64::MIN })),
        ("the least", |n, _| Some(n as f64 * f64::MIN_POSITIVE)),
    ];
    for (name, metric) in odd {
        let all = run(&plane(), 16, metric);
        assert_eq!((all.len(), distinct(&all)), (16, 16), "{name}");
    }
}

#[test]
fn outliers_and_failures_by_chance_do_not_hide_the_minimum() {
    for bad in [Some(1e30), None] {
        let all = run(&plane(), 40, |n, p| if n % 5 == 0 { bad } else { Some(numbers(p)) });
        let ran = all.iter().enumerate().filter(|(n, _)| n % 5 != 0);
        let best = ran.map(|(_, p)| numbers(p)).fold(9.0, f64::min);
        assert!(best < 1e-4, "{best}");
    }
}

#[test]
fn noise_does_not_hide_the_minimum() {
    let noisy = |n: usize, p: &Params| Some(numbers(p) + 0.2 * (Rng::new("noise", n as u64).unit() - 0.5));
    let all = run(&plane(), 60, noisy);
    let late = all[40..].iter().filter(|p| numbers(p) < 0.15).count();
    assert!(late >= 12, "{late} of 20 are near");
}

#[test]
fn failures_are_avoided() {
    let x = |p: &Params| p.get("x").and_then(Value::as_f64).unwrap();
    let all = run(&plane(), 50, |_, p| (x(p) > 0.0).then(|| numbers(p)));
    let failed = all[20..].iter().filter(|p| x(p) <= 0.0).count();
    assert!(failed <= 8, "{failed} of 30 failed");
}

#[test]
fn a_finite_space_ends_when_all_of_it_ran() {
    let words = |name: &str, words: &str| Axis {
        name: name.into(),
        domain: Domain::Categorical(words.split(' ').map(Value::from_word).collect()),
    };
    for (space, count) in [
        (Space::new(vec![words("a", "one")]), 1),
        (Space::new(vec![words("a", "x y"), words("b", "1 2 3 4"), words("c", "p q r")]), 24),
    ] {
        let all = run(&space, 100, |n, _| Some(n as f64));
        assert_eq!((all.len(), distinct(&all)), (count, count));
    }
}

#[test]
fn the_same_configuration_many_times_is_borne() {
    let row = |_: i32| Row {
        params: [("x", "0.5"), ("y", "0.25")]
            .map(|(n, w)| (n.to_owned(), Value::from_word(w)))
            .into_iter()
            .collect(),
        ..Row::default()
    };
    let experiment = Experiment {
        seed: "rows".into(),
        method: Method::Bayes,
        space: plane(),
        rows: (0..20).map(row).collect(),
        limit: Some(26),
        ..Experiment::default()
    };
    let mut strategy = experiment.strategy().unwrap();
    for number in 0..26 {
        let Ask::Run(proposal) = strategy.ask(&mut Rng::new("", 0)) else { panic!("{number}") };
        strategy.tell(TrialIndex(number), &Event::Proposed(proposal));
        strategy.tell(TrialIndex(number), &Event::ended(Some(f64::from(number % 3))));
    }
    assert_eq!(strategy.ask(&mut Rng::new("", 0)), Ask::Done);
}

#[test]
fn a_hundred_parameters_are_borne() {
    let space = Space::new((0..100).map(|n| line(format!("x{n:02}"))).collect());
    let all = run(&space, 24, |_, p| Some(numbers(p)));
    assert_eq!(distinct(&all), 24);
}

#[test]
fn after_thousands_of_trials_it_still_answers() {
    let space = plane();
    let mut strategy = search(space.clone(), 10_000, "many");
    let mut rng = Rng::new("many", 0);
    for number in 0..5000 {
        let params = space.assign(|_| rng.unit());
        let metric = Some(numbers(&params));
        let proposal = sweep_search::Proposal { params, ..sweep_search::Proposal::default() };
        strategy.tell(TrialIndex(number), &Event::Proposed(proposal));
        strategy.tell(TrialIndex(number), &Event::ended(metric));
    }
    let Ask::Run(proposal) = strategy.ask(&mut Rng::new("", 0)) else { panic!("it ended") };
    assert!(numbers(&proposal.params) < 0.05, "{:?}", proposal.params);
}
