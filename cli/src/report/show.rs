//! The report of `sweep show`: everything that is known of one trial.

use serde::Serialize;
use sweep_core::find;
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::record::Record;

use crate::driver::look::look;
use crate::error::{Error, Result};
use crate::report::status::{SCHEMA_VERSION, Status, TrialStatus};
use crate::report::{detail, output};
use crate::task::ledger::Ledger;

/// One trial.
#[derive(Debug, Serialize)]
pub struct Show {
    /// The report's version.
    pub schema_version: u32,
    /// The sweep.
    pub sweep_id: String,
    /// The trial's folder; it is there once the trial has started.
    pub folder: String,
    /// Where it stands.
    pub status: TrialStatus,
    /// The records of each attempt, oldest first.
    pub attempts: Vec<Vec<Record>>,
    /// What it reported, by name.
    pub curves: Vec<Curve>,
    /// The end of what its command printed.
    pub output: Option<String>,
}

/// What a trial reported under one name.
#[derive(Debug, Serialize)]
pub struct Curve {
    /// The name.
    pub name: String,
    /// How many values; of very many, those that are kept.
    pub reports: usize,
    /// The first.
    pub first: f64,
    /// The last.
    pub last: f64,
    /// The step of the last.
    pub last_step: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

impl Curve {
    fn of((name, points): (String, Vec<(f64, f64)>)) -> Option<Self> {
        let ((_, first), (last_step, last)) = (*points.first()?, *points.last()?);
        let values = || points.iter().map(|point| point.1);
        let (least, greatest) = (values().fold(first, f64::min), values().fold(first, f64::max));
        Some(Self { name, reports: points.len(), first, last, last_step, least, greatest })
    }
}

impl Show {
    /// Reads everything of a trial.
    ///
    /// # Errors
    /// Where the sweep has no such trial or cannot be read.
    pub fn of(dir: &SweepDir, index: TrialIndex) -> Result<Self> {
        // The range is checked first, at the cost of two small reads.
        find::trial(dir, index)?;
        let status = Status::of(look(dir)?);
        let sweep_id = status.sweep_id.to_string();
        let metric = status.manifest.metric.as_ref().map(|metric| metric.name.clone());
        let trial = status.trials.into_iter().nth(index.0 as usize);
        let trial = trial.ok_or_else(|| Error::world(format!("{} is not in the table", index.label())))?;
        let folder = dir.trial(index);
        let attempts = Ledger::read(&folder)?.attempts().into_iter().map(|(_, records)| records).collect();
        Ok(Self {
            schema_version: SCHEMA_VERSION,
            sweep_id,
            folder: folder.path().display().to_string(),
            curves: detail::curves(&folder, metric.as_deref()).into_iter().filter_map(Curve::of).collect(),
            output: output::tail(&folder),
            status: trial,
            attempts,
        })
    }
}
