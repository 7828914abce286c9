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
    look.trials.iter().map(|trial| running_s(trial, now_ns) * f64::from(trial.nodes)).sum::<f64>() / 3600.0
}

fn running_s(trial: &TrialLook, now_ns: u64) -> f64 {
    let start = trial.start().filter(|_| trial.status.state == TrialState::Running);
    start.map_or(0.0, |start| Duration::from_nanos(now_ns.saturating_sub(start.time_ns)).as_secs_f64())
}

/// What a trial's node-hours cost up to now; on a partition without a rate they are free.
fn cost(trial: &TrialLook, look: &Look, now_ns: u64) -> f64 {
    let rates = &look.manifest.driving.rates;
    let own = trial.partition.as_ref().and_then(|partition| rates.get(partition));
    let rate = own.or_else(|| rates.get(DEFAULT_RATE)).copied().unwrap_or(0.0);
    (trial.spent_s + running_s(trial, now_ns)) * f64::from(trial.nodes) / 3600.0 * rate
}

/// The rate of every partition that has none of its own.
const DEFAULT_RATE: &str = "default";

/// Why nothing more may be spent, where that is so.
#[must_use]
pub fn spent(look: &Look) -> Option<String> {
    let Budget { node_hours: most, hours, price } = look.manifest.driving.budget?;
    let now_ns = now_ns();
    if let Some(most) = most
        && node_hours(look) + running_node_hours(look, now_ns) >= most
    {
        return Some(format!("the budget of {most} node-hours is spent"));
    }
    if let Some(most) = price
        && look.trials.iter().map(|trial| cost(trial, look, now_ns)).sum::<f64>() >= most
    {
        return Some(format!("the budget of {most} for node-hours is spent"));
    }
    let created: jiff::Timestamp = look.manifest.created.parse().ok()?;
    let since = now_ns.saturating_sub(u64::try_from(created.as_nanosecond()).unwrap_or(0));
    #[expect(clippy::cast_precision_loss, reason = "a time to the second is enough")]
    let since_hours = since as f64 / 3.6e12;
    hours.filter(|hours| since_hours >= *hours).map(|hours| format!("the budget of {hours} hours is over"))
}
