//! `sweep export`.

use std::path::PathBuf;
use std::process::ExitCode;

use sweep_core::id::TrialIndex;

use crate::command::Which;
use crate::driver::look::look;
use crate::error::{Error, Result};
use crate::export::trials::Trials;
use crate::export::{Column, Form, Table, brackets, dictionary, metrics, mlflow, tensorboard, trials};

/// Write a sweep's trials, with their metrics and parameters, for other programs
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sweep export > trials.csv                       the newest sweep, a line a trial
  sweep export --as sqlite --table all -o r.db    trials, all reported values and the dictionary
  sweep export --table metrics | head             every value that trials reported
  sweep export --dictionary                       what each column holds
  sweep export --as mlflow -o mlruns              then: mlflow ui --backend-store-uri ./mlruns
  sweep export --as tensorboard -o logs           then: tensorboard --logdir logs")]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// What is written
    #[arg(long = "as", value_enum, value_name = "FORM", default_value = "csv")]
    form: As,
    /// Of which table; only an SQLite database holds `all`
    #[arg(long, value_enum, value_name = "TABLE", default_value = "trials")]
    table: Tables,
    /// The data dictionary in place of the data: every column of every table, its type and meaning
    #[arg(long, conflicts_with = "table")]
    dictionary: bool,
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
    /// An SQLite database
    Sqlite,
    /// Apache Parquet
    Parquet,
    /// hyperband-snakemake's directory, of a Hyperband search
    HyperbandSnakemake,
    /// An experiment in MLflow's file store
    Mlflow,
    /// TensorBoard's event files, with the hparams plugin
    #[value(name = "tensorboard")]
    TensorBoard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Tables {
    /// A row a trial
    Trials,
    /// A row for each value that a trial reported
    Metrics,
    /// A row for each column of each table
    Dictionary,
    /// All of them
    All,
}

impl Args {
    /// Looks and writes.
    ///
    /// # Errors
    /// Where the sweep cannot be read, or the file not written.
    pub fn run(&self) -> Result<ExitCode> {
        let form = match self.form {
            As::Csv => Form::Csv,
            As::Jsonl => Form::Jsonl,
            As::Sqlite => Form::Sqlite,
            As::Parquet => Form::Parquet,
            As::HyperbandSnakemake | As::Mlflow | As::TensorBoard => return self.directory(),
        };
        if self.table == Tables::All && form != Form::Sqlite {
            return Err(Error::user("`--table all` in a form that holds one table a file")
                .hint("write `--as sqlite`, or call once for each of trials, metrics and dictionary"));
        }
        self.tables(form)?;
        Ok(ExitCode::SUCCESS)
    }

    fn tables(&self, form: Form) -> Result<()> {
        let dir = self.which.find()?;
        let look = look(&dir)?;
        let manifest = look.manifest.clone();
        let indexes: Vec<TrialIndex> = look.trials.iter().map(|trial| trial.trial.index).collect();
        let of_trials = Trials::of(look);
        let (of_metrics, of_dictionary) = (metrics::columns(), dictionary::columns());
        let wanted: Vec<(&str, &[Column])> = [
            (Tables::Trials, trials::NAME, of_trials.columns()),
            (Tables::Metrics, metrics::NAME, &of_metrics),
            (Tables::Dictionary, dictionary::NAME, &of_dictionary),
        ]
        .into_iter()
        .filter(|(which, ..)| self.chosen() == Tables::All || *which == self.chosen())
        .map(|(_, name, columns)| (name, columns))
        .collect();
        let (name, columns) = wanted[0];
        let mut table = Table::create(form, self.output.as_deref(), name, columns)?;
        for (number, (name, columns)) in wanted.iter().enumerate() {
            if number > 0 {
                table.next(name, columns)?;
            }
            match *name {
                trials::NAME => of_trials.write(&mut table)?,
                metrics::NAME => metrics::write(&mut table, &dir, &manifest, indexes.iter().copied())?,
                _ => {
                    let all = [(trials::NAME, of_trials.columns()), (metrics::NAME, &of_metrics)];
                    dictionary::write(&mut table, &all)?;
                }
            }
        }
        table.finish()
    }

    fn chosen(&self) -> Tables {
        if self.dictionary { Tables::Dictionary } else { self.table }
    }

    fn directory(&self) -> Result<ExitCode> {
        if self.dictionary || self.table != Tables::Trials {
            return Err(Error::user("a directory of another tool has no tables")
                .hint("take `--table` or `--dictionary` out, or write `--as csv`"));
        }
        let output = self.output.as_ref().ok_or_else(|| {
            Error::user("this form needs a directory to be written to").hint("name one with -o DIR")
        })?;
        let dir = self.which.find()?;
        let look = look(&dir)?;
        match self.form {
            As::Mlflow => mlflow::write(&dir, &look, output)?,
            As::TensorBoard => tensorboard::write(&dir, &look, output)?,
            _ => brackets::write(&dir, &look, output)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
