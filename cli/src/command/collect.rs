//! `sweep collect`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use sweep_core::layout::TrialDir;

use crate::command::{Which, print};
use crate::driver::choose;
use crate::driver::look::look;
use crate::error::{Error, Result};
use crate::export::collect::{self, Clash, Copy};
use crate::render::{Format, json, size::bytes};
use crate::report::status::{SCHEMA_VERSION, Status, TrialStatus};

/// Copy the trials' own files into one folder, named after their trials
#[derive(Debug, clap::Args)]
#[command(
    after_help = "`plots/loss.png` of t003 becomes `DIR/t003-plots-loss.png`. Done again, only what is new is \
copied.

Examples:
  sweep collect results                            what the programs wrote, without checkpoints
  sweep collect plots --files '**/*.png' --top 5
  sweep collect logs --files out.log --state failed --dry-run"
)]
pub struct Args {
    /// The folder; it is made where it is not there
    #[arg(value_name = "DIR")]
    into: PathBuf,
    #[command(flatten)]
    which: Which,
    /// Files in the trials' folders, such as '*.png' or '**/model.pt' [default: all but sweep's own and checkpoints]
    #[arg(long, value_name = "PATTERN")]
    files: Vec<String>,
    /// Only of trials in these states, such as completed,failed
    #[arg(long, value_name = "STATES")]
    state: Option<String>,
    /// Only of these trials, such as t003,t007
    #[arg(long, value_name = "TRIALS")]
    trial: Option<String>,
    /// Only of so many of the best
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Replace files of DIR that differ
    #[arg(long)]
    overwrite: bool,
    /// Say what would be copied, and copy nothing
    #[arg(long)]
    dry_run: bool,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was copied, or would be.
#[derive(Serialize)]
struct Report {
    /// The report's version.
    schema_version: u32,
    /// Whether nothing was copied.
    dry_run: bool,
    /// Each file.
    copies: Vec<Copy>,
}

impl Args {
    /// Chooses and copies.
    ///
    /// # Errors
    /// Where a pattern is none, two files get one name, or a file cannot be copied.
    pub fn run(&self) -> Result<ExitCode> {
        let patterns = self.files.iter().map(|text| {
            glob::Pattern::new(text).map_err(|error| {
                Error::user(format!("`{text}` is no pattern: {}", error.msg))
                    .hint("`*` is any name, `**/` any folders: '**/*.png'")
            })
        });
        let patterns = patterns.collect::<Result<Vec<_>>>()?;
        let states = self.state.as_deref().map(choose::states).transpose()?.unwrap_or_default();
        let named = self.trial.as_deref().map(choose::trials).transpose()?.unwrap_or_default();
        let dir = self.which.find()?;
        let status = Status::of(look(&dir)?);
        if let Some(index) = named.iter().find(|index| index.0 as usize >= status.trials.len()) {
            return Err(Error::user(format!("there is no trial {}", index.label())));
        }
        let best = self.top.map(|top| status.ranking.iter().take(top).copied().collect::<Vec<_>>());
        let is_chosen = |trial: &&TrialStatus| {
            (states.is_empty() || states.contains(&trial.state))
                && (named.is_empty() || named.contains(&trial.index))
                && best.as_ref().is_none_or(|best| best.contains(&trial.trial))
        };
        let chosen = status.trials.iter().filter(is_chosen);
        let folders: Vec<(_, TrialDir)> = chosen.map(|trial| (trial.trial, dir.trial(trial.index))).collect();
        let clash = if self.overwrite { Clash::Replace } else { Clash::Refuse };
        let copies = collect::plan(&folders, &patterns, &self.into, clash)?;
        if !self.dry_run && !copies.is_empty() {
            collect::copy(&copies, &self.into)?;
        }
        print(&match self.format {
            Format::Human => self.human(&copies, folders.len()),
            Format::Json => json(&Report { schema_version: SCHEMA_VERSION, dry_run: self.dry_run, copies }),
        });
        Ok(ExitCode::SUCCESS)
    }

    fn human(&self, copies: &[Copy], trials: usize) -> String {
        let new: Vec<&Copy> = copies.iter().filter(|copy| !copy.is_there).collect();
        let size = bytes(new.iter().map(|copy| copy.bytes).sum());
        let into = self.into.display();
        let there = match copies.len() - new.len() {
            0 => String::new(),
            there => format!("; {there} were there already"),
        };
        if copies.is_empty() {
            return format!("none of {trials} trials has such files\n");
        }
        if !self.dry_run {
            return format!("{} files of {trials} trials copied into {into}, {size}{there}\n", new.len());
        }
        let lines: String =
            new.iter().map(|copy| format!("{} -> {}\n", copy.from.display(), copy.to.display())).collect();
        format!("{lines}{} files would be copied into {into}, {size}{there}\n", new.len())
    }
}
