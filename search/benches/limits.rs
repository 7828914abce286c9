//! What an ask of the Bayesian search takes: time at 100, 200 and 2,000 trials, memory at 5,000, also of 100 parameters,
//! and how long it takes to hear of 10,000. It prints Markdown, each figure beside its bar, and never fails: a slow machine is no bug.
//!
//! `first` is an ask after everything was told at once, with the whole fit; `median` that of the asks that follow, each
//! after one more result.

use std::time::{Duration, Instant};

use sweep_core::id::TrialIndex;
use sweep_core::value::Value;
use sweep_search::rng::Rng;
use sweep_search::space::{Condition, Links, Rule, Test};
use sweep_search::{Ask, Axis, Domain, Event, Experiment, Method, Proposal, Space, Strategy};

const ASKS: usize = 21;

/// Ten parameters: two logarithmic, one whole, two lists, and two that only one model has.
fn space() -> Space {
    let words = |name: &str, words: &[&str]| Axis {
        name: name.into(),
        domain: Domain::Categorical(words.iter().map(|word| Value::from_word(word)).collect()),
    };
    let unit = |name: &str| Axis { name: name.into(), domain: Domain::Uniform { min: 0.0, max: 1.0 } };
    let log = |name: &str| Axis { name: name.into(), domain: Domain::LogUniform { min: 1e-6, max: 1.0 } };
    let mut axes = vec![words("model", &["mlp", "linear"]), words("act", &["relu", "tanh", "logistic"])];
    axes.extend([
        log("lr"),
        log("alpha"),
        unit("momentum"),
        unit("dropout"),
        unit("a"),
        unit("b"),
        unit("c"),
    ]);
    axes.push(Axis { name: "hidden".into(), domain: Domain::IntUniform { min: 4, max: 512 } });
    let when = |name: &str| Rule {
        name: name.into(),
        when: vec![Condition { parent: "model".into(), test: Test::OneOf(vec![Value::from_word("mlp")]) }],
        then: None,
    };
    let links = Links { rules: vec![when("act"), when("hidden")], ..Links::default() };
    Space::linked(axes, &links).expect("the rules name parameters")
}

/// A hundred parameters that are alike.
fn wide_space() -> Space {
    let unit = |n| Axis { name: format!("x{n:02}"), domain: Domain::Uniform { min: 0.0, max: 1.0 } };
    Space::new((0..100).map(unit).collect())
}

fn wide_metric(proposal: &Proposal) -> f64 {
    let values = proposal.params.iter().filter_map(|(_, value)| value.as_f64());
    values.enumerate().map(|(n, x)| (x - 0.3) * (x - 0.3) / (1.0 + n as f64)).sum()
}

/// What a configuration comes to.
type Metric = fn(&Proposal) -> f64;

fn metric(proposal: &Proposal) -> f64 {
    let number = |name: &str| proposal.params.get(name).and_then(Value::as_f64).unwrap_or(0.5);
    let far = |x: f64, from: f64| (x - from) * (x - from);
    let branch = if proposal.params.get("act").is_some() { far(number("hidden") / 512.0, 0.4) } else { 0.3 };
    far(number("lr").log10() / 6.0, -0.5)
        + far(number("a"), 0.3) * (1.0 + number("b"))
        + far(number("c"), 0.7)
        + branch
}

/// A strategy that was told of so many random configurations, and how long it took to hear of them.
fn told(space: Space, metric: Metric, trials: u32) -> (Box<dyn Strategy>, Duration) {
    let base = Experiment { seed: "limits".into(), space, limit: Some(1 << 20), ..Experiment::default() };
    let drawn = Experiment { method: Method::Random, ..base.clone() };
    let mut random = drawn.strategy().expect("an experiment of the bench");
    let mut proposals = Vec::new();
    for trial in 0..trials {
        if let Ask::Run(proposal) = random.ask(&mut Rng::new("limits", trial.into())) {
            random.tell(TrialIndex(trial), &Event::Proposed(proposal.clone()));
            proposals.push(proposal);
        }
    }
    let mut bayes =
        Experiment { method: Method::Bayes, ..base }.strategy().expect("an experiment of the bench");
    let began = Instant::now();
    for (trial, proposal) in (0..).zip(proposals) {
        let ended = Event::ended(Some(metric(&proposal)));
        bayes.tell(TrialIndex(trial), &Event::Proposed(proposal));
        bayes.tell(TrialIndex(trial), &ended);
    }
    (bayes, began.elapsed())
}

/// The first ask, and the median of those that follow.
fn asks(strategy: &mut dyn Strategy, metric: Metric, trials: u32) -> (f64, f64) {
    let mut times = Vec::new();
    for trial in (trials..).take(ASKS) {
        let began = Instant::now();
        let ask = strategy.ask(&mut Rng::new("limits", trial.into()));
        times.push(began.elapsed().as_secs_f64() * 1e3);
        let Ask::Run(proposal) = ask else { break };
        let ended = Event::ended(Some(metric(&proposal)));
        strategy.tell(TrialIndex(trial), &Event::Proposed(proposal));
        strategy.tell(TrialIndex(trial), &ended);
    }
    let first = times.remove(0);
    times.sort_by(f64::total_cmp);
    (first, times.get(times.len() / 2).copied().unwrap_or(first))
}

/// The most memory that the process had, in MiB.
fn memory_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or(f64::NAN);
    kib / 1024.0
}

fn row(what: &str, seen: f64, unit: &str, bar: Option<f64>) {
    let verdict = bar.map(|bar| if seen <= bar { "pass" } else { "**FAIL**" }).unwrap_or_default();
    let bar = bar.map(|bar| format!("≤ {bar} {unit}")).unwrap_or_default();
    println!("| {what} | {seen:.1} {unit} | {bar} | {verdict} |");
}

fn main() {
    println!("Ten parameters, two of them conditional; trials at random.\n");
    println!("| | seen | wanted | |\n|---|---:|---:|---|");
    for (trials, bar) in [(100, 5.0), (200, 12.0), (2_000, 100.0), (5_000, f64::NAN)] {
        let (mut strategy, _) = told(space(), metric, trials);
        let (first, median) = asks(&mut *strategy, metric, trials);
        row(&format!("{trials} trials: first ask, with the whole fit"), first, "ms", None);
        let bar = Some(bar).filter(|bar| bar.is_finite());
        row(&format!("{trials} trials: median of the next {}", ASKS - 1), median, "ms", bar);
    }
    row("memory of the process at 5,000 trials", memory_mib(), "MiB", Some(200.0));
    let (mut strategy, _) = told(wide_space(), wide_metric, 5_000);
    let (first, median) = asks(&mut *strategy, wide_metric, 5_000);
    row("5,000 trials of 100 parameters: first ask, with the whole fit", first, "ms", None);
    row(&format!("5,000 trials of 100 parameters: median of the next {}", ASKS - 1), median, "ms", None);
    row("memory of the process by then", memory_mib(), "MiB", Some(200.0));
    let (mut strategy, took) = told(space(), metric, 10_000);
    row("10,000 trials: hearing of all of them", took.as_secs_f64() * 1e3, "ms", Some(100.0));
    row("10,000 trials: first ask, with the fit", asks(&mut *strategy, metric, 10_000).0, "ms", None);
}
