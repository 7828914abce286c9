//! Whether a release's headers are those that the plugin is built for: plugin/build.rs has the compiler compare them.
//! It never makes a plugin: that is built once, and not here.

use std::path::Path;

use crate::failure::{Failure, Outcome};
use crate::matrix::verdicts::Verdict;
use crate::workspace;

/// Checks the plugin's crate with the headers of a root.
pub fn compare(root: &Path) -> Outcome<Verdict> {
    let include = root.join("usr/include");
    if !include.join("slurm/spank.h").is_file() {
        return Ok(Verdict::Fail("it has no headers".to_owned()));
    }
    let mut cargo = workspace::cargo();
    cargo
        .args(["check", "--quiet", "--package", "sweep-plugin", "--lib"])
        .env("SLURM_INCLUDE_DIR", &include)
        .env("SWEEP_REQUIRE_SLURM_HEADERS", "yes");
    let output = cargo.output().map_err(Failure::doing("run cargo"))?;
    if output.status.success() {
        return Ok(Verdict::Pass);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| line.starts_with("error")).unwrap_or("the compiler refuses them");
    Ok(Verdict::Fail(line.to_owned()))
}
