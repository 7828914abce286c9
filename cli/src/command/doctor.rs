//! `sweep doctor`.

use std::path::Path;
use std::process::ExitCode;

use sweep_core::layout::SweepDir;

use crate::command::{Where, print};
use crate::doctor::{Report, Scope, Verdict, examine};
use crate::error::Result;
use crate::render::status::duration;
use crate::render::{Format, json};
use crate::report::calls::Calls;

/// Check whether a sweep would run here, and say what to do where it would not
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    home: Where,
    /// Run a small job on every free node, to see what the nodes see
    #[arg(long)]
    nodes: bool,
    /// Show how often a sweep asked Slurm, the newest where none is named
    #[arg(long, value_name = "SWEEP", num_args = 0..=1, conflicts_with = "nodes")]
    #[expect(clippy::option_option, reason = "not asked for, asked for, asked for with a name")]
    calls: Option<Option<String>>,
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
    /// Of `--calls`, where the sweep cannot be found. Else what is wrong stands in the report.
    pub fn run(&self) -> Result<ExitCode> {
        let home = self.home.home(Path::new("."));
        if let Some(sweep) = &self.calls {
            let calls = Calls::of(&home.find(sweep.as_deref())?)?;
            print(&match self.format {
                Format::Human => asked(&calls),
                Format::Json => json(&calls),
            });
            return Ok(ExitCode::SUCCESS);
        }
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

fn asked(calls: &Calls) -> String {
    let mut out = format!("{} has {} trials and called\n", calls.sweep_id, calls.trials);
    for (program, count) in &calls.calls {
        out.push_str(&format!("  {program:<10}{count:>8}\n"));
    }
    if calls.calls.is_empty() {
        out.push_str("  nothing of Slurm's\n");
        return out;
    }
    out.push_str(&format!(
        "{} of these asked the controller, {:.3} a trial, within {}; the others asked its database\n",
        calls.of_controller,
        calls.of_controller_per_trial,
        duration(calls.over_s),
    ));
    out
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
