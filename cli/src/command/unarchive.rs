//! `sweep unarchive`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use crate::command::{Where, print};
use crate::error::Result;
use crate::export::archive;
use crate::render::{Format, json};
use crate::report::status::SCHEMA_VERSION;

/// Bring a sweep back from the file that `sweep archive` wrote
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sweep unarchive .sweeps/iris-20260101-101500-abcd.tar.gz
  sweep unarchive /archive/iris.tar.gz --dir .sweeps")]
pub struct Args {
    /// The archive
    #[arg(value_name = "FILE")]
    archive: PathBuf,
    #[command(flatten)]
    home: Where,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A sweep that was unpacked.
#[derive(Serialize)]
struct Report {
    /// The report's version.
    schema_version: u32,
    /// The sweep's directory.
    dir: String,
}

impl Args {
    /// Unpacks.
    ///
    /// # Errors
    /// Where the file is no archive of a sweep, or the sweep is there already.
    pub fn run(&self) -> Result<ExitCode> {
        let home = self.home.home(Path::new("."));
        let dir = archive::unpack(&self.archive, home.path())?;
        let dir = dir.path().display().to_string();
        print(&match self.format {
            Format::Human => format!("{dir}\n"),
            Format::Json => json(&Report { schema_version: SCHEMA_VERSION, dir }),
        });
        Ok(ExitCode::SUCCESS)
    }
}
