//! `sweep export`: trials for other programs, and hyperband-snakemake's directory. No Slurm is needed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use command_site::Site;

#[test]
fn a_table_has_a_column_for_each_metric_and_parameter() {
    let site = Site::new(
        "name: table\nmetric: [{name: loss}, {name: State}]\nshell: 'sweep log loss=$n State=$n; test $n != 3'\n\
         params: [{name: first, n: 1, state: a, lr: 1e-3, warm: true}, {n: 2, state: 'b,\"c', lr: 2}, {n: 3}]\n",
    );
    site.run(4);
    let csv = site.good(&["export", "--as", "csv"]);
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(header[..4], ["trial", "trial_index", "name", "state"]);
    assert_eq!(header[15..20], ["started", "ended", "cpu_s", "memory_peak_kib", "cluster"]);
    assert_eq!(header[20..], ["front", "loss", "metric.State", "lr", "n", "param.state", "warm"]);
    let rows: Vec<&str> = lines.collect();
    assert!(
        rows[0].starts_with("t000,0,first,completed,0,") && rows[0].ends_with(",0,1,1,0.001,1,a,true"),
        "{csv}"
    );
    assert!(rows[1].ends_with(",1,2,2,2,2,\"b,\"\"c\","), "{csv}");
    assert!(rows[2].contains("failed") && rows[2].ends_with(",,3,3,,3,,"), "{csv}");
    let jsonl = site.good(&["export", "--as", "jsonl"]);
    let last: serde_json::Value = serde_json::from_str(jsonl.lines().last().unwrap()).unwrap();
    assert_eq!((&last["exit"], &last["loss"], &last["n"]), (&1.into(), &3.0.into(), &3.into()));
    for form in ["sqlite", "parquet"] {
        site.good(&["export", "--as", form, "-o", form]);
        assert!(fs::metadata(site.path(form)).unwrap().len() > 500);
    }
    let rows = "import sqlite3\nprint(sqlite3.connect('sqlite').execute('select trial, lr, \"param.state\" from trials where warm').fetchall())";
    let mut python = std::process::Command::new("python3");
    let said = python.args(["-c", rows]).current_dir(site.path("")).output().unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "[('t000', 0.001, 'a')]\n");
    let ran = site.sweep(&["export", "--as", "hyperband-snakemake", "-o", "out"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("a grid search has no brackets"), "{}", ran.stderr);
}

const REPORTS: &str = "name: reports\nreplicates: 2\nmetric: {name: loss}\n\
    shell: 'sweep log --step 3 loss=$n note=early; sweep log loss=nan val/acc=0.5; sweep log loss=0.25; test $n != 2'\n\
    params: [{name: first, n: 1, solver: saga}, {n: 2, solver: lbfgs}]\n";

#[test]
fn all_that_trials_reported_is_a_table() {
    let site = Site::new(REPORTS);
    site.run(4);
    let csv = site.good(&["export", "--table", "metrics"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "trial,trial_index,line,step,metric,value,text");
    assert_eq!(
        lines[1..6],
        [
            "t000,0,0,3,loss,1,",
            "t000,0,0,3,note,,early",
            "t000,0,1,4,loss,,nan",
            "t000,0,1,0,val/acc,0.5,",
            "t000,0,2,5,loss,0.25,"
        ]
    );
    assert_eq!(lines.len(), 1 + 4 * 5);
}

#[test]
fn the_dictionary_names_every_column_of_every_table_in_its_order() {
    let site = Site::new(REPORTS);
    site.run(4);
    let rows: Vec<serde_json::Value> = site
        .good(&["export", "--dictionary", "--as", "jsonl"])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for table in ["trials", "metrics", "dictionary"] {
        let csv = match table {
            "dictionary" => site.good(&["export", "--dictionary"]),
            table => site.good(&["export", "--table", table]),
        };
        let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
        let named: Vec<&str> = rows
            .iter()
            .filter(|row| row["table"] == table)
            .map(|row| row["column"].as_str().unwrap())
            .collect();
        assert_eq!(named, header);
    }
    assert!(rows.iter().all(|row| !row["about"].as_str().unwrap().is_empty()), "{rows:?}");
    let solver = rows.iter().find(|row| row["column"] == "solver").unwrap();
    assert_eq!((&solver["type"], &solver["position"]), (&"text".into(), &22.into()));
    let ran = site.sweep(&["export", "--table", "all"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("--as sqlite"), "{}", ran.stderr);
}

#[test]
fn a_database_holds_all_tables() {
    let site = Site::new(REPORTS);
    site.run(4);
    site.good(&["export", "--as", "sqlite", "--table", "all", "-o", "all.db"]);
    let rows = "import sqlite3\nc = sqlite3.connect('all.db')\n\
        print(c.execute('select solver, max(value) from trials join metrics using (trial) where metric = ? \
        group by solver order by 1', ['loss']).fetchall(), c.execute('select count(*) from dictionary').fetchone())";
    let mut python = std::process::Command::new("python3");
    let said = python.args(["-c", rows]).current_dir(site.path("")).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said, "[('lbfgs', 2.0), ('saga', 1.0)] (35,)\n");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let site = Site::new(REPORTS);
    site.run(4);
    for form in [&["csv"][..], &["jsonl"], &["parquet"], &["csv", "--table", "metrics"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = site.command(&[&["export", "--as"], form].concat()).stdout(writer).output().unwrap();
        assert_eq!(
            (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
            (Some(0), ""),
            "{form:?}"
        );
    }
}

#[test]
fn mlflows_store_gets_an_experiment_and_keeps_its_others() {
    let site = Site::new(REPORTS);
    let dir = site.run(4);
    fs::create_dir_all(site.path("mlruns/0")).unwrap();
    site.write("mlruns/0/meta.yaml", "name: Default\n");
    site.good(&["export", "--as", "mlflow", "-o", "mlruns"]);
    let experiments: BTreeSet<String> = fs::read_dir(site.path("mlruns"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let id = experiments.iter().find(|name| *name != "0").unwrap();
    assert!(experiments.len() == 2 && id.len() == 18, "{experiments:?}");
    let folder = site.path("mlruns").join(id);
    let of =
        |path: PathBuf| -> serde_json::Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    assert_eq!(of(folder.join("meta.yaml"))["name"], dir.file_name().unwrap().to_str().unwrap());
    let runs: Vec<PathBuf> = files(&folder)
        .into_iter()
        .filter(|path| path.ends_with("meta.yaml") && path.parent() != Some(Path::new("")))
        .map(|path| folder.join(path.parent().unwrap()))
        .collect();
    assert_eq!(runs.len(), 4);
    let label = |run: &PathBuf| fs::read_to_string(run.join("tags/sweep.trial")).unwrap();
    let second = runs.iter().find(|run| label(run) == "t002").unwrap();
    assert_eq!(of(second.join("meta.yaml"))["status"], 4);
    assert_eq!(fs::read_to_string(second.join("params/n")).unwrap(), "2");
    let loss = fs::read_to_string(second.join("metrics/loss")).unwrap();
    let loss: Vec<Vec<&str>> = loss.lines().map(|line| line.split(' ').skip(1).collect()).collect();
    assert_eq!(loss, [["2", "3"], ["0.25", "5"]]);
    assert!(second.join("metrics/val_acc").is_file());
    let ran = site.sweep(&["export", "--as", "mlflow", "-o", "mlruns"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("has this sweep already"), "{}", ran.stderr);
}

#[test]
fn tensorboard_gets_a_folder_a_trial_and_one_file_for_all() {
    let site = Site::new(REPORTS);
    site.run(4);
    site.good(&["export", "--as", "tensorboard", "-o", "logs"]);
    let folders: Vec<PathBuf> =
        files(&site.path("logs")).iter().map(|path| path.parent().unwrap().to_owned()).collect();
    let folders: BTreeSet<PathBuf> = folders.into_iter().collect();
    assert_eq!(folders, ["", "t000", "t001", "t002", "t003"].map(PathBuf::from).into());
    let ran = site.sweep(&["export", "--as", "tensorboard", "-o", "logs"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("is there already"), "{}", ran.stderr);
    let ran = site.sweep(&["export", "--as", "tensorboard", "--table", "metrics", "-o", "x"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("has no tables"), "{}", ran.stderr);
}

/// Every file below a folder, from there.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => drop(found.insert(path.strip_prefix(folder).unwrap().to_owned())),
            }
        }
    }
    found
}

const SEARCH: &str = "name: rungs\nmethod: hyperband\nhyperband: {max_budget: 9, eta: 3}\nseed: 7\n\
    metric: {name: acc, goal: maximize}\nparameters: {lr: {min: 0.0, max: 1.0}}\n\
    shell: 'case $SWEEP_TRIAL in t001) exit 3;; esac; sweep log acc=$lr'\n";

#[test]
fn a_search_with_brackets_becomes_hyperband_snakemakes_directory() {
    let site = Site::new(SEARCH);
    site.run(4);
    site.good(&["export", "--as", "hyperband-snakemake", "-o", "search"]);
    let out = site.path("search");
    let mut expected: BTreeSet<PathBuf> = [PathBuf::from("config")].into();
    for (bracket, stages) in [(0, &[9, 3, 1][..]), (1, &[5, 1]), (2, &[3])] {
        for (stage, count) in stages.iter().enumerate() {
            for place in 0..*count {
                for file in ["config", "result"] {
                    expected.insert(format!("bracket-{bracket}/stage-{stage}/config-{place}/{file}").into());
                }
            }
        }
    }
    assert_eq!(files(&out), expected);
    let lr = |folder: &str| -> f64 {
        let config = fs::read(out.join(folder).join("config")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&config).unwrap()["lr"].as_f64().unwrap()
    };
    let result = |folder: &str| {
        fs::read_to_string(out.join(folder).join("result")).unwrap().trim().parse::<f64>().unwrap()
    };
    // The best three of each rung stand in the next, the best first; what failed is no number.
    let place = |stage: u32, n: u32| format!("bracket-0/stage-{stage}/config-{n}");
    let mut first: Vec<f64> = (0..9).map(|n| result(&place(0, n))).collect();
    assert_eq!(first.iter().filter(|x| x.is_nan()).count(), 1);
    first.retain(|x| !x.is_nan());
    first.sort_by(f64::total_cmp);
    let second: Vec<f64> = (0..3).map(|n| result(&place(1, n))).collect();
    assert_eq!(second, first[..3]);
    for folder in ["bracket-0/stage-1/config-0", "bracket-1/stage-1/config-0", "bracket-2/stage-0/config-2"] {
        assert_eq!(result(folder), -lr(folder));
    }
    let last = [
        "bracket-0/stage-2/config-0",
        "bracket-1/stage-1/config-0",
        "bracket-2/stage-0/config-0",
        "bracket-2/stage-0/config-1",
        "bracket-2/stage-0/config-2",
    ];
    assert_eq!(lr(""), last.into_iter().map(lr).fold(0.0, f64::max));
    let ran = site.sweep(&["export", "--as", "hyperband-snakemake", "-o", "search"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("is there already"), "{}", ran.stderr);
    let ran = site.sweep(&["export", "--as", "hyperband-snakemake"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("-o DIR"), "{}", ran.stderr);
}

#[test]
fn the_configuration_is_what_the_program_read() {
    let site = Site::new(&format!("{SEARCH}templates: {{config: config.j2}}\nreplicates: 2\n"));
    site.write("config.j2", "learning_rate: {{ lr }}\nfolds: 10\n");
    site.run(4);
    site.good(&["export", "--as", "hyperband-snakemake", "-o", "search"]);
    let config = fs::read_to_string(site.path("search/config")).unwrap();
    assert!(config.starts_with("learning_rate: 0.") && config.ends_with("\nfolds: 10\n"), "{config}");
    let out = site.path("search");
    assert_eq!(files(&out).len(), 2 * (13 + 6 + 3) + 1);
    // Of two replicates one failed, and the other speaks.
    let result = fs::read_to_string(out.join("bracket-0/stage-0/config-0/result")).unwrap();
    assert!(result.starts_with("-0."), "{result}");
}
