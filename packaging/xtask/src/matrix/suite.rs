//! One release: its root, its Slurm, and every journey in it. It must never leave a process or a mount behind, whatever
//! a journey did.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use sweep_testbed::{Root, RootCopy, artifacts, run as run_command};

use crate::failure::{Failure, Outcome};
use crate::matrix::verdicts::{self, Verdict};
use crate::matrix::{Built, headers};
use crate::program::step;
use crate::workspace;

/// For all tests of one program, on a busy machine.
const PROGRAM_LIMIT: Duration = Duration::from_secs(3600);
/// For a command that asks no Slurm to run anything.
const LIMIT: Duration = Duration::from_secs(120);
/// Where everything of ours is in a root.
pub const FOLDER: &str = "/opt/matrix";
/// A test mostly waits, but each cluster is some daemons.
const TESTS_AT_ONCE: &str = "4";

/// A Debian release, each with a Slurm of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Suite {
    /// Debian 11, Slurm 20.11: older than what we promise
    Bullseye,
    /// Debian 12, Slurm 22.05
    Bookworm,
    /// Debian 13, Slurm 24.11
    Trixie,
    /// Debian 14 to be, Slurm 26.05
    Forky,
}

impl Suite {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bullseye => "bullseye",
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::Forky => "forky",
        }
    }

    /// Whether every journey has to pass there.
    fn is_promised(self) -> bool {
        self != Self::Bullseye
    }
}

/// What cannot be on Slurm 20.11, by a word in the journey's name, and why.
const NOT_ON_20_11: [(&str, &str); 4] = [
    (
        "the headers are those",
        "SPANK's errors are counted from 1 there and from 3000 since 22.05; the plugin knows both, the comparison only the \
         later",
    ),
    ("a_stamp_for_another_release", "20.11 compares no release with a SPANK plugin's and loads any stamp"),
    (
        "an_upgrade_of_slurm_is_followed",
        "20.11 compares no release with a SPANK plugin's and loads any stamp",
    ),
    (
        "the_cluster_in_a_record_is_slurms_word",
        "20.11 tells a batch step's plugin no name of the node: the record has the host's",
    ),
];

/// A failure with its known reason, where the release is one that we promise nothing for.
fn explained(suite: Suite, name: &str, verdict: Verdict) -> Verdict {
    let known = NOT_ON_20_11.iter().find(|(word, _)| name.contains(word));
    match (known, &verdict) {
        (Some((_, why)), Verdict::Fail(_)) if !suite.is_promised() => Verdict::Cannot(why),
        _ => verdict,
    }
}

/// What was seen on one release.
pub struct Column {
    pub suite: Suite,
    /// Slurm's own word, such as `24.11.5`.
    pub slurm: String,
    /// The C library's.
    pub glibc: String,
    /// The SHA-256 of the plugin as it was stamped there, and with zeros for the stamp.
    pub sha256: String,
    pub build_sha256: String,
    /// By program and test, in the order in which they were run.
    pub verdicts: Vec<((String, String), Verdict)>,
}

impl Column {
    /// What is wrong with it, in one line, where something is that must not be.
    pub fn complaint(&self) -> Option<String> {
        let failed = self.verdicts.iter().filter(|(_, verdict)| *verdict != Verdict::Pass).count();
        let is_bad = self.suite.is_promised() && (failed > 0 || self.verdicts.is_empty());
        is_bad.then(|| format!("on Slurm {} ({}), {failed} journeys failed", self.slurm, self.suite.name()))
    }
}

/// Runs everything in a copy of a root.
pub fn run(suite: Suite, root: &Root, built: &Built, journeys: &[String]) -> Outcome<Column> {
    let copy = root.copy()?;
    let inside = |name: &str| format!("{FOLDER}/{name}");
    copy.put(&built.plugin, &inside("spank_sweep.so"))?;
    copy.put(&built.plugin_with_faults, &inside("spank_sweep_faults.so"))?;
    copy.put(&built.sweep, &inside("sweep"))?;
    let slurm = word(&copy, "slurmctld", &["-V"], |said| said.split_whitespace().nth(1))?;
    let glibc = word(&copy, "ldd", &["--version"], |said| said.lines().next()?.split_whitespace().last())?;

    // What an installation will write, and what `plugin check` says of it before anything is installed.
    let (sweep, stamped) = (inside("sweep"), inside("stamped.so"));
    let stamp = ["plugin", "stamp", "--slurm", &slurm, &inside("spank_sweep.so"), &stamped];
    copy.run(&sweep, &stamp, LIMIT)?.checked()?;
    let checked = copy.run(&sweep, &["plugin", "check", "--format", "json", &stamped], LIMIT)?;
    let report: Value = serde_json::from_str(&checked.stdout)
        .map_err(|error| Failure::new(format!("`sweep plugin check` says no JSON: {error}\n{checked}")))?;
    let text = |name: &str| report[name].as_str().unwrap_or_default().to_owned();
    let fits = if checked.success() && report["looked_at"].as_array().is_some_and(|looked| looked.len() == 3)
    {
        Verdict::Pass
    } else {
        Verdict::Fail(report["problems"].to_string())
    };
    let before = |name: &str| ("before it is installed".to_owned(), name.to_owned());
    let mut column = Column {
        suite,
        slurm,
        glibc,
        sha256: text("sha256"),
        build_sha256: text("build_sha256"),
        verdicts: vec![
            (before("plugin check finds every symbol in sbatch, srun and slurmstepd"), fits),
            (before("the headers are those that the build assumes"), headers::compare(root.path())?),
        ],
    };
    for program in &built.programs {
        column.verdicts.extend(run_program(suite, &copy, program, journeys)?);
    }
    for ((_, name), verdict) in &mut column.verdicts {
        *verdict = explained(suite, name, verdict.clone());
    }
    Ok(column)
}

fn word(
    copy: &RootCopy,
    program: &str,
    arguments: &[&str],
    read: impl Fn(&str) -> Option<&str>,
) -> Outcome<String> {
    let ran = copy.run(program, arguments, LIMIT)?.checked()?;
    let found = read(&ran.stdout).map(str::to_owned);
    found.ok_or_else(|| Failure::new(format!("no version is read from `{}`", ran.stdout.trim())))
}

type Verdicts = Vec<((String, String), Verdict)>;

fn run_program(
    suite: Suite,
    copy: &RootCopy,
    program: &super::programs::Program,
    journeys: &[String],
) -> Outcome<Verdicts> {
    let path = format!("{FOLDER}/{}", program.name);
    copy.put(&program.path, &path)?;
    let command = |more: &[&str]| {
        let mut command = copy.command(&path);
        command
            .args(program.arguments(journeys))
            .args(more)
            .env(artifacts::PLUGIN_VARIABLE, format!("{FOLDER}/spank_sweep.so"))
            .env(artifacts::PLUGIN_FAULTS_VARIABLE, format!("{FOLDER}/spank_sweep_faults.so"))
            .env(artifacts::SWEEP_VARIABLE, format!("{FOLDER}/sweep"))
            .env(artifacts::INSTALL_VARIABLE, "yes");
        command
    };
    let listed = verdicts::names(&run_command(&mut command(&["--list"]), LIMIT)?.checked()?.stdout);
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    step(format!("{}: {}, {} journeys", suite.name(), program.name, listed.len()));
    let said = match run_command(&mut command(&["--test-threads", TESTS_AT_ONCE]), PROGRAM_LIMIT) {
        Ok(ran) => ran.stdout + &ran.stderr,
        // What was done until then counts, and the rest did not end.
        Err(error) => error.to_string(),
    };
    let log = workspace::target().join(format!("matrix/{}/{}.log", suite.name(), program.name));
    let folder = log.parent().expect("the log lies in a folder");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&log, &said))
        .map_err(Failure::doing(format!("write `{}`", log.display())))?;
    let verdicts = verdicts::read(&said, &listed);
    let failed = verdicts.values().filter(|verdict| **verdict != Verdict::Pass).count();
    if failed > 0 {
        step(format!("{failed} of them failed: `{}`", log.display()));
    }
    Ok(verdicts.into_iter().map(|(name, verdict)| ((program.name.to_owned(), name), verdict)).collect())
}
