//! How many trials share one job, and what each has of it. Texts that a parameter decides stand here as they were
//! written: they are filled in where the trial runs, never here.

use serde::{Deserialize, Serialize};

/// What the spec says of jobs that run more than one trial, and of trials that run on more than one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packing {
    /// How many trials a job runs, one after the other or side by side; none is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials_per_job: Option<u32>,
    /// Most trials side by side in one allocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    /// How an agent starts a trial.
    #[serde(default, skip_serializing_if = "Launch::is_default")]
    pub launch: Launch,
    /// The CPUs of a trial, a number or `${name}`; none is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<String>,
    /// Its memory, as sbatch takes it; none does not count memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mem: Option<String>,
    /// Its GPUs; none is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<String>,
    /// How long an agent waits for the next trial of a search, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u32>,
    /// On how many nodes a trial's command is launched by srun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes_per_trial: Option<String>,
    /// Further options of that srun, or of the one that starts a step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub launch_args: Vec<String>,
}

impl Packing {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a trial's command is launched by srun, wherever the trial runs.
    #[must_use]
    pub fn launches(&self) -> bool {
        self.nodes_per_trial.is_some() || !self.launch_args.is_empty()
    }

    /// Most trials side by side in one job, as far as the spec says.
    #[must_use]
    pub fn side_by_side(&self, per_job: u32) -> u32 {
        self.slots.unwrap_or(per_job).min(per_job).max(1)
    }
}

/// How an agent starts a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Launch {
    /// As its own children on one node, as steps where the allocation has several.
    #[default]
    Auto,
    /// Each as a step of Slurm's, by srun.
    Step,
    /// Each as a child of the agent's.
    Direct,
}

impl Launch {
    /// All, by their words.
    pub const ALL: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("step", Self::Step), ("direct", Self::Direct)];

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What is said of packing.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_runs_no_more_side_by_side_than_it_has_trials() {
        let packing = |slots| Packing { slots, ..Packing::default() };
        assert_eq!([None, Some(2), Some(9)].map(|slots| packing(slots).side_by_side(4)), [4, 2, 4]);
        assert!(packing(None).is_default() && !packing(Some(1)).is_default());
    }

    #[test]
    fn what_says_nothing_is_written_as_nothing() {
        assert_eq!(serde_json::to_string(&Packing::default()).unwrap(), "{}");
    }
}
