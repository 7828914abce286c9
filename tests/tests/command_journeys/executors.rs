//! The same trials by the local executor, by Slurm without the plugin, and by Slurm with it: what a program sees and
//! leaves, and what `sweep status` says, is the same. What may differ is listed here, with the reason, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::site::{Home, Sweep, plain, plugged, states};

const TRIALS: usize = 6;

/// `1e-4` must stay as it was written; `true` must not become `True` or `1`; a name with `.` becomes a variable with
/// `_`; a value of several words must stay one.
const SPEC: &str = r#"
name: same
command: [/bin/sh, -c, "env -0 > \"$SWEEP_TRIAL_DIR/environment\"; pwd; sweep log loss=$opt_lr", "--", "${opt.lr}"]
setup: ["export FROM_SETUP='two words'"]
env: {NOTE: "lr is ${opt.lr}", OMP_NUM_THREADS: "1"}
parameters:
  opt.lr: [1e-4, 0.10, 3]
  fast: [true]
replicates: 2
seed: 42
metric: {name: loss, goal: minimize}
"#;

/// Whatever Slurm sets for any job, with or without a sweep, and the variables of the shell and the login that each
/// kind of start sets in its own way. All else is a part of the trial.
fn is_of_the_runner(name: &str) -> bool {
    ["SLURM", "SPANK_", "_SLURM"].iter().any(|prefix| name.starts_with(prefix))
        || ["PATH", "PWD", "OLDPWD", "SHLVL", "_", "HOSTNAME", "TMPDIR", "ENVIRONMENT", "SHELL"]
            .contains(&name)
}

/// What is of this run and no other: the sweep's id, the job, and when it started.
struct Run<'a> {
    id: &'a str,
    status: &'a Value,
}

impl Run<'_> {
    fn plain(&self, trial: usize, text: &str) -> String {
        let trial = &self.status["trials"][trial];
        let mut text = text.replace(self.id, "ID");
        if let Some(record) = trial["record_path"].as_str() {
            text = text.replace(record.rsplit('/').next().unwrap(), "record.JOB.START.jsonl");
        }
        text
    }

    fn environment(&self, trial: usize, bytes: &[u8]) -> BTreeMap<String, String> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let pairs = text.split_terminator('\0').map(|pair| pair.split_once('=').unwrap());
        let own = pairs.filter(|(name, _)| !is_of_the_runner(name));
        own.map(|(name, value)| (name.to_owned(), self.plain(trial, value))).collect()
    }
}

/// All that a trial left: its environment, and its files with their content where that is not of the run alone.
fn left(run: &Run<'_>, sweep: &Sweep<'_>, trial: usize) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let number = u32::try_from(trial).unwrap();
    for entry in fs::read_dir(sweep.file(number, "")).unwrap().map(Result::unwrap) {
        let name = run.plain(trial, entry.file_name().to_str().unwrap());
        let bytes = fs::read(entry.path()).unwrap();
        let text = || run.plain(trial, &String::from_utf8(bytes.clone()).unwrap());
        let content = match name.as_str() {
            "environment" => format!("{:#?}", run.environment(trial, &bytes)),
            // The header names the job and the node, which are the runner's.
            "out.log" => {
                let text = text();
                let (head, rest) = text.split_once(", job ").unwrap();
                format!("{head}\n{}", rest.split_once('\n').unwrap().1)
            }
            // Who claimed and what was recorded is the runner's: `records` compares the rest.
            _ if name.starts_with("claim.") || name.starts_with("record.") => String::new(),
            _ => text(),
        };
        found.insert(name, content);
    }
    found
}

/// The records without what names the runner, the time, or who wrote it.
fn records(sweep: &Sweep<'_>, run: &Run<'_>, trial: usize) -> Vec<Value> {
    let runners = [
        "source",
        "cluster",
        "node",
        "job",
        "array_job",
        "array_task",
        "step",
        "time_ns",
        "elapsed_s",
        "cpu_s",
        "memory_peak_kib",
    ];
    let attempts = sweep.records(u32::try_from(trial).unwrap());
    let lines = attempts.into_iter().flatten().map(|record| {
        let mut value = serde_json::to_value(record).unwrap();
        runners.iter().for_each(|key| drop(value.as_object_mut().unwrap().remove(*key)));
        serde_json::from_str(&run.plain(trial, &value.to_string())).unwrap()
    });
    lines.collect()
}

/// The status without ids, times and what names the runner.
fn status(run: &Run<'_>) -> Value {
    let mut status: Value = serde_json::from_str(&run.status.to_string().replace(run.id, "ID")).unwrap();
    let manifest = status["manifest"].as_object_mut().unwrap();
    manifest.insert("created".into(), "TIME".into());
    // Which executor was asked for is what differs here; which Slurm it was is known only where there is one.
    manifest.remove("submission");
    manifest["versions"].as_object_mut().unwrap().remove("slurm");
    // How long it took is the run's, as each trial's `elapsed_s` is.
    assert!(status["node_hours"].as_f64().unwrap() > 0.0);
    status["node_hours"] = Value::Null;
    for trial in status["trials"].as_array_mut().unwrap() {
        for key in ["job_id", "record_path", "elapsed_s", "node"] {
            assert!(!trial[key].is_null(), "{key} of {trial}");
            trial[key] = Value::Null;
        }
        // A process of this machine has none.
        trial["cluster"] = Value::Null;
    }
    status
}

#[test]
fn a_trial_is_the_same_by_every_executor() {
    let home = Home::new(plugged(), "same", SPEC);
    let local = home.submitted(&home.json("submit", &["--executor", "local"]));
    let with_plugin = home.submit(&[]);
    // The other cluster's user is the same, and so is the folder.
    let other = Home { cluster: plain(), path: home.path.clone() };
    let without_plugin = other.submit(&[]);
    let sweeps = [("local", &local), ("without plugin", &without_plugin), ("with plugin", &with_plugin)];
    let reports = sweeps.map(|(_, sweep)| sweep.wait_completed(TRIALS));
    let runs: Vec<Run<'_>> =
        (reports.iter()).map(|status| Run { id: status["sweep_id"].as_str().unwrap(), status }).collect();

    for trial in 0..TRIALS {
        let number = u32::try_from(trial).unwrap();
        let expected = left(&runs[0], &local, trial);
        let names: Vec<_> = expected.keys().map(String::as_str).collect();
        let files =
            ["claim.0", "config.json", "environment", "metrics.jsonl", "out.log", "record.JOB.START.jsonl"];
        assert_eq!(names, files);
        for (n, (name, sweep)) in sweeps.iter().enumerate().skip(1) {
            assert_eq!(left(&runs[n], sweep, trial), expected, "t{number:03} {name}");
            assert_eq!(
                records(sweep, &runs[n], trial),
                records(&local, &runs[0], trial),
                "t{number:03} {name}"
            );
        }
        for (sweep, source) in [(&local, "user"), (&without_plugin, "user"), (&with_plugin, "plugin")] {
            for record in sweep.records(number).into_iter().flatten() {
                assert_eq!(serde_json::to_value(record.source).unwrap(), source);
            }
        }
    }
    for (n, (name, _)) in sweeps.iter().enumerate() {
        assert_eq!(status(&runs[n]), status(&runs[0]), "{name}");
    }
    check_values(&local, &runs[0]);
}

/// That what is the same everywhere is also what was asked for.
fn check_values(sweep: &Sweep<'_>, run: &Run<'_>) {
    let environment = run.environment(5, &fs::read(sweep.file(5, "environment")).unwrap());
    let expected = [
        ("fast", "true"),
        ("opt_lr", "3"),
        ("NOTE", "lr is 3"),
        ("OMP_NUM_THREADS", "1"),
        ("FROM_SETUP", "two words"),
        ("SWEEP_TRIAL", "t005"),
        ("SWEEP_TRIAL_INDEX", "5"),
        ("SWEEP_REPLICATE", "1"),
        ("SWEEP_ATTEMPT", "0"),
        ("SWEEP_NAME", "same"),
        ("SWEEP_PARAMS", r#"{"fast":true,"opt.lr":3}"#),
    ];
    for (name, value) in expected {
        assert_eq!(environment.get(name).map(String::as_str), Some(value), "{name}");
    }
    let first = run.environment(0, &fs::read(sweep.file(0, "environment")).unwrap());
    assert_eq!((first["opt_lr"].as_str(), first["SWEEP_REPLICATE"].as_str()), ("1e-4", "0"));
    let folder = Path::new(sweep.path()).join("trials/t000").to_str().unwrap().replace(run.id, "ID");
    assert_eq!(first["SWEEP_TRIAL_DIR"], folder);
    assert_eq!(run.status["best"], json!("t000"));
    assert_eq!(states(run.status).len(), TRIALS);
    assert_eq!(run.status["summary"]["completed"], json!(TRIALS));
}
