//! What stands in the folders of a sweep: which trials have one, why tasks could not start, what a trial reported. It
//! never lists a folder for a few trials that can be asked for by name.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use sweep_core::id::{BatchNumber, TrialIndex, TrialLabel};
use sweep_core::layout::{SweepDir, TrialDir};
use sweep_core::manifest::Manifest;
use sweep_core::metric::result as result_of;

use crate::error::{At, Result};

/// Names that a file system gives in one answer, about.
const LISTED_AT_ONCE: usize = 512;

/// Which trials have a folder.
#[derive(Debug)]
pub(super) enum Started {
    /// These.
    Listed(HashSet<TrialIndex>),
    /// Nobody listed them: each is to be asked for.
    Unknown,
}

impl Started {
    /// Looks which trials have a folder, where that is less work than to ask for `open` of all `count`.
    pub(super) fn of(dir: &SweepDir, open: usize, count: usize) -> Result<Self> {
        if open <= count / LISTED_AT_ONCE {
            return Ok(Self::Unknown);
        }
        let folder = dir.trials_folder();
        let mut found = HashSet::new();
        for entry in fs::read_dir(&folder).at("read", &folder)? {
            let name = entry.at("read", &folder)?.file_name();
            found.extend(name.to_str().and_then(|name| name.parse::<TrialLabel>().ok()).map(|label| label.0));
        }
        Ok(Self::Listed(found))
    }

    /// Whether a trial may have a folder.
    pub(super) fn may_have(&self, trial: TrialIndex) -> bool {
        match self {
            Self::Listed(found) => found.contains(&trial),
            Self::Unknown => true,
        }
    }
}

/// Whether any trial has a folder.
pub(super) fn any(dir: &SweepDir) -> Result<bool> {
    let folder = dir.trials_folder();
    Ok(fs::read_dir(&folder).at("read", &folder)?.next().is_some())
}

/// Tasks that left a reason why they could not start.
pub(super) fn task_errors(dir: &SweepDir) -> Result<HashSet<(BatchNumber, u32)>> {
    let folder = dir.batches();
    let mut found = HashSet::new();
    for entry in fs::read_dir(&folder).at("read", &folder)? {
        let name = entry.at("read", &folder)?.file_name();
        let parts = name.to_str().and_then(|name| name.strip_suffix(".err")?.split_once('.'));
        let numbers =
            parts.and_then(|(batch, task)| Some((BatchNumber(batch.parse().ok()?), task.parse().ok()?)));
        found.extend(numbers);
    }
    Ok(found)
}

/// Bytes that are shown of a task's reason.
const REASON_LEN: u64 = 4 * 1024;

/// The beginning of a file.
pub(super) fn read_start(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(REASON_LEN).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Bytes at the end of `metrics.jsonl` that are looked at for the last value.
const METRICS_TAIL: u64 = 64 * 1024;

/// The metrics of a trial: the last of each in `metrics.jsonl`, and of the first else the number in `result`.
pub(super) fn read_metrics(folder: &TrialDir, manifest: &Manifest) -> (Option<f64>, Vec<Option<f64>>) {
    let Some(first) = &manifest.metric else { return (None, Vec::new()) };
    let tail = |path: &Path| -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let len = file.metadata()?.len();
        if len > METRICS_TAIL {
            file.seek(SeekFrom::Start(len - METRICS_TAIL))?;
        }
        let mut bytes = Vec::new();
        file.take(METRICS_TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let reported = tail(&folder.metrics()).unwrap_or_default();
    let metric =
        first.last(&reported).or_else(|| tail(&folder.result()).ok().and_then(|bytes| result_of(&bytes)));
    (metric, manifest.objectives.iter().map(|metric| metric.last(&reported)).collect())
}
