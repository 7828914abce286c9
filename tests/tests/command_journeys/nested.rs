//! Submissions from inside a trial: a sweep of its own shares nothing with the trial that submitted it; a plain
//! `sbatch` inherits as Slurm has it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sweep_core::layout::SweepDir;

use crate::site::{Home, Sweep, plugged};

fn environment(path: &Path) -> BTreeMap<String, String> {
    let text = String::from_utf8(fs::read(path).unwrap()).unwrap();
    let pairs = text.split_terminator('\0').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// An array of two trials, of which each waits for what it submitted.
fn outer(command: &str) -> String {
    format!(
        "name: outer\nshell: |\n  {command}\nparameters: {{lr: [0.5, 0.25], only_outer: [yes]}}\nseed: 1\n"
    )
}

#[test]
fn a_sweep_submitted_by_a_trial_is_a_sweep_of_its_own() {
    let home = Home::new(
        plugged(),
        "nested",
        &outer("sweep submit inner.yaml --dir inner-$lr --individual --executor slurm"),
    );
    home.write(
        "inner.yaml",
        "name: inner\nshell: 'env -0 > \"$SWEEP_TRIAL_DIR/environment\"'\nparameters: {depth: [5, 6]}\n",
    );
    let sweep = home.submit(&[]);
    sweep.wait_completed(2);
    for lr in ["0.5", "0.25"] {
        let folder = home.path.join(format!("inner-{lr}"));
        let list = home.json("list", &["--dir", folder.to_str().unwrap()]);
        let id = list["sweeps"][0]["manifest"]["id"].as_str().unwrap();
        let inner = Sweep { home: &home, dir: SweepDir::new(folder.join(id)), jobs: Vec::new() };
        inner.wait_completed(2);
        for (trial, depth) in [(0, "5"), (1, "6")] {
            let environment = environment(&inner.file(trial, "environment"));
            assert_eq!(environment["depth"], depth);
            assert_eq!(environment["SWEEP_ID"], id);
            assert_eq!(environment["SWEEP_TRIAL_INDEX"], trial.to_string());
            assert_eq!(environment["SWEEP_ATTEMPT"], "0");
            let outers: Vec<_> = (environment.iter())
                .filter(|(name, value)| {
                    let parameter = ["lr", "only_outer"].contains(&name.as_str());
                    // The outer one was an array, this is not.
                    parameter || name.starts_with("SLURM_ARRAY") || value.contains("outer-")
                })
                .collect();
            assert!(outers.is_empty(), "{outers:?}");
            let records = inner.records(trial);
            assert_eq!((records.len(), records[0][0].array_task), (1, None));
        }
    }
    // And the trials that submitted are what they were.
    for trial in 0..2 {
        assert_eq!(sweep.records(trial).len(), 1);
    }
}

/// What a plain job in a trial saw, once the trial that waited for it has ended.
fn plain_jobs(name: &str, arguments: &[&str]) -> (Vec<BTreeMap<String, String>>, serde_json::Value) {
    let home = Home::new(plugged(), name, &outer("sbatch --wait --output=/dev/null dump.sh $lr"));
    home.write("dump.sh", "#!/bin/bash\nenv -0 > plain-$1\n");
    let sweep = home.submit(arguments);
    let status = sweep.wait_completed(2);
    (["0.5", "0.25"].map(|lr| environment(&home.path.join(format!("plain-{lr}")))).into(), status)
}

#[test]
fn a_plain_sbatch_in_an_arrays_trial_has_no_trial() {
    let (jobs, _) = plain_jobs("plain-array", &[]);
    for (job, lr) in jobs.iter().zip(["0.5", "0.25"]) {
        // The option came along, and a job that is no array has no task to choose a trial by.
        assert_eq!(job["SWEEP_ERROR"], "--sweep-trial=@0 needs --array");
        assert!(!job.contains_key("SWEEP_TRIAL"), "{job:?}");
        // An exported variable like any other.
        assert_eq!(job["lr"], lr);
    }
}

#[test]
fn a_plain_sbatch_in_a_single_trial_is_another_start_of_that_trial() {
    let (jobs, status) = plain_jobs("plain-single", &["--individual"]);
    for (n, job) in jobs.iter().enumerate() {
        assert_eq!(job["SWEEP_TRIAL"], format!("t{n:03}"), "the option came along and names a trial");
        assert_eq!(job["SWEEP_ATTEMPT"], "1");
        // It is not the job that the sweep submitted, and says nothing of it.
        let trial = &status["trials"][n];
        assert_eq!((&trial["attempt"], &trial["bucket"]), (&0.into(), &"completed".into()), "{trial}");
        let own = format!("trials/t{n:03}/record.{}.", trial["job_id"].as_str().unwrap());
        assert!(trial["record_path"].as_str().unwrap().starts_with(&own), "{trial}");
    }
}
