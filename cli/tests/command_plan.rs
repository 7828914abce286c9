//! What `sweep plan` says of every method before anything runs. `UPDATE_GOLDENS=1` writes the screen anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::fs;
use std::path::Path;

use command_site::{Ran, Site};

const SPACE: &str = "command: [true]\nseed: 123456\nparameters: {solver: [saga, lbfgs], lr: {distribution: log_uniform_values, min: 1e-4, max: 0.1}}\n";
const COST: &str = "repetitions: 2\nfolds: 10\ncost_per_budget: 0.0028\n";

fn plan(rest: &str) -> serde_json::Value {
    Site::new(&format!("name: planned\n{SPACE}{rest}")).json(&["plan", "--show", "0"])
}

fn hours(rest: &str) -> String {
    format!("{:.2}", plan(rest)["cost"]["hours"].as_f64().unwrap())
}

#[test]
fn the_search_of_hyperband_snakemakes_readme_is_priced_as_it_says() {
    let search = "method: hyperband\nhyperband: {s_max: 5, eta: 3}\nsbatch: {partition: gpu}\nrates: {gpu: 2.5, main: 0.1}\n";
    let site = Site::new(&format!("name: iris\n{SPACE}{COST}{search}"));
    let ran = Ran::of(site.command(&["plan", "--show", "1"]).env("COLUMNS", "80"));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/screens/plan.hyperband.txt");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&path, &ran.stdout).unwrap();
    }
    assert_eq!(ran.stdout, fs::read_to_string(&path).unwrap(), "UPDATE_GOLDENS=1 accepts it");
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80));
    assert_eq!(hours(&format!("{COST}{search}")), "426.23");
    let guaranteed = search.replace("eta: 3", "eta: 3, guaranteed_budget: 3");
    assert_eq!(hours(&format!("{COST}{guaranteed}")), "518.62");
}

#[test]
fn every_method_has_a_number_of_trials_and_a_price() {
    for (search, trials, units) in [
        ("method: random\ntrials: 20\n", 20, 20),
        ("method: sobol\ntrials: 20\nreplicates: 2\n", 40, 40),
        ("method: latin\ntrials: 20\n", 20, 20),
        ("method: bayes\ntrials: 20\n", 20, 20),
        ("method: hyperband\nhyperband: {max_budget: 81}\n", 206, 1902),
        ("method: hyperband\nhyperband: {max_budget: 81}\ncheckpoint: true\n", 206, 1581),
        ("method: hyperband\nhyperband: {max_budget: 81, brackets: [4]}\n", 5, 405),
        ("method: halving\nhalving: {max_budget: 9}\ntrials: 18\n", 18 + 6 + 2, 18 + 18 + 18),
        ("method: asha\nasha: {max_budget: 9}\ntrials: 18\n", 18 + 6 + 2, 18 + 18 + 18),
        ("method: asha\nasha: {max_budget: 9, mode: stop}\ntrials: 18\n", 18, 18 + 12 + 12),
        ("method: genetic\ngenetic: {generations: 3, num_demes: 2, pop_size: 5}\n", 30, 30),
        ("method: pbt\npbt: {population: 6, generations: 4, interval: 2}\n", 24, 48),
    ] {
        let planned = plan(&format!("{search}cost_per_budget: 0.5\n"));
        assert_eq!(planned["total"], trials.to_string(), "{search}");
        assert_eq!(planned["cost"]["hours"], f64::from(units) * 0.5, "{search}");
    }
}

#[test]
fn without_a_cost_there_are_units_and_the_time_limit() {
    let planned = plan(
        "method: random\ntrials: 20\nsbatch: {time: '1:30:00', nodes: 2}\nrates: {a: 2, default: 0.5}\n",
    );
    let cost = &planned["cost"];
    assert_eq!((&cost["hours"], &cost["limit_hours"]), (&serde_json::Value::Null, &30.0.into()));
    assert_eq!(cost["node_hours"], 60.0);
    let prices = cost["prices"].as_array().unwrap();
    let prices: Vec<_> = prices.iter().map(|price| price["price"].as_f64().unwrap()).collect();
    assert_eq!(prices, [120.0, 30.0]);
    assert_eq!(plan("method: random\ntrials: 20\n")["cost"]["node_hours"], serde_json::Value::Null);
}

#[test]
fn brackets_that_do_not_fit_the_search_are_noted() {
    let notes = |rest: &str| plan(rest)["notes"].as_array().unwrap().len();
    assert_eq!(notes("method: asha\nasha: {max_budget: 27}\ntrials: 27\n"), 0);
    let few = plan("method: asha\nasha: {max_budget: 27}\ntrials: 20\n");
    assert_eq!(
        few["notes"][0],
        "bracket 0 has too few configurations for its last rungs: about none passes a budget of 9"
    );
    let site = Site::new(
        "command: [true]\nparameters: {a: [1, 2, 3]}\nmethod: hyperband\nhyperband: {max_budget: 9}\n",
    );
    let finite = site.json(&["plan", "--show", "0"]);
    assert_eq!(finite["notes"][0], "17 configurations begin, but there are only 3: some come again");
}
