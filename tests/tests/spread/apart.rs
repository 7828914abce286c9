//! Two clusters whose jobs have the same numbers.

use std::fs;

use serde_json::json;

use crate::pair::{WAITING, calls, jobs, pair, wait_started};

#[test]
fn equal_job_numbers_of_two_clusters_are_told_apart() {
    let pair = pair();
    let home = pair.home("apart", WAITING);
    home.write("fail.1", "");
    let report = home.json("submit", &["--executor", "slurm"]);
    let sweep = home.submitted(&report);
    let [first, second] = sweep.jobs.as_slice() else { panic!("{report}") };
    assert_eq!(first, second, "the numbers do not meet, so nothing is tested");
    assert_eq!(
        report["batches"][1]["place"],
        json!({"number": 1, "cluster": "beta", "sbatch": {"partition": "main"}})
    );
    wait_started(&home, 4);
    home.write("go", "");
    let status = sweep.wait_states(&["completed", "failed", "completed", "completed"]);
    let expected = [(0, "alpha"), (1, "alpha"), (0, "beta"), (1, "beta")];
    let expected = expected.map(|(task, cluster)| (format!("{first}_{task}"), cluster.to_owned()));
    assert_eq!(jobs(&status), expected);
    for (trial, (_, cluster)) in (0..).zip(&expected) {
        let records = sweep.records(trial);
        assert_eq!(records.len(), 1);
        assert!(records[0].iter().all(|record| record.cluster.as_ref() == Some(cluster)), "{records:?}");
    }
    let human = home.sweep(&["status", sweep.path()]).checked().unwrap().stdout;
    assert!(human.contains(&format!("{first}_1;beta")), "{human}");
    assert!(sweep.show("t002").contains("cluster     beta"));
    let asked = ["squeue", "sacct"].map(|program| calls(&sweep, program));
    assert_eq!(sweep.states()[1], "failed");
    assert_eq!(["squeue", "sacct"].map(|program| calls(&sweep, program)), asked.map(|count| count + 1));
    let csv = home.sweep(&["export", "--as", "csv", sweep.path()]).checked().unwrap().stdout;
    assert_eq!(csv.lines().filter(|line| line.contains(",beta,")).count(), 2, "{csv}");
    // One that runs again may go to the other cluster.
    fs::remove_file(home.path.join("fail.1")).unwrap();
    home.sweep(&["retry", sweep.path()]).checked().unwrap();
    assert_eq!(sweep.wait_completed(4)["trials"][1]["attempt"], 1);
}

#[test]
fn a_search_is_driven_from_a_job_on_the_first_cluster_over_both() {
    let pair = pair();
    let home = pair.home(
        "driven",
        "method: random\ntrials: 4\nseed: 1\nconcurrency: 2\nbudget: {node_hours: 100}\n\
         shell: 'sweep log x=$x'\nmetric: {name: x}\nparameters: {x: {min: 0.0, max: 1.0}}\n",
    );
    let sweep = home.submit(&[]);
    let status = sweep.wait_completed(4);
    let mut clusters: Vec<String> = jobs(&status).into_iter().map(|(_, cluster)| cluster).collect();
    clusters.sort();
    assert_eq!(clusters, ["alpha", "alpha", "beta", "beta"]);
    pair.wait_empty();
}
