//! The report of `sweep plan`: how many trials a spec has and the first of them. Counting is at once, whatever the
//! number.

use serde::Serialize;
use sweep_core::id::TrialLabel;
use sweep_core::params::Params;

use crate::error::{Error, Result};
use crate::report::cost::Cost;
use crate::report::status::SCHEMA_VERSION;
use crate::spec::Spec;

/// What a spec would run.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// The report's version.
    pub schema_version: u32,
    /// The sweep's name.
    pub name: String,
    /// The strategy.
    pub method: String,
    /// How the space is expanded.
    pub matrix: String,
    /// How many combinations the space has, where it is finite; a text, since it may pass 2^64.
    pub combinations: Option<String>,
    /// How often each configuration runs.
    pub replicates: u32,
    /// How many trials there are; a text for the same reason.
    pub total: String,
    /// Whether the trials that are shown would be drawn again: without a seed they depend on the sweep's id.
    pub seeded: bool,
    /// What a person should know about the spec that is no mistake.
    pub notes: Vec<String>,
    /// What it would cost.
    pub cost: Cost,
    /// The first trials.
    pub trials: Vec<PlannedTrial>,
}

/// A trial that a spec would run.
#[derive(Debug, Serialize)]
pub struct PlannedTrial {
    /// Its label.
    pub trial: TrialLabel,
    /// The user's name for it.
    pub name: Option<String>,
    /// Its values.
    pub params: Params,
    /// Which repetition of its configuration.
    pub replicate: u32,
    /// The seed that its program gets.
    pub seed: u32,
    /// Its sbatch options.
    pub sbatch: crate::spec::sbatch::Options,
}

impl Plan {
    /// Expands a spec as far as `show` trials.
    ///
    /// # Errors
    /// For a space that cannot be counted.
    pub fn of(spec: &Spec, show: usize) -> Result<Self> {
        let total = spec.count().map_err(|error| Error::user(error.to_string()))?;
        let combinations = spec.space.combinations().finite().filter(|_| !spec.space.axes().is_empty());
        let cost = Cost::of(spec, total)?;
        let mut trials = Vec::new();
        if total <= u128::from(sweep_core::limits::TRIALS) {
            let all = spec.trials("").map_err(|error| Error::user(error.to_string()))?;
            for trial in all.take(show) {
                let trial = trial?;
                trials.push(PlannedTrial {
                    trial: trial.index.label(),
                    sbatch: spec.sbatch_of(&trial)?,
                    name: trial.name,
                    params: trial.params,
                    replicate: trial.replicate,
                    seed: trial.seed,
                });
            }
        }
        let notes = spec.notes.iter().cloned().chain(cost.notes(combinations)).collect();
        Ok(Self {
            schema_version: SCHEMA_VERSION,
            name: spec.name.clone(),
            method: spec.method.as_str().to_owned(),
            matrix: spec.matrix().to_owned(),
            combinations: combinations.map(|count| count.to_string()),
            replicates: spec.replicates,
            cost,
            total: total.to_string(),
            seeded: spec.seed.is_some() || matches!(spec.matrix(), "full" | "explicit"),
            notes,
            trials,
        })
    }
}
