//! `notify`: a command hears of each moment once, whatever it does itself and however its driver ends. The sweeps are
//! run by the local executor; no Slurm is needed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::fs;

use command_site::{Site, wait_for};
use serde_json::Value;

/// What the command heard, in order.
fn told(site: &Site) -> Vec<Value> {
    let text = fs::read_to_string(site.path("told.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'a>(told: &'a [Value], moment: &str) -> Vec<&'a Value> {
    told.iter().filter(|told| told["moment"] == moment).collect()
}

#[test]
fn each_moment_is_told_once_with_what_it_is_about() {
    let site = Site::new(
        "name: told\nmetric: {name: loss, goal: minimize}\nconcurrency: 1\nbudget: {node_hours: 1}\n\
         notify:\n  command: cat >>told.jsonl\n  budget_share: 0.00001\n\
         \x20 on: [trial_ended, first_failure, new_best, budget_near, sweep_done]\n\
         shell: 'sleep 0.05; sweep log loss=0.$x; exit $code'\n\
         params: [{x: 5, code: 0}, {x: 1, code: 3}, {x: 4, code: 0}, {x: 7, code: 4}]\n",
    );
    let dir = site.run(4);
    let told = told(&site);
    let ended: Vec<&str> = of(&told, "trial_ended")
        .iter()
        .flat_map(|told| told["trials"].as_array().unwrap())
        .map(|trial| trial["trial"].as_str().unwrap())
        .collect();
    assert_eq!(ended, ["t000", "t001", "t002", "t003"]);
    let failures = of(&told, "first_failure");
    assert_eq!(failures.len(), 1, "{told:?}");
    let first = &failures[0]["trials"][0];
    assert_eq!(
        (&first["trial"], &first["exit"], &first["params"]["x"]),
        (&"t001".into(), &3.into(), &1.into())
    );
    // What failed is never the best.
    let best: Vec<_> = of(&told, "new_best").iter().map(|told| told["best"]["trial"].clone()).collect();
    assert_eq!(best, ["t000", "t002"]);
    assert_eq!(of(&told, "budget_near").len(), 1);
    assert!(of(&told, "budget_near")[0]["spent"]["node_hours"].as_f64().unwrap() > 0.0);
    let done = of(&told, "sweep_done");
    assert_eq!((done.len(), &done[0]["states"]["failed"]), (1, &2.into()));
    assert!(done[0]["reason"].as_str().unwrap().contains("has ended"), "{done:?}");
    assert_eq!(done[0]["dir"], dir.to_str().unwrap());
    let mut ids: Vec<_> = told.iter().map(|told| told["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), told.len());
    assert!(told.iter().all(|told| told["repeated"] == false));
    // Whoever comes later has nothing to tell.
    site.good(&["advance"]);
    assert_eq!(self::told(&site).len(), told.len());
}

#[test]
fn a_command_that_fails_or_hangs_does_the_sweep_no_harm() {
    for (command, said) in [
        ("echo no such channel >&2; exit 5", "exit status: 5: no such channel"),
        ("sleep 600 & sleep 600", "did not end within 1 s"),
        ("[./gone]", "cannot start `./gone`"),
    ] {
        let site = Site::new(&format!(
            "name: harmless\nnotify:\n  limit_s: 1\n  on: [sweep_done]\n  command: {command}\n\
             parameters: {{x: [1]}}\ncommand: ['true']\n"
        ));
        let ran = site.sweep(&["run", "--executor", "local"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("`notify` was not told of sweep_done") && ran.stderr.contains(said),
            "{}",
            ran.stderr
        );
        let before = ran.stderr.matches("was not told").count();
        assert_eq!((before, site.sweep(&["advance"]).stderr.as_str()), (1, ""));
    }
}

#[test]
fn what_a_killed_driver_was_telling_is_told_again_and_marked() {
    let site = Site::new(
        "name: killed\nnotify:\n  on: [sweep_done]\n\
         \x20 command: '[ -e once ] || { touch once; kill -9 $PPID; exit; }; cat >>told.jsonl'\n\
         parameters: {x: [1]}\ncommand: ['true']\n",
    );
    assert_eq!(site.sweep(&["run", "--executor", "local"]).code, None);
    assert!(site.path("once").exists() && told(&site).is_empty());
    site.good(&["advance"]);
    let told = told(&site);
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["moment"], &told[0]["repeated"]), (&"sweep_done".into(), &true.into()));
    assert!(told[0]["id"].as_str().unwrap().ends_with("/0"), "{told:?}");
}

#[test]
fn a_sweep_that_stops_itself_is_done_with_its_reason() {
    let site = Site::new(
        "name: stops\nmax_failures: 1\nnotify: cat >>told.jsonl\nshell: 'exit 4'\nparameters: {x: [1, 2]}\nconcurrency: 1\n",
    );
    site.run(4);
    let told = told(&site);
    assert_eq!((of(&told, "first_failure").len(), of(&told, "sweep_done").len()), (1, 1), "{told:?}");
    let reason = of(&told, "sweep_done")[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("exit code 4"), "{reason}");
}

#[test]
fn a_person_who_stops_a_sweep_ends_it_for_notify_too_and_once() {
    let site = Site::new(
        "name: stopped\nnotify:\n  on: [trial_ended, sweep_done]\n  command: cat >>told.jsonl\nconcurrency: 2\n\
         shell: 'exec sleep $x'\nparameters: {x: [0, 600, 601]}\nmethod: grid\n",
    );
    site.good(&["submit", "--executor", "local"]);
    let dir = site.newest();
    wait_for("an end and a long trial", || {
        let states = site.states(&dir);
        (states[0] == "completed" && states[1] == "running").then_some(())
    });
    let said = site.good(&["stop", "--reason", "seen enough"]);
    assert!(said.contains("told to end"), "{said}");
    for _ in 0..2 {
        let told = told(&site);
        let done = of(&told, "sweep_done");
        assert_eq!((done.len(), &done[0]["reason"]), (1, &"seen enough".into()), "{told:?}");
        let ended = of(&told, "trial_ended");
        assert_eq!(ended[0]["trials"][0]["trial"], "t000", "{told:?}");
        site.good(&["stop"]);
    }
}

#[test]
fn what_is_wrong_with_notify_is_said_at_once() {
    let site = Site::new(
        "name: wrong\nparameters: {x: [1]}\ncommand: ['true']\n\
         notify: {on: [trial_end, budget_near], limit_s: 600, budget_share: 1.5, to: me}\n",
    );
    let ran = site.sweep(&["plan", "sweep.yaml"]);
    assert_eq!(ran.code, Some(2));
    for said in [
        "did you mean `trial_ended`?",
        "`limit_s`",
        "below 1",
        "`to`",
        "without `command`",
        "`budget_near` without `budget`",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
}
