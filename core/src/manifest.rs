//! `sweep.json`: what was asked, written once when the sweep is made and never changed. What happens afterwards
//! stands in events and records.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::batch::Executor;
use crate::error::{Error, Result};
use crate::id::SweepId;
use crate::name::EnvNames;
use crate::packing::Packing;
use crate::schema::{self, Schema};
use crate::spread::Spread;
use crate::start::Start;
use crate::state::TrialState;

/// The manifest of a sweep.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The file's version.
    pub schema: Schema,
    /// The sweep's id.
    pub id: SweepId,
    /// The spec's `name`.
    pub name: String,
    /// When it was made, RFC 3339 in UTC.
    pub created: String,
    /// SHA-256 of `sweep.yaml`, in hexadecimal.
    pub spec_digest: String,
    /// The strategy, by its word in the spec.
    pub method: String,
    /// hpc-compose's word for how the space was expanded: `full`, `random` or `explicit`.
    pub matrix: String,
    /// What draws depend on; without one in the spec, the id.
    pub seed: String,
    /// What is reported and which way is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
    /// What is reported besides: a search by several metrics minimizes the first, and all are ranked together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<Metric>,
    /// What it has from another sweep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// What a trial runs; none where the user's own batch scripts do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// Shell lines before it, in the same shell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<String>,
    /// Where it runs: relative to the sweep directory where that is inside the spec's, so that both may be moved
    /// together, else absolute.
    pub workdir: String,
    /// Variables besides the parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// How parameters' names become variables.
    #[serde(default)]
    pub env_names: EnvNames,
    /// Most trials at once; none is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// How often each configuration runs.
    pub replicates: u32,
    /// Which ends are tried again without anybody's asking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,
    /// Whether trials depend on what others reported, so that somebody must drive the sweep until it is done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub driven: bool,
    /// What its jobs do besides running the command.
    #[serde(default, skip_serializing_if = "Around::is_default")]
    pub around: Around,
    /// How it is driven.
    #[serde(default, skip_serializing_if = "Driving::is_default")]
    pub driving: Driving,
    /// How many trials share a job, and what each has of it.
    #[serde(default, skip_serializing_if = "Packing::is_default")]
    pub packing: Packing,
    /// The places where they run, where those are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// How many combinations the space has, where it is finite (a decimal number: it may pass 2^64).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub combinations: Option<String>,
    /// Cross-validation folds, passed to the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<u32>,
    /// Repetitions, passed to the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetitions: Option<u32>,
    /// How its trials are submitted; none where only its directory was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<Submission>,
    /// What made it, by name, such as `sweep` and `slurm`.
    pub versions: BTreeMap<String, String>,
    /// The commit that held the spec, where it was in a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
}

/// How trials are submitted, so that whoever goes on after a crash submits them as was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    /// What runs them.
    pub executor: Executor,
    /// One job a trial instead of arrays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub individual: bool,
    /// sbatch options that were given behind `--`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<String>,
    /// Where the jobs are that drive it, of a sweep that is spread over clusters: the one that it was submitted from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
}

/// Which ends are tried again without anybody's asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// Most further attempts of a trial, Slurm's own requeues among them.
    pub max: u32,
    /// The ends.
    pub on: Vec<TrialState>,
}

impl Retries {
    /// Those of a driven sweep whose spec says nothing: ends that are not the program's own doing would take a
    /// configuration out of the search.
    #[must_use]
    pub fn of_no_fault() -> Self {
        Self { max: 3, on: vec![TrialState::NodeFail, TrialState::Preempted] }
    }

    /// Whether a trial that stands so, after so many attempts before this one, is tried again.
    #[must_use]
    pub fn is_due(&self, state: TrialState, attempt: u32) -> bool {
        attempt < self.max && self.on.contains(&state)
    }
}

/// What a job does besides running the command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Around {
    /// Files that are rendered into the trial's folder before the command: name there, and template in `workdir`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub templates: BTreeMap<String, String>,
    /// Whether the trial's checkpoint folder is made for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checkpoint: bool,
    /// Of how many of the best trials checkpoints are kept when the search is done; none keeps all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_checkpoints: Option<u32>,
    /// The signal after which a trial that ends is requeued, unless it said that it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requeue_on: Option<String>,
    /// Shell lines that run when the command has ended, whatever its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
}

impl Around {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a sweep is driven.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Driving {
    /// What the sweep may spend; past it nothing is submitted and what runs is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Whether the first configuration runs alone, and the others only once it has completed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canary: bool,
    /// How many trials may fail alike before the sweep is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<u32>,
    /// How long a trial that ended well may take to show its metric, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_wait_s: Option<u32>,
    /// How long a trial that was told to stop may take to obey before its job is cancelled, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_s: Option<u32>,
    /// sbatch options of the job that drives the sweep.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub driver: BTreeMap<String, String>,
    /// The price of a node-hour by partition; `default` is that of every other.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rates: BTreeMap<String, f64>,
    /// Who is told of its moments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
}

/// A command that is told of moments of the sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notify {
    /// What is run, with the moment as JSON on its standard input.
    pub command: Command,
    /// Of which moments.
    pub on: Vec<Moment>,
    /// How long it may take, in seconds.
    pub limit_s: u32,
    /// At which share of the budget that is near its end.
    pub budget_share: f64,
}

/// A moment of a sweep that somebody may want to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Trials have ended for good.
    TrialEnded,
    /// The first trial has failed.
    FirstFailure,
    /// There is a new best trial.
    NewBest,
    /// Most of the budget is spent.
    BudgetNear,
    /// The search is done, or the sweep was stopped.
    SweepDone,
}

impl Moment {
    /// Every moment.
    pub const ALL: [Self; 5] =
        [Self::TrialEnded, Self::FirstFailure, Self::NewBest, Self::BudgetNear, Self::SweepDone];

    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TrialEnded => "trial_ended",
            Self::FirstFailure => "first_failure",
            Self::NewBest => "new_best",
            Self::BudgetNear => "budget_near",
            Self::SweepDone => "sweep_done",
        }
    }
}

impl Driving {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What a sweep may spend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Node-hours of its trials, all attempts counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_hours: Option<f64>,
    /// Hours since it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<f64>,
    /// The price of its trials by `rates`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
}

/// What is reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its key in what a trial reports.
    pub name: String,
    /// Which way is better.
    pub goal: Goal,
    /// The keys that it is the weighted sum of; none where it is reported itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, f64>,
    /// Where it is read when the command has ended; none where the trial reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Source>,
    /// The value at which the sweep is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
}

/// Where a metric is read that the trial does not report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// In its output.
    Output {
        /// A regular expression; its first group, or all of it, is the number.
        pattern: String,
        /// Which of several matches.
        #[serde(default)]
        take: Take,
    },
    /// In a JSON file of its own.
    Json {
        /// The file, in `workdir`.
        path: String,
        /// Keys and places in lists, with dots between them.
        field: String,
    },
}

/// Which of several matches counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// The last.
    #[default]
    Last,
    /// The best.
    Best,
    /// The first.
    First,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// Less is better.
    #[default]
    Minimize,
    /// More is better.
    Maximize,
}

/// What a trial runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// A program and its arguments; no shell comes near them.
    Argv(Vec<String>),
    /// A text for the shell.
    Shell(String),
}

impl Manifest {
    /// Every metric, the one that the search goes by first.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.metric.iter().chain(&self.objectives)
    }

    /// Reads a manifest's bytes.
    ///
    /// # Errors
    /// [`Error::Schema`] before anything else is looked at, then [`Error::Damaged`].
    pub fn parse(path: &Path, json: &[u8]) -> Result<Self> {
        schema::check_json(path, json)?;
        serde_json::from_slice(json)
            .map_err(|e| Error::Damaged { path: path.to_owned(), detail: e.to_string() })
    }
}
