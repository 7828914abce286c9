//! `sweep ask-tell`: strategies over JSON lines, by themselves.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use command_site::Site;
use serde_json::{Value, json};

struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn new(site: &Site, method: &str) -> Self {
        let mut command = site.command(&["ask-tell", "--method", method]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    fn say(&mut self, line: &str) -> Value {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }

    fn quit(mut self) {
        writeln!(self.input, r#"{{"op":"quit"}}"#).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

fn space() -> Value {
    json!([
        {"name": "model", "type": "cat", "choices": ["mlp", "linear"]},
        {"name": "lr", "type": "float", "low": 1e-4, "high": 0.1, "log": true, "when": {"param": "model", "in": ["mlp"]}},
        {"name": "batch", "type": "int", "low": 16, "high": 256, "log": true},
    ])
}

#[test]
fn configurations_are_asked_for_and_told() {
    let site = Site::new("");
    for method in ["random", "sobol", "latin", "bayes", "genetic"] {
        let mut seen = Vec::new();
        for _ in 0..2 {
            let mut peer = Peer::new(&site, method);
            let init = json!({"op": "init", "space": space(), "seed": 7, "budget": 20, "workers": 1});
            assert_eq!(peer.say(&init.to_string()), json!({"ok": true}));
            let mut all = Vec::new();
            for id in 1..=20 {
                let asked = peer.say(r#"{"op":"ask"}"#);
                assert_eq!(asked["id"], id, "{method}");
                let params = asked["params"].clone();
                let batch = params["batch"].as_f64().unwrap();
                assert!((16.0..=256.0).contains(&batch) && batch.fract() == 0.0, "{params}");
                assert_eq!(params.get("lr").is_some(), params["model"] == "mlp", "{params}");
                all.push(params);
                let told = json!({"op": "tell", "id": id, "value": batch});
                assert_eq!(peer.say(&told.to_string()), json!({"ok": true}));
            }
            peer.quit();
            seen.push(all);
        }
        assert_eq!(seen[0], seen[1], "{method}: the same again in another process");
    }
}

#[test]
fn epochs_are_given_to_the_best_and_nobody_waits() {
    let site = Site::new("");
    let pool: Vec<Value> = (0..40).map(|n| json!({"n": n})).collect();
    for method in ["asha", "hyperband", "halving", "asha-stop", "median", "random"] {
        let mut peer = Peer::new(&site, method);
        let init = json!({"op": "init", "space": [], "pool": pool, "max_epoch": 9, "workers": 4, "seed": 1, "eta": 3, "budget_epochs": 400});
        assert_eq!(peer.say(&init.to_string()), json!({"ok": true}));
        let (mut epochs, mut places): (BTreeMap<u64, u64>, BTreeMap<u64, u64>) = Default::default();
        let (mut stopped, mut spent) = (0, 0);
        while spent < 300 {
            // One worker, so whoever waits would wait for ever.
            let given = peer.say(r#"{"op":"next"}"#);
            let (id, until) = (given["id"].as_u64().unwrap(), given["until"].as_u64().unwrap());
            let place = given["pool"].as_u64().unwrap_or_else(|| panic!("{method}: {given}"));
            assert_eq!(*places.entry(id).or_insert(place), place, "{method}: a number is one configuration");
            let done = epochs.entry(id).or_insert(0);
            assert!(*done < until, "{method}: {given}");
            while *done < until {
                *done += 1;
                spent += 1;
                let value = place as f64 + 1.0 / *done as f64;
                let report = json!({"op": "report", "id": id, "epoch": *done, "value": value});
                if peer.say(&report.to_string())["action"] == "stop" {
                    stopped += 1;
                    break;
                }
            }
        }
        peer.quit();
        let most = epochs.iter().filter(|(_, done)| **done == 9).map(|(id, _)| places[id]);
        let finished: BTreeSet<u64> = most.collect();
        assert!(!finished.is_empty(), "{method}");
        if method == "random" {
            assert_eq!(epochs.values().filter(|done| **done < 9).count(), 0);
        } else {
            assert!(epochs.values().any(|done| *done < 9), "{method}: {epochs:?}");
        }
        assert_eq!(stopped > 0, ["asha-stop", "median"].contains(&method), "{method}");
    }
}

#[test]
fn a_line_that_makes_no_sense_is_answered_with_the_reason() {
    let site = Site::new("");
    let mut peer = Peer::new(&site, "random");
    for (line, reason) in [
        (r#"{"op":"ask"}"#, "the first line must be `init`"),
        ("{", "a line that makes no sense"),
        (r#"{"op":"fly"}"#, "unknown variant `fly`"),
        (
            r#"{"op":"init","space":[{"name":"x","type":"float","low":2,"high":1}]}"#,
            "limits that make no sense",
        ),
        (r#"{"op":"init","space":[{"name":"x","type":"cat"}]}"#, "has no scalar choices"),
        (
            r#"{"op":"init","space":[{"name":"x","type":"float","low":0,"high":1,"when":{"param":"y","in":[1]}}]}"#,
            "`y` is not a parameter",
        ),
    ] {
        let answer = peer.say(line);
        assert!(answer["error"].as_str().unwrap_or_default().contains(reason), "{line}: {answer}");
    }
    let init = json!({"op": "init", "space": space(), "direction": "maximize"});
    assert_eq!(peer.say(&init.to_string()), json!({"ok": true}));
    assert!(
        peer.say(r#"{"op":"tell","id":3,"value":1}"#)["error"].as_str().unwrap().contains("nothing runs")
    );
    peer.quit();
}

#[test]
fn importance_is_told_of_what_was_told() {
    let site = Site::new("");
    let mut peer = Peer::new(&site, "random");
    let init = json!({"op": "init", "space": space(), "seed": 7, "budget": 40, "workers": 1});
    peer.say(&init.to_string());
    for id in 1..=40 {
        let asked = peer.say(r#"{"op":"ask"}"#);
        let value = if asked["params"]["model"] == "mlp" { 1.0 } else { 0.0 };
        peer.say(&json!({"op": "tell", "id": id, "value": value}).to_string());
    }
    let found = peer.say(r#"{"op":"importance","pairs":true}"#);
    assert_eq!(found["trials"], 40);
    assert_eq!(found["parameters"][0]["parameter"], "model");
    assert!(found["parameters"][0]["importance"].as_f64().unwrap() > 0.95, "{found}");
    let lr = found["parameters"].as_array().unwrap().iter().find(|found| found["parameter"] == "lr").unwrap();
    assert!(lr["coverage"].as_f64().unwrap() < 0.9, "{lr}");
    assert_eq!(found["pairs"].as_array().unwrap().len(), 3);
    peer.quit();
}
