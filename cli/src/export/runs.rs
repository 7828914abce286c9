//! A sweep's trials as other tools think of them: runs with a beginning, an end, parameters and series of numbers.
//! Never a time that nobody measured: reports carry no time of their own, so they have that of their run's start.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use sweep_core::layout::SweepDir;
use sweep_core::manifest::Manifest;
use sweep_core::metric::FINAL;
use sweep_core::record::hex;
use sweep_core::state::TrialState;

use super::metrics::{self, Reported};
use crate::driver::look::TrialLook;
use crate::error::Result;

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did all that it was to do.
    Finished,
    /// It went wrong.
    Failed,
    /// Somebody, or the search, ended it.
    Ended,
    /// It runs.
    Running,
    /// It has not begun.
    Waiting,
}

/// The numbers of one key, in the order of the reports.
pub type Series = BTreeMap<String, Vec<(u64, f64)>>;

/// What became of a trial.
#[must_use]
pub fn outcome(state: TrialState) -> Outcome {
    match state {
        TrialState::Completed => Outcome::Finished,
        TrialState::Cancelled | TrialState::Pruned | TrialState::Preempted => Outcome::Ended,
        TrialState::Running => Outcome::Running,
        TrialState::Planned | TrialState::Submitted | TrialState::Pending => Outcome::Waiting,
        _ => Outcome::Failed,
    }
}

/// When a trial's newest attempt started and ended, in nanoseconds since 1970.
#[must_use]
pub fn times(trial: &TrialLook) -> (Option<u64>, Option<u64>) {
    (trial.start().map(|record| record.time_ns), trial.end().map(|record| record.time_ns))
}

/// When a sweep was made, in milliseconds since 1970: the time of what has no other.
#[must_use]
pub fn created_ms(manifest: &Manifest) -> u64 {
    let created: Option<jiff::Timestamp> = manifest.created.parse().ok();
    created.and_then(|created| u64::try_from(created.as_millisecond()).ok()).unwrap_or(0)
}

/// All numbers that a trial reported, and the spec's metrics that it gave in another way, such as its result file.
///
/// # Errors
/// Where its reports cannot be read.
pub fn series(dir: &SweepDir, manifest: &Manifest, trial: &TrialLook) -> Result<Series> {
    let mut series = Series::new();
    metrics::each(dir, manifest, trial.trial.index, |point| {
        if let (Reported::Number(number), true) = (point.value, point.key != FINAL) {
            series.entry(point.key).or_default().push((point.step, number));
        }
        Ok(())
    })?;
    for (metric, value) in manifest.metrics().zip(trial.values()) {
        if let Some(value) = value {
            series.entry(metric.name.clone()).or_insert_with(|| vec![(0, value)]);
        }
    }
    Ok(series)
}

/// A name of these bytes that is the same each time: the same sweep exported twice is the same thing twice.
#[must_use]
pub fn stable_id(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    hex(&digest.finalize())
}

/// Names for keys under a rule of which characters a tool takes; two keys never get one name.
#[must_use]
pub fn plain_names<'a>(
    keys: impl IntoIterator<Item = &'a String>,
    allowed: impl Fn(char) -> bool,
) -> BTreeMap<String, String> {
    let mut taken = BTreeSet::new();
    let mut names = BTreeMap::new();
    for key in keys {
        let mut name: String = key.chars().map(|c| if allowed(c) { c } else { '_' }).take(NAME).collect();
        while name.is_empty() || !taken.insert(name.to_lowercase()) {
            name.push('_');
        }
        names.insert(key.clone(), name);
    }
    names
}

/// Longest name, in characters.
const NAME: usize = 200;

/// Names and ends.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_keys_never_get_one_name() {
        let keys = ["a@b", "a#b", "A_b", "acc"].map(str::to_owned);
        let names = plain_names(&keys, |c| c.is_ascii_alphanumeric());
        let names: Vec<_> = keys.iter().map(|key| names[key].as_str()).collect();
        assert_eq!(names, ["a_b", "a_b_", "A_b__", "acc"]);
    }

    #[test]
    fn an_id_is_that_of_its_parts_and_not_of_their_text() {
        assert_eq!(stable_id(&["ab", "c"]), stable_id(&["ab", "c"]));
        assert_ne!(stable_id(&["ab", "c"]), stable_id(&["a", "bc"]));
    }
}
