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

/// What a sweep has spent up to now, of what its spec names.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Account {
    /// What it may spend.
    pub budget: Budget,
    /// Node-hours of all attempts, those that run among them, where the budget names them.
    pub node_hours: Option<f64>,
    /// Hours since it was made, where the budget names them.
    pub hours: Option<f64>,
    /// The price by `rates`, where the budget names one.
    pub price: Option<f64>,
}

impl Account {
    /// The largest share of what may be spent: 1 when it is spent.
    #[must_use]
    pub fn share(&self) -> f64 {
        let Budget { node_hours, hours, price } = self.budget;
        let pairs = [(self.node_hours, node_hours), (self.hours, hours), (self.price, price)];
        let shares = pairs.into_iter().filter_map(|(spent, most)| Some(spent? / most?));
        shares.fold(0.0, f64::max)
    }
}

/// What a sweep with a budget has spent up to now.
#[must_use]
pub fn account(look: &Look) -> Option<Account> {
    let budget = look.manifest.driving.budget?;
    let now_ns = now_ns();
    Some(Account {
        budget,
        node_hours: budget.node_hours.map(|_| node_hours(look) + running_node_hours(look, now_ns)),
        price: budget.price.map(|_| look.trials.iter().map(|trial| cost(trial, look, now_ns)).sum()),
        hours: budget.hours.and_then(|_| hours_since(&look.manifest.created, now_ns)),
    })
}

/// Hours since a time of the manifest.
fn hours_since(created: &str, now_ns: u64) -> Option<f64> {
    let created: jiff::Timestamp = created.parse().ok()?;
    let since = now_ns.saturating_sub(u64::try_from(created.as_nanosecond()).unwrap_or(0));
    #[expect(clippy::cast_precision_loss, reason = "a time to the second is enough")]
    Some(since as f64 / 3.6e12)
}

/// Why nothing more may be spent, where that is so.
#[must_use]
pub fn spent(look: &Look) -> Option<String> {
    let account = account(look)?;
    let Budget { node_hours, hours, price } = account.budget;
    let over =
        |spent: Option<f64>, most: Option<f64>| most.filter(|most| spent.is_some_and(|spent| spent >= *most));
    if let Some(most) = over(account.node_hours, node_hours) {
        return Some(format!("the budget of {most} node-hours is spent"));
    }
    if let Some(most) = over(account.price, price) {
        return Some(format!("the budget of {most} for node-hours is spent"));
    }
    over(account.hours, hours).map(|most| format!("the budget of {most} hours is over"))
}
