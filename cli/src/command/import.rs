//! `sweep import`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::command::{notice, print};
use crate::error::{At, Error, Result};
use crate::import::{self, Imported, Kind};

/// Make a spec of another tool's search, and say what could not be carried over
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sweep import params.csv -o sweep.yaml      spawn's parameters, in YAML, JSON or CSV
  sweep import compose.yaml                  hpc-compose's sweep, to standard output
  sweep import tune.py -o sweep.yaml         CrayAI's parameters
  sweep import my-search/ -o sweep.yaml      hyperband-snakemake's directory")]
pub struct Args {
    /// The file, or hyperband-snakemake's directory
    #[arg(value_name = "FILE|DIR")]
    from_path: PathBuf,
    /// Whose it is, where that is not seen
    #[arg(long, value_enum, value_name = "KIND")]
    from: Option<Kind>,
    /// Write the spec into this file, which must not be there yet
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Args {
    /// Reads and writes.
    ///
    /// # Errors
    /// Where the original cannot be read or becomes no spec, or the file is there already.
    pub fn run(&self) -> Result<ExitCode> {
        let Imported { text, left, .. } = import::read(&self.from_path, self.from)?;
        match &self.output {
            Some(output) => write(output, &text)?,
            None => print(&text),
        }
        let path = self.from_path.display();
        for left in &left {
            let place = left.at.map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default();
            notice(&format!("{path}{place}: {}", left.what));
        }
        if let Some(output) = &self.output {
            notice(&format!("look at it with: sweep plan {}", output.display()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Error::user(format!("`{}` is there already", path.display())).hint("name a new file"));
        }
        file => file.at("write", path)?,
    };
    file.write_all(text.as_bytes()).at("write", path)
}
