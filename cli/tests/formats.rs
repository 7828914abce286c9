//! One sweep directory of every released format, kept for ever: this build reads what that release wrote, and says
//! of it what that release said. A directory here is never changed; a new format adds one.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its own files has nothing to say")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn formats() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn sweep(home: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sweep"));
    command.args(arguments).args(["--dir", home.to_str().unwrap()]).env_remove("SWEEP_HOME");
    let output = command.output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.is_empty(), "{error}");
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

#[test]
fn every_released_format_is_read_as_it_was_written() {
    for format in formats() {
        let (json, code) = sweep(&format, &["status", "--check", "--format", "json"]);
        assert_eq!(code, Some(0), "{json}");
        let status: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(status["stopped"], "kept for ever");
        assert_eq!(status["best"], "t000");
        let trials = status["trials"].as_array().unwrap();
        let rows: Vec<String> = trials
            .iter()
            .map(|trial| {
                let params = &trial["params"];
                format!(
                    "{} {} {} {} x={} lr={} exit={}",
                    trial["trial"].as_str().unwrap(),
                    trial["state"].as_str().unwrap(),
                    trial["attempt"],
                    trial["metric"],
                    params["x"],
                    params["lr"],
                    trial["exit"]
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                "t000 completed 0 1.5 x=1 lr=0.001 exit=0",
                "t001 completed 1 2.5 x=2 lr=0.001 exit=0",
                "t002 completed 0 3.5 x=3 lr=0.001 exit=0",
                "t003 completed 1 4.5 x=4 lr=0.001 exit=0"
            ]
        );
    }
}

#[test]
fn every_attempt_of_a_released_format_is_shown() {
    for format in formats() {
        let (text, code) = sweep(&format, &["show", "t001"]);
        assert_eq!(code, Some(0));
        assert!(text.contains("lr=1e-3 x=2"), "{text}");
        assert!(text.contains("attempt 0") && text.contains("exit code 1"), "{text}");
        assert!(text.contains("attempt 1") && text.contains("exit code 0"), "{text}");
    }
}

#[test]
fn a_later_format_is_refused_with_the_word_upgrade() {
    let home = tempfile::tempdir().unwrap();
    let source = formats().pop().unwrap();
    let copied = Command::new("cp").arg("-r").arg(&source).arg(home.path().join("home")).status().unwrap();
    assert!(copied.success());
    let home = home.path().join("home");
    let sweep_dir = fs::read_dir(&home).unwrap().next().unwrap().unwrap().path();
    let manifest = sweep_dir.join("sweep.json");
    let text = fs::read_to_string(&manifest).unwrap().replace("\"schema\": \"1.0\"", "\"schema\": \"2.0\"");
    fs::write(&manifest, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sweep"));
    let output = command.args(["status", "--dir"]).arg(&home).env_remove("SWEEP_HOME").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("upgrade"));
}
