//! `sweep log`: a trial's own report, from any language.

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Map, Value as Json};
use sweep_core::layout::SweepDir;
use sweep_core::metric;
use sweep_core::selector::Selector;
use sweep_core::value::Value;

use crate::error::{At, Error, Result};

/// Inside a trial: report metrics; exit code 3 says "stop now"
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Metrics, such as loss=0.31
    #[arg(value_name = "KEY=VALUE", required_unless_present = "end")]
    metrics: Vec<String>,
    /// The step that they are of
    #[arg(long, value_name = "N")]
    step: Option<u64>,
    /// The trial's own word for how it ended
    #[arg(long = "final", value_name = "WORD", value_enum)]
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum End {
    Success,
    Stopped,
}

/// The exit code that tells a trial to stop.
const STOP: u8 = 3;

impl Args {
    /// Appends one line to the trial's metrics.
    ///
    /// # Errors
    /// Outside a trial, or for a text that is not `KEY=VALUE`.
    pub fn run(&self) -> Result<ExitCode> {
        let line = self.line()?;
        let path = std::env::var_os("SWEEP_METRICS").ok_or_else(|| {
            Error::user("this is not inside a trial: `SWEEP_METRICS` is not set")
                .hint("`sweep log` is for the program that a trial runs")
        })?;
        let path = std::path::PathBuf::from(path);
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&path).at("open", &path)?;
        file.write_all(&line).at("write", &path)?;
        Ok(if must_stop() { ExitCode::from(STOP) } else { ExitCode::SUCCESS })
    }

    fn line(&self) -> Result<Vec<u8>> {
        let mut object = Map::new();
        if let Some(step) = self.step {
            object.insert(metric::STEP.into(), step.into());
        }
        for word in &self.metrics {
            let (key, value) = word
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .ok_or_else(|| Error::user(format!("`{word}` is not KEY=VALUE")))?;
            let value = serde_json::to_value(Value::from_word(value)).unwrap_or(Json::Null);
            object.insert(key.to_owned(), value);
        }
        if let Some(end) = self.end {
            let word = match end {
                End::Success => metric::SUCCESS,
                End::Stopped => "stopped",
            };
            object.insert(metric::FINAL.into(), word.into());
        }
        let mut line = serde_json::to_vec(&object).expect("scalars always serialize");
        line.push(b'\n');
        Ok(line)
    }
}

/// Whether the sweep was stopped or the trial pruned.
fn must_stop() -> bool {
    let dir = std::env::var_os("SWEEP_DIR").map(SweepDir::new);
    let trial = std::env::var("SWEEP_TRIAL").ok().and_then(|label| label.parse().ok());
    match (dir, trial) {
        (Some(dir), Some(Selector::Trial(index))) => {
            dir.stopped().exists() || dir.trial(index).veto().exists()
        }
        _ => false,
    }
}
