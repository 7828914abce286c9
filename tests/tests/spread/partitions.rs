//! Several partitions of one cluster.

use std::fs;

use serde_json::Value;
use sweep_testbed::{Cluster, ClusterConfig};

use crate::site::{Home, Sweep, with_command};

/// A node for each partition, so that one can be busy while the others are not.
fn cluster() -> &'static Cluster {
    let config = ClusterConfig {
        nodes: 4,
        lines: ["short Nodes=r0", "long Nodes=r1", "busy Nodes=r2", "free Nodes=r3"]
            .map(|partition| format!("PartitionName={partition} MaxTime=INFINITE State=UP"))
            .into(),
        ..ClusterConfig::default()
    };
    with_command(&config)
}

/// A trial that notes how many ran as it began, itself among them, and fails where its folder says so.
const COUNTED: &str = r#"mkdir -p runs; touch runs/$SLURM_JOB_ID; ls runs | wc -l >>counts; sleep 0.4; rm runs/$SLURM_JOB_ID; ! [ -e fail.$n ]"#;

/// Most trials that any trial saw as it began.
fn most_at_once(home: &Home) -> u32 {
    let counts = fs::read_to_string(home.path.join("counts")).unwrap();
    counts.lines().map(|line| line.parse().unwrap()).max().unwrap()
}

/// The intents of a sweep's batches, by number.
fn intents(sweep: &Sweep<'_>) -> Vec<Value> {
    let mut intents = Vec::new();
    while let Ok(text) = fs::read(sweep.dir.path().join(format!("batches/{}.json", intents.len()))) {
        intents.push(serde_json::from_slice(&text).unwrap());
    }
    intents
}

/// What drivers wrote down of one kind, oldest first.
fn events(sweep: &Sweep<'_>, kind: &str) -> Vec<Value> {
    let mut events = Vec::new();
    for entry in fs::read_dir(sweep.dir.path().join("events")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.extend(lines.filter(|event| event["event"] == kind));
    }
    events
}

fn partition(intent: &Value) -> &str {
    intent["place"]["sbatch"]["partition"].as_str().unwrap()
}

#[test]
fn trials_are_divided_by_weight_in_few_arrays_and_one_concurrency_holds_over_all_also_when_they_run_again() {
    let spec = format!(
        "name: weights\nshell: '{COUNTED}'\nconcurrency: 4\nspread:\n  delay_s: 1\n  over:\n    - {{partition: short, weight: 3}}\n    - \
         {{partition: long}}\nparameters: {{n: [0, 1, 2, 3, 4, 5, 6, 7]}}\n"
    );
    let home = Home::new(cluster(), "weights", &spec);
    for failing in [0, 1, 6, 7] {
        home.write(&format!("fail.{failing}"), "");
    }
    let shown = home.sweep(&["submit", "--dry-run", "--executor", "slurm"]).checked().unwrap().stdout;
    assert!(
        shown.contains("# 6 trials, partition=short") && shown.contains("# 2 trials, partition=long"),
        "{shown}"
    );
    let sweep = home.submit(&[]);
    let made = intents(&sweep);
    let form =
        |intent: &Value| (partition(intent).to_owned(), intent["limit"].clone(), intent["after"].clone());
    let first = [("short".to_owned(), 3.into(), Value::Null), ("long".to_owned(), 1.into(), Value::Null)];
    assert_eq!(made.iter().map(form).collect::<Vec<_>>(), first);
    let times: Vec<u64> =
        events(&sweep, "submitted").iter().map(|event| event["time_ns"].as_u64().unwrap()).collect();
    assert!(times.len() == 2 && times[1] - times[0] >= 1_000_000_000, "{times:?}");
    let ends = ["failed", "failed", "completed", "completed", "completed", "completed", "failed", "failed"];
    sweep.wait_states(&ends);
    for failing in [0, 1, 6, 7] {
        fs::remove_file(home.path.join(format!("fail.{failing}"))).unwrap();
    }
    home.sweep(&["retry", sweep.path()]).checked().unwrap();
    let status = sweep.wait_completed(8);
    let again = &intents(&sweep)[2..];
    // 12 in all by then, 9 of them in the first place.
    assert_eq!(again.iter().map(partition).collect::<Vec<_>>(), ["short", "long"]);
    assert_eq!([&again[0]["limit"], &again[1]["limit"]], [3, 1]);
    assert!(most_at_once(&home) <= 4);
    assert!(status["trials"][0]["attempt"] == 1, "{}", status["trials"][0]);
}

#[test]
fn trials_go_where_fewer_wait_and_a_driver_chooses_anew_at_each_turn() {
    let cluster = cluster();
    let spec = |concurrency: &str| {
        format!(
            "name: fewest\nshell: 'echo $SLURM_JOB_PARTITION >>where'\n{concurrency}spread:\n  how: opportunistic\n  over: \
             [{{partition: busy, weight: 5}}, {{partition: free}}]\nparameters: {{n: [0, 1, 2, 3, 4]}}\n"
        )
    };
    let busy = cluster.submit(&["--partition=busy", "--exclusive", "--wrap=sleep 600"]).unwrap();
    let waiting =
        cluster.submit(&["--partition=busy", "--array=0-99", "--exclusive", "--wrap=true"]).unwrap();
    for (name, concurrency) in [("at-once", ""), ("turn-by-turn", "concurrency: 2\n")] {
        let home = Home::new(cluster, name, &spec(concurrency));
        let run = home.sweep(&["run", "--executor", "slurm"]);
        assert!(run.success(), "{run}");
        assert_eq!(fs::read_to_string(home.path.join("where")).unwrap(), "free\n".repeat(5), "{run}");
    }
    for job in [waiting, busy] {
        cluster.run(cluster.command("scancel").arg(job.to_string())).unwrap().checked().unwrap();
    }
    let home = Home::new(cluster, "free-again", &spec(""));
    let sweep = home.submit(&[]);
    sweep.wait_completed(5);
    assert_eq!(fs::read_to_string(home.path.join("where")).unwrap(), "busy\n".repeat(5));
}

#[test]
fn a_place_that_is_full_keeps_nothing_from_the_others() {
    let home = Home::new(
        cluster(),
        "full",
        "name: full\nshell: 'exit 0'\nspread: {over: [{partition: short}, {partition: long}]}\n\
         parameters: {n: [0, 1, 2, 3]}\n",
    );
    // One fits, two do not.
    let sbatch = "case \"$*\" in *--array=0-1*--partition=short*)\n\
                  echo 'sbatch: error: QOSMaxSubmitJobPerUserLimit' >&2; exit 1;; esac\n\
                  exec /usr/bin/env PATH=${PATH#*:} sbatch \"$@\"";
    let mut submit = home.command_with("sbatch", sbatch, "sweep");
    submit.args(["submit", "--executor", "slurm", "--format", "json"]);
    let ran = home.cluster.run(&mut submit).unwrap().checked().unwrap();
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["waiting"]["trials"], 1, "{report}");
    let batches = report["batches"].as_array().unwrap();
    let taken: Vec<_> = batches
        .iter()
        .map(|batch| (batch["place"]["sbatch"]["partition"].as_str().unwrap(), &batch["trials"]))
        .collect();
    assert_eq!(taken, [("short", &1.into()), ("long", &2.into())]);
    // The driver's job submits it when there is room, as there is.
    home.submitted(&report).wait_completed(4);
}

#[test]
fn clusters_without_a_slurmdbd_are_refused_in_slurms_words_and_nothing_is_made() {
    let spec =
        "shell: 'exit 0'\nspread: {over: [{cluster: here}, {cluster: there}]}\nparameters: {n: [0, 1]}\n";
    let home = Home::new(cluster(), "no-slurmdbd", spec);
    for arguments in [["submit", "--executor=slurm"].as_slice(), &["submit", "--executor=slurm", "--dry-run"]]
    {
        let refused = home.sweep(arguments);
        assert_eq!(refused.code, Some(1), "{refused}");
        assert!(refused.stderr.contains("cluster `here` does not answer"), "{refused}");
        assert!(refused.stderr.contains("scontrol: error:"), "{refused}");
    }
    assert!(!home.path.join(".sweeps").exists());
}
