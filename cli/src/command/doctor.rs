//! `sweep doctor`.

use std::path::Path;
use std::process::ExitCode;

use sweep_core::layout::SweepDir;

use crate::command::{Where, print};
use crate::doctor::{Report, Scope, Verdict, examine};
use crate::error::Result;
use crate::render::{Format, json};

/// Check whether a sweep would run here, and say what to do where it would not
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    home: Where,
    /// Run a small job on every free node, to see what the nodes see
    #[arg(long)]
    nodes: bool,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The exit code where something is bad.
const UNWELL: u8 = 1;

impl Args {
    /// Checks and reports.
    ///
    /// # Errors
    /// None: what is wrong stands in the report.
    pub fn run(&self) -> Result<ExitCode> {
        let home = self.home.home(Path::new("."));
        // A home that is not there yet will be made beside what is.
        let there = home.path().ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
        let there = std::fs::canonicalize(there).unwrap_or_else(|_| there.to_owned());
        let report = examine(&Scope { on_nodes: self.nodes, dir: &SweepDir::new(there) });
        print(&match self.format {
            Format::Human => human(&report),
            Format::Json => json(&report),
        });
        Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::from(UNWELL) })
    }
}

fn human(report: &Report) -> String {
    let mut out = String::new();
    for check in &report.checks {
        let mark = match check.verdict {
            Verdict::Good => "ok",
            Verdict::Warning => "note",
            Verdict::Bad => "BAD",
        };
        out.push_str(&format!("{mark:<5}{:<13}{}\n", check.name, check.seen));
        if let Some(advice) = &check.advice {
            out.push_str(&format!("{:18}{advice}\n", ""));
        }
    }
    out
}
