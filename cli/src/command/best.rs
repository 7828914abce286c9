//! `sweep best`.

use std::path::PathBuf;
use std::process::ExitCode;

use sweep_core::id::TrialLabel;

use crate::command::{Which, notice, print};
use crate::driver::files;
use crate::driver::look::look;
use crate::error::{Error, Result};
use crate::report::best::Form;
use crate::report::status::Status;

/// Write the best configuration so far as a file that a program reads
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sweep best                         as JSON on standard output
  sweep best -o best.yaml            into a file, in the form of its name
  sweep best --as env >best.env; set -a; . ./best.env
  sweep best --trial t007 -o t7.json another trial's configuration")]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Into this file, which is replaced whole: .json, .yaml or .env
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// In which form [default: what the file's name says, else json]
    #[arg(long = "as", value_enum, value_name = "FORM")]
    form: Option<Form>,
    /// This trial instead of the best
    #[arg(long, value_name = "TRIAL")]
    trial: Option<TrialLabel>,
}

impl Args {
    /// Looks and writes.
    ///
    /// # Errors
    /// Where there is no best trial, or the file cannot be written.
    pub fn run(&self) -> Result<ExitCode> {
        let form = match (self.form, &self.out) {
            (Some(form), _) => form,
            (None, Some(path)) => Form::of(path)?,
            (None, None) => Form::Json,
        };
        let status = Status::of(look(&self.which.find()?)?);
        let trial = match self.trial {
            Some(label) => status.trial(label).ok_or_else(|| {
                let count = status.trials.len();
                Error::user(format!("there is no trial {label}"))
                    .hint(format!("`{}` has {count}", status.sweep_id))
            })?,
            None => {
                say_front(&status);
                status.best_trial().ok_or_else(|| none(&status))?
            }
        };
        let text = form.text(&trial.params, &status.manifest.env_names)?;
        match &self.out {
            Some(path) => files::replace(path, text.as_bytes())?,
            None => print(&text),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// With several metrics there is no one best: what is written is that of the first metric, and that is said.
fn say_front(status: &Status) {
    if let (Some(metric), [_, _, ..]) = (&status.manifest.metric, status.pareto.as_slice()) {
        notice(&format!(
            "this is the best by `{}`; {} trials are on the Pareto front: `sweep top` shows them, --trial takes another",
            metric.name,
            status.pareto.len()
        ));
    }
}

fn none(status: &Status) -> Error {
    let error = Error::user(format!("`{}` has no best trial", status.sweep_id));
    error.hint(match status.manifest.metric {
        None => "its spec names no metric; choose a trial with --trial",
        Some(_) => "no trial has completed with a metric yet; `sweep status` shows where they stand",
    })
}
