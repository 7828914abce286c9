//! `sweep export`.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::command::Which;
use crate::driver::look::look;
use crate::error::{Error, Result};
use crate::export::{Form, brackets, trials};
use crate::report::status::Status;

/// Write a sweep's trials, with their metrics and parameters, for other programs
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// What is written
    #[arg(long = "as", value_enum, value_name = "FORM")]
    form: As,
    /// Into this file or directory, which appears when it is complete; CSV and JSON lines go to standard output without
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum As {
    /// Comma-separated values with one header line
    Csv,
    /// A JSON object a line
    Jsonl,
    /// A table `trials` in an SQLite database
    Sqlite,
    /// Apache Parquet
    Parquet,
    /// hyperband-snakemake's directory, of a Hyperband search
    HyperbandSnakemake,
}

impl Args {
    /// Looks and writes.
    ///
    /// # Errors
    /// Where the sweep cannot be read, or the file not written.
    pub fn run(&self) -> Result<ExitCode> {
        let dir = self.which.find()?;
        let look = look(&dir)?;
        let form = match self.form {
            As::Csv => Form::Csv,
            As::Jsonl => Form::Jsonl,
            As::Sqlite => Form::Sqlite,
            As::Parquet => Form::Parquet,
            As::HyperbandSnakemake => {
                let output = self.output.as_ref().ok_or_else(|| {
                    Error::user("this form needs a directory to be written to").hint("name one with -o DIR")
                })?;
                brackets::write(&dir, &look, output)?;
                return Ok(ExitCode::SUCCESS);
            }
        };
        trials::write(&Status::of(look), form, self.output.as_deref())?;
        Ok(ExitCode::SUCCESS)
    }
}
