//! The report of `sweep doctor --calls`: how often a sweep asked Slurm. It asks nobody.

use std::collections::BTreeMap;

use serde::Serialize;
use sweep_core::find;
use sweep_core::layout::SweepDir;

use crate::driver::calls;
use crate::error::Result;
use crate::report::status::SCHEMA_VERSION;

/// How often a sweep asked Slurm.
#[derive(Debug, Serialize)]
pub struct Calls {
    /// The report's version.
    pub schema_version: u32,
    /// The sweep.
    pub sweep_id: String,
    /// How many trials it has.
    pub trials: u32,
    /// Calls by command. `sacct` asks the database, all others the controller.
    pub calls: BTreeMap<String, u64>,
    /// Those that ask the controller.
    pub of_controller: u64,
    /// Those for each trial.
    pub of_controller_per_trial: f64,
    /// Time between the first call and the last, in seconds.
    pub over_s: f64,
}

impl Calls {
    /// The report of a sweep.
    ///
    /// # Errors
    /// Where the sweep cannot be read.
    pub fn of(dir: &SweepDir) -> Result<Self> {
        let (manifest, trials) = (find::manifest(dir)?, find::count(dir)?);
        let asked = calls::read(dir)?;
        #[expect(clippy::cast_precision_loss, reason = "for a person")]
        let over_s = asked.as_ref().map_or(0.0, |asked| (asked.last_ns - asked.first_ns) as f64 / 1e9);
        let calls = asked.map(|asked| asked.calls).unwrap_or_default();
        let of_controller =
            calls.iter().filter(|(program, _)| !program.starts_with("sacct")).map(|(_, n)| n).sum();
        #[expect(clippy::cast_precision_loss, reason = "for a person")]
        let of_controller_per_trial = of_controller as f64 / f64::from(trials.max(1));
        Ok(Self {
            schema_version: SCHEMA_VERSION,
            sweep_id: manifest.id.to_string(),
            trials,
            calls,
            of_controller,
            of_controller_per_trial,
            over_s,
        })
    }
}
