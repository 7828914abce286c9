//! `sweep list`, `show` and `log`: finding a sweep, telling of a trial, and reporting from inside one. The sweeps are
//! run by the local executor; no Slurm is needed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::fs;
use std::path::Path;

use command_site::{Ran, Site, wait_for};
use serde_json::Value;

const ONE: &str = "name: one\nmetric: {name: loss, goal: minimize}\nparameters: {x: [1, 2]}\n\
    command: [sh, -c, 'sweep log --step 1 loss=9 && sweep log --step 2 loss=0.$x note=\"a b\" --final success; echo $?']\n";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn sweeps_are_found_by_id_prefix_and_directory() {
    let site = Site::new(ONE);
    let first = site.run(0);
    site.write("sweep.yaml", &ONE.replace("name: one", "name: other"));
    let second = site.run(0);
    let ids = [&first, &second].map(|dir| dir.file_name().unwrap().to_str().unwrap().to_owned());
    let list = site.good(&["list"]);
    let rows: Vec<_> = list.lines().skip(1).map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(rows.len(), 2, "{list}");
    assert!(ids.iter().all(|id| rows.contains(&id.as_str())), "{list}");

    let found = |reference: &str| site.json(&["status", reference])["sweep_id"].as_str().unwrap().to_owned();
    assert_eq!(found("one-"), ids[0]);
    assert_eq!(found("ot"), ids[1]);
    assert_eq!(found(&ids[0]), ids[0]);
    assert_eq!(found(text(&first)), ids[0]);
    assert_eq!(found(".sweeps/latest"), ids[1]);
    let ran = site.sweep(&["status", "o"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.starts_with("error: `o` may be any of 2 sweeps\n\nhint: say more of its id: "),
        "{}",
        ran.stderr
    );
    let ran = site.sweep(&["status", "nothing"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.starts_with("error: there is no sweep `nothing` in `./.sweeps`"), "{}", ran.stderr);
}

#[test]
fn no_sweep_at_all_is_said_and_is_no_error_of_list() {
    let site = Site::new(ONE);
    assert_eq!(site.good(&["list"]), "no sweeps here\n");
    let ran = site.sweep(&["status"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("hint: make one with `sweep submit SPEC`"), "{}", ran.stderr);
}

#[test]
fn a_sweep_of_a_later_release_is_named_with_what_to_do() {
    let site = Site::new(ONE);
    let dir = site.run(0);
    let manifest = fs::read_to_string(dir.join("sweep.json")).unwrap();
    fs::write(dir.join("sweep.json"), manifest.replacen("\"schema\": \"1.0\"", "\"schema\": \"2.0\"", 1))
        .unwrap();
    for command in [&["status"][..], &["show", "t000"], &["stop"]] {
        let ran = site.sweep(command);
        assert_eq!(ran.code, Some(2), "{command:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("upgrade") && ran.stderr.contains("2.0"), "{}", ran.stderr);
    }
    let list = site.good(&["list"]);
    assert!(list.contains("unreadable: ") && list.contains("2.0"), "{list}");
}

#[test]
fn a_sweep_that_was_moved_still_tells_the_same() {
    let site = Site::new(ONE);
    let dir = site.run(0);
    let moved = site.path("elsewhere");
    let tell = |dir: &Path| {
        let show = site.good(&["show", "t001", text(dir)]).replace(text(dir), "DIR");
        (site.json(&["status", text(dir)]), site.good(&["status", text(dir)]), show)
    };
    let before = tell(&dir);
    fs::rename(&dir, &moved).unwrap();
    assert_eq!(tell(&moved), before);
}

#[test]
fn a_trial_reports_its_metrics_and_is_shown_with_them() {
    let site = Site::new(ONE);
    let dir = site.run(0);
    assert_eq!(site.output(&dir, 1), "0\n");
    let lines = fs::read_to_string(dir.join("trials/t001/metrics.jsonl")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        serde_json::json!({"step": 1, "loss": 9}),
        serde_json::json!({"step": 2, "loss": 0.2, "note": "a b", "final": "success"}),
    ];
    assert_eq!(lines, expected);
    let status = site.json(&["status"]);
    assert_eq!((&status["best"], &status["trials"][1]["metric"]), (&"t000".into(), &0.2.into()));
    let show = site.good(&["show", "1"]);
    assert!(show.starts_with("t001 of one-") && show.contains("\nmetric      0.2\n"), "{show}");
    assert!(show.contains("attempt 0   job ") && show.contains(", exit code 0, "), "{show}");
    assert!(show.contains("\noutput:\n  === attempt 0 of t001, job "), "{show}");
    let json = site.json(&["show", "t001"]);
    assert_eq!(json["attempts"][0][1]["exit"], 0);
}

#[test]
fn a_trial_that_is_not_there_is_refused() {
    let site = Site::new(ONE);
    site.run(0);
    for (trial, said) in [("t002", "trial 2 is out of range"), ("@0", "is not one trial"), ("x", "x")] {
        let ran = site.sweep(&["show", trial]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

#[test]
fn a_trial_of_a_stopped_sweep_is_told_to_stop() {
    let spec = "name: told\nparameters: {x: [1]}\n\
        command: [sh, -c, 'trap : TERM; echo ready; while sweep log loss=1; do sleep 0.02; done; sweep log loss=2; echo code $?']\n";
    let site = Site::new(spec);
    site.good(&["submit", "--executor", "local"]);
    let dir = site.newest();
    wait_for("the trial", || dir.join("trials/t000/metrics.jsonl").exists().then_some(()));
    site.good(&["stop"]);
    wait_for("its word", || site.output(&dir, 0).contains("code 3\n").then_some(()));
}

#[test]
fn log_outside_a_trial_is_refused() {
    let site = Site::new(ONE);
    let ran = site.sweep(&["log", "loss=1"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.starts_with("error: this is not inside a trial: `SWEEP_METRICS` is not set\n"),
        "{}",
        ran.stderr
    );
    let metrics = site.path("metrics.jsonl");
    for wrong in ["loss", "=1"] {
        let ran = Ran::of(site.command(&["log", wrong]).env("SWEEP_METRICS", &metrics));
        assert_eq!(ran.code, Some(2));
        assert_eq!(ran.stderr, format!("error: `{wrong}` is not KEY=VALUE\n"));
    }
    assert!(!metrics.exists());
}
