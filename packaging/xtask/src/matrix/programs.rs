//! The test programs that run inside the roots: the very journeys of `cargo test`, built once as static programs. It must
//! never hold a test of its own.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::program::step;
use crate::{build_static, workspace};

/// A test program of tests/tests and which of its tests run: those with one of `only` in their names, all where there is
/// none, and none with one of `without`.
pub struct Program {
    pub name: &'static str,
    pub path: PathBuf,
    only: &'static [&'static str],
    without: &'static [&'static str],
}

type Choice = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Left out is what reads this checkout, and what needs a database of the root's own, which its release decides nothing of.
const CHOICES: [Choice; 7] = [
    ("plugin_install", &[], &["the_readmes_lines"]),
    ("plugin_journeys", &[], &[]),
    ("plugin_refusals", &[], &[]),
    ("plugin_failures", &[], &[]),
    ("audit_journey", &[], &[]),
    ("doctor", &[], &[]),
    (
        "command_journeys",
        &[
            "submit::twelve",
            "submit::individual",
            "submit::a_user_",
            "exec::",
            "around::",
            "nested::",
            "stop::a_task",
        ],
        &[],
    ),
];

impl Program {
    /// The arguments that choose its tests; `journeys` chooses further.
    pub fn arguments(&self, journeys: &[String]) -> Vec<String> {
        let chosen: Vec<String> = if journeys.is_empty() {
            self.only.iter().map(|text| (*text).to_owned()).collect()
        } else {
            journeys.to_vec()
        };
        let skipped = self.without.iter().flat_map(|text| ["--skip".to_owned(), (*text).to_owned()]);
        chosen.into_iter().chain(skipped).collect()
    }
}

/// Builds them all.
pub fn build() -> Outcome<Vec<Program>> {
    let paths = build_static_tests(&CHOICES.map(|(name, ..)| name))?;
    let program = |((name, only, without), path): (&Choice, PathBuf)| Program { name, path, only, without };
    Ok(CHOICES.iter().zip(paths).map(program).collect())
}

/// Builds test programs of tests/tests as static ones.
pub fn build_static_tests(names: &[&str]) -> Outcome<Vec<PathBuf>> {
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--quiet", "--no-run", "--package", "sweep-testbed", "--target"]);
    cargo.arg(build_static::triple()).arg("--message-format=json-render-diagnostics");
    for name in names {
        cargo.args(["--test", name]);
    }
    step("building the journeys as static programs");
    let output = cargo.stderr(Stdio::inherit()).output().map_err(Failure::doing("run cargo"))?;
    if !output.status.success() {
        return Err(Failure::new("the journeys could not be built as static programs"));
    }
    let messages: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let path = |name: &str| {
        let of_program =
            |message: &&Value| message["target"]["name"] == name && message["executable"].is_string();
        let found = messages.iter().find(of_program).and_then(|message| message["executable"].as_str());
        found.map(PathBuf::from).ok_or_else(|| Failure::new(format!("cargo built no program `{name}`")))
    };
    names.iter().map(|name| path(name)).collect()
}
