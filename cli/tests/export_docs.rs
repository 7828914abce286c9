//! docs/export.md and docs/python.md: their commands run in their order, their program runs, and the columns that they
//! name are those that are written.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use command_site::Site;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn blocks(text: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    text.split(&opening).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn every_command_of_the_page_on_exports_works() {
    let text = fs::read_to_string(root().join("docs/export.md")).unwrap();
    let site = Site::new(
        "name: page\nmetric: {name: loss}\nshell: 'sweep log --step 1 loss=$lr'\nparameters: {lr: [0.1, 0.2]}\n",
    );
    site.write("params.csv", "name,lr\none,0.1\ntwo,0.2\n");
    site.run(0);
    let script = format!("set -eu\n{}", blocks(&text, "sh").concat());
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(site.path("")).env_clear().env("PATH", site.path("bin"));
    let output = shell.env("HOME", site.path("")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for file in
        ["trials.csv", "trials.parquet", "results.db", "mlruns", "logs", "metrics.jsonl", "from-spawn.yaml"]
    {
        assert!(site.path(file).exists(), "{file}");
    }
    let columns: Vec<(String, String, String)> = text
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [name, of, about] = cells.as_slice() else { return None };
            let name = name.strip_prefix('`')?.strip_suffix('`')?;
            ["text", "integer", "real", "time"]
                .contains(of)
                .then(|| (name.into(), (*of).into(), (*about).into()))
        })
        .collect();
    let rows = site.good(&["export", "--dictionary", "--as", "jsonl"]);
    let written: Vec<(String, String, String)> = rows
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|row| row["table"] == "trials" && !["loss", "lr"].contains(&row["column"].as_str().unwrap()))
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            (text("column"), text("type"), text("about"))
        })
        .collect();
    assert_eq!(columns, written);
}

#[test]
fn the_program_of_the_page_on_python_runs_in_a_trial_and_by_itself() {
    let text = fs::read_to_string(root().join("docs/python.md")).unwrap();
    let source = root().join("packaging/python/src");
    let site = Site::new(&format!(
        "name: page\ncommand: [python3, train.py]\nmetric: {{name: loss}}\ncheckpoint: true\n\
         env: {{PYTHONPATH: {source:?}, PYTHONDONTWRITEBYTECODE: '1'}}\nparameters: {{lr: [0, 0.5]}}\n"
    ));
    let [program] = blocks(&text, "python").try_into().unwrap();
    site.write("train.py", &program);
    let dir = site.run(0);
    assert_eq!((site.output(&dir, 0), site.output(&dir, 1)), ("1.000\n".into(), "0.031\n".into()));
    let mut alone = Command::new("python3");
    alone
        .arg("train.py")
        .current_dir(site.path(""))
        .env("PYTHONPATH", &source)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let output = alone.output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "0.590\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Every name that the page's table calls is there.
    let package = fs::read_to_string(source.join("slurm_sweep/__init__.py")).unwrap();
    for name in [
        "params",
        "report",
        "should_stop",
        "steps",
        "final",
        "checkpoint_dir",
        "checkpoint_from",
        "save_checkpoint",
        "load_checkpoint",
        "trial",
        "seed",
        "budget",
        "in_sweep",
    ] {
        assert!(text.contains(&format!("`{name}(")) && package.contains(&format!("\ndef {name}(")), "{name}");
    }
}
