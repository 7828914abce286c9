//! What it costs to ask: 10,000 configurations of every method, each told and ended, in one run beside the bar of a
//! second for all of them. It prints ratios and never fails: a slow machine is no bug.
//!
//! `last/first` is the time of the last tenth of the asks over that of the first tenth: near 1 where an ask costs
//! the same whatever came before. `bytes` are those on the heap at the end for each configuration.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sweep_core::id::TrialIndex;
use sweep_core::value::Value;
use sweep_search::ladder::Ladder;
use sweep_search::rng::Rng;
use sweep_search::source::Proposals;
use sweep_search::space::{Condition, Links, Rule, Test};
use sweep_search::{
    AshaMode, Ask, Axis, Domain, Event, Experiment, Method, Rungs, Space, Stop, genetic, median, pbt, sample,
};

const ASKS: usize = 10_000;
const BAR: Duration = Duration::from_secs(1);
/// How many run at once.
const WIDTH: usize = 100;
/// Reports of a trial to a method that listens.
const REPORTS: u64 = 9;

/// The system's allocator, and how much it has given.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator with the arguments that it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn space() -> Space {
    let words = |name: &str, words: &[&str]| Axis {
        name: name.into(),
        domain: Domain::Categorical(words.iter().map(|word| Value::from_word(word)).collect()),
    };
    let log = |name: &str| Axis { name: name.into(), domain: Domain::LogUniform { min: 1e-6, max: 1.0 } };
    let axes = vec![
        words("model", &["mlp", "linear"]),
        words("act", &["relu", "tanh", "logistic"]),
        words("batch", &["16", "32", "64", "128", "256"]),
        log("lr"),
        log("alpha"),
        log("eta0"),
        Axis { name: "hidden".into(), domain: Domain::IntUniform { min: 4, max: 512 } },
        Axis { name: "momentum".into(), domain: Domain::Uniform { min: 0.0, max: 1.0 } },
    ];
    let when = |name: &str, word: &str| Rule {
        name: name.into(),
        when: vec![Condition { parent: "model".into(), test: Test::OneOf(vec![Value::from_word(word)]) }],
        then: None,
    };
    let rules = vec![when("act", "mlp"), when("hidden", "mlp"), when("eta0", "linear")];
    Space::linked(axes, &Links { rules, ..Links::default() }).expect("the rules name parameters")
}

fn experiments() -> Vec<(&'static str, Experiment)> {
    let base = Experiment { seed: "bench".into(), space: space(), ..Experiment::default() };
    let asks = ASKS as u64;
    let of = |method| Experiment { method, limit: Some(asks), ..base.clone() };
    let ladder = Ladder::of_s_max(8, 3, 1).expect("small");
    let rungs = |proposals| Rungs { ladder, proposals };
    let hyperband = |proposals| Experiment { limit: None, ..of(Method::Hyperband(rungs(proposals))) };
    let digit = |n: i32| Axis { name: format!("d{n}"), domain: Domain::IntUniform { min: 0, max: 9 } };
    let digits = Space::new((0..6).map(digit).collect());
    vec![
        ("grid", Experiment { space: digits.clone(), ..of(Method::Grid) }),
        ("random", of(Method::Random)),
        ("random, finite", Experiment { space: digits, ..of(Method::Random) }),
        ("sobol", of(Method::Sobol)),
        ("latin", of(Method::Latin)),
        (
            "random, median",
            Experiment { stop: Some(Stop::Median(median::Grace::default())), ..of(Method::Random) },
        ),
        ("hyperband", hyperband(Proposals::Random)),
        ("hyperband, sobol", hyperband(Proposals::Sobol)),
        ("halving", of(Method::Halving(rungs(Proposals::Random)))),
        ("asha", of(Method::Asha(rungs(Proposals::Random), AshaMode::Promote))),
        ("asha, stop", of(Method::Asha(rungs(Proposals::Random), AshaMode::Stop))),
        ("genetic", of(Method::Genetic(genetic::Settings::default()))),
        (
            "pbt",
            of(Method::Pbt(pbt::Settings { population: 100, generations: 100, ..pbt::Settings::default() })),
        ),
    ]
}

/// Time in asks and in tellings, time in the asks by tenths, and bytes at the end.
struct Measured {
    asks: usize,
    asking: Duration,
    telling: Duration,
    tenths: [Duration; 10],
    bytes: usize,
}

fn measure(experiment: &Experiment) -> Measured {
    let before = IN_USE.load(Ordering::Relaxed);
    let started = Instant::now();
    let mut strategy = experiment.strategy().expect("an experiment of the bench");
    let mut telling = started.elapsed();
    let (mut asking, mut tenths, mut asks) = (Duration::ZERO, [Duration::ZERO; 10], 0);
    let mut running: Vec<(TrialIndex, f64)> = Vec::new();
    let end = |strategy: &mut dyn sweep_search::Strategy, (trial, metric): (TrialIndex, f64)| {
        if experiment.listens() {
            for step in 1..=REPORTS {
                strategy.tell(trial, &Event::Reported { step, metric: metric + 1.0 / step as f64 });
            }
        }
        while let Ask::Prune(doomed) = strategy.ask(&mut Rng::new("bench", 0)) {
            strategy.tell(doomed, &Event::Pruned);
        }
        strategy.tell(trial, &Event::ended(Some(metric)));
    };
    while asks < ASKS {
        let mut rng = Rng::new("bench", asks as u64);
        let started = Instant::now();
        let ask = strategy.ask(&mut rng);
        let took = started.elapsed();
        let started = Instant::now();
        match ask {
            Ask::Run(proposal) => {
                asking += took;
                tenths[asks * 10 / ASKS] += took;
                let trial = TrialIndex(u32::try_from(asks).expect("few"));
                running.push((trial, sample::unit("bench", asks as u64, "metric")));
                strategy.tell(trial, &Event::Proposed(proposal));
                asks += 1;
                if running.len() > WIDTH {
                    end(&mut *strategy, running.swap_remove(asks % WIDTH));
                }
            }
            Ask::Wait => end(&mut *strategy, running.pop().expect("somebody is waited for")),
            Ask::Prune(_) | Ask::Done => break,
        }
        telling += started.elapsed();
    }
    drop(running);
    let bytes = IN_USE.load(Ordering::Relaxed).saturating_sub(before);
    Measured { asks, asking, telling, tenths, bytes }
}

fn main() {
    println!(
        "{:18} {:>6} {:>9} {:>9} {:>11} {:>7}",
        "method", "asks", "ask ms", "tell ms", "last/first", "bytes"
    );
    let mut all = Duration::ZERO;
    for (name, experiment) in experiments() {
        let Measured { asks, asking, telling, tenths, bytes } = measure(&experiment);
        all += asking;
        let [first, last] = [tenths[0], tenths[9]].map(|tenth| tenth.as_secs_f64());
        println!(
            "{name:18} {asks:6} {:9.1} {:9.1} {:11.2} {:7}",
            asking.as_secs_f64() * 1e3,
            telling.as_secs_f64() * 1e3,
            last / first,
            bytes / asks.max(1)
        );
    }
    println!("all asks: {:.3} of the bar of {} s", all.as_secs_f64() / BAR.as_secs_f64(), BAR.as_secs());
}
