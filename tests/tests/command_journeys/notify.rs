//! `notify` on a real Slurm: the job that drives the sweep tells of its moments as the user, and a person who stops the
//! sweep is told of too. Never a mail: the command writes down what it hears.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::site::{Home, LIMIT, plain, plugged};

/// What the command heard, in order.
fn told(home: &Home) -> Vec<Value> {
    let text = fs::read_to_string(home.path.join("told.jsonl")).unwrap_or_default();
    // The last line may be half written.
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn of<'a>(told: &'a [Value], moment: &str) -> Vec<&'a Value> {
    told.iter().filter(|told| told["moment"] == moment).collect()
}

/// Waits until the command was told that the sweep is done, and gives all that it was told.
fn wait_done(home: &Home) -> Vec<Value> {
    let done = || Some(told(home)).filter(|told| !of(told, "sweep_done").is_empty());
    home.cluster.wait_for(LIMIT, "the word that the sweep is done", done).unwrap()
}

#[test]
fn the_driver_s_job_tells_of_each_moment_once_as_the_user() {
    let home = Home::new(
        plugged(),
        "notify",
        "name: notify\nmetric: {name: loss, goal: minimize}\nconcurrency: 2\n\
         notify:\n  command: '{ cat; } >>told.jsonl; id -u >>who'\n\
         \x20 on: [trial_ended, first_failure, new_best, sweep_done]\n\
         shell: 'sweep log loss=0.$x; exit $code'\n\
         params: [{x: 5, code: 0}, {x: 1, code: 3}, {x: 4, code: 0}, {x: 7, code: 4}]\n",
    );
    let sweep = home.submit(&[]);
    let told = wait_done(&home);
    let ended = of(&told, "trial_ended").into_iter().flat_map(|told| told["trials"].as_array().unwrap());
    let ended: Vec<_> = ended.map(|trial| trial["trial"].as_str().unwrap().to_owned()).collect();
    let each: BTreeSet<_> = ["t000", "t001", "t002", "t003"].map(str::to_owned).into();
    assert_eq!((ended.len(), ended.into_iter().collect::<BTreeSet<_>>()), (4, each), "{told:?}");
    let failures = of(&told, "first_failure");
    assert_eq!(failures.len(), 1, "{told:?}");
    let first = &failures[0]["trials"][0];
    assert!(first["exit"] == 3 || first["exit"] == 4, "{first}");
    assert_eq!(of(&told, "new_best").last().unwrap()["best"]["trial"], "t002", "what failed is no best");
    let done = of(&told, "sweep_done");
    assert_eq!((done.len(), &done[0]["states"]["failed"]), (1, &2.into()), "{told:?}");
    let ids: BTreeSet<_> = told.iter().map(|told| told["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), told.len(), "{told:?}");
    let who = fs::read_to_string(home.path.join("who")).unwrap();
    assert!(who.lines().all(|uid| uid == home.cluster.user().uid.to_string()), "{who}");
    assert_eq!(sweep.status()["states"]["completed"], 2);
}

#[test]
fn a_person_s_stop_is_told_of_once_though_it_ends_the_driver_too() {
    let home = Home::new(
        plain(),
        "notify-stop",
        "name: stopped\nnotify: {command: 'cat >>told.jsonl', on: [sweep_done]}\n\
         command: [sleep, '600']\nparameters: {x: [0, 1]}\n",
    );
    let sweep = home.submit(&[]);
    sweep.wait_states(&["running", "running"]);
    home.sweep(&["stop", "--reason", "seen enough", sweep.path()]).checked().unwrap();
    let told = wait_done(&home);
    assert_eq!((told.len(), &told[0]["reason"]), (1, &"seen enough".into()), "{told:?}");
    sweep.wait_states(&["cancelled", "cancelled"]);
    home.sweep(&["stop", sweep.path()]).checked().unwrap();
    home.sweep(&["advance", sweep.path()]);
    assert_eq!(self::told(&home).len(), 1);
}
