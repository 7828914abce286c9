//! W&B's own sweep files, run to their end by the local executor as they are: no W&B, no server, no network.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::fs;
use std::path::Path;

use command_site::Site;
use serde_json::Value;

fn site() -> Site {
    let site = Site::new("");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/wandb");
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), site.path(entry.file_name().to_str().unwrap())).unwrap();
    }
    site
}

/// Runs a file and gives what each trial printed.
fn run(site: &Site, file: &str) -> (Value, Vec<String>) {
    let ran = site.sweep(&["run", file, "--executor", "local", "--format", "json"]);
    let status: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{file}: {}", ran.stderr));
    let count = u32::try_from(status["trials"].as_array().unwrap().len()).unwrap();
    let dir = site.newest();
    (status, (0..count).map(|trial| site.output(&dir, trial)).collect())
}

#[test]
fn five_files_run_to_their_end() {
    let site = site();
    for (file, trials, printed) in [
        ("grid-macros.yaml", 12, r#""--data-dir", "DATA_DIR", "#),
        ("nested.yaml", 16, r#""--config", "#),
        ("random-distributions.yaml", 40, r#""--learning_rate="#),
        ("base-config.yaml", 6, r#""epochs": 12"#),
    ] {
        let (status, outputs) = run(&site, file);
        assert_eq!(status["states"], serde_json::json!({"completed": trials}), "{file}");
        for output in outputs {
            assert!(output.contains(printed), "{file}: {output}");
        }
    }
    let (status, outputs) = run(&site, "random-early-terminate.yaml");
    let ended = |state: &str| status["states"][state].as_u64().unwrap_or(0);
    assert_eq!(ended("completed") + ended("pruned"), 12, "{status}");
    let told = outputs.iter().filter(|output| output.contains("told to stop")).count();
    // One may be told when it has made its last report.
    assert!(told as u64 <= ended("pruned"), "{status}");
}
