//! The examples as the README tells people to run them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::site::{Home, LIMIT, accounted, plain, plugged, states};

#[test]
fn the_iris_sweep_finds_a_good_model() {
    let home = Home::of_example(plugged(), "iris", "iris");
    let ran = home.sweep(&["run", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let status: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(states(&status), vec!["completed"; 12]);
    let trials = status["trials"].as_array().unwrap();
    let best = trials.iter().map(|trial| trial["metric"].as_f64().unwrap()).fold(0.0, f64::max);
    assert!((0.94..=1.0).contains(&best), "{best}");
    let named = trials.iter().find(|trial| trial["trial"] == status["best"]).unwrap();
    assert_eq!(named["metric"].as_f64(), Some(best));
}

#[test]
fn the_lines_of_init_run_a_script_of_ones_own() {
    let home = Home::of_example(accounted(), "iris-script", "iris");
    let report = home.json("init", &[]);
    let sweep = home.submitted(&report);
    let lines: Vec<&str> =
        report["sbatch"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(lines.len(), 3, "one for each array of five: {lines:?}");
    assert_eq!(sweep.states(), vec!["planned"; 12]);
    for line in &lines {
        let line = format!("{} --output=out.%A.%a {}", line.strip_suffix(" SCRIPT").unwrap(), "train.sh");
        home.cluster.run(home.command("sh").args(["-c", &line])).unwrap().checked().unwrap();
    }
    let status = home
        .cluster
        .wait_for(LIMIT, "twelve trials", || {
            let status = sweep.status();
            (status["states"]["completed"] == 12).then_some(status)
        })
        .unwrap();
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(&home.path).unwrap().map(Result::unwrap) {
        if !entry.file_name().to_str().unwrap().starts_with("out.") {
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap();
        let value = |head: &str| text.lines().find_map(|line| line.strip_prefix(head)).map(str::to_owned);
        let script = value("script: ").unwrap_or_else(|| panic!("{text}"));
        assert_eq!(value("step: ").as_ref(), Some(&script), "{text}");
        seen.insert(script);
    }
    let expected = status["trials"].as_array().unwrap().iter().map(|trial| {
        let value = |name: &str| crate::site::text(&trial["params"][name]);
        let (lr, batch, l2) = (value("lr"), value("batch_size"), value("l2"));
        format!("trial={} lr={lr} batch_size={batch} l2={l2}", trial["trial"].as_str().unwrap())
    });
    assert_eq!(seen, expected.collect());
    assert!(status["best"].is_string() && status["trials"][0]["metric"].is_number(), "{status}");
}

#[test]
fn init_prints_lines_for_a_person() {
    let home = Home::of_example(plain(), "iris-lines", "iris");
    let text = home.sweep(&["init"]).checked().unwrap().stdout;
    let sweep = home.newest();
    let expected = format!(
        "made {dir} with 12 trials\n\nrun them with a batch script of your own, where the plugin is installed:\n  \
         sbatch --sweep-dir={dir} --array=0-11 SCRIPT\n\
         or many at once in an allocation of your own:\n  sweep agent {dir}\n",
        dir = sweep.path()
    );
    assert_eq!(text, expected);
}

#[test]
fn both_files_of_the_quickstart_run() {
    let home = Home::of_example(plain(), "quickstart", "quickstart");
    for (file, trials) in [("sweep.yaml", 6), ("sweep-random.yaml", 5)] {
        let ran = home.sweep(&["run", file, "--format", "json"]);
        assert_eq!(ran.code, Some(0), "{ran}");
        let status: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(states(&status), vec!["completed"; trials]);
        assert!(status["best"].is_string(), "{status}");
    }
}
