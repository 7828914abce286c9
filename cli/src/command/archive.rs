//! `sweep archive`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use sweep_core::layout::{LATEST, SweepDir};

use crate::command::{Where, print};
use crate::driver::look::look;
use crate::error::{At, Error, Result};
use crate::export::archive::{self, Packed};
use crate::render::{Format, json, size::bytes};
use crate::report::status::SCHEMA_VERSION;

/// Pack a sweep that is over into one file, <id>.tar.gz, and compare every byte of it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A sweep of thousands of trials is tens of thousands of files; packed it is one. `sweep \
unarchive FILE` brings it back as it was, and so does `tar xzf` in the folder of sweeps.

Examples:
  sweep archive iris-20260101
  sweep archive iris-20260101 --remove
  sweep archive iris-20260101 -o /archive/iris.tar.gz --remove"
)]
pub struct Args {
    /// The sweep: its id, a prefix of it, or its directory
    #[arg(value_name = "SWEEP")]
    sweep: String,
    /// Into this file [default: <id>.tar.gz beside the sweep]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Remove the directory, once the file was compared with it
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    home: Where,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A sweep that was packed.
#[derive(Serialize)]
struct Report {
    /// The report's version.
    schema_version: u32,
    /// The sweep.
    sweep_id: String,
    /// The file.
    archive: String,
    /// Whether its directory is gone.
    removed: bool,
    #[serde(flatten)]
    packed: Packed,
}

impl Args {
    /// Packs, compares, removes.
    ///
    /// # Errors
    /// Where the sweep is not over, or something changes meanwhile.
    pub fn run(&self) -> Result<ExitCode> {
        let dir = self.home.home(Path::new(".")).find(Some(&self.sweep))?;
        let look = look(&dir)?;
        let id = look.manifest.id.clone();
        if let Some(error) = &look.unanswered {
            return Err(Error::world(format!("Slurm does not say whether `{id}` is over")).because(error));
        }
        if !look.is_over() {
            return Err(
                Error::user(format!("`{id}` is not over")).hint("`sweep wait` for it, or `sweep stop` it")
            );
        }
        let beside = dir.path().with_file_name(format!("{id}.tar.gz"));
        let out = self.output.clone().unwrap_or(beside);
        let packed = archive::pack(&dir, &id, &out)?;
        if self.remove {
            remove(&dir)?;
        }
        let done = if self.remove {
            ", and the directory is removed"
        } else {
            "; --remove takes the directory away"
        };
        let Packed { inodes, bytes: size, archive_bytes } = packed;
        print(&match self.format {
            Format::Human => format!(
                "{inodes} files and directories, {}, are now one file of {}: {}\nevery byte was compared{done}\n",
                bytes(size),
                bytes(archive_bytes),
                out.display()
            ),
            Format::Json => json(&Report {
                schema_version: SCHEMA_VERSION,
                sweep_id: id.to_string(),
                archive: out.display().to_string(),
                removed: self.remove,
                packed,
            }),
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// Renamed first, so that no half of a sweep is ever taken for one.
fn remove(dir: &SweepDir) -> Result<()> {
    let home = dir.path().parent().unwrap_or(Path::new("/"));
    let name = dir.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let latest = home.join(LATEST);
    let leaving = match name.parse() {
        Ok(id) => SweepDir::leaving(home, &id),
        Err(_) => SweepDir::new(home.join(format!(".{name}.removed"))),
    };
    fs::rename(dir.path(), leaving.path()).at("rename", dir.path())?;
    if fs::read_link(&latest).is_ok_and(|target| target == Path::new(&name)) {
        fs::remove_file(&latest).at("remove", &latest)?;
    }
    fs::remove_dir_all(leaving.path()).at("remove", leaving.path())
}
