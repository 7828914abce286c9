//! Searches whose proposals come from a model, by the local executor: killed and resumed, begun with another sweep's
//! results, by several metrics, and as W&B's file says it. No Slurm is needed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::fs;
use std::path::Path;

use command_site::Site;
use serde_json::Value;

/// Every trial that was proposed, as it stands in the table.
fn table(dir: &Path) -> Vec<Value> {
    let lines = fs::read_to_string(dir.join("trials.jsonl")).unwrap();
    lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A search on rungs, one trial at a time so that results come in one order.
fn rungs(method: &str, proposals: &str) -> String {
    format!(
        "name: rungs\n{method}, proposals: {proposals}}}\nseed: 3\nconcurrency: 1\nmetric: {{name: loss}}\n\
         shell: 'echo $(( (x - 300) * (x - 300) + 1000 / ${{SWEEP_BUDGET%.*}} )) > $SWEEP_RESULT'\n\
         parameters: {{x: {{min: 0, max: 1000}}, y: [a, b]}}\n"
    )
}

#[test]
fn a_model_on_rungs_that_is_killed_and_resumed_proposes_the_same() {
    for method in
        ["method: asha\ntrials: 12\nasha: {max_budget: 9", "method: hyperband\nhyperband: {max_budget: 9"]
    {
        let whole = Site::new(&rungs(method, "bayes"));
        let expected = table(&whole.run(0));
        let drawn = Site::new(&rungs(method, "random"));
        assert_ne!(table(&drawn.run(0)), expected, "{method}: the model proposed nothing");

        // Its sixth end takes the driver with it.
        let killed = Site::new(&format!(
            "{}notify: {{on: [trial_ended], command: 'n=$(cat n 2>/dev/null); n=$((n + 1)); echo $n >n; [ $n != 6 ] || kill -9 $PPID'}}\n",
            rungs(method, "bayes")
        ));
        let ran = killed.sweep(&["run", "--executor", "local"]);
        assert_eq!(ran.code, None, "{method}: {}", ran.stderr);
        let dir = killed.newest();
        assert!(table(&dir).len() < expected.len(), "{method}: it was done before it was killed");
        killed.good(&["resume"]);
        killed.good(&["wait"]);
        assert_eq!(table(&dir), expected, "{method}");
    }
}

const BEGIN: &str = "name: begin\nmethod: bayes\ntrials: 7\nseed: 4\nconcurrency: 1\nmetric: {name: loss}\n\
    shell: 'echo $(( (x - 620) * (x - 620) + (y - 150) * (y - 150) )) > $SWEEP_RESULT'\n\
    parameters: {x: {min: 0, max: 1000}, y: {min: 0, max: 1000}}\n";

/// The median of all metrics but that of the first trial, which is taken over as it is: one proposal of a model in
/// 25 is drawn from the whole space, and one such outweighs a mean.
fn median(site: &Site) -> f64 {
    let status = site.json(&["status"]);
    let mut metrics: Vec<f64> = status["trials"].as_array().unwrap()[1..]
        .iter()
        .map(|trial| trial["metric"].as_f64().unwrap())
        .collect();
    metrics.sort_by(f64::total_cmp);
    metrics[metrics.len() / 2]
}

#[test]
fn a_search_begins_better_with_the_results_of_another_sweep() {
    let coarse =
        BEGIN.replace("begin", "coarse").replace("bayes", "random").replace("trials: 7", "trials: 20");
    let site = Site::new(&coarse.replace("concurrency: 1\n", ""));
    site.run(0);
    site.write("sweep.yaml", BEGIN);
    site.run(0);
    let alone = median(&site);
    site.write("sweep.yaml", &format!("{BEGIN}from: {{sweep: coarse}}\n"));
    let ran = site.sweep(&["run", "--executor", "local"]);
    assert!(ran.stderr.contains("20 of 20 results of sweep `coarse-"), "{}", ran.stderr);
    let helped = median(&site);
    assert!(helped < alone / 100.0, "{helped} with the results, {alone} without");
    let manifest: Value =
        serde_json::from_slice(&fs::read(site.newest().join("sweep.json")).unwrap()).unwrap();
    assert_eq!(manifest["start"]["past"].as_array().unwrap().len(), 20);
    assert_eq!(manifest["start"]["past"][0]["metrics"].as_array().unwrap().len(), 1);

    // Half of the space has about half of the results, and another metric has none.
    site.write(
        "half.yaml",
        &format!("{}from: {{sweep: coarse}}\n", BEGIN.replace("x: {min: 0, max", "x: {min: 500, max")),
    );
    let ran = site.sweep(&["plan", "half.yaml"]);
    assert!(ran.stderr.contains("are of configurations that this space does not have"), "{}", ran.stderr);
    site.write(
        "other.yaml",
        &format!("{}from: {{sweep: coarse}}\n", BEGIN.replace("name: loss", "name: seconds")),
    );
    let ran = site.sweep(&["plan", "other.yaml"]);
    assert!(ran.stderr.contains("has no metric `seconds`: its best run first"), "{}", ran.stderr);
}

#[test]
fn a_search_by_two_metrics_shows_its_front() {
    let site = Site::new(
        "name: two\nmethod: bayes\ntrials: 26\nseed: 2\nconcurrency: 1\n\
         metric: [{name: speed, goal: maximize}, {name: error}]\n\
         shell: 'test $x -gt 990 || sweep log speed=$x error=$((x + (y - 40) * (y - 40)))'\n\
         parameters: {x: {min: 0, max: 1000}, y: {min: 0, max: 100}}\nresult_wait_s: 0\n",
    );
    let dir = site.run(0);
    let files = fs::read_dir(dir.join("events")).unwrap().map(|file| file.unwrap().path());
    let events: String = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    let ended: Vec<Value> = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ended: Vec<&Value> = ended.iter().filter(|event| event["event"] == "ended").collect();
    assert_eq!(ended.len(), 26);
    assert!(ended.iter().filter(|event| event["objectives"][0].is_number()).count() > 20, "{events}");
    let status = site.json(&["status"]);
    let front = status["pareto"].as_array().unwrap();
    assert!(front.len() > 1, "{status}");
    // Who knows both metrics goes to the end that is fast and to the one that errs little.
    let of = |name: &str| -> Vec<f64> {
        let trials = status["trials"].as_array().unwrap().iter();
        trials
            .filter(|trial| front.contains(&trial["trial"]))
            .filter_map(|trial| trial["metrics"][name].as_f64())
            .collect()
    };
    assert!(of("speed").iter().any(|speed| *speed > 900.0), "{status}");
    assert!(of("error").iter().any(|error| *error < 450.0), "{status}");
    let top = site.json(&["top"]);
    let fronts: Vec<u64> = top["groups"][0]["trials"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|trial| trial["front"].as_u64())
        .collect();
    assert!(fronts.is_sorted() && fronts[0] == 0, "{top}");
    let text = site.good(&["top"]);
    let head = text.lines().find(|line| line.contains("trial")).unwrap();
    assert!(["front", "speed", "error"].iter().all(|word| head.contains(word)), "{text}");
    let best = site.sweep(&["best"]);
    assert!(
        best.stderr.contains("this is the best by `speed`") && best.stdout.contains("\"x\""),
        "{}",
        best.stderr
    );
    let best: Value = serde_json::from_slice(&fs::read(dir.join("best.json")).unwrap()).unwrap();
    assert_eq!(best["pareto"].as_array().unwrap().len(), front.len());
    let csv = site.good(&["export"]);
    assert!(csv.lines().next().unwrap().contains(",front,speed,error,"), "{csv}");
}

#[test]
fn a_bayesian_file_of_wandb_runs_to_its_end_as_it_is_and_imported() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/wandb");
    let text = fs::read_to_string(examples.join("bayes-early-terminate.yaml")).unwrap();
    // Sixty trials would show no more than these.
    let site = Site::new(&text.replace("run_cap: 60", "run_cap: 12"));
    fs::copy(examples.join("accuracy.py"), site.path("accuracy.py")).unwrap();
    site.good(&["import", "sweep.yaml", "-o", "imported.yaml"]);
    for file in ["sweep.yaml", "imported.yaml"] {
        let ran = site.sweep(&["run", file, "--executor", "local", "--format", "json"]);
        let status: Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{file}: {}", ran.stderr));
        let ended = |state: &str| status["states"][state].as_u64().unwrap_or(0);
        assert_eq!(ended("completed") + ended("pruned"), 12, "{file}: {}", ran.stdout);
        assert_eq!(status["method"], "bayes");
    }
}
