//! How a sweep is driven: `budget`, `rates`, `driver`, `canary`, `max_failures`, `notify`, `result_wait_s`, `grace_s`. Never a number that
//! would end a sweep before it began.

use sweep_core::manifest::{Budget, Driving, Moment};

use super::keys;
use super::mistake::{Mistakes, shown};
use super::notify;
use super::read;
use super::sbatch;
use super::yaml::{Entry, Node};

/// The nodes of the keys that say it.
pub(super) struct Nodes<'a> {
    pub(super) budget: Option<&'a Node>,
    pub(super) canary: Option<&'a Node>,
    pub(super) driver: Option<&'a Node>,
    pub(super) grace: Option<&'a Node>,
    pub(super) max_failures: Option<&'a Node>,
    pub(super) notify: Option<&'a Node>,
    pub(super) rates: Option<&'a Node>,
    pub(super) result_wait: Option<&'a Node>,
}

/// Most seconds of a wait: a day.
const MOST_S: u64 = 86_400;

/// Reads them.
pub(super) fn read(nodes: &Nodes<'_>, mistakes: &mut Mistakes) -> Driving {
    let seconds = |node: Option<&Node>, what: &str, mistakes: &mut Mistakes| {
        let number = read::whole(node?, what, 0, MOST_S, mistakes)?;
        u32::try_from(number).ok()
    };
    let driving = Driving {
        canary: nodes.canary.and_then(|node| read::yes(node, "`canary`", mistakes)).unwrap_or_default(),
        budget: nodes.budget.and_then(|node| budget(node, mistakes)),
        max_failures: nodes
            .max_failures
            .and_then(|node| read::whole(node, "`max_failures`", 1, u64::from(u32::MAX), mistakes))
            .and_then(|number| u32::try_from(number).ok()),
        result_wait_s: seconds(nodes.result_wait, "`result_wait_s`", mistakes),
        grace_s: seconds(nodes.grace, "`grace_s`", mistakes),
        driver: nodes.driver.map(|node| sbatch::read(node, mistakes)).unwrap_or_default(),
        rates: nodes.rates.map(|node| rates(node, mistakes)).unwrap_or_default(),
        notify: nodes.notify.and_then(|node| notify::read(node, mistakes)),
    };
    // Of the moments that are told where none is named, one that cannot come is no mistake.
    let asked = nodes.notify.filter(|node| notify::names_moments(node) && nodes.budget.is_none());
    let wants_budget = driving.notify.as_ref().is_some_and(|notify| notify.on.contains(&Moment::BudgetNear));
    if let Some(node) = asked.filter(|_| wants_budget) {
        mistakes.hint(node.at, "`budget_near` without `budget`", "write `budget: {node_hours: 100}`");
    }
    if let (Some(node), Some(Budget { price: Some(_), .. }), true) =
        (nodes.budget, driving.budget, driving.rates.is_empty())
    {
        mistakes.hint(
            node.at,
            "`price` without `rates`",
            "say what a node-hour costs: `rates: {default: 0.1}`",
        );
    }
    driving
}

fn budget(node: &Node, mistakes: &mut Mistakes) -> Option<Budget> {
    let entries = read::entries(node, "`budget`", mistakes)?;
    let mut budget = Budget::default();
    for Entry { key, at, value } in entries {
        if !keys::check(keys::BUDGET, "key", key, *at, mistakes) {
            continue;
        }
        let number = read::positive(value, &format!("`{key}` of `budget`"), mistakes);
        match key.as_str() {
            "node_hours" => budget.node_hours = number,
            "hours" => budget.hours = number,
            _ => budget.price = number,
        }
    }
    if entries.is_empty() {
        mistakes.hint(node.at, "`budget` says nothing", "write `budget: {node_hours: 100}`");
    }
    Some(budget)
}

fn rates(node: &Node, mistakes: &mut Mistakes) -> std::collections::BTreeMap<String, f64> {
    let entries = read::entries(node, "`rates`", mistakes).unwrap_or_default();
    let rate = |Entry { key, value, .. }: &Entry, mistakes: &mut Mistakes| {
        let rate = read::positive(value, &format!("the rate of `{}`", shown(key)), mistakes)?;
        Some((key.clone(), rate))
    };
    entries.iter().filter_map(|entry| rate(entry, mistakes)).collect()
}
