//! The report of `sweep status`: each trial's state, hpc-compose's buckets, the best trial. Its JSON is a format
//! of ours: fields are added, never changed.

use std::collections::BTreeMap;

use serde::Serialize;
use sweep_core::id::{SweepId, TrialIndex, TrialLabel};
use sweep_core::layout::SweepDir;
use sweep_core::manifest::Manifest;
use sweep_core::params::Params;
use sweep_core::record::Kind;
use sweep_core::state::{Bucket, TrialState};

use crate::driver::look::{Look, TrialLook};
use crate::driver::submit::Waiting;
use crate::driver::{best, budget, target};
use crate::report::failure::Failure;
use crate::report::grid::{self, Bracket};
use crate::report::progress::{self, Failures, TimeLeft};

/// The version of every JSON report of this release.
pub const SCHEMA_VERSION: u32 = 1;

/// The status of a sweep.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The report's version.
    pub schema_version: u32,
    /// The sweep.
    pub sweep_id: SweepId,
    /// What was asked.
    pub manifest: Manifest,
    /// The strategy.
    pub method: String,
    /// How the space was expanded.
    pub matrix: String,
    /// What draws depended on.
    pub seed: String,
    /// Why the sweep was stopped, where it was.
    pub stopped: Option<String>,
    /// Why Slurm's word is missing, where it is.
    pub slurm_unanswered: Option<String>,
    /// Who drives the search: a job, or a process of this machine.
    pub driver: Option<String>,
    /// Whether the search is done, where the sweep has one that must be driven.
    pub finished: bool,
    /// Whether a trial is at the metric's `target`.
    pub target_reached: bool,
    /// What is not in the queue yet because a limit of Slurm's stands in the way.
    pub waiting: Option<Waiting>,
    /// Node-hours of all attempts that ended.
    pub node_hours: f64,
    /// What was spent of the budget, where the spec names one.
    pub spent: Option<budget::Account>,
    /// How long the trials that have not ended will take, where that can be told.
    pub time_left: Option<TimeLeft>,
    /// How many trials are in each of hpc-compose's buckets.
    pub summary: BTreeMap<Bucket, u32>,
    /// How many trials are in each state; states without any are left out.
    pub states: BTreeMap<TrialState, u32>,
    /// The best trial so far, where the spec names a metric.
    pub best: Option<TrialLabel>,
    /// The trials that no other is better than in every metric, where the spec names several.
    pub pareto: Vec<TrialLabel>,
    /// The completed trials with a metric, the best first; those of a larger budget before all of a smaller one.
    #[serde(skip)]
    pub ranking: Vec<TrialLabel>,
    /// A letter a trial by bracket and rung, and the best of each bracket.
    pub brackets: Vec<Bracket>,
    /// The failures by their kind, the most frequent first.
    pub failures: Vec<Failures>,
    /// The failure to begin with, where somebody looked at what it printed.
    pub failure: Option<Failure>,
    /// Every trial in order.
    pub trials: Vec<TrialStatus>,
}

/// The status of a trial.
#[derive(Debug, Serialize)]
pub struct TrialStatus {
    /// Its label.
    pub trial: TrialLabel,
    /// Its index.
    pub index: TrialIndex,
    /// The user's name for it.
    pub name: Option<String>,
    /// Its values.
    pub params: Params,
    /// Which repetition of its configuration.
    pub replicate: u32,
    /// What a multi-fidelity method gave it to spend.
    pub budget: Option<f64>,
    /// Its bracket, deme or member, where the method has such.
    pub bracket: Option<u32>,
    /// Its rung or generation.
    pub rung: Option<u32>,
    /// The trial that it goes on from.
    pub parent: Option<TrialLabel>,
    /// Its newest attempt, from 0.
    pub attempt: u32,
    /// Its job, as Slurm's commands take it.
    pub job_id: Option<String>,
    /// The cluster that has the job, where it was given to one by name or its record names it: two clusters count their
    /// jobs alike.
    pub cluster: Option<String>,
    /// Where it stands.
    pub state: TrialState,
    /// hpc-compose's bucket.
    pub bucket: Bucket,
    /// The record of its newest attempt, from the sweep directory.
    pub record_path: Option<String>,
    /// The metric, where it was reported.
    pub metric: Option<f64>,
    /// Every metric of the spec by its name.
    pub metrics: BTreeMap<String, Option<f64>>,
    /// Its Pareto front where the spec names several metrics: 0 for those in [`Status::pareto`], 1 for the best of the
    /// others, and so on.
    pub front: Option<usize>,
    /// The exit code of its newest attempt.
    pub exit: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// How long its newest attempt took.
    pub elapsed_s: Option<f64>,
    /// Where it ran.
    pub node: Option<String>,
    /// Why an executor refused it.
    pub refusal: Option<String>,
    /// Why a task of it could not start, in its newest batch.
    pub task_error: Option<String>,
}

impl Status {
    /// The report of a look.
    #[must_use]
    pub fn of(look: Look) -> Self {
        let best =
            best::of(&look.trials, look.manifest.metric.as_ref()).map(|trial| trial.trial.index.label());
        let fronts = best::fronts(&look.trials, &look.manifest);
        let target_reached = target::reached(&look).is_some();
        let node_hours = budget::node_hours(&look);
        let (spent, time_left) = (budget::account(&look), progress::time_left(&look));
        let ranked = |metric| best::ranked(&look.trials, metric);
        let ranked = look.manifest.metric.as_ref().map(ranked).unwrap_or_default();
        let ranking: Vec<TrialLabel> = ranked.iter().map(|trial| trial.trial.index.label()).collect();
        let mut summary: BTreeMap<Bucket, u32> = Bucket::ALL.into_iter().map(|bucket| (bucket, 0)).collect();
        let mut states: BTreeMap<TrialState, u32> = BTreeMap::new();
        for trial in &look.trials {
            *summary.entry(trial.status.bucket).or_default() += 1;
            *states.entry(trial.status.state).or_default() += 1;
        }
        let waiting_trials = look.waiting();
        let full = look.full.filter(|_| waiting_trials > 0);
        let waiting = full.map(|full| Waiting { trials: waiting_trials, why: full.error });
        let manifest = look.manifest;
        let of_trial = |(trial, front)| TrialStatus::of(trial, front, &manifest);
        let trials: Vec<TrialStatus> = look.trials.into_iter().zip(fronts).map(of_trial).collect();
        let pareto = trials.iter().filter(|trial| trial.front == Some(0)).map(|trial| trial.trial).collect();
        Self {
            schema_version: SCHEMA_VERSION,
            sweep_id: manifest.id.clone(),
            method: manifest.method.clone(),
            matrix: manifest.matrix.clone(),
            seed: manifest.seed.clone(),
            stopped: look.stopped.map(|stopped| stopped.reason),
            slurm_unanswered: look.unanswered.map(|error| error.to_string()),
            driver: look.driver,
            finished: look.finished,
            waiting,
            node_hours,
            spent,
            time_left,
            brackets: grid::of(&trials, &ranking, &manifest.method),
            failures: progress::failures(&trials),
            failure: None,
            ranking,
            summary,
            states,
            best,
            pareto,
            trials,
            manifest,
            target_reached,
        }
    }

    /// Adds the failure to begin with; `reference` is how a person named the sweep, with a blank before it.
    #[must_use]
    pub fn with_failure(mut self, dir: &SweepDir, reference: &str) -> Self {
        self.failure = Failure::of(dir, &self, reference);
        self
    }

    /// How many trials are in a bucket.
    #[must_use]
    pub fn count(&self, bucket: Bucket) -> u32 {
        self.summary.get(&bucket).copied().unwrap_or(0)
    }

    /// Whether its jobs are on clusters that the spec names.
    #[must_use]
    pub fn names_clusters(&self) -> bool {
        self.manifest.spread.as_ref().is_some_and(|spread| !spread.clusters().is_empty())
    }

    /// A trial by its label.
    #[must_use]
    pub fn trial(&self, label: TrialLabel) -> Option<&TrialStatus> {
        self.trials.get(label.0.0 as usize)
    }

    /// The best trial.
    #[must_use]
    pub fn best_trial(&self) -> Option<&TrialStatus> {
        self.trial(self.best?)
    }

    /// Whether no trial will change by itself.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let over = |state: &TrialState| state.is_final() || *state == TrialState::Planned;
        (self.finished || self.stopped.is_some()) && self.waiting.is_none() && self.states.keys().all(over)
    }

    /// The exit code of `status --check`: 0 all completed, 4 some failed, 5 still running.
    #[must_use]
    pub fn check_code(&self) -> u8 {
        if (!self.finished || self.waiting.is_some()) && self.stopped.is_none() {
            return 5;
        }
        if self.manifest.driven && self.stopped.is_some() && self.is_over() {
            // What was stopped because it has what it was after did all that it was to do.
            return if self.target_reached { 0 } else { 4 };
        }
        let total = self.trials.len();
        if self.count(Bucket::Completed) as usize == total {
            return 0;
        }
        let open = self.count(Bucket::Running) + self.count(Bucket::Pending);
        // Trials that nobody submitted are not waited for where something else went wrong: whoever polls would
        // poll for ever.
        let failed =
            self.stopped.is_some() || self.count(Bucket::Failed) + self.count(Bucket::SubmitFailed) > 0;
        if open > 0 && !(self.is_over() && failed) { 5 } else { 4 }
    }
}

impl TrialStatus {
    fn of(look: TrialLook, front: Option<usize>, manifest: &Manifest) -> Self {
        let metrics = manifest.metrics().map(|metric| metric.name.clone()).zip(look.values()).collect();
        let TrialLook { trial, status, job, record, refusal, task_error, metric, cluster, .. } = look;
        let record_path = record.as_ref().map(|(name, _)| format!("trials/{}/{name}", trial.index.label()));
        let newest = record.and_then(|(_, mut records)| {
            let end = records.iter().position(|record| record.kind == Kind::End);
            (!records.is_empty()).then(|| records.swap_remove(end.unwrap_or(0)))
        });
        let newest = newest.as_ref();
        Self {
            trial: trial.index.label(),
            index: trial.index,
            name: trial.name,
            params: trial.params,
            replicate: trial.replicate,
            budget: trial.budget,
            bracket: trial.bracket,
            rung: trial.rung,
            parent: trial.parent.map(TrialIndex::label),
            attempt: status.attempt,
            job_id: job,
            cluster: cluster.or_else(|| newest.and_then(|record| record.cluster.clone())),
            state: status.state,
            bucket: status.bucket,
            record_path,
            metric,
            metrics,
            front,
            exit: newest.and_then(|record| record.exit),
            signal: newest.and_then(|record| record.signal),
            elapsed_s: newest.and_then(|record| record.elapsed_s),
            node: newest.map(|record| record.node.clone()),
            refusal,
            task_error,
        }
    }
}
