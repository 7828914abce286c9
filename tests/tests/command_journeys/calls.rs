//! What a sweep asks of Slurm, by slurmctld's own count and by ours. On a cluster of its own, where nobody else asks.

use sweep_testbed::{Cluster, ClusterConfig};

use crate::site::{Home, with_command};

/// What squeue asks, and what `sbatch` does.
const LOOKS: [&str; 2] = ["REQUEST_JOB_INFO", "REQUEST_JOB_USER_INFO"];
const SUBMISSIONS: [&str; 1] = ["REQUEST_SUBMIT_BATCH_JOB"];

/// Questions of these kinds that slurmctld has had.
fn asked(cluster: &Cluster, kinds: &[&str]) -> u64 {
    let said = cluster.run(&mut cluster.command_as_root("sdiag")).unwrap().checked().unwrap().stdout;
    let by_kind = said.split("by message type").nth(1).unwrap().split("by user").next().unwrap().to_owned();
    let of_kind =
        by_kind.lines().filter(|line| kinds.iter().any(|kind| line.split_whitespace().next() == Some(kind)));
    of_kind
        .map(|line| {
            line.split("count:").nth(1).unwrap().split_whitespace().next().unwrap().parse::<u64>().unwrap()
        })
        .sum()
}

#[test]
fn a_look_is_one_question_whatever_the_sweeps_size_and_doctor_tells_them_all() {
    let cluster = with_command(&ClusterConfig::default().set("MinJobAge", "2").set("MaxArraySize", "41"));
    let home = Home::new(
        cluster,
        "calls",
        "name: calls\ncommand: [\"true\"]\nmethod: random\ntrials: 100\nparameters: {x: {min: 0.0, max: 1.0}}\n",
    );
    let before = (asked(cluster, &LOOKS), asked(cluster, &SUBMISSIONS));
    let sweep = home.submit(&["--", "--hold"]);
    assert_eq!(sweep.jobs.len(), 3, "arrays of at most 40");
    for _ in 0..5 {
        home.json("status", &[sweep.path()]);
    }
    assert_eq!(asked(cluster, &LOOKS) - before.0, 5);
    assert_eq!(asked(cluster, &SUBMISSIONS) - before.1, 3);
    let calls = |home: &Home| home.json("doctor", &["--calls", sweep.path()]);
    let said = calls(&home);
    assert_eq!((&said["calls"]["squeue"], &said["calls"]["sbatch"]), (&5.into(), &3.into()), "{said}");
    let person = home.sweep(&["doctor", "--calls"]).checked().unwrap().stdout;
    assert!(
        person.contains("has 100 trials and called\n") && person.contains("squeue           5"),
        "{person}"
    );
    home.sweep(&["stop", sweep.path()]).checked().unwrap();
    assert_eq!(calls(&home)["calls"]["scancel"], 1);
}
