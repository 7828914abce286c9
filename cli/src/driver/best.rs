//! `best.json` at the sweep's root: the best configuration so far, for programs to read. It is replaced whole, and
//! only where it changes.

use std::fs;

use serde::Serialize;
use sweep_core::id::{TrialIndex, TrialLabel};
use sweep_core::layout::SweepDir;
use sweep_core::manifest::Metric;
use sweep_core::params::Params;
use sweep_core::schema::{self, Schema};
use sweep_core::state::TrialState;

use crate::driver::files;
use crate::driver::look::{Look, TrialLook};
use crate::error::Result;

#[derive(Serialize)]
struct Best<'a> {
    schema: Schema,
    trial: TrialLabel,
    index: TrialIndex,
    metric: &'a str,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<f64>,
    params: &'a Params,
}

/// Writes the best trial of a look, where there is one.
///
/// # Errors
/// Those of the file system.
pub fn write(dir: &SweepDir, look: &Look) -> Result<()> {
    let Some((metric, best)) =
        look.manifest.metric.as_ref().zip(of(&look.trials, look.manifest.metric.as_ref()))
    else {
        return Ok(());
    };
    let Some(value) = best.metric else { return Ok(()) };
    let json = serde_json::to_vec_pretty(&Best {
        schema: schema::CURRENT,
        trial: best.trial.index.label(),
        index: best.trial.index,
        metric: &metric.name,
        value,
        budget: best.trial.budget,
        params: &best.trial.params,
    });
    let json = [json.expect("texts and numbers always serialize"), b"\n".to_vec()].concat();
    let path = dir.best();
    if fs::read(&path).is_ok_and(|before| before == json) {
        return Ok(());
    }
    files::replace(&path, &json)
}

/// The best completed trial; of equals the first. Where budgets differ, trials of the largest budget count.
#[must_use]
pub fn of<'a>(trials: &'a [TrialLook], metric: Option<&Metric>) -> Option<&'a TrialLook> {
    let goal = metric?.goal;
    let done = || {
        let completed = trials.iter().filter(|trial| trial.status.state == TrialState::Completed);
        completed.filter(|trial| trial.metric.is_some())
    };
    let largest = done().filter_map(|trial| trial.trial.budget).max_by(f64::total_cmp);
    let of_largest = done().filter(|trial| trial.trial.budget == largest);
    of_largest.min_by(|a, b| goal.order(a.metric, b.metric))
}
