//! What a sweep has spent, and whether that is all it may. A budget does not warn: what would go past it is not
//! submitted, and what runs is ended.

use std::time::Duration;

use sweep_core::manifest::Budget;
use sweep_core::state::TrialState;

use crate::driver::look::{Look, TrialLook};
use crate::task::now_ns;

/// Node-hours of all attempts that ended.
#[must_use]
pub fn node_hours(look: &Look) -> f64 {
    look.trials.iter().map(|trial| trial.spent_s * f64::from(trial.nodes)).sum::<f64>() / 3600.0
}

/// Node-hours of the attempts that run, up to now.
fn running_node_hours(look: &Look, now_ns: u64) -> f64 {
    let running = look.trials.iter().filter(|trial| trial.status.state == TrialState::Running);
    let since = |start_ns| Duration::from_nanos(now_ns.saturating_sub(start_ns)).as_secs_f64();
    let hours = |trial: &TrialLook| Some(since(trial.start()?.time_ns) * f64::from(trial.nodes) / 3600.0);
    running.filter_map(hours).sum()
}

/// Why nothing more may be spent, where that is so.
#[must_use]
pub fn spent(look: &Look) -> Option<String> {
    let Budget { node_hours: most, hours } = look.manifest.budget?;
    if let Some(most) = most
        && node_hours(look) + running_node_hours(look, now_ns()) >= most
    {
        return Some(format!("the budget of {most} node-hours is spent"));
    }
    let created: jiff::Timestamp = look.manifest.created.parse().ok()?;
    let since = now_ns().saturating_sub(u64::try_from(created.as_nanosecond()).unwrap_or(0));
    #[expect(clippy::cast_precision_loss, reason = "a time to the second is enough")]
    let since_hours = since as f64 / 3.6e12;
    hours.filter(|hours| since_hours >= *hours).map(|hours| format!("the budget of {hours} hours is over"))
}
