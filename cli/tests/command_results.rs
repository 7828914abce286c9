//! `sweep top`, `best`, `compare` and `collect`: what came out of a sweep, for people and for programs. The sweeps are
//! run by the local executor; no Slurm is needed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;
mod written_sweep;

use std::fs;
use std::process::Command;

use command_site::{Ran, Site};
use written_sweep::{check, rungs, six};

const SPEC: &str = "name: first\nmetric: {name: acc, goal: maximize}\nconcurrency: 1\n\
    params: [{lr: 1e-5, opt.name: \"it's\"}, {lr: 0.5, opt.name: b}, {lr: 0.1, opt.name: c}]\n\
    shell: 'mkdir -p plots; cd $SWEEP_TRIAL_DIR; mkdir plots; echo $lr >plots/loss.png; echo $lr >model.pt; sweep log acc=$lr'\n";

#[test]
fn the_best_are_listed_whole_and_by_bracket() {
    let site = Site::new("name: none\n");
    let dir = rungs().write(&site.path(""));
    let dir = dir.to_str().unwrap();
    let show = |arguments: &[&str]| {
        let ran = Ran::of(site.command(arguments).env("COLUMNS", "80"));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout
    };
    check("top.txt", &show(&["top", dir]));
    check("top.brackets.txt", &show(&["top", "-n", "2", "--by-bracket", dir]));
    let json = site.json(&["top", dir, "-n", "1"]);
    let first = &json["groups"][0]["trials"][0];
    assert_eq!(
        (&first["trial"], &first["metric"], &json["ranked"]),
        (&"t042".into(), &0.44.into(), &37.into())
    );
    let site = Site::new("name: plain\nparameters: {x: [1]}\ncommand: ['true']\n");
    site.run(0);
    let ran = site.sweep(&["top"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("names no metric"), "{}", ran.stderr);
}

#[test]
fn the_best_configuration_is_a_file_in_the_form_of_its_name() {
    let site = Site::new(SPEC);
    site.run(0);
    let json: serde_json::Value = serde_json::from_str(&site.good(&["best"])).unwrap();
    assert_eq!(json, serde_json::json!({"lr": 0.5, "opt": {"name": "b"}}));
    site.good(&["best", "-o", "best.json"]);
    let file: serde_json::Value = serde_json::from_slice(&fs::read(site.path("best.json")).unwrap()).unwrap();
    assert_eq!(file, json);
    site.good(&["best", "--trial", "t000", "-o", "t0.yaml"]);
    let yaml = fs::read_to_string(site.path("t0.yaml")).unwrap();
    assert_eq!(yaml, "\"lr\": 0.00001\n\"opt\":\n  \"name\": \"it's\"\n");
    site.good(&["best", "--trial", "t000", "-o", "t0.env"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "set -a; . ./t0.env; env"]).current_dir(site.path(""));
    let env = Ran::of(&mut shell).stdout;
    assert!(env.contains("lr=1e-5\n") && env.contains("opt_name=it's\n"), "{env}");
    for (arguments, said) in [
        (&["best", "-o", "best.txt"][..], "end it in .json, .yaml or .env"),
        (&["best", "--trial", "t009"], "there is no trial t009"),
    ] {
        let ran = site.sweep(arguments);
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

#[test]
fn sweeps_are_compared_by_their_best_and_by_what_was_asked() {
    let site = Site::new(SPEC);
    let first = site.run(0);
    let other = "name: other\nmetric: {name: acc, goal: maximize}\nconcurrency: 2\nparameters: {lr: [0.2, 0.7], wd: [1]}\n\
        shell: 'sweep log acc=$lr'\n";
    site.write("sweep.yaml", other);
    let second = site.run(0);
    let ran = Ran::of(site.command(&["compare", "first", "other"]).env("COLUMNS", "120"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let id = |dir: &std::path::Path| dir.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(ran.stdout.contains(&format!("\nthe best acc is that of {}\n", id(&second))), "{}", ran.stdout);
    let json = site.json(&["compare", "first", "other"]);
    assert_eq!((&json["best"], &json["equal_trials"]), (&id(&second).into(), &2.into()));
    let sides = json["sweeps"].as_array().unwrap();
    assert_eq!(
        (&sides[0]["sweep_id"], &sides[0]["metric"], &sides[0]["best_after"]),
        (&id(&first).into(), &0.5.into(), &2.into())
    );
    assert_eq!((&sides[0]["metric_at_equal"], &sides[1]["metric_at_equal"]), (&0.5.into(), &0.7.into()));
    let shared = json["shared"].as_array().unwrap();
    assert_eq!(shared.len(), 1);
    assert_eq!(shared[0]["tried"], serde_json::json!(["0.00001 to 0.5", "0.2 to 0.7"]));
    assert_eq!(shared[0]["best"], serde_json::json!(["0.5", "0.7"]));
    let differ: Vec<_> =
        json["differences"].as_array().unwrap().iter().map(|d| d["what"].as_str().unwrap()).collect();
    assert_eq!(differ, ["command", "concurrency", "matrix"]);
    let plain = Site::new("name: none\n");
    let dir = six().write(&plain.path(""));
    let ran = site.sweep(&["compare", "first", dir.to_str().unwrap()]);
    assert!(
        ran.stdout.contains("their metrics differ, so none is called the best"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    assert_eq!(site.sweep(&["compare", "first"]).code, Some(2));
}

#[test]
fn files_are_collected_by_trial_and_only_once() {
    let mut spec = SPEC.to_owned();
    spec = spec.replace("mkdir -p plots; ", "");
    let site = Site::new(&spec);
    std::os::unix::fs::symlink("/bin/mkdir", site.path("bin/mkdir")).unwrap();
    let dir = site.run(0);
    let names = |folder: &str| {
        let mut names: Vec<_> = fs::read_dir(site.path(folder))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let dry = site.good(&["collect", "out", "--files", "**/*.png", "--top", "2", "--dry-run"]);
    assert!(dry.contains("-> out/t001-plots-loss.png\n") && dry.contains("2 files would be copied"), "{dry}");
    assert!(!site.path("out").exists());
    assert!(
        site.good(&["collect", "out", "--files", "**/*.png", "--top", "2"])
            .starts_with("2 files of 2 trials")
    );
    assert_eq!(names("out"), ["t001-plots-loss.png", "t002-plots-loss.png"]);
    let all = site.good(&["collect", "out"]);
    assert!(
        all.starts_with("4 files of 3 trials copied into out") && all.ends_with("2 were there already\n"),
        "{all}"
    );
    assert_eq!(fs::read_to_string(site.path("out/t000-model.pt")).unwrap(), "1e-5\n");
    // Copies, and nothing of the sweep is moved; a file that differs is never written over unasked.
    assert!(dir.join("trials/t000/model.pt").exists());
    site.write("out/t000-model.pt", "mine");
    let ran = site.sweep(&["collect", "out"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("is there already and differs"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(site.path("out/t000-model.pt")).unwrap(), "mine");
    site.good(&["collect", "out", "--overwrite"]);
    assert_eq!(fs::read_to_string(site.path("out/t000-model.pt")).unwrap(), "1e-5\n");
    assert_eq!(site.good(&["collect", "none", "--files", "*.gone"]), "none of 3 trials has such files\n");
    // Sweep's own files may be asked for.
    let logs = site.json(&["collect", "logs", "--files", "out.log", "--trial", "t002"]);
    assert_eq!(logs["copies"][0]["to"], "logs/t002-out.log");
    assert!(site.sweep(&["collect", "x", "--files", "[z"]).stderr.contains("is no pattern"));
}
