//! Sweeps that begin with another's best, several metrics at once, targets, and options by rung, by the local
//! executor. No Slurm is needed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::fs;
use std::path::Path;

use command_site::{Site, wait_for};
use serde_json::Value;
use sweep_cli::driver::batches::{Groups, Shape};
use sweep_cli::spec::Spec;
use sweep_core::trial::Trial;

const COARSE: &str = "name: coarse\nmethod: random\ntrials: 12\nseed: 5\nmetric: {name: loss}\n\
    shell: 'python3 loss.py > $SWEEP_RESULT'\n\
    parameters: {lr: {min: 1e-4, max: 1.0, log: true}, n: {min: 0, max: 100}, opt: [sgd, adam, rms], w: {min: 0.0, max: 8.0}}\n";
const LOSS: &str = "import math, os\ne = os.environ\n\
    print((math.log10(float(e['lr'])) + 2) ** 2 + (int(e['n']) - 30) ** 2 / 1000 + (float(e['w']) - 6) ** 2 / 9 + (e['opt'] != 'adam'))\n";

fn coarse() -> Site {
    let site = Site::new(COARSE);
    site.write("loss.py", LOSS);
    site
}

fn fine(around: &str, trials: u32) -> String {
    COARSE
        .replace("name: coarse", &format!("name: fine\nfrom: {{sweep: coarse, top: 3{around}}}"))
        .replace("trials: 12", &format!("trials: {trials}"))
}

/// The completed trials, the best first.
fn ranked(status: &Value) -> Vec<&Value> {
    let mut trials: Vec<&Value> = status["trials"].as_array().unwrap().iter().collect();
    trials.sort_by(|a, b| a["metric"].as_f64().unwrap().total_cmp(&b["metric"].as_f64().unwrap()));
    trials
}

fn number(trial: &Value, name: &str) -> f64 {
    trial["params"][name].as_f64().unwrap()
}

#[test]
fn a_fine_sweep_begins_with_the_best_of_a_coarse_one_and_stays_near_them() {
    let site = coarse();
    site.run(0);
    let coarse = site.json(&["status"]);
    let best: Vec<&Value> = ranked(&coarse).into_iter().take(3).collect();
    site.write("sweep.yaml", &fine(", around: 0.25", 12));
    let dir = site.run(0);
    let fine = site.json(&["status"]);
    let trials = fine["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 12);
    for (row, best) in trials.iter().zip(&best) {
        assert_eq!(row["params"], best["params"]);
        assert_eq!(row["metric"], best["metric"]);
    }
    let span = |name: &str, scale: fn(f64) -> f64| {
        let values: Vec<f64> = best.iter().map(|trial| scale(number(trial, name))).collect();
        (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max))
    };
    for (name, width, low, high, scale) in [
        ("lr", 4.0, -4.0, 0.0, f64::log10 as fn(f64) -> f64),
        ("n", 100.0, 0.0, 100.0, |x| x),
        ("w", 8.0, 0.0, 8.0, |x| x),
    ] {
        let (from, to) = span(name, scale);
        let (middle, half) = (f64::midpoint(from, to), width * 0.25 / 2.0);
        let from = (middle - half).max(low).min(from);
        let to = (middle + half).min(high).max(to);
        assert!(to - from < width, "{name}: nothing was cut");
        // A whole number's ends are rounded outwards.
        let slack = if name == "n" { 1.0 } else { 1e-9 };
        for trial in trials {
            let value = scale(number(trial, name));
            assert!(from - slack <= value && value <= to + slack, "{name}: {value} in {from} to {to}");
        }
    }
    for trial in trials {
        assert!(best.iter().any(|best| best["params"]["opt"] == trial["params"]["opt"]));
    }
    assert!(ranked(&fine)[0]["metric"].as_f64().unwrap() <= best[0]["metric"].as_f64().unwrap());
    let start = &fine["manifest"]["start"];
    assert_eq!(start["sweep"], coarse["sweep_id"]);
    assert_eq!(start["rows"].as_array().unwrap().len(), 3);
    assert!(start["parts"]["lr"]["real"].is_array() && start["parts"]["n"]["whole"].is_array(), "{start}");

    // The coarse sweep is not needed again: not to go on, and not to look for drift.
    fs::remove_dir_all(site.path(".sweeps").join(coarse["sweep_id"].as_str().unwrap())).unwrap();
    let added = site.json(&["extend", "--trials", "3"]);
    assert_eq!(added["added"], serde_json::json!(["t012", "t013", "t014"]));
    wait_for("the new trials", || (site.states(&dir) == ["completed"; 15]).then_some(()));
    let more = site.json(&["status"]);
    assert_eq!(more["trials"].as_array().unwrap()[..12], trials[..]);
    let spec = fs::read_to_string(site.path("sweep.yaml")).unwrap();
    site.write(
        "sweep.yaml",
        &format!("{}# another text, the same trials\n", spec.replace("trials: 12", "trials: 15")),
    );
    site.good(&["resume", "--spec", "sweep.yaml"]);
    site.write("sweep.yaml", &spec.replace("seed: 5", "seed: 6"));
    let ran = site.sweep(&["resume", "--spec", "sweep.yaml"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("in t003"), "{}", ran.stderr);
}

#[test]
fn an_adaptive_search_goes_on_from_its_start_in_every_step() {
    let site = coarse();
    site.run(0);
    let coarse = site.json(&["status"]);
    let spec =
        fine(", around: 0.5", 8).replace("method: random", "method: asha\nasha: {max_budget: 4, eta: 2}");
    // Two at a time, so that most trials are proposed by later steps.
    site.write("sweep.yaml", &format!("{spec}concurrency: 2\n"));
    site.run(0);
    let fine = site.json(&["status"]);
    let begun: Vec<&Value> =
        fine["trials"].as_array().unwrap().iter().filter(|trial| trial["parent"].is_null()).collect();
    assert_eq!(begun.len(), 8);
    for (row, best) in begun.iter().zip(ranked(&coarse)).take(3) {
        assert_eq!(row["params"], best["params"]);
    }
    let [low, high] =
        [0, 1].map(|end| fine["manifest"]["start"]["parts"]["w"]["real"][end].as_f64().unwrap());
    assert!(high - low < 8.0 && begun.iter().all(|trial| (low..=high).contains(&number(trial, "w"))));
}

#[test]
fn what_does_not_fit_is_dropped_and_said() {
    let site = coarse();
    site.run(0);
    let spec = fine("", 4)
        .replace("opt: [sgd, adam, rms]", "opt: [sgd], depth: {min: 1, max: 3, default: 2}")
        .replace("w: {min: 0.0, max: 8.0}", "w: {min: 100.0, max: 101.0}")
        .replace("n: {min: 0, max: 100}", "m: {min: 0, max: 1}")
        .replace("python3 loss.py", "echo 1");
    site.write("sweep.yaml", &spec);
    let ran = site.sweep(&["run", "--executor", "local", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("`n` = ") && ran.stderr.contains("is no parameter here"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("`w` = ") && ran.stderr.contains("is outside its range here"),
        "{}",
        ran.stderr
    );
    let first = &site.json(&["status"])["trials"][0]["params"];
    assert_eq!((&first["opt"], &first["depth"]), (&"sgd".into(), &2.into()));
    let names: Vec<&String> = first.as_object().unwrap().keys().collect();
    assert_eq!(names, ["depth", "lr", "m", "opt", "w"]);
}

#[test]
fn a_sweep_that_is_not_there_or_has_no_result_is_a_mistake_with_its_place() {
    let site = coarse();
    let refused = |spec: &str, message: &str| {
        site.write("fine.yaml", spec);
        for arguments in
            [&["plan", "fine.yaml"][..], &["init", "fine.yaml"], &["submit", "--dry-run", "fine.yaml"]]
        {
            let ran = site.sweep(arguments);
            assert!(ran.code == Some(2) && ran.stderr.contains(message), "{arguments:?}: {}", ran.stderr);
        }
    };
    refused(&fine("", 4), "fine.yaml:2:15: there is no sweep `coarse`");
    site.write("sweep.yaml", &COARSE.replace("metric: {name: loss}\n", ""));
    site.run(0);
    refused(&fine("", 4), "has no metric, so nobody knows its best");
    site.write("sweep.yaml", &COARSE.replace("python3 loss.py", "exit 3; echo"));
    site.run(4);
    refused(&fine("", 4), "has no completed trial with a metric");
    refused(&fine(", around: 2", 4), "at most 1");
    assert_eq!(site.json(&["list"])["sweeps"].as_array().unwrap().len(), 2);
}

#[test]
fn a_sweep_that_runs_is_waited_for() {
    let spec = "name: slow\nmetric: {name: loss}\nshell: 'while ! test -e go-$x; do sleep 0.05; done; echo $x > $SWEEP_RESULT'\n\
        parameters: {x: [3, 1, 2]}\n";
    let site = Site::new(spec);
    site.write("go-3", "");
    site.good(&["submit", "--executor", "local"]);
    let dir = site.newest();
    wait_for("the first", || (site.states(&dir)[0] == "completed").then_some(()));
    site.write("fine.yaml", &spec.replace("name: slow", "name: next\nfrom: {sweep: slow}"));
    let planned = site.sweep(&["plan", "fine.yaml"]);
    assert!(planned.code == Some(0) && planned.stderr.contains("has not ended"), "{}", planned.stderr);
    assert!(planned.stdout.contains("t000") && planned.stdout.contains("x=3"), "{}", planned.stdout);
    let mut waiting = site.command(&["init", "fine.yaml"]);
    let mut waiting =
        waiting.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
    let mut notice = std::io::BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut notice, &mut line).unwrap();
    assert!(line.starts_with("waiting for sweep `slow-"), "{line}");
    assert!(waiting.try_wait().unwrap().is_none());
    site.write("go-1", "");
    site.write("go-2", "");
    assert!(waiting.wait().unwrap().success());
    let table = fs::read_to_string(site.newest().join("trials.jsonl")).unwrap();
    assert!(table.lines().nth(1).unwrap().contains(r#""params":{"x":1}"#), "{table}");
}

#[test]
fn a_target_that_is_reached_ends_the_sweep() {
    let site = Site::new(
        "name: aim\nconcurrency: 1\nmetric: {name: acc, goal: maximize, target: 0.9}\nshell: 'sweep log acc=$x'\n\
         parameters: {x: [0.5, 0.7, 0.95, 0.99, 0.1, 0.2]}\n",
    );
    site.run(0);
    let status = site.json(&["status"]);
    assert_eq!(status["stopped"], "t002 has acc 0.95, and the target is 0.9");
    assert_eq!(status["trials"].as_array().unwrap().len(), 3);
    // One that reports it while it runs.
    site.write(
        "sweep.yaml",
        "name: aim\nmetric: {name: acc, goal: maximize, target: 0.9}\n\
         shell: 'sweep log acc=$x; sleep 600'\nparameters: {x: [0.5, 0.95]}\n",
    );
    site.run(0);
    assert_eq!(site.json(&["status"])["stopped"], "t001 has acc 0.95, and the target is 0.9");
    // Where all ended without it, or with the last, there is nothing to stop.
    site.write(
        "sweep.yaml",
        "name: aim\nmetric: {name: loss, target: 1}\nshell: 'sweep log loss=$x'\nparameters: {x: [1, 3]}\n",
    );
    site.run(0);
}

#[test]
fn several_metrics_have_a_front() {
    let site = Site::new(
        "name: both\nmetric: [{name: acc, goal: maximize}, {name: seconds}, {name: mb, from: {stdout: 'mb=(\\S+)'}}]\n\
         shell: 'sweep log acc=$a; echo mb=1; test $s = none || sweep log seconds=$s'\n\
         params: [{a: 0.9, s: 10}, {a: 0.8, s: 5}, {a: 0.7, s: 6}, {a: 0.9, s: 10}, {a: 0.99, s: none}, {a: 0.5, s: 1}]\n",
    );
    let dir = site.run(0);
    let status = site.json(&["status"]);
    assert_eq!(status["pareto"], serde_json::json!(["t000", "t001", "t003", "t005"]));
    assert_eq!(status["best"], "t004");
    let fronts: Vec<Option<u64>> =
        status["trials"].as_array().unwrap().iter().map(|trial| trial["front"].as_u64()).collect();
    assert_eq!(fronts, [Some(0), Some(0), Some(1), Some(0), None, Some(0)]);
    assert!(site.good(&["show", "t001"]).contains("metrics     acc=0.8 mb=1 seconds=5\n"));
    assert_eq!(status["trials"][1]["metrics"], serde_json::json!({"acc": 0.8, "seconds": 5.0, "mb": 1.0}));
    assert_eq!(status["trials"][4]["metrics"]["seconds"], Value::Null);
    let text = site.good(&["status"]);
    assert!(
        text.contains(
            "Pareto front of acc, seconds, mb, 4 trials:\n  t000  acc 0.9  seconds 10  mb 1  a=0.9 s=10\n"
        ),
        "{text}"
    );
    assert!(!text.contains("t002  acc"), "{text}");
    // A driven sweep keeps it in a file as well.
    assert!(!dir.join("best.json").exists());
    let spec = fs::read_to_string(site.path("sweep.yaml")).unwrap();
    site.write("sweep.yaml", &format!("{spec}canary: true\n"));
    let dir = site.run(0);
    let best: Value = serde_json::from_slice(&fs::read(dir.join("best.json")).unwrap()).unwrap();
    let front: Vec<&Value> = best["pareto"].as_array().unwrap().iter().map(|of| &of["trial"]).collect();
    assert_eq!(front, ["t000", "t001", "t003", "t005"]);
    assert_eq!(best["pareto"][1]["metrics"]["seconds"], 5.0);
}

#[test]
fn each_rung_has_its_options() {
    let text = "name: rungs\nmethod: hyperband\nhyperband: {max_budget: 4, eta: 2}\nseed: 1\n\
         sbatch: {mem: '${n}G', time: '10', comment: x, qos: low}\n\
         rungs: [{mem: 1G, qos: high}, {}, {mem: 9G, time: '1:00:00', gres: 'gpu:${n}', comment: y}]\n\
         command: ['true']\nparams: [{n: 3, sbatch: {comment: own}}]\nparameters: {n: {min: 1, max: 50}}\n";
    let spec = Spec::parse(Path::new("sweep.yaml"), text.into()).unwrap();
    let begun: Vec<Trial> = spec.trials("").unwrap().map(Result::unwrap).collect();
    // Whatever came to a trial from its own row or its values, it takes along as it climbs.
    let options = |trial: &Trial, bracket: u32, rung: u32| {
        let climbed = Trial { bracket: Some(bracket), rung: Some(rung), ..trial.clone() };
        let options = spec.sbatch_of(&spec.fill(climbed).unwrap()).unwrap();
        options.iter().map(|(key, text)| format!("{key}={text}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(options(&begun[0], 0, 0), "comment=own mem=1G qos=high time=10");
    assert_eq!(options(&begun[0], 0, 1), "comment=own mem=3G qos=low time=10");
    let most = "comment=own gres=gpu:3 mem=9G qos=low time=1:00:00";
    for (bracket, rung) in [(0, 2), (1, 1), (2, 0), (0, 7)] {
        assert_eq!(options(&begun[0], bracket, rung), most, "bracket {bracket}, rung {rung}");
    }
    let n = begun[1].params.get("n").unwrap();
    assert_eq!(options(&begun[1], 0, 1), format!("comment=x mem={n}G qos=low time=10"));
    assert_eq!(options(&begun[1], 1, 1), format!("comment=y gres=gpu:{n} mem=9G qos=low time=1:00:00"));
}

#[test]
fn trials_of_different_rungs_are_different_arrays() {
    let text = "name: rungs\nmethod: hyperband\nhyperband: {max_budget: 4, eta: 2}\nseed: 1\n\
         rungs: [{mem: 1G}, {mem: 2G}, {mem: 4G}]\ncommand: ['true']\nparameters: {n: {min: 1, max: 50}}\n";
    let spec = Spec::parse(Path::new("sweep.yaml"), text.into()).unwrap();
    let mut groups = Groups::default();
    for trial in spec.trials("").unwrap() {
        let trial = trial.unwrap();
        groups.add(trial.index, &spec.sbatch_of(&trial).unwrap());
    }
    let batches = groups.batches(Shape::Arrays { max_array_size: 1000 }, None);
    let sizes: Vec<_> =
        batches.iter().map(|batch| (batch.options["mem"].as_str(), batch.trials.count())).collect();
    assert_eq!(sizes, [("1G", 4), ("2G", 3), ("4G", 3)]);
}
