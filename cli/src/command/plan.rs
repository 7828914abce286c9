//! `sweep plan`.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::command::{Where, load, notice, print};
use crate::driver::start::{self, Patience};
use crate::error::Result;
use crate::render::{self, Format, json, table};
use crate::report::plan::Plan;

/// Expand a spec and show what it would run; submits nothing, whatever its size
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec
    #[arg(value_name = "SPEC", default_value = "sweep.yaml")]
    spec: PathBuf,
    /// Trials that are shown
    #[arg(long, value_name = "N", default_value_t = 10)]
    show: usize,
    #[command(flatten)]
    home: Where,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    /// Expands and reports.
    ///
    /// # Errors
    /// Everything that is wrong with the spec.
    pub fn run(&self) -> Result<ExitCode> {
        let spec = load(&self.spec)?;
        let home = self.home.home(&spec.folder);
        let spec = start::resolve(spec, &home, Patience::None, &notice)?;
        let plan = Plan::of(&spec, self.show)?;
        print(&match self.format {
            Format::Human => render::plan::human(&plan, table::width()),
            Format::Json => json(&plan),
        });
        Ok(ExitCode::SUCCESS)
    }
}
