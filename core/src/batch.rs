//! One sbatch call: its intent, written and synced before the call, and the map of its trials where they are not
//! consecutive. An intent is never changed; what came of the call is an event.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::{BatchNumber, Token, TrialIndex};
use crate::schema::{self, BINARY_HEADER_LEN, Schema};
use crate::spread::Place;

/// The first 8 bytes of a map.
pub const MAP_MAGIC: [u8; 8] = *b"SWEEPMAP";

/// What one call to an executor was meant to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The file's version.
    pub schema: Schema,
    /// The batch's token, which is its jobs' name.
    pub token: Token,
    /// What runs it.
    pub executor: Executor,
    /// Which trials it runs.
    pub trials: Trials,
    /// The sbatch options, without those that are ours and those of its place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sbatch: BTreeMap<String, String>,
    /// Further sbatch options, as they were given behind `--`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<String>,
    /// The batch that must have ended before this one starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<BatchNumber>,
    /// Most of its trials at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How many trials each of its jobs runs: array task k those from row k × so many on. Without it, one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_job: Option<u32>,
    /// Where it goes, of a sweep that is spread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// What runs trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Executor {
    /// Jobs of Slurm.
    Slurm,
    /// Processes of this machine.
    Local,
    /// Whoever takes them: agents, each in an allocation of its own.
    Agent,
}

impl std::fmt::Display for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Slurm => "slurm",
            Self::Local => "local",
            Self::Agent => "agent",
        })
    }
}

/// Which trials a batch runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trials {
    /// One trial as a job without an array.
    Single(TrialIndex),
    /// `count` trials from `first` on: array task k runs `first + k`.
    Consecutive {
        /// The trial of task 0.
        first: TrialIndex,
        /// How many.
        count: u32,
    },
    /// `count` trials by the rows of the map.
    Mapped {
        /// How many.
        count: u32,
    },
}

impl Trials {
    /// How many trials there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        match self {
            Self::Single(_) => 1,
            Self::Consecutive { count, .. } | Self::Mapped { count } => *count,
        }
    }
}

impl Intent {
    /// The array task that runs the trial of a row.
    #[must_use]
    pub fn task_of(&self, row: u32) -> u32 {
        row / self.per_job.unwrap_or(1).max(1)
    }

    /// The rows that an array task runs.
    #[must_use]
    pub fn rows_of(&self, task: u32) -> std::ops::Range<u32> {
        let per_job = self.per_job.unwrap_or(1).max(1);
        let count = self.trials.count();
        let first = task.saturating_mul(per_job).min(count);
        first..first.saturating_add(per_job).min(count)
    }

    /// The cluster that has its job, where the sweep names one: two clusters count their jobs alike.
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        self.place.as_ref()?.cluster.as_deref()
    }

    /// A sbatch option of its trials, those of its place first.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        let own = self.place.as_ref().and_then(|place| place.sbatch.get(name));
        own.or_else(|| self.sbatch.get(name)).map(String::as_str)
    }

    /// How many jobs, or array tasks, it has.
    #[must_use]
    pub fn jobs(&self) -> u32 {
        self.trials.count().div_ceil(self.per_job.unwrap_or(1).max(1))
    }

    /// Reads an intent's bytes.
    ///
    /// # Errors
    /// [`Error::Schema`] or [`Error::Damaged`]; a torn intent means that sbatch was never called.
    pub fn parse(path: &Path, json: &[u8]) -> Result<Self> {
        schema::check_json(path, json)?;
        serde_json::from_slice(json)
            .map_err(|e| Error::Damaged { path: path.to_owned(), detail: e.to_string() })
    }
}

/// Where a task's row is in a map.
#[must_use]
pub fn map_row_position(task: u32) -> u64 {
    BINARY_HEADER_LEN as u64 + u64::from(task) * 4
}

/// Reads a row's bytes.
#[must_use]
pub fn map_row(bytes: [u8; 4]) -> TrialIndex {
    TrialIndex(u32::from_le_bytes(bytes))
}

/// A map as bytes.
///
/// # Panics
/// Never for fewer trials than [`crate::limits::TRIALS`].
#[must_use]
pub fn map_bytes(trials: &[TrialIndex]) -> Vec<u8> {
    let count = u32::try_from(trials.len()).expect("a sweep has fewer trials than 2^32");
    let mut bytes = schema::binary_header(MAP_MAGIC, count).to_vec();
    for trial in trials {
        bytes.extend(trial.0.to_le_bytes());
    }
    bytes
}

/// All rows of a map.
///
/// # Errors
/// [`Error::Damaged`] or [`Error::Schema`].
pub fn map_rows(path: &Path, bytes: &[u8]) -> Result<Vec<TrialIndex>> {
    let count = schema::read_binary_header(path, MAP_MAGIC, bytes)? as usize;
    let (rows, torn) = bytes[BINARY_HEADER_LEN..].as_chunks::<4>();
    if rows.len() != count || !torn.is_empty() {
        return Err(Error::Damaged {
            path: path.to_owned(),
            detail: "its rows are not as many as it says".into(),
        });
    }
    Ok(rows.iter().map(|row| map_row(*row)).collect())
}

/// Intents and maps as files.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_reads_back_and_a_torn_one_is_refused() {
        let trials = [TrialIndex(7), TrialIndex(0), TrialIndex(100_000)];
        let bytes = map_bytes(&trials);
        assert_eq!(map_rows(Path::new("m"), &bytes).unwrap(), trials);
        let at = usize::try_from(map_row_position(2)).unwrap();
        assert_eq!(map_row(bytes[at..at + 4].try_into().unwrap()), TrialIndex(100_000));
        assert!(map_rows(Path::new("m"), &bytes[..bytes.len() - 1]).is_err());
        assert!(map_rows(Path::new("m"), &bytes[..3]).is_err());
    }

    #[test]
    fn the_format_stays_as_it_was_released() {
        let intent = Intent {
            schema: schema::CURRENT,
            token: "iris.4".parse().unwrap(),
            executor: Executor::Slurm,
            trials: Trials::Consecutive { first: TrialIndex(10), count: 5 },
            sbatch: [("mem".to_owned(), "1G".to_owned())].into(),
            extra: Vec::new(),
            after: None,
            limit: None,
            per_job: None,
            place: None,
        };
        let json = serde_json::to_string(&intent).unwrap();
        assert_eq!(
            json,
            r#"{"schema":"1.0","token":"iris.4","executor":"slurm","trials":{"consecutive":{"first":10,"count":5}},"sbatch":{"mem":"1G"}}"#
        );
        assert_eq!(Intent::parse(Path::new("b"), json.as_bytes()).unwrap(), intent);
        let packed = Intent { per_job: Some(2), ..intent.clone() };
        assert!(serde_json::to_string(&packed).unwrap().ends_with(r#""per_job":2}"#));
        assert_eq!([0, 1, 4].map(|row| packed.task_of(row)), [0, 0, 2]);
        assert_eq!([0, 2, 3].map(|task| packed.rows_of(task)), [0..2, 4..5, 5..5]);
        assert_eq!((packed.jobs(), intent.jobs(), intent.rows_of(4)), (3, 5, 4..5));
        let place = Place {
            number: 1,
            cluster: Some("beta".to_owned()),
            sbatch: [("mem".to_owned(), "2G".to_owned())].into(),
        };
        let placed = Intent { place: Some(place), ..intent.clone() };
        let placed_json = serde_json::to_string(&placed).unwrap();
        assert!(placed_json.ends_with(r#","place":{"number":1,"cluster":"beta","sbatch":{"mem":"2G"}}}"#));
        assert_eq!(Intent::parse(Path::new("b"), placed_json.as_bytes()).unwrap(), placed);
        assert_eq!((placed.cluster(), placed.option("mem")), (Some("beta"), Some("2G")));
        assert_eq!((intent.cluster(), intent.option("mem")), (None, Some("1G")));
        let newer = json.replace("1.0", "2.0");
        assert!(matches!(Intent::parse(Path::new("b"), newer.as_bytes()), Err(Error::Schema { .. })));
        assert!(Intent::parse(Path::new("b"), &json.as_bytes()[..40]).is_err());
    }
}
