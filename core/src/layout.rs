//! Every path of a sweep directory, in one place. Nobody else joins a file's name to a sweep's directory.

use std::path::{Path, PathBuf};

use crate::id::{BatchNumber, JobName, SweepId, TrialIndex};

/// The folder that holds a project's sweeps, beside the spec.
pub const SWEEPS: &str = ".sweeps";
/// The folder of a sweep that holds its frozen sources.
pub const SOURCE: &str = "source";
/// The file of a sweep in which looks remember trials that ended.
pub const LOOKED: &str = "looked.idx";
/// The link to the newest sweep, for people only.
pub const LATEST: &str = "latest";

/// A sweep directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepDir(PathBuf);

impl SweepDir {
    /// The directory at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where a sweep is built before it is complete: `.<id>.new`.
    #[must_use]
    pub fn unfinished(home: &Path, id: &SweepId) -> Self {
        Self(home.join(format!(".{id}.new")))
    }

    /// Where a sweep is while it is removed: `.<id>.removed`.
    #[must_use]
    pub fn leaving(home: &Path, id: &SweepId) -> Self {
        Self(home.join(format!(".{id}.removed")))
    }

    /// Where a complete sweep is.
    #[must_use]
    pub fn complete(home: &Path, id: &SweepId) -> Self {
        Self(home.join(id.as_str()))
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `sweep.json`, what was asked.
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.0.join("sweep.json")
    }

    /// `sweep.yaml`, the user's spec.
    #[must_use]
    pub fn spec(&self) -> PathBuf {
        self.0.join("sweep.yaml")
    }

    /// `base.yaml`, the base configuration that the spec names, byte for byte.
    #[must_use]
    pub fn base(&self) -> PathBuf {
        self.0.join("base.yaml")
    }

    /// `job.sh`, the batch script of every job.
    #[must_use]
    pub fn job_script(&self) -> PathBuf {
        self.0.join("job.sh")
    }

    /// `drive.sh`, the batch script of the job that drives a sweep.
    #[must_use]
    pub fn drive_script(&self) -> PathBuf {
        self.0.join("drive.sh")
    }

    /// What the jobs that drove the sweep said.
    #[must_use]
    pub fn driver_log(&self) -> PathBuf {
        self.0.join("driver.log")
    }

    /// Touched by every trial that ends, so that a driver need not ask Slurm to know.
    #[must_use]
    pub fn wake(&self) -> PathBuf {
        self.0.join("wake")
    }

    /// The files of the spec's folder that were frozen for the sweep.
    #[must_use]
    pub fn source(&self) -> PathBuf {
        self.0.join(SOURCE)
    }

    /// `trials.jsonl`, a line a trial.
    #[must_use]
    pub fn trials(&self) -> PathBuf {
        self.0.join("trials.jsonl")
    }

    /// `trials.idx`, where each line is.
    #[must_use]
    pub fn index(&self) -> PathBuf {
        self.0.join("trials.idx")
    }

    /// The folder of batches.
    #[must_use]
    pub fn batches(&self) -> PathBuf {
        self.0.join("batches")
    }

    /// The intent of one sbatch call.
    #[must_use]
    pub fn batch(&self, batch: BatchNumber) -> PathBuf {
        self.batches().join(format!("{batch}.json"))
    }

    /// The trials of a batch by array task, where they are not consecutive.
    #[must_use]
    pub fn map(&self, batch: BatchNumber) -> PathBuf {
        self.batches().join(format!("{batch}.map"))
    }

    /// Why a task of a batch could not start.
    #[must_use]
    pub fn task_error(&self, batch: BatchNumber, task: u32) -> PathBuf {
        self.batches().join(format!("{batch}.{task}.err"))
    }

    /// The folder of what drivers did.
    #[must_use]
    pub fn events_folder(&self) -> PathBuf {
        self.0.join("events")
    }

    /// What the holder of a fence did and learned.
    #[must_use]
    pub fn events(&self, fence: u64) -> PathBuf {
        self.events_folder().join(format!("{fence}.jsonl"))
    }

    /// The folder of leases.
    #[must_use]
    pub fn leases(&self) -> PathBuf {
        self.0.join("lease")
    }

    /// The lease of a fence.
    #[must_use]
    pub fn lease(&self, fence: u64) -> PathBuf {
        self.leases().join(format!("{fence}.json"))
    }

    /// The folder of what Slurm was asked, a file a machine.
    #[must_use]
    pub fn calls_folder(&self) -> PathBuf {
        self.0.join("calls")
    }

    /// What Slurm was asked from a machine.
    #[must_use]
    pub fn calls(&self, host: &str) -> PathBuf {
        self.calls_folder().join(format!("{host}.json"))
    }

    /// The folder of what people asked for.
    #[must_use]
    pub fn requests(&self) -> PathBuf {
        self.0.join("requests")
    }

    /// Present once the sweep is stopped, with the reason.
    #[must_use]
    pub fn stopped(&self) -> PathBuf {
        self.0.join("stopped")
    }

    /// The best configuration so far.
    #[must_use]
    pub fn best(&self) -> PathBuf {
        self.0.join("best.json")
    }

    /// What looks remember of trials that ended. A cache: it may be removed at any time.
    #[must_use]
    pub fn looked(&self) -> PathBuf {
        self.0.join(LOOKED)
    }

    /// The folder of trials' folders.
    #[must_use]
    pub fn trials_folder(&self) -> PathBuf {
        self.0.join("trials")
    }

    /// One trial's folder.
    #[must_use]
    pub fn trial(&self, index: TrialIndex) -> TrialDir {
        TrialDir(self.trials_folder().join(index.label().to_string()))
    }

    /// The folders and files that a complete sweep has from the start, folders only.
    #[must_use]
    pub fn folders(&self) -> [PathBuf; 5] {
        [self.batches(), self.events_folder(), self.leases(), self.requests(), self.trials_folder()]
    }
}

/// One trial's folder; it is made when the trial starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialDir(PathBuf);

impl TrialDir {
    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The parameters as a JSON file for programs.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.0.join("config.json")
    }

    /// What the trial reports, a JSON object a line.
    #[must_use]
    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
    }

    /// One number, for programs that write no more.
    #[must_use]
    pub fn result(&self) -> PathBuf {
        self.0.join("result")
    }

    /// What the program printed, attempt after attempt.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.0.join("out.log")
    }

    /// Present once the trial must not start.
    #[must_use]
    pub fn veto(&self) -> PathBuf {
        self.0.join("veto")
    }

    /// Where the trial leaves its checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> PathBuf {
        self.0.join("checkpoint")
    }

    /// The record of one attempt.
    #[must_use]
    pub fn record(&self, name: &RecordName) -> PathBuf {
        self.0.join(name.to_string())
    }

    /// The claim that a batch's job holds on the trial.
    #[must_use]
    pub fn claim(&self, batch: BatchNumber) -> PathBuf {
        self.0.join(claim_name(batch))
    }

    /// Where a claim is written before it is linked to its name.
    #[must_use]
    pub fn private_claim(&self, batch: BatchNumber, who: &str, pid: u32) -> PathBuf {
        self.0.join(format!(".claim.{batch}.{who}.{pid}"))
    }
}

/// `claim.<batch>`.
#[must_use]
pub fn claim_name(batch: BatchNumber) -> String {
    format!("claim.{batch}")
}

/// The batch of a claim's file name.
#[must_use]
pub fn claim_of(name: &str) -> Option<BatchNumber> {
    let number = name.strip_prefix("claim.")?;
    let batch: u32 = number.parse().ok()?;
    (batch.to_string() == number).then_some(BatchNumber(batch))
}

/// A record's file name, `record.<job>.<start>.jsonl`, with the start in nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordName {
    /// What ran the attempt.
    pub job: JobName,
    /// When it started; two attempts of one job differ in it.
    pub start_ns: u64,
}

impl std::fmt::Display for RecordName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "record.{}.{}.jsonl", self.job, self.start_ns)
    }
}

impl std::str::FromStr for RecordName {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || crate::Error::syntax(text, "a record's file name");
        let inner = text.strip_prefix("record.").and_then(|t| t.strip_suffix(".jsonl")).ok_or_else(wrong)?;
        let (job, start) = inner.rsplit_once('.').ok_or_else(wrong)?;
        let start_ns: u64 = start.parse().map_err(|_| wrong())?;
        if start_ns.to_string() != start {
            return Err(wrong());
        }
        Ok(Self { job: job.parse()?, start_ns })
    }
}

/// Names that are paths.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_name_reads_back() {
        for text in ["record.123.1700000000000000000.jsonl", "record.node.a:1:2.5.jsonl"] {
            assert_eq!(text.parse::<RecordName>().unwrap().to_string(), text);
        }
        for text in ["record.123.jsonl", "record.123.01.jsonl", "record.a/b.1.jsonl", "x", "record..1.jsonl"]
        {
            assert!(text.parse::<RecordName>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_plain_claim_names_count() {
        assert_eq!(claim_of("claim.7"), Some(BatchNumber(7)));
        assert_eq!(claim_of("claim.07"), None);
        assert_eq!(claim_of(".claim.7.1.2"), None);
    }
}
