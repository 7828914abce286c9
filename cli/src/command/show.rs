//! `sweep show`.

use std::path::Path;
use std::process::ExitCode;

use sweep_core::id::TrialIndex;
use sweep_core::selector::Selector;

use crate::command::{Where, print};
use crate::error::{Error, Result};
use crate::render::{self, Format, json};
use crate::report::show::Show;

/// Show everything that is known of one trial
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sweep show t003
  sweep show 3 iris --format json")]
pub struct Args {
    /// The trial: t003 or 3
    trial: Selector,
    /// The sweep: its id, a prefix of it, or its directory; the newest where it is left out
    #[arg(value_name = "SWEEP")]
    sweep: Option<String>,
    #[command(flatten)]
    home: Where,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    /// Reads and reports.
    ///
    /// # Errors
    /// Where there is no such trial.
    pub fn run(&self) -> Result<ExitCode> {
        let index: TrialIndex = match self.trial {
            Selector::Trial(index) => index,
            Selector::Offset(_) | Selector::Map(_) => {
                return Err(Error::user(format!("`{}` is not one trial", self.trial)).hint("say t003 or 3"));
            }
        };
        let dir = self.home.home(Path::new(".")).find(self.sweep.as_deref())?;
        let show = Show::of(&dir, index)?;
        print(&match self.format {
            Format::Human => render::show::human(&show),
            Format::Json => json(&show),
        });
        Ok(ExitCode::SUCCESS)
    }
}
