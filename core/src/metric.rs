//! What a trial reports: lines of `metrics.jsonl`, a JSON object each, and `result`, one number. A value that is
//! not a finite number never counts as good.

use std::cmp::Ordering;

use crate::manifest::Goal;

/// The key that gives a line's step.
pub const STEP: &str = "step";
/// The key by which a trial says how it ended: `success` or `stopped`.
pub const FINAL: &str = "final";

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

/// The last finite value of a metric in the bytes of `metrics.jsonl`; lines that are no objects are passed over.
#[must_use]
pub fn last(metrics: &[u8], name: &str) -> Option<f64> {
    let whole = metrics.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    metrics[..whole].rsplit(|&b| b == b'\n').find_map(|line| {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).ok()?;
        number(object.get(name)?)
    })
}

/// Every finite value of a metric with its step, in the order of the lines; a line without a step has the one after
/// the line before, from 0.
pub fn series<'a>(metrics: &'a [u8], name: &'a str) -> impl Iterator<Item = (u64, f64)> + 'a {
    let whole = metrics.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    let mut next = 0;
    metrics[..whole].split(|&b| b == b'\n').filter_map(move |line| {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).ok()?;
        let value = number(object.get(name)?)?;
        let step = object.get(STEP).and_then(serde_json::Value::as_u64).unwrap_or(next);
        next = step.saturating_add(1);
        Some((step, value))
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
    fn a_line_without_a_step_follows_the_one_before() {
        let lines = b"{\"loss\":2}\nnoise\n{\"loss\":1.5}\n{\"step\":7,\"loss\":1}\n{\"loss\":\"nan\"}\n{\"loss\":0.5}\n{\"loss\":0";
        let all: Vec<_> = series(lines, "loss").collect();
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
