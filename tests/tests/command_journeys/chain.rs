//! Sweeps that begin with another's best, and options by rung, on a real Slurm.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::site::{Home, LIMIT, plain};

/// The sbatch options of the batch that ran a trial, and the trial's line of the table.
fn batches(dir: &std::path::Path) -> Vec<Value> {
    let mut paths: Vec<_> = fs::read_dir(dir.join("batches"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    paths.iter().map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
}

#[test]
fn a_promoted_trial_gets_the_options_of_its_rung_and_the_next_sweep_begins_with_the_best() {
    let spec = "name: coarse\nmethod: halving\nhalving: {max_budget: 4, eta: 2}\nseed: 3\n\
        sbatch: {time: '1', comment: '${n}'}\nrungs: [{mem: 11M}, {}, {mem: 13M, time: '2'}]\n\
        metric: {name: loss}\nshell: 'echo $n > $SWEEP_RESULT; echo $SLURM_MEM_PER_NODE'\nparameters: {n: {min: 1, max: 50}}\n";
    let home = Home::new(plain(), "rungs", spec);
    let sweep = home.submit(&[]);
    // Submitted while the other runs, it waits for its end.
    home.write(
        "fine.yaml",
        &spec
            .replace("coarse", "fine")
            .replace("seed: 3", "seed: 4\nfrom: {sweep: coarse, top: 2, around: 0.5}"),
    );
    let mut next = home.command("sweep");
    let next =
        next.args(["init", "fine.yaml", "--format", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let next = next.spawn().unwrap();
    let status = home.cluster.wait_for(LIMIT, "the search to be done", || {
        let status = sweep.status();
        (status["states"]["completed"] == 7 && status["finished"] == true).then_some(status)
    });
    let status = status.unwrap();
    let memory = |index: u32| sweep.read(index, "out.log").lines().last().unwrap_or_default().to_owned();
    let trials = status["trials"].as_array().unwrap();
    for (index, trial) in (0..).zip(trials) {
        let expected = match trial["rung"].as_u64().unwrap() {
            0 => "11",
            1 => "",
            _ => "13",
        };
        assert_eq!(memory(index), expected, "t{index:03}");
    }
    for batch in batches(sweep.dir.path()) {
        assert_eq!(
            batch["sbatch"]["time"],
            if batch["sbatch"]["mem"] == "13M" { "2" } else { "1" },
            "{batch}"
        );
    }
    let said = next.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let made: Value = serde_json::from_slice(&said.stdout).unwrap();
    let table = fs::read_to_string(format!("{}/trials.jsonl", made["dir"].as_str().unwrap())).unwrap();
    let first: Value = serde_json::from_str(table.lines().nth(1).unwrap()).unwrap();
    let best = trials.iter().find(|trial| trial["trial"] == status["best"]).unwrap();
    assert_eq!(first["params"], best["params"]);
}
