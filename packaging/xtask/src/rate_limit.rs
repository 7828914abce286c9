//! The proof of slurmctld's limit on how often a user may ask, in a system of a release that has it. It must never start
//! anything outside of that system.

use std::path::Path;
use std::time::Duration;

use sweep_testbed::{Root, artifacts, mirror, run as run_command};

use crate::build_plugin::{self, Variant};
use crate::failure::Outcome;
use crate::matrix::programs::build_static_tests;
use crate::matrix::suite::{FOLDER, Suite};
use crate::program::step;
use crate::{build_static, set_up, workspace};

/// The test program.
const PROGRAM: &str = "rate_limit";
/// Debian 13 has Slurm 24.11.
const SUITE: Suite = Suite::Trixie;
/// For a few sweeps that are held back, on a busy machine.
const LIMIT: Duration = Duration::from_secs(1800);
/// What a row of the table begins with.
const ROW: &str = "| rl_enable";

/// Runs the test program, with a static `sweep` that is built already or one of its own, and gives the rows of its table.
pub fn run(sweep: Option<&Path>) -> Outcome<String> {
    set_up::ensure(&set_up::ROOTS)?;
    let plugin = build_plugin::build(Variant::Released)?;
    let sweep = sweep.map_or_else(build_static::build, |sweep| Ok(sweep.to_owned()))?;
    let program = build_static_tests(&[PROGRAM])?.remove(0);
    let root = Root::kept(&workspace::target().join("roots"), SUITE.name(), &mirror()?)?;
    let copy = root.copy()?;
    let inside = |name: &str| format!("{FOLDER}/{name}");
    for (file, name) in [(&plugin, "spank_sweep.so"), (&sweep, "sweep"), (&program, PROGRAM)] {
        copy.put(file, &inside(name))?;
    }
    step(format!("{PROGRAM} in {}", SUITE.name()));
    let mut command = copy.command(inside(PROGRAM));
    command
        .args(["--nocapture", "--test-threads", "1"])
        .env(artifacts::PLUGIN_VARIABLE, inside("spank_sweep.so"))
        .env(artifacts::SWEEP_VARIABLE, inside("sweep"))
        .env(artifacts::INSTALL_VARIABLE, "yes");
    let ran = run_command(&mut command, LIMIT)?.checked()?;
    let rows = ran.stdout.lines().filter_map(|line| line.find(ROW).map(|at| &line[at..]));
    Ok(rows.map(|row| format!("{row}\n")).collect())
}
