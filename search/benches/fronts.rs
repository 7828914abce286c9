//! How much of the objective space the searches by several metrics dominate, in one run beside random search: mean
//! volumes over seeds, the seeds on which each was better than random search, and what an ask takes. `cargo bench -p
//! sweep-search --bench fronts [-- SEEDS [TRIALS [WIDTH]]]`.

#[path = "../tests/fronts/problems.rs"]
mod problems;

use std::time::Instant;

use problems::{found, problems, volume};
use sweep_search::{Method, genetic};

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<u64>().ok());
    let seeds = numbers.next().unwrap_or(10);
    let most = numbers.next().unwrap_or(100);
    let width = numbers.next().and_then(|width| usize::try_from(width).ok()).unwrap_or(1);
    let settings =
        genetic::Settings { num_demes: 1, pop_size: 20, mutation_rate: 0.2, ..genetic::Settings::default() };
    let methods = [
        ("random", Method::Random),
        ("sobol", Method::Sobol),
        ("genetic", Method::Genetic(settings)),
        ("bayes", Method::Bayes),
    ];
    let points: Vec<u64> = [25, 50, 100, 200, 400].into_iter().filter(|count| *count <= most).collect();
    for problem in problems() {
        println!("{}, volumes at {points:?} trials, {seeds} seeds, {width} at once", problem.name);
        let mut random: Vec<Vec<f64>> = Vec::new();
        for (name, method) in methods {
            let began = Instant::now();
            let volumes: Vec<Vec<f64>> = (0..seeds)
                .map(|seed| {
                    let found = found(&problem, method, seed, most, width);
                    points
                        .iter()
                        .map(|count| volume(&problem, &found[..usize::try_from(*count).unwrap_or(0)]))
                        .collect()
                })
                .collect();
            let ms = began.elapsed().as_secs_f64() * 1e3 / (seeds * most) as f64;
            if name == "random" {
                random.clone_from(&volumes);
            }
            let mut line = format!("  {name:8}");
            for place in 0..points.len() {
                let mean = volumes.iter().map(|of| of[place]).sum::<f64>() / seeds as f64;
                let wins = volumes.iter().zip(&random).filter(|(a, b)| a[place] > b[place]).count();
                line.push_str(&format!("  {mean:.4} ({wins}/{seeds})"));
            }
            println!("{line}  {ms:.2} ms an ask");
        }
    }
}
