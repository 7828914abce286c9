//! What trials report: `metric`. Never a metric that nothing could be found for.

use std::collections::BTreeMap;

use regex::Regex;
use sweep_core::manifest::{Goal, Metric, Source, Take};

use super::keys;
use super::mistake::{Mistakes, Position, shown};
use super::read;
use super::yaml::{Entry, Kind, Node};

/// The name of a weighted sum that has none.
const SUM: &str = "weighted_sum";

/// Most metrics of a spec.
const METRICS: usize = 16;

/// Reads it: one, or a list of which the first is what the search goes by.
pub(super) fn read_all(node: &Node, mistakes: &mut Mistakes) -> Vec<Metric> {
    let Kind::List(items) = &node.kind else { return read(node, mistakes).into_iter().collect() };
    if items.is_empty() || items.len() > METRICS {
        let message = format!("`metric` must be one, or a list of 1 to {METRICS}, not of {}", items.len());
        mistakes.hint(node.at, message, "write `metric: [{name: loss}, {name: seconds}]`");
        return Vec::new();
    }
    let mut metrics: Vec<Metric> = Vec::new();
    for item in items {
        let Some(metric) = read(item, mistakes) else { continue };
        if metrics.iter().any(|other| other.name == metric.name) {
            let message = format!("two metrics are named `{}`", shown(&metric.name));
            mistakes.hint(item.at, message, "give each a `name` of its own");
        }
        if metric.target.is_some() && !metrics.is_empty() {
            let message = "`target` of a metric that is not the first";
            mistakes.hint(item.at, message, "the search goes by the first metric, and ends by its target");
        }
        metrics.push(metric);
    }
    metrics
}

fn read(node: &Node, mistakes: &mut Mistakes) -> Option<Metric> {
    if let Kind::Scalar { text, .. } = &node.kind {
        let hint = format!("write `metric: {{name: {}, goal: maximize}}`", shown(text));
        mistakes.hint(node.at, "`metric` must be a mapping, not a single value", hint);
        return None;
    }
    let entries = read::entries(node, "`metric`", mistakes)?;
    let (mut name, mut goal, mut weights, mut from) = (None, Goal::default(), BTreeMap::new(), None);
    let mut target = None;
    for Entry { key, at, value } in entries {
        if !keys::check(keys::METRIC, "key", key, *at, mistakes) {
            continue;
        }
        match key.as_str() {
            "weights" => weights = read_weights(value, mistakes),
            "from" => from = source(value, mistakes),
            "target" => target = read::finite(value, "`target` of `metric`", mistakes),
            "name" => match read::line(value, "`name` of `metric`", mistakes) {
                Some("") => mistakes.add(value.at, "the metric's name is empty"),
                word => name = word.map(str::to_owned),
            },
            _ => goal = read_goal(value, mistakes).unwrap_or_default(),
        }
    }
    if !weights.is_empty() && from.is_some() {
        mistakes.hint(node.at, "`metric` has both `weights` and `from`", "keep one of them");
    }
    let is_given = |key: &str| entries.iter().any(|entry| entry.key == key);
    if !is_given("name") && is_given("weights") {
        name = Some(SUM.to_owned());
    }
    let all_known = entries.iter().all(|entry| keys::is_known(keys::METRIC, &entry.key));
    if name.is_none() && !is_given("name") && all_known {
        mistakes.hint(node.at, "`metric` has no `name`", "name the key under which trials report it");
    }
    Some(Metric { name: name?, goal, weights, from, target })
}

fn read_goal(node: &Node, mistakes: &mut Mistakes) -> Option<Goal> {
    let word = read::line(node, "`goal` of `metric`", mistakes)?;
    let goal = match word {
        "minimize" => Some(Goal::Minimize),
        "maximize" => Some(Goal::Maximize),
        _ => None,
    };
    if goal.is_none() {
        unknown("goal", word, &["minimize", "maximize"], node.at, mistakes);
    }
    goal
}

fn unknown(what: &str, word: &str, known: &[&str], at: Position, mistakes: &mut Mistakes) {
    let list = || known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let near = keys::nearest(word, known.iter().copied());
    let hint = near.map_or_else(|| format!("known: {}", list()), |near| format!("did you mean `{near}`?"));
    mistakes.hint(at, format!("unknown {what} `{}`", shown(word)), hint);
}

fn read_weights(node: &Node, mistakes: &mut Mistakes) -> BTreeMap<String, f64> {
    let entries = read::entries(node, "`weights` of `metric`", mistakes).unwrap_or_default();
    let weight = |entry: &Entry, mistakes: &mut Mistakes| {
        let what = format!("the weight of `{}`", shown(&entry.key));
        Some((entry.key.clone(), read::finite(&entry.value, &what, mistakes)?))
    };
    let weights: BTreeMap<_, _> = entries.iter().filter_map(|entry| weight(entry, mistakes)).collect();
    if entries.is_empty() && matches!(node.kind, Kind::Map(_)) {
        mistakes.hint(node.at, "`weights` is empty", "write `weights: {precision: 0.5, recall: 0.5}`");
    }
    weights
}

/// `{stdout: 'FoM: (\\S+)', take: last}` or `{json: out.json, field: best.loss}`.
fn source(node: &Node, mistakes: &mut Mistakes) -> Option<Source> {
    const HINT: &str = r"write `from: {stdout: 'loss: (\S+)'}` or `from: {json: out.json, field: loss}`";
    let entries = read::entries(node, "`from` of `metric`", mistakes)?;
    let (mut pattern, mut take, mut path, mut field) = (None, None, None, None);
    for Entry { key, at, value } in entries {
        if !keys::check(keys::METRIC_FROM, "key", key, *at, mistakes) {
            continue;
        }
        let Some(text) = read::line(value, &format!("`{key}` of `from`"), mistakes) else { continue };
        match key.as_str() {
            "stdout" => {
                if let Err(error) = Regex::new(text) {
                    let reason = error.to_string();
                    let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    mistakes.add(value.at, format!("`{}` is no regular expression: {reason}", shown(text)));
                }
                pattern = Some(text.to_owned());
            }
            "take" => take = Some((read_take(text, value.at, mistakes), value.at)),
            "json" => path = Some(text.to_owned()),
            _ => field = Some(text.to_owned()),
        }
    }
    match (pattern, path, field, take) {
        (Some(pattern), None, None, take) => {
            Some(Source::Output { pattern, take: take.and_then(|(take, _)| take).unwrap_or_default() })
        }
        (None, Some(path), Some(field), None) => Some(Source::Json { path, field }),
        _ => {
            mistakes.hint(node.at, "`from` must say one place", HINT);
            None
        }
    }
}

fn read_take(word: &str, at: Position, mistakes: &mut Mistakes) -> Option<Take> {
    let take = match word {
        "last" => Some(Take::Last),
        "best" => Some(Take::Best),
        "first" => Some(Take::First),
        _ => None,
    };
    if take.is_none() {
        unknown("choice", word, &["last", "best", "first"], at, mistakes);
    }
    take
}
