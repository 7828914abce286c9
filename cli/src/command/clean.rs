//! `sweep clean`.

use std::io::{BufRead, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::command::{Where, notice, print};
use crate::driver::clean::{self, Leftover, What};
use crate::driver::look::look;
use crate::error::{Error, Result};
use crate::render::{Format, json, size::bytes};
use crate::report::status::SCHEMA_VERSION;

/// Remove what no sweep needs any more, after asking: broken-off directories, superfluous checkpoints
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Removed are directories whose making or removal was broken off more than an hour ago, and of \
sweeps that are over the checkpoints that `checkpoint: {keep: K}` of the spec, or --keep-checkpoints, does not keep. \
Results, records and output always stay; `sweep archive` packs a whole sweep.

Examples:
  sweep clean --dry-run
  sweep clean --keep-checkpoints 1 --yes
  sweep clean iris --keep-checkpoints 3"
)]
pub struct Args {
    /// Only of these sweeps [default: all of the folder]
    #[arg(value_name = "SWEEP")]
    sweeps: Vec<String>,
    /// Keep the checkpoints of so many of the best trials of each sweep, whatever its spec says
    #[arg(long, value_name = "K")]
    keep_checkpoints: Option<u32>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    home: Where,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was removed, or would be.
#[derive(Serialize)]
struct Report {
    /// The report's version.
    schema_version: u32,
    /// Whether nothing was removed.
    dry_run: bool,
    /// Each of them.
    removed: Vec<Leftover>,
    /// How many files and directories they hold.
    inodes: u64,
    /// How much disk they take.
    bytes: u64,
}

impl Args {
    /// Looks, asks, removes.
    ///
    /// # Errors
    /// Where a sweep cannot be found, nobody can be asked, or something cannot be removed.
    pub fn run(&self) -> Result<ExitCode> {
        let found = self.find()?;
        let inodes = found.iter().map(|leftover| leftover.inodes).sum();
        let size = found.iter().map(|leftover| leftover.bytes).sum();
        if self.format == Format::Human {
            print(&listed(&found, inodes, size));
        }
        if !self.dry_run && !found.is_empty() {
            if !self.yes && !confirmed()? {
                anstream::eprintln!("nothing was removed");
                return Ok(ExitCode::SUCCESS);
            }
            found.iter().try_for_each(clean::remove)?;
        }
        match self.format {
            Format::Json => print(&json(&Report {
                schema_version: SCHEMA_VERSION,
                dry_run: self.dry_run,
                removed: found,
                inodes,
                bytes: size,
            })),
            Format::Human if self.dry_run && !found.is_empty() => print("nothing was removed: --dry-run\n"),
            Format::Human if !found.is_empty() => print("removed\n"),
            Format::Human => {}
        }
        Ok(ExitCode::SUCCESS)
    }

    fn find(&self) -> Result<Vec<Leftover>> {
        let home = self.home.home(Path::new("."));
        let (mut found, dirs) = if self.sweeps.is_empty() {
            let ids = home.sweeps()?;
            let dirs = ids.iter().map(|id| home.find(Some(id.as_str()))).collect::<Result<Vec<_>>>()?;
            (clean::broken_off(&home)?, dirs)
        } else {
            (Vec::new(), self.sweeps.iter().map(|sweep| home.find(Some(sweep))).collect::<Result<Vec<_>>>()?)
        };
        for dir in dirs {
            let look = match look(&dir) {
                Ok(look) => look,
                // One sweep of a later release, or with a damaged table, keeps nobody from cleaning the others.
                Err(error) => {
                    notice(&format!("left alone: {error}"));
                    continue;
                }
            };
            let keep = self.keep_checkpoints.or(look.manifest.around.keep_checkpoints);
            if let Some(keep) = keep {
                found.extend(clean::checkpoints(&dir, &look, keep));
            }
        }
        Ok(found)
    }
}

fn listed(found: &[Leftover], inodes: u64, size: u64) -> String {
    if found.is_empty() {
        return "there is nothing to remove\n".into();
    }
    let line = |leftover: &Leftover| {
        let what = match leftover.what {
            What::Incomplete => "never completed",
            What::HalfRemoved => "half removed",
            What::Checkpoint => "checkpoint",
        };
        let Leftover { path, inodes, bytes: size, .. } = leftover;
        format!("{what:<16}{inodes:>8} files {:>10}  {}\n", bytes(*size), path.display())
    };
    let lines: String = found.iter().map(line).collect();
    format!("{lines}in all {inodes} files and directories, {}\n", bytes(size))
}

fn confirmed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::user("nobody can be asked here whether to remove this")
            .hint("say --yes, or --dry-run to see it only"));
    }
    anstream::eprint!("remove this? y/N ");
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Error::world("cannot read the answer").because(&error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
