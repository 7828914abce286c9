//! W&B's files, unchanged, through `sweep plan`.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value as Json;

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/wandb").join(name)
}

fn sweep(arguments: &[&str], name: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sweep"));
    command.args(arguments).arg(example(name)).env_remove("SWEEP_HOME");
    command.output().expect("the binary was built")
}

fn plan(name: &str) -> Json {
    let output = sweep(&["plan", "--format", "json", "--show", "1000"], name);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {told}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn trials(plan: &Json) -> &Vec<Json> {
    plan["trials"].as_array().expect("a list")
}

fn number(trial: &Json, name: &str) -> f64 {
    trial["params"][name].as_f64().unwrap_or_else(|| panic!("{name} is no number in {trial}"))
}

#[test]
fn a_grid_with_command_macros() {
    let plan = plan("grid-macros.yaml");
    assert_eq!(
        (&plan["method"], &plan["total"], &plan["combinations"]),
        (&"grid".into(), &"12".into(), &"12".into())
    );
    let params: Vec<String> = trials(&plan).iter().take(3).map(|trial| trial["params"].to_string()).collect();
    assert_eq!(
        params,
        [
            r#"{"augment":true,"batch_size":32,"dropout":0.0,"epochs":5}"#,
            r#"{"augment":true,"batch_size":32,"dropout":0.25,"epochs":5}"#,
            r#"{"augment":true,"batch_size":64,"dropout":0.0,"epochs":5}"#
        ]
    );
}

#[test]
fn a_random_search_over_every_distribution() {
    let plan = plan("random-distributions.yaml");
    assert_eq!((trials(&plan).len(), &plan["combinations"]), (40, &Json::Null));
    // Whole where the step is written as a whole number, as W&B's `q`.
    let whole = ["layers", "width", "batch_size", "warmup", "shift", "patience", "seed"];
    let ranges = [
        ("layers", 1.0, 6.0),
        ("dropout", 0.0, 0.6),
        ("width", 32.0, 512.0),
        // exp(-11.5) and exp(-4.6).
        ("weight_decay", 1.013e-5, 1.006e-2),
        ("learning_rate", 1e-5, 0.1),
        ("batch_size", 16.0, 256.0),
        // exp(-1) and exp(6), rounded.
        ("warmup", 0.0, 403.0),
        ("temperature", 0.1, 10.0),
        // exp(-4) and exp(0.5).
        ("floor", 0.0183, 1.6488),
        ("bias", -1.0, 1.0),
        ("shift", -30.0, 50.0),
        ("scale", 0.0, 100.0),
        ("patience", 0.0, 1000.0),
        ("momentum", 0.0, 1.0),
        ("mix", 0.0, 1.0),
    ];
    for trial in trials(&plan) {
        for name in whole {
            assert!(trial["params"][name].is_i64(), "{name} of {trial}");
        }
        for (name, low, high) in ranges {
            assert!((low..=high).contains(&number(trial, name)), "{name} of {trial}");
        }
        for (name, step) in [("width", 32.0), ("batch_size", 16.0), ("shift", 2.0)] {
            assert_eq!(number(trial, name) % step, 0.0, "{name} of {trial}");
        }
        assert!(["relu", "gelu", "silu"].contains(&trial["params"]["activation"].as_str().expect("a word")));
    }
}

#[test]
fn nested_parameters() {
    let plan = plan("nested.yaml");
    assert_eq!(plan["total"], "16");
    let first = &trials(&plan)[0]["params"];
    assert_eq!(
        first.to_string(),
        r#"{"model.hidden":64,"optimizer.learning_rate":0.001,"optimizer.name":"adam","optimizer.schedule.kind":"cosine","optimizer.schedule.warmup_steps":0,"seed":1}"#
    );
}

#[test]
fn a_base_configuration_under_a_capped_search() {
    let plan = plan("base-config.yaml");
    assert_eq!(trials(&plan).len(), 6);
    assert_eq!(plan["notes"], serde_json::json!(["`project` is about W&B's server and is not used"]));
    for trial in trials(&plan) {
        assert!((1e-4..=0.1).contains(&number(trial, "learning_rate")));
        assert_eq!((number(trial, "epochs"), &trial["params"]["model.kind"]), (12.0, &"cnn".into()));
        assert_eq!(trial["params"]["model.channels"], "[16,32]");
    }
}

#[test]
fn a_bayesian_search_with_early_stopping() {
    let output = sweep(&["plan", "--format", "json"], "bayes-early-terminate.yaml");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&plan["method"], &plan["total"]), (&"bayes".into(), &"60".into()), "{plan}");
}
