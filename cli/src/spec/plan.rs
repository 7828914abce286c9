//! How a space is searched: `method`, `matrix`, `trials`, `seed`, `replicates`, `concurrency`, `metric`, `retries`.
//! Never a search without an end.

use sweep_core::manifest::{Metric, Retries};
use sweep_core::state::TrialState;
use sweep_search::{Method, Stop};

use super::keys;
use super::method;
use super::metric;
use super::mistake::{Mistakes, Position, shown};
use super::read;
use super::yaml::{Entry, Kind, Node};

/// What the spec says about the search.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) method: Method,
    pub(super) stop: Option<Stop>,
    /// Hours that one unit of budget takes on all data.
    pub(super) cost_per_budget: Option<f64>,
    /// Whether what says how, and how many, was read: if not, nothing follows from it.
    pub(super) whole: bool,
    pub(super) method_at: Option<Position>,
    /// Most configurations.
    pub(super) trials: Option<(u64, Position)>,
    /// Draws besides the rows, by `matrix`.
    pub(super) random: Option<(u64, Position)>,
    pub(super) seed: Option<String>,
    pub(super) replicates: u32,
    pub(super) concurrency: Option<u32>,
    /// The first is what the search goes by.
    pub(super) metrics: Vec<Metric>,
    pub(super) retries: Option<Retries>,
}

/// The nodes of the keys that say how.
pub(super) struct Nodes<'a> {
    pub(super) method: Option<&'a Node>,
    pub(super) matrix: Option<&'a Node>,
    pub(super) trials: Option<&'a Node>,
    pub(super) run_cap: Option<&'a Node>,
    pub(super) seed: Option<&'a Node>,
    pub(super) replicates: Option<&'a Node>,
    pub(super) concurrency: Option<&'a Node>,
    pub(super) metric: Option<&'a Node>,
    pub(super) retries: Option<&'a Node>,
}

/// Reads them.
pub(super) fn read(nodes: &Nodes<'_>, mistakes: &mut Mistakes) -> Plan {
    let count = |node: &Node, what: &str, mistakes: &mut Mistakes| {
        let number = read::whole(node, what, 1, u64::from(u32::MAX), mistakes)?;
        u32::try_from(number).ok()
    };
    let mut plan = Plan {
        replicates: nodes.replicates.and_then(|n| count(n, "`replicates`", mistakes)).unwrap_or(1),
        concurrency: nodes.concurrency.and_then(|n| count(n, "`concurrency`", mistakes)),
        metrics: nodes.metric.map(|node| metric::read_all(node, mistakes)).unwrap_or_default(),
        retries: nodes.retries.and_then(|node| retries(node, mistakes)),
        seed: nodes.seed.and_then(|node| seed(node, "`seed`", mistakes)),
        whole: true,
        ..Plan::default()
    };
    for (key, node) in [("trials", nodes.trials), ("run_cap", nodes.run_cap)] {
        let Some(node) = node else { continue };
        if plan.trials.is_some() {
            mistakes.hint(node.at, "`run_cap` beside `trials`: they mean the same", "keep one of them");
        } else {
            let number = read::whole(node, &format!("`{key}`"), 1, u64::MAX, mistakes);
            plan.whole &= number.is_some();
            plan.trials = number.map(|number| (number, node.at));
        }
    }
    let matrix = nodes.matrix.and_then(|node| Some((matrix(node, &mut plan, mistakes)?, node.at)));
    plan.whole &= matrix.is_some() || nodes.matrix.is_none();
    if let Some((method, _)) = matrix {
        plan.method = method;
    }
    if let Some(node) = nodes.method {
        plan.method_at = Some(node.at);
        let searched = searched(node, matrix, mistakes);
        plan.whole &= searched.is_some();
        plan.method = searched.unwrap_or_default();
    }
    plan
}

/// The method that the word and the matrix agree on.
fn searched(node: &Node, matrix: Option<(Method, Position)>, mistakes: &mut Mistakes) -> Option<Method> {
    let word = read::line(node, "`method`", mistakes)?;
    if !keys::check(keys::METHODS, "method", word, node.at, mistakes) {
        return None;
    }
    let method = method::of_word(word);
    match matrix {
        Some((other, at)) if other != method => {
            let form = if other == Method::Random { "{random: …}" } else { "full" };
            let message = format!("`matrix: {form}` means `method: {}`, not `{word}`", other.as_str());
            mistakes.hint(at, message, "keep one of them");
            None
        }
        _ => Some(method),
    }
}

fn matrix(node: &Node, plan: &mut Plan, mistakes: &mut Mistakes) -> Option<Method> {
    const HINT: &str = "known: `full`, `{random: 5}`, `{random: 5, seed: \"a\"}`";
    let entries = match &node.kind {
        Kind::Scalar { text, .. } if text == "full" => return Some(Method::Grid),
        Kind::Map(entries) => entries,
        _ => {
            mistakes.hint(
                node.at,
                format!("`matrix` must be `full` or a mapping{}", read::found(node)),
                HINT,
            );
            return None;
        }
    };
    let mut given = false;
    for Entry { key, at, value } in entries {
        if !keys::check(keys::MATRIX, "key", key, *at, mistakes) {
            continue;
        }
        if key == "random" {
            given = true;
            let number = read::whole(value, "`random`", 1, u64::MAX, mistakes);
            plan.whole &= number.is_some();
            plan.random = number.map(|number| (number, value.at));
        } else if let Some(text) = seed(value, "`seed` of `matrix`", mistakes) {
            if plan.seed.as_ref().is_some_and(|seed| *seed != text) {
                mistakes.hint(*at, "`matrix` has another `seed` than the spec", "keep one of them");
            }
            plan.seed = Some(text);
        }
    }
    if !given {
        mistakes.hint(node.at, "`matrix` has no `random`", HINT);
        return None;
    }
    if let (Some(_), Some((_, at))) = (plan.random, plan.trials) {
        mistakes.hint(at, "`trials` beside `matrix: {random: …}`: both say how many", "keep one of them");
    }
    Some(Method::Random)
}

fn seed(node: &Node, what: &str, mistakes: &mut Mistakes) -> Option<String> {
    let text = read::line(node, what, mistakes)?;
    if text.is_empty() || text.len() > 256 {
        mistakes.add(node.at, format!("{what} must have 1 to 256 bytes"));
        return None;
    }
    Some(text.to_owned())
}

/// Ends after which a trial may be tried again.
const RETRIED: [TrialState; 6] = [
    TrialState::Failed,
    TrialState::Timeout,
    TrialState::OutOfMemory,
    TrialState::NodeFail,
    TrialState::Preempted,
    TrialState::Cancelled,
];
/// Where nobody says: ends that are not the program's own doing.
const RETRIED_BY_DEFAULT: [TrialState; 2] = [TrialState::NodeFail, TrialState::Preempted];

fn retries(node: &Node, mistakes: &mut Mistakes) -> Option<Retries> {
    let entries = read::entries(node, "`retries`", mistakes)?;
    let (mut max, mut on) = (None, RETRIED_BY_DEFAULT.to_vec());
    for Entry { key, at, value } in entries {
        if !keys::check(keys::RETRIES, "key", key, *at, mistakes) {
            continue;
        }
        if key == "max" {
            max = read::whole(value, "`max` of `retries`", 1, 1000, mistakes);
            continue;
        }
        let what = "`on` of `retries`";
        let words =
            read::texts(value, what, "write `on: [node_fail, timeout]`", mistakes).unwrap_or_default();
        on = words.iter().filter_map(|word| retried(word, value.at, mistakes)).collect();
    }
    if entries.iter().all(|entry| entry.key != "max") {
        mistakes.hint(node.at, "`retries` has no `max`", "write `retries: {max: 2}`");
    }
    Some(Retries { max: u32::try_from(max?).ok()?, on })
}

fn retried(word: &str, at: Position, mistakes: &mut Mistakes) -> Option<TrialState> {
    let found = RETRIED.into_iter().find(|state| state.name() == word);
    if found.is_none() {
        let known = RETRIED.map(TrialState::name);
        let near = keys::nearest(word, known);
        let hint = near
            .map_or_else(|| format!("known: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        mistakes.hint(at, format!("`{}` is no end that is tried again", shown(word)), hint);
    }
    found
}
