//! Searches by several metrics: what they find dominates more than what chance finds, on problems whose results depend
//! on nothing but the configuration, so the same on every machine.

#[path = "fronts/problems.rs"]
mod problems;

use problems::{Problem, found, problems, volume};
use sweep_search::{Method, genetic};

/// How much a method's volume is beyond that of random search, for each seed.
fn beyond_random(problem: &Problem, method: Method, trials: u64, width: usize) -> Vec<f64> {
    let of = |method, seed| volume(problem, &found(problem, method, seed, trials, width));
    (0..10).map(|seed| of(method, seed) - of(Method::Random, seed)).collect()
}

fn better(gains: &[f64]) -> usize {
    gains.iter().filter(|gain| **gain > 0.0).count()
}

#[test]
fn a_model_of_each_metric_finds_a_better_front_than_chance() {
    // A sphere in the middle of its space takes longer than what has its best at the ends.
    for (problem, trials) in problems().into_iter().zip([20, 35, 25]) {
        let gains = beyond_random(&problem, Method::Bayes, trials, 1);
        assert!(better(&gains) >= 9, "{}: {gains:?}", problem.name);
    }
}

#[test]
fn breeding_by_fronts_finds_a_better_front_than_chance() {
    let settings =
        genetic::Settings { num_demes: 1, pop_size: 20, mutation_rate: 0.3, ..genetic::Settings::default() };
    for problem in problems() {
        let gains = beyond_random(&problem, Method::Genetic(settings), 400, 20);
        assert!(better(&gains) >= 9, "{}: {gains:?}", problem.name);
    }
}
