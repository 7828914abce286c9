//! `cargo xtask prove`: the long proofs on real Slurms: every end of a trial, every moment of a kill, searches that
//! are disturbed, the packages in clean roots, exports in the tools that they are for, and the page of a report in a
//! browser. They take minutes of a machine that does nothing else, so they are apart from the tests. It must never skip,
//! nor note what a part of a proof said as if it were the whole.

use std::fs;
use std::path::{Path, PathBuf};

use sweep_testbed::artifacts;

use crate::failure::{Failure, Outcome};
use crate::program::step;
use crate::test::{build_sweep, run_cargo, run_cargo_with};
use crate::{package, rate_limit, results, set_up, workspace};

/// Prove on real Slurms that every end is known, that no trial is lost or run twice, and that a search survives.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only these, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Proof>,
    /// A static `sweep` that is built already, such as the packages', for the limits that take another release.
    #[arg(long, value_name = "FILE")]
    sweep: Option<PathBuf>,
    /// More arguments for `cargo test`, such as `-- --nocapture a_name`; RESULTS.md stays as it is then.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Proof {
    /// Every way in which a trial can end
    Ends,
    /// No trial lost and none run twice, whatever is killed
    ExactlyOnce,
    /// Limits that a sweep does not fit into are lived with
    Limits,
    /// A hundred thousand trials, and a file system that takes its time
    Scale,
    /// A search that is disturbed finds what an undisturbed one finds
    Search,
    /// Twenty thousand trials in a cluster to which everything happens, and hundreds that are preempted
    Soak,
    /// The packages, installed, upgraded and removed in clean roots with a real Slurm
    Packages,
    /// Exports, loaded by the tools that they are for, and the Python package as a wheel
    Exports,
    /// The page of `sweep report` in a browser
    Page,
}

impl Proof {
    /// The test program.
    fn test(self) -> &'static str {
        match self {
            Self::Ends => "ends",
            Self::ExactlyOnce => "exactly_once",
            Self::Limits => "limits",
            Self::Scale => "scale",
            Self::Search => "search_on_slurm",
            Self::Soak => "soak",
            Self::Packages => "packages",
            Self::Exports => "exports",
            Self::Page => "page",
        }
    }

    /// The section of RESULTS.md.
    fn heading(self) -> &'static str {
        match self {
            Self::Ends => "Every end",
            Self::ExactlyOnce => "Exactly once",
            Self::Limits => "Limits",
            Self::Scale => "Large sweeps, slow file systems",
            Self::Search => "Searches on a real Slurm",
            Self::Soak => "Soak",
            Self::Packages => "Packages",
            Self::Exports => "Exports in other tools",
            Self::Page => "The page in a browser",
        }
    }

    /// What the test program left in the target folder.
    fn said(self) -> &'static str {
        match self {
            Self::Ends => "ends.txt",
            Self::ExactlyOnce => "exactly-once.txt",
            Self::Limits => "limits.txt",
            Self::Scale => "scale.txt",
            Self::Search => "search.txt",
            Self::Soak => "soak.txt",
            Self::Packages => "packages.txt",
            Self::Exports => "exports.txt",
            Self::Page => "page.txt",
        }
    }

    /// Runs the test program with what it is about.
    fn run(self, rest: &[String], static_sweep: Option<&Path>) -> Outcome {
        let words = ["test", "--package", "sweep-testbed", "--no-fail-fast", "--test", self.test()];
        match self {
            Self::Limits => {
                run_cargo(&words, rest)?;
                return add(&workspace::target().join(self.said()), &rate_limit::run(static_sweep)?);
            }
            Self::Ends | Self::ExactlyOnce | Self::Scale | Self::Search | Self::Soak => {
                return run_cargo(&words, rest);
            }
            Self::Exports | Self::Page => {
                // No Slurm and no plugin come into it.
                set_up::run()?;
                if self == Self::Page {
                    set_up::ensure(&set_up::BROWSER)?;
                }
                return run_cargo_with(&words, rest, &vec![(artifacts::SWEEP_VARIABLE, build_sweep()?)]);
            }
            Self::Packages => {}
        }
        set_up::ensure(&set_up::ROOTS)?;
        let folders = ["dist", "dist-again"].map(|name| workspace::target().join(name));
        for folder in &folders {
            package::make(folder)?;
        }
        run_cargo_with(&words, rest, &artifacts::PACKAGES_VARIABLES.into_iter().zip(folders).collect())
    }

    /// What it left, as Markdown.
    fn body(self) -> Outcome<String> {
        let path = workspace::target().join(self.said());
        let text = fs::read_to_string(&path).map_err(Failure::doing(format!("read `{}`", path.display())))?;
        Ok(match self {
            Self::Ends => format!("```\n{}\n```\n", text.trim_end()),
            Self::Limits => table(&text),
            Self::ExactlyOnce | Self::Search | Self::Packages | Self::Exports => list(&text),
            Self::Page | Self::Scale | Self::Soak => text,
        })
    }
}

/// Puts rows into a table in place of those that it has of the same limits.
fn add(path: &Path, rows: &str) -> Outcome {
    let key = |row: &str| row.split('|').take(3).map(str::to_owned).collect::<Vec<_>>();
    let new: Vec<_> = rows.lines().map(key).collect();
    let before = fs::read_to_string(path).unwrap_or_default();
    let others: String =
        before.lines().filter(|row| !new.contains(&key(row))).map(|row| format!("{row}\n")).collect();
    fs::write(path, others + rows).map_err(Failure::doing(format!("write `{}`", path.display())))
}

/// Lines, in an order that does not depend on which test was done first.
fn list(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines.iter().map(|line| format!("- {line}\n")).collect()
}

/// Rows of the limits table, in an order that does not depend on which test was done first.
fn table(text: &str) -> String {
    let mut rows: Vec<&str> = text.lines().collect();
    rows.sort_unstable();
    format!(
        "| limit | value | trials | sbatch calls | time | lost | run twice |\n|---|--:|--:|--:|--:|--:|--:|\n{}\n",
        rows.join("\n")
    )
}

pub fn run(arguments: &Arguments) -> Outcome {
    let all = <Proof as clap::ValueEnum>::value_variants();
    let is_chosen = |proof: &&Proof| arguments.only.is_empty() || arguments.only.contains(proof);
    let mut failed = Ok(());
    for proof in all.iter().filter(is_chosen) {
        // One that fails is no reason to forget what another has shown.
        match proof.run(&arguments.rest, arguments.sweep.as_deref()) {
            Err(failure) => failed = Err(failure),
            Ok(()) if arguments.rest.is_empty() => {
                results::write(proof.heading(), &proof.body()?)?;
                step(format!("`{}` is written into RESULTS.md", proof.heading()));
            }
            Ok(()) => step("RESULTS.md stays as it is: it takes whole proofs"),
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    //! What is written down.
    use super::*;

    #[test]
    fn lines_of_a_proof_are_the_same_list_whoever_was_first() {
        assert_eq!(list("b 1\n\na 2\n"), "- a 2\n- b 1\n");
        assert_eq!(list("a 2\nb 1\n"), list("b 1\na 2\n"));
    }
}
