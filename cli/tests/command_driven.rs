//! Sweeps that somebody drives, by the local executor: canaries, budgets, what jobs do besides the command, and more
//! trials for a sweep that is there. No Slurm is needed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::fs;

use command_site::{STEPS, Site, wait_for};

#[test]
fn a_canary_runs_alone_and_the_others_follow_it() {
    let site = Site::new(
        "name: canary\ncanary: true\nshell: 'ls -d ../trials/* > seen-$x 2>/dev/null; true'\nworkdir: .\n\
         parameters: {x: [1, 2, 3]}\n",
    );
    let dir = site.run(0);
    assert_eq!(site.states(&dir), ["completed"; 3]);
    let batches: Vec<_> =
        (0..2).map(|n| fs::read_to_string(dir.join(format!("batches/{n}.json"))).unwrap()).collect();
    assert!(
        batches[0].contains(r#""first":0,"count":1"#) && batches[1].contains(r#""first":1,"count":2"#),
        "{batches:?}"
    );
}

#[test]
fn a_canary_that_fails_takes_the_sweep_with_it() {
    let site = Site::new("name: canary\nshell: 'exit 7'\nparameters: {x: [1, 2, 3]}\n");
    let ran = site.sweep(&["run", "--executor", "local", "--canary"]);
    assert_eq!(ran.code, Some(4), "{}{}", ran.stdout, ran.stderr);
    let status = site.json(&["status"]);
    assert_eq!(status["stopped"], "the canary t000 failed: failed, exit code 7");
    assert_eq!(status["trials"].as_array().unwrap().len(), 1);
}

#[test]
fn trials_that_fail_alike_stop_the_sweep() {
    let site = Site::new(
        "name: alike\nconcurrency: 1\nmax_failures: 2\nshell: 'exit $x'\nparameters: {x: [3, 4, 0, 4, 0, 0, 0]}\n",
    );
    let spec = "name: alike\nconcurrency: 1\nmax_failures: 2\nshell: 'exit $x'\n\
        params: [{x: 3}, {x: 4}, {x: 0}, {x: 4}, {x: 5}, {x: 0}]\n";
    site.write("sweep.yaml", spec);
    site.run(4);
    let status = site.json(&["status"]);
    assert_eq!(status["stopped"], "2 trials failed alike: failed, exit code 4, t001 the first");
    assert_eq!(status["trials"].as_array().unwrap().len(), 4);
}

#[test]
fn a_budget_that_is_spent_stops_the_sweep() {
    let site = Site::new(
        "name: budget\nconcurrency: 1\nbudget: {node_hours: 0.00005}\nshell: 'sleep 0.1'\n\
         parameters: {x: [1, 2, 3, 4, 5, 6, 7, 8, 9]}\n",
    );
    site.run(4);
    let status = site.json(&["status"]);
    assert_eq!(status["stopped"], "the budget of 0.00005 node-hours is spent");
    let trials = status["trials"].as_array().unwrap().len();
    assert!((1..=3).contains(&trials), "0.18 s are two trials of 0.1 s: {trials}");
    let hours = status["node_hours"].as_f64().unwrap();
    assert!(hours > 0.00005, "{hours}");
}

#[test]
fn a_metric_is_found_wherever_a_program_leaves_it() {
    let metric = |from: &str, shell: &str| {
        let site =
            Site::new(&format!("name: metric\nmetric: {from}\nshell: '{shell}'\nparameters: {{x: [1]}}\n"));
        site.run(0);
        site.json(&["status"])["trials"][0]["metric"].as_f64()
    };
    let output = r"{name: fom, from: {stdout: 'FoM: (\S+)'}}";
    assert_eq!(metric(output, "echo FoM: 3; echo FoM: 2"), Some(2.0));
    assert_eq!(metric(output, "echo FoM: nan"), None);
    let best = r"{name: fom, goal: maximize, from: {stdout: 'FoM: (\S+)', take: best}}";
    assert_eq!(metric(best, "echo FoM: 3; echo FoM: 2 >&2"), Some(3.0));
    let json = "{name: loss, from: {json: out.json, field: best.loss}}";
    assert_eq!(metric(json, r#"echo "{\"best\": {\"loss\": 0.25}}" > out.json"#), Some(0.25));
    assert_eq!(metric("{weights: {p: 0.5, r: 2}}", "sweep log p=1; sweep log r=3"), Some(6.5));
    assert_eq!(metric("{name: loss}", "echo 0.75 > $SWEEP_RESULT"), Some(0.75));
    assert_eq!(metric("{name: loss}", "echo inf > $SWEEP_RESULT"), None);
}

#[test]
fn a_job_does_more_than_its_command() {
    let spec = "name: around\nworkdir: code\nsource: {copy: [code/*]}\ncheckpoint: true\nfolds: 5\nrepetitions: 2\n\
        templates: {etc/net.ini: net.ini.j2}\n\
        shell: 'cat $SWEEP_TRIAL_DIR/etc/net.ini; ls -d $SWEEP_CHECKPOINT_OUT; cat version; echo $SWEEP_FOLDS $SWEEP_REPETITIONS; exit 3'\n\
        after: ['echo after ${lr} $SWEEP_EXIT $SWEEP_TRIAL', 'exit 1']\n\
        params: [{name: warm, lr: 0.5}]\n";
    let site = Site::new(spec);
    fs::create_dir(site.path("code")).unwrap();
    site.write("code/net.ini.j2", "[net]\nlr = {{ lr }} # {{ env.SWEEP_TRIAL_NAME }}\n");
    site.write("code/version", "1\n");
    site.good(&["init"]);
    let made = site.newest();
    // A sweep runs what it froze, whatever happens beside the spec.
    site.write("code/version", "2\n");
    assert_eq!(fs::read_to_string(made.join("source/code/version")).unwrap(), "1\n");
    let dir = site.run(4);
    let output = site.output(&dir, 0);
    let checkpoint = dir.join("trials/t000/checkpoint");
    let expected = format!(
        "[net]\nlr = 0.5 # warm\n{}\n2\n5 2\nafter 0.5 3 t000\nsweep: `after` ended with exit status: 1\n",
        checkpoint.display()
    );
    assert_eq!(output, expected);
    assert_eq!(site.json(&["status"])["trials"][0]["exit"], 3);
}

#[test]
fn a_template_without_its_value_fails_the_trial_with_the_reason() {
    let site = Site::new("name: t\ntemplates: {a: a.j2}\ncommand: ['true']\nparameters: {x: [1]}\n");
    site.write("a.j2", "{{ y }}\n");
    let dir = site.run(4);
    assert!(site.output(&dir, 0).contains("a.j2:1: undefined value"), "{}", site.output(&dir, 0));
}

#[test]
fn a_sweep_grows_by_a_spec_with_more_values_and_by_a_number() {
    let grid = "name: grow\ncommand: [echo, '${x}']\nparameters: {x: [1, 2]}\n";
    let site = Site::new(grid);
    let dir = site.run(0);
    site.write("more.yaml", &grid.replace("[1, 2]", "[1, 2, 3]"));
    let added = site.json(&["extend", "--spec", "more.yaml"]);
    assert_eq!(added["added"], serde_json::json!(["t002"]));
    wait_for("the new trial", || (site.states(&dir) == ["completed"; 3]).then_some(()));
    assert_eq!(site.output(&dir, 2), "3\n");
    assert_eq!(site.json(&["extend", "--spec", "more.yaml"])["added"], serde_json::json!([]));
    for (changed, message) in [
        (grid.replace("[1, 2]", "[2, 3]"), "has no t000 any more (x=1)"),
        (grid.replace("echo", "cat"), "its `command` is another"),
    ] {
        site.write("more.yaml", &changed);
        let ran = site.sweep(&["extend", "--spec", "more.yaml"]);
        assert!(ran.code == Some(2) && ran.stderr.contains(message), "{}", ran.stderr);
    }
    let ran = site.sweep(&["extend", "--trials", "3"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("no number of trials"), "{}", ran.stderr);
    assert_eq!(site.states(&dir).len(), 3);

    let random = "name: grow\nmethod: random\ntrials: 2\nseed: 7\nparameters: {x: {min: 1, max: 1000}}\ncommand: [echo, '${x}']\n";
    let site = Site::new(random);
    let dir = site.run(0);
    assert_eq!(site.json(&["extend", "--trials", "3"])["added"], serde_json::json!(["t002", "t003", "t004"]));
    wait_for("the new trials", || (site.states(&dir) == ["completed"; 5]).then_some(()));
    // As if five had been asked for from the start.
    let long = Site::new(&random.replace("trials: 2", "trials: 5"));
    let whole = long.run(0);
    for trial in 0..5 {
        assert_eq!(site.output(&dir, trial), long.output(&whole, trial));
    }
    let ran = site.sweep(&["extend", "--trials", "200"]);
    assert!(
        ran.code == Some(2) && ran.stderr.contains("more than 100 trials would be added"),
        "{}",
        ran.stderr
    );
}

#[test]
fn hyperband_promotes_its_best_and_they_go_on_from_their_parents_step() {
    let site = Site::new(
        "name: rungs\nmethod: hyperband\nhyperband: {max_budget: 9, eta: 3}\nseed: 7\ncheckpoint: true\n\
         metric: {name: loss, goal: minimize}\ncommand: [python3, train.py]\nparameters: {lr: {min: 0.0, max: 1.0}}\n",
    );
    site.write("train.py", STEPS);
    let dir = site.run(0);
    let status = site.json(&["status"]);
    let trials = status["trials"].as_array().unwrap();
    // Brackets of 9, 3, 1 and of 5, 1 and of 3.
    assert_eq!(trials.len(), 13 + 6 + 3);
    let lines: Vec<String> =
        fs::read_to_string(dir.join("trials.jsonl")).unwrap().lines().skip(1).map(str::to_owned).collect();
    let mut promoted = 0;
    for (index, line) in (0..).zip(&lines) {
        let trial: serde_json::Value = serde_json::from_str(line).unwrap();
        let budget = trial["budget"].as_f64().unwrap();
        let from = match trial["parent"].as_str() {
            Some(parent) => {
                promoted += 1;
                let parent: usize = parent[1..].parse().unwrap();
                let parent: serde_json::Value = serde_json::from_str(&lines[parent]).unwrap();
                assert_eq!(parent["params"], trial["params"]);
                parent["budget"].as_f64().unwrap()
            }
            None => 0.0,
        };
        assert_eq!(site.output(&dir, index), format!("{from:.0} {budget:.0}\n"));
    }
    assert_eq!(promoted, 5);
    let best: serde_json::Value = serde_json::from_slice(&fs::read(dir.join("best.json")).unwrap()).unwrap();
    assert_eq!((&best["budget"], &best["trial"]), (&9.0.into(), &status["best"]));
}

#[test]
fn a_base_configuration_goes_with_the_sweep() {
    let site = Site::new(
        "name: base\nconfig: base.yaml\nmethod: hyperband\nhyperband: {max_budget: 3}\nseed: 1\n\
         metric: {name: loss, from: {stdout: 'loss (.*)'}}\ncommand: [echo, '${epochs}', 'loss ${lr}']\n\
         parameters: {lr: {min: 0.0, max: 1.0}}\n",
    );
    let base = site.write("base.yaml", "epochs: 5\n");
    site.good(&["submit", "--executor", "local"]);
    // Whatever happens beside the spec while the search goes on.
    fs::remove_file(base).unwrap();
    let dir = site.newest();
    wait_for("the search", || site.good(&["status"]).contains("the search is done").then_some(()));
    assert_eq!(site.states(&dir), ["completed"; 6]);
    for trial in 0..6 {
        assert!(site.output(&dir, trial).starts_with("5 loss 0."), "{}", site.output(&dir, trial));
    }
}
