//! Problems of several metrics, and what a search makes of one. Never a result that depends on anything but the
//! configuration.

use sweep_core::id::TrialIndex;
use sweep_core::params::Params;
use sweep_core::value::Value;
use sweep_search::pareto::hypervolume;
use sweep_search::rng::Rng;
use sweep_search::space::{Condition, Links, Rule, Test};
use sweep_search::{Ask, Axis, Domain, Event, Experiment, Method, Space};

/// A problem: lower is better in every metric.
pub struct Problem {
    /// Its name.
    pub name: &'static str,
    /// What is searched.
    pub space: Space,
    /// What a configuration comes to; none where it fails.
    pub metrics: fn(&Params) -> Option<Vec<f64>>,
    /// What volumes are measured below.
    pub reference: Vec<f64>,
}

/// All of them.
pub fn problems() -> Vec<Problem> {
    vec![
        Problem { name: "zdt1, 6-d", space: lines(6), metrics: zdt1, reference: vec![1.1, 5.0] },
        Problem { name: "dtlz2, 3 metrics", space: lines(4), metrics: dtlz2, reference: vec![1.5; 3] },
        Problem { name: "network", space: network(), metrics: cost, reference: vec![1.0, 8.0] },
    ]
}

fn lines(count: usize) -> Space {
    let axis = |n| Axis { name: format!("x{n}"), domain: Domain::Uniform { min: 0.0, max: 1.0 } };
    Space::new((0..count).map(axis).collect())
}

fn number(params: &Params, name: &str) -> f64 {
    params.get(name).and_then(Value::as_f64).unwrap_or(0.0)
}

/// Zitzler, Deb and Thiele 2000: a convex front where all but the first are 0.
fn zdt1(params: &Params) -> Option<Vec<f64>> {
    let x = |n: usize| number(params, &format!("x{n}"));
    let g = 1.0 + 9.0 * (1..6).map(x).sum::<f64>() / 5.0;
    Some(vec![x(0), g * (1.0 - (x(0) / g).sqrt())])
}

/// Deb, Thiele, Laumanns and Zitzler 2002: an eighth of a sphere where the last two are a half.
fn dtlz2(params: &Params) -> Option<Vec<f64>> {
    let x = |n: usize| number(params, &format!("x{n}"));
    let far = 1.0 + (2..4).map(|n| (x(n) - 0.5) * (x(n) - 0.5)).sum::<f64>();
    let (a, b) = (x(0) * std::f64::consts::FRAC_PI_2, x(1) * std::f64::consts::FRAC_PI_2);
    Some(vec![far * a.cos() * b.cos(), far * a.cos() * b.sin(), far * a.sin()])
}

/// A choice of models whose parameters depend on it.
fn network() -> Space {
    let words =
        |words: &[&str]| Domain::Categorical(words.iter().map(|word| Value::from_word(word)).collect());
    let axes = vec![
        Axis { name: "model".into(), domain: words(&["linear", "network"]) },
        Axis { name: "penalty".into(), domain: Domain::LogUniform { min: 1e-6, max: 1.0 } },
        Axis { name: "rate".into(), domain: Domain::LogUniform { min: 1e-5, max: 1.0 } },
        Axis { name: "layers".into(), domain: Domain::IntUniform { min: 1, max: 6 } },
        Axis { name: "width".into(), domain: words(&["16", "32", "64", "128", "256"]) },
        Axis { name: "shape".into(), domain: words(&["relu", "tanh", "elu"]) },
    ];
    let when = |name: &str, model: &str| {
        let test = Test::OneOf(vec![Value::from_word(model)]);
        let when = vec![Condition { parent: "model".into(), test }];
        Rule { name: name.into(), when, then: None }
    };
    let rules = vec![
        when("penalty", "linear"),
        when("rate", "network"),
        when("layers", "network"),
        when("width", "network"),
        when("shape", "network"),
    ];
    Space::linked(axes, &Links { rules, ..Links::default() }).expect("rules of known parameters")
}

/// An error, which the right rate makes smaller and a large network as well, and a cost, which grows with the network. It
/// diverges where the rate is too high.
fn cost(params: &Params) -> Option<Vec<f64>> {
    let log = |name: &str| number(params, name).log10();
    if params.get("model").map(ToString::to_string).as_deref() == Some("linear") {
        let off = log("penalty") + 3.0;
        return Some(vec![0.5 + 0.02 * off * off, 1.0]);
    }
    let (layers, width) = (number(params, "layers"), number(params, "width").log2());
    let off = log("rate") + 1.0 + 0.3 * layers;
    if off > 1.5 {
        return None;
    }
    let shape = match params.get("shape").map(ToString::to_string).as_deref() {
        Some("relu") => 0.0,
        Some("elu") => 0.03,
        _ => 0.08,
    };
    let size = layers * 0.6 + width - 4.0;
    Some(vec![0.08 + 0.5 * (-0.45 * size).exp() + 0.06 * off * off + shape, 1.2 + size * 0.9])
}

/// What was found: for each configuration its metrics.
pub fn found(
    problem: &Problem,
    method: Method,
    seed: u64,
    trials: u64,
    width: usize,
) -> Vec<Option<Vec<f64>>> {
    let experiment = Experiment {
        seed: seed.to_string(),
        method,
        space: problem.space.clone(),
        limit: Some(trials),
        metrics: problem.reference.len(),
        ..Experiment::default()
    };
    let mut strategy = experiment.strategy().expect("a space and a limit");
    let (mut all, mut running) = (Vec::new(), std::collections::VecDeque::new());
    loop {
        let ask = strategy.ask(&mut Rng::new(&experiment.seed, all.len() as u64));
        if let (Ask::Run(proposal), true) = (ask, running.len() < width) {
            let trial = TrialIndex(u32::try_from(all.len()).expect("few"));
            assert!(problem.space.admits(&proposal.params), "{:?}", proposal.params);
            strategy.tell(trial, &Event::Proposed(proposal.clone()));
            all.push((problem.metrics)(&proposal.params));
            running.push_back(trial);
        } else if let Some(trial) = running.pop_front() {
            let metrics: Option<&Vec<f64>> = all[trial.0 as usize].as_ref();
            let others = metrics.map(|metrics| metrics[1..].iter().copied().map(Some).collect());
            let metric = metrics.map(|metrics| metrics[0]);
            strategy.tell(trial, &Event::Ended { metric, others: others.unwrap_or_default() });
        } else {
            return all;
        }
    }
}

/// The volume that they dominate.
pub fn volume(problem: &Problem, found: &[Option<Vec<f64>>]) -> f64 {
    let found: Vec<Vec<f64>> = found.iter().flatten().cloned().collect();
    hypervolume(&found, &problem.reference)
}
