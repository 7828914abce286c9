//! The report of `sweep top`: the best trials, of the sweep or of each bracket. Its order is that of `best.json`: trials
//! of a larger budget before all of a smaller one. With several metrics the Pareto front comes first, then what is best
//! without it.

use std::collections::BTreeMap;

use serde::Serialize;
use sweep_core::id::{SweepId, TrialIndex, TrialLabel};
use sweep_core::manifest::Goal;
use sweep_core::params::Params;

use crate::error::{Error, Result};
use crate::report::status::{SCHEMA_VERSION, Status, TrialStatus};

/// The best trials.
#[derive(Debug, Serialize)]
pub struct Top {
    /// The report's version.
    pub schema_version: u32,
    /// The sweep.
    pub sweep_id: SweepId,
    /// The method, which says what brackets are called.
    pub method: String,
    /// By which metric.
    pub metric: String,
    /// Which way is better.
    pub goal: Goal,
    /// Every metric of the spec, that one first.
    pub objectives: Vec<String>,
    /// How many trials completed with a metric.
    pub ranked: usize,
    /// All of them as one group, or a group a bracket.
    pub groups: Vec<Group>,
}

/// The best of a bracket, or of all.
#[derive(Debug, Serialize)]
pub struct Group {
    /// The bracket; none where the group is not of one.
    pub bracket: Option<u32>,
    /// The best first.
    pub trials: Vec<Ranked>,
}

/// A trial with its place.
#[derive(Clone, Debug, Serialize)]
pub struct Ranked {
    /// Its place, from 1.
    pub rank: usize,
    /// Its label.
    pub trial: TrialLabel,
    /// Its index.
    pub index: TrialIndex,
    /// The user's name for it.
    pub name: Option<String>,
    /// The metric.
    pub metric: Option<f64>,
    /// Its Pareto front where the spec names several metrics, 0 for the best.
    pub front: Option<usize>,
    /// Every metric of the spec.
    pub metrics: BTreeMap<String, Option<f64>>,
    /// What it spent.
    pub budget: Option<f64>,
    /// Its rung.
    pub rung: Option<u32>,
    /// Its values.
    pub params: Params,
}

impl Top {
    /// The `most` best trials, of each bracket where they are grouped so.
    ///
    /// # Errors
    /// Where the spec names no metric.
    pub fn of(status: &Status, most: usize, grouping: Grouping) -> Result<Self> {
        let Some(metric) = &status.manifest.metric else {
            return Err(Error::user(format!("the spec of `{}` names no metric", status.sweep_id))
                .hint("nobody knows which trial is the best; `sweep status --all` lists them"));
        };
        let mut groups: BTreeMap<Option<u32>, Vec<Ranked>> = BTreeMap::new();
        let mut ranking: Vec<&TrialStatus> =
            status.ranking.iter().filter_map(|label| status.trial(*label)).collect();
        // Within a front by the first metric, as all were before.
        ranking.sort_by_key(|trial| trial.front.unwrap_or(usize::MAX));
        for trial in ranking {
            let bracket = trial.bracket.filter(|_| grouping == Grouping::Brackets);
            let group = groups.entry(bracket).or_default();
            if group.len() < most {
                group.push(Ranked::of(trial, group.len() + 1));
            }
        }
        Ok(Self {
            schema_version: SCHEMA_VERSION,
            sweep_id: status.sweep_id.clone(),
            method: status.method.clone(),
            metric: metric.name.clone(),
            goal: metric.goal,
            objectives: status.manifest.metrics().map(|metric| metric.name.clone()).collect(),
            ranked: status.ranking.len(),
            groups: groups.into_iter().map(|(bracket, trials)| Group { bracket, trials }).collect(),
        })
    }
}

/// How the best are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// Not at all.
    Whole,
    /// By bracket, deme or member.
    Brackets,
}

impl Ranked {
    fn of(trial: &TrialStatus, rank: usize) -> Self {
        Self {
            rank,
            trial: trial.trial,
            index: trial.index,
            name: trial.name.clone(),
            metric: trial.metric,
            front: trial.front,
            metrics: trial.metrics.clone(),
            budget: trial.budget,
            rung: trial.rung,
            params: trial.params.clone(),
        }
    }
}
