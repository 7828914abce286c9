//! What `sweep export` writes for other tools, loaded by those tools as PyPI has them, and the Python package as its
//! wheel. It makes a venv of its own in the build folder, with the versions that the results speak of.
#![allow(clippy::unwrap_used, reason = "a proof that cannot go on says where")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sweep_testbed::{artifacts, run};

/// The tools, and what is needed to compare.
const PACKAGES: [&str; 5] = [
    "jsonschema==4.26.0",
    "mlflow-skinny==3.17.2",
    "pyarrow==26.0.1",
    "tensorboard==2.21.0",
    "wandb==0.31.0",
];
/// What comes over the network may take its time.
const INSTALLATION: Duration = Duration::from_secs(1800);
const CHECK: Duration = Duration::from_secs(300);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn target() -> PathBuf {
    let folder = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    std::path::absolute(folder).unwrap()
}

/// Runs what must succeed, and gives what it printed.
fn good(command: &mut Command, limit: Duration) -> String {
    let ran = run(command, limit).unwrap();
    assert!(ran.success(), "{command:?}\n{}\n{}", ran.stdout, ran.stderr);
    ran.stdout
}

/// A Python with the tools.
fn python() -> PathBuf {
    let venv = target().join("exports-venv");
    let installed = venv.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|text| text == PACKAGES.join("\n")) {
        return venv.join("bin/python");
    }
    good(Command::new("/usr/bin/python3").args(["-m", "venv", "--clear"]).arg(&venv), INSTALLATION);
    let mut pip = Command::new(venv.join("bin/pip"));
    good(pip.args(["install", "--quiet", "--no-compile"]).args(PACKAGES), INSTALLATION);
    fs::write(installed, PACKAGES.join("\n")).unwrap();
    venv.join("bin/python")
}

/// Leaves a line for RESULTS.md.
fn note(lines: &str) {
    use std::io::Write;
    let path = target().join("exports.txt");
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(lines.as_bytes()).unwrap();
}

#[test]
fn every_export_is_read_by_the_tool_that_it_is_for() {
    let _ = fs::remove_file(target().join("exports.txt"));
    let python = python();
    let sweep = artifacts::sweep().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let here = |program: &Path| {
        let mut command = Command::new(program);
        let path = format!("{}:/usr/bin:/bin", sweep.parent().unwrap().display());
        command
            .current_dir(folder.path())
            .env("PATH", path)
            .env_remove("SLURM_CONF")
            .env("HOME", folder.path());
        command
    };
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports");
    fs::copy(tests.join("sweep.yaml"), folder.path().join("sweep.yaml")).unwrap();
    // Some trials are made to fail, which the run says by its exit code.
    let ran = run(here(&sweep).args(["run", "--executor", "local"]), CHECK).unwrap();
    assert_eq!(ran.code, Some(4), "{}\n{}", ran.stdout, ran.stderr);
    for words in [
        ["jsonl", "trials", "trials.jsonl"],
        ["jsonl", "metrics", "metrics.jsonl"],
        ["parquet", "trials", "trials.parquet"],
        ["parquet", "metrics", "metrics.parquet"],
        ["sqlite", "all", "all.db"],
        ["mlflow", "trials", "mlruns"],
        ["tensorboard", "trials", "logs"],
    ] {
        let [form, table, file] = words;
        good(here(&sweep).args(["export", "--as", form, "--table", table, "-o", file]), CHECK);
    }
    for tool in ["parquet", "sqlite", "mlflow", "tensorboard", "wandb", "schemas"] {
        let script = root().join("examples/wandb/from_export.py");
        note(&good(here(&python).arg(tests.join("check.py")).arg(tool).arg(script), CHECK));
    }
    note(&wheel(&python, folder.path()));
}

/// The package as a wheel, in a venv without anything else.
fn wheel(python: &Path, folder: &Path) -> String {
    // A copy: setuptools leaves its own folders beside the sources.
    let source = folder.join("python");
    good(Command::new("cp").arg("-r").arg(root().join("packaging/python")).arg(&source), CHECK);
    let mut pip = Command::new(python);
    good(
        pip.args(["-m", "pip", "wheel", "--quiet", "--no-deps", "-w"]).arg(folder).arg(&source),
        INSTALLATION,
    );
    let venv = folder.join("bare");
    good(Command::new("/usr/bin/python3").args(["-m", "venv"]).arg(&venv), INSTALLATION);
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let wheel = files.find(|path| path.extension().is_some_and(|ending| ending == "whl")).unwrap();
    let bare = venv.join("bin/python");
    good(Command::new(&bare).args(["-m", "pip", "install", "--quiet", "--no-index"]).arg(&wheel), CHECK);
    let mut tests = Command::new(&bare);
    tests.args(["-m", "unittest", "discover", "-s", "tests"]).current_dir(&source);
    let ran = run(tests.env("SLURM_SWEEP_INSTALLED", "1"), CHECK).unwrap();
    assert!(ran.success(), "{}", ran.stderr);
    let count = ran.stderr.lines().find(|line| line.starts_with("Ran ")).unwrap().to_owned();
    let where_from = "import slurm_sweep, sys; print(slurm_sweep.__file__, sys.version.split()[0])";
    let said = good(Command::new(&bare).args(["-c", where_from]).current_dir(folder), CHECK);
    assert!(said.contains("site-packages"), "{said}");
    let count = count.split(" in ").next().unwrap();
    let name = wheel.file_name().unwrap().to_string_lossy().into_owned();
    format!("python {}: {name} in a bare venv: {count}\n", said.split_whitespace().last().unwrap())
}
