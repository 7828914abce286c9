//! What a trial reports: lines of `metrics.jsonl`, a JSON object each, and `result`, one number. A value that is
//! not a finite number never counts as good.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::manifest::{Goal, Metric};

/// The key that gives a line's step.
pub const STEP: &str = "step";
/// The key by which a trial says how it ended: `success` or `stopped`.
pub const FINAL: &str = "final";
/// Its word for having done all that it was to do.
pub const SUCCESS: &str = "success";

/// Reads the number of a JSON value: a number, or the text of one as some languages write it.
#[must_use]
pub fn number(json: &serde_json::Value) -> Option<f64> {
    match json {
        serde_json::Value::Number(n) => n.as_f64(),
        serde_json::Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|x: &f64| x.is_finite())
}

impl Metric {
    /// A metric that a trial reports under one key.
    #[must_use]
    pub fn reported(name: &str, goal: Goal) -> Self {
        Self { name: name.to_owned(), goal, weights: BTreeMap::new(), from: None, target: None }
    }

    /// Whether a value is at the target or past it; without a target none is.
    #[must_use]
    pub fn is_reached(&self, value: f64) -> bool {
        self.target.is_some_and(|target| !self.goal.is_better(target, value) && value.is_finite())
    }

    /// The last finite value in the bytes of `metrics.jsonl`; lines that are no objects are passed over. Of a weighted
    /// sum the last value of each part counts, and all must be there.
    #[must_use]
    pub fn last(&self, metrics: &[u8]) -> Option<f64> {
        if self.weights.is_empty() {
            return last(metrics, &self.name);
        }
        self.sum(|name| last(metrics, name))
    }

    /// Every finite value with its step, in the order of the lines; a line without a step has the one after the line
    /// before, from 0. Of a weighted sum, lines that have all of its parts.
    pub fn series<'a>(&'a self, metrics: &'a [u8]) -> impl Iterator<Item = (u64, f64)> + 'a {
        let whole = metrics.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
        let mut next = 0;
        metrics[..whole].split(|&b| b == b'\n').filter_map(move |line| {
            let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).ok()?;
            let value = |name: &str| number(object.get(name)?);
            let value = if self.weights.is_empty() { value(&self.name) } else { self.sum(value) }?;
            let step = object.get(STEP).and_then(serde_json::Value::as_u64).unwrap_or(next);
            next = step.saturating_add(1);
            Some((step, value))
        })
    }

    fn sum(&self, value: impl Fn(&str) -> Option<f64>) -> Option<f64> {
        let parts = self.weights.iter().map(|(name, weight)| Some(weight * value(name)?));
        parts.sum::<Option<f64>>().filter(|sum| sum.is_finite())
    }
}

/// The last finite value of a key in the bytes of `metrics.jsonl`; lines that are no objects are passed over.
#[must_use]
pub fn last(metrics: &[u8], name: &str) -> Option<f64> {
    let whole = metrics.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    metrics[..whole].rsplit(|&b| b == b'\n').find_map(|line| {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).ok()?;
        number(object.get(name)?)
    })
}

/// Whether a trial said in `metrics.jsonl` that it is done, whatever its end.
#[must_use]
pub fn says_success(metrics: &[u8]) -> bool {
    let whole = metrics.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    metrics[..whole].rsplit(|&b| b == b'\n').any(|line| {
        let object: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(line).ok();
        object.is_some_and(|object| object.get(FINAL).and_then(serde_json::Value::as_str) == Some(SUCCESS))
    })
}

/// The number in `result`.
#[must_use]
pub fn result(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok().filter(|x: &f64| x.is_finite())
}

impl Goal {
    /// Whether `a` is better than `b`.
    #[must_use]
    pub fn is_better(self, a: f64, b: f64) -> bool {
        match self {
            Self::Minimize => a < b,
            Self::Maximize => a > b,
        }
    }

    /// Better first; no value last.
    #[must_use]
    pub fn order(self, a: Option<f64>, b: Option<f64>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) if self.is_better(a, b) => Ordering::Less,
            (Some(a), Some(b)) if self.is_better(b, a) => Ordering::Greater,
            (Some(_), Some(_)) | (None, None) => Ordering::Equal,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
        }
    }
}

/// Reports as programs write them.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_finite_value_counts() {
        let lines = b"{\"step\":0,\"loss\":2}\nnoise\n{\"loss\":1.5}\n{\"loss\":NaN}\n{\"loss\":\"nan\"}\n{\"acc\":1}\n";
        assert_eq!(last(lines, "loss"), Some(1.5));
        assert_eq!(last(lines, "acc"), Some(1.0));
        assert_eq!(last(lines, "other"), None);
        assert_eq!(last(b"{\"loss\":1}", "loss"), None);
    }

    #[test]
    fn a_weighted_sum_needs_all_of_its_parts() {
        let weights = [("p".to_owned(), 0.5), ("r".to_owned(), 2.0)].into();
        let metric = Metric { weights, ..Metric::reported("sum", Goal::Maximize) };
        let lines = b"{\"p\":1}\n{\"p\":2,\"r\":3}\n{\"r\":4}\n";
        assert_eq!(metric.last(lines), Some(9.0));
        assert_eq!(metric.last(b"{\"p\":1}\n"), None);
        assert_eq!(metric.series(lines).collect::<Vec<_>>(), [(0, 7.0)]);
    }

    #[test]
    fn success_is_the_trials_own_word() {
        assert!(says_success(b"{\"loss\":1}\n{\"final\":\"success\"}\n"));
        assert!(!says_success(b"{\"final\":\"stopped\"}\n{\"final\":\"success\"}"));
    }

    #[test]
    fn a_line_without_a_step_follows_the_one_before() {
        let lines = b"{\"loss\":2}\nnoise\n{\"loss\":1.5}\n{\"step\":7,\"loss\":1}\n{\"loss\":\"nan\"}\n{\"loss\":0.5}\n{\"loss\":0";
        let all: Vec<_> = Metric::reported("loss", Goal::Minimize).series(lines).collect();
        assert_eq!(all, [(0, 2.0), (1, 1.5), (7, 1.0), (8, 0.5)]);
    }

    #[test]
    fn a_result_is_one_finite_number() {
        assert_eq!(result(b" 0.5\n"), Some(0.5));
        for text in ["", "nan", "inf", "1 2", "x"] {
            assert_eq!(result(text.as_bytes()), None, "{text}");
        }
    }
}
