//! Which checkpoints a sweep keeps when its search is done, by the local executor. No Slurm is needed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::collections::BTreeSet;
use std::fs;

use command_site::{STEPS, Site};

#[test]
fn checkpoints_of_the_best_and_their_ancestors_are_kept() {
    let spec = "name: keep\nmethod: hyperband\nhyperband: {max_budget: 9, eta: 3}\nseed: 7\ncheckpoint: {keep: 2}\nconcurrency: 3\n\
         metric: {name: loss, goal: minimize}\ncommand: [python3, train.py]\nparameters: {lr: {min: 0.0, max: 1.0}}\n";
    let site = Site::new(spec);
    site.write("train.py", STEPS);
    let dir = site.run(0);
    let status = site.json(&["status"]);
    let trials = status["trials"].as_array().unwrap();
    let place = |label: &serde_json::Value| label.as_str().map(|label| label[1..].parse::<usize>().unwrap());
    let mut best: Vec<usize> = (0..trials.len()).filter(|n| trials[*n]["budget"] == 9.0).collect();
    best.sort_by(|a, b| {
        trials[*a]["metric"].as_f64().unwrap().total_cmp(&trials[*b]["metric"].as_f64().unwrap())
    });
    let mut kept = BTreeSet::new();
    for mut trial in best.into_iter().take(2) {
        kept.insert(trial);
        while let Some(parent) = place(&trials[trial]["parent"]) {
            kept.insert(parent);
            trial = parent;
        }
    }
    let there = |n: &usize| dir.join(format!("trials/t{n:03}/checkpoint")).is_dir();
    assert_eq!((0..trials.len()).filter(there).collect::<BTreeSet<_>>(), kept);
    // Each that was promoted went on from its parent's step all the same.
    for (index, trial) in (0..).zip(trials) {
        let from = place(&trial["parent"]).map_or(0.0, |parent| trials[parent]["budget"].as_f64().unwrap());
        assert!(site.output(&dir, index).starts_with(&format!("{from:.0} ")), "t{index:03}");
    }
    // Where whoever drove died before it had cleared up, the next step does it.
    fs::create_dir(dir.join("trials/t000/checkpoint")).unwrap_or_default();
    let left = |n: &usize| there(n) && !kept.contains(n);
    let before = (0..trials.len()).filter(left).count();
    site.good(&["advance"]);
    assert_eq!((before, (0..trials.len()).filter(left).count()), (usize::from(!kept.contains(&0)), 0));

    // A grid that keeps some is driven for it.
    site.write(
        "sweep.yaml",
        "name: keep\ncheckpoint: {keep: 1}\nmetric: {name: loss}\nparameters: {x: [3, 1, 2]}\n\
        shell: 'echo $x > $SWEEP_CHECKPOINT_OUT/step; echo $x > $SWEEP_RESULT'\n",
    );
    let dir = site.run(0);
    let left =
        ["t000", "t001", "t002"].map(|label| dir.join("trials").join(label).join("checkpoint").is_dir());
    assert_eq!(left, [false, true, false]);
}
