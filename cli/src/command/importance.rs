//! `sweep importance`.

use std::process::ExitCode;

use sweep_search::importance::{Depth, Method};

use crate::command::{Which, print};
use crate::driver::look::look;
use crate::error::{Error, Result};
use crate::render::table::width;
use crate::render::{self, Format, json};
use crate::report::importance::Mattered;

/// Show which parameters mattered
///
/// Judged by completed trials. A conditional parameter is judged by those that had it, and their share stands beside it.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// The metric that they mattered for [default: the first of the spec]
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// How it is judged
    #[arg(long, value_enum, default_value_t)]
    method: By,
    /// Also what every two parameters explain together
    #[arg(long)]
    pairs: bool,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// The share of variance that each explains, by a random forest
    #[default]
    Fanova,
    /// The share of a random forest's splits, as W&B's parameter importance
    Impurity,
    /// What a forest predicts worse where a parameter's values are shuffled
    Permutation,
    /// Linear correlation, as W&B's
    Correlation,
    /// How far the best trials differ from all
    PedAnova,
}

impl Args {
    /// Looks, judges and reports.
    ///
    /// # Errors
    /// Where the sweep cannot be read or has no such metric.
    pub fn run(&self) -> Result<ExitCode> {
        let method = match self.method {
            By::Fanova => Method::Fanova,
            By::Impurity => Method::Impurity,
            By::Permutation => Method::Permutation,
            By::Correlation => Method::Correlation,
            By::PedAnova => Method::PedAnova,
        };
        if self.pairs && method != Method::Fanova {
            return Err(Error::user("only fANOVA judges pairs").hint("leave out --pairs or --method"));
        }
        let depth = if self.pairs { Depth::Pairs } else { Depth::Single };
        let dir = self.which.find()?;
        let report = Mattered::of(&dir, &look(&dir)?, self.metric.as_deref(), method, depth)?;
        print(&match self.format {
            Format::Human => render::importance::human(&report, width()),
            Format::Json => json(&report),
        });
        Ok(ExitCode::SUCCESS)
    }
}
