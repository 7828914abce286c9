//! `sweep report`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::command::{Where, print};
use crate::driver::files;
use crate::error::Result;
use crate::render::page::html;
use crate::report::page::Page;

/// Write a sweep as one HTML page: plots, tables, failures, the spec, and how it was run
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sweep report                         the newest sweep, as <id>.html
  sweep report iris -o iris.html       the sweep whose id begins with `iris`
  sweep report first second -o -       two sweeps on one page, to standard output

The page needs no network and no other file. It shows one moment of the sweep; run the command again for a newer one.")]
pub struct Args {
    /// Sweeps: ids, prefixes of them, or directories; the newest where none is given
    #[arg(value_name = "SWEEP")]
    sweeps: Vec<String>,
    #[command(flatten)]
    home: Where,
    /// Into this file, which appears when it is complete; `-` is standard output [default: <id>.html]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Args {
    /// Looks and writes.
    ///
    /// # Errors
    /// Where a sweep cannot be found or read, or the file not be written.
    pub fn run(&self) -> Result<ExitCode> {
        let home = self.home.home(Path::new("."));
        let named: Vec<Option<&str>> = match self.sweeps.is_empty() {
            true => vec![None],
            false => self.sweeps.iter().map(|sweep| Some(sweep.as_str())).collect(),
        };
        let dirs = named.into_iter().map(|sweep| home.find(sweep)).collect::<Result<Vec<_>>>()?;
        let page = Page::of(&dirs, jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string())?;
        let text = html(&page);
        if self.output.as_deref() == Some(Path::new("-")) {
            print(&text);
            return Ok(ExitCode::SUCCESS);
        }
        let own = || PathBuf::from(format!("{}.html", page.sweeps[0].id));
        let path = self.output.clone().unwrap_or_else(own);
        files::replace(&path, text.as_bytes())?;
        print(&format!("{}\n", path.display()));
        Ok(ExitCode::SUCCESS)
    }
}
