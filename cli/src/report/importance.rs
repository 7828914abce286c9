//! The report of `sweep importance`: which parameters mattered for a metric. It never mixes budgets: what a trial
//! reported after one epoch says nothing about those that had a hundred.

use serde::Serialize;
use sweep_core::id::SweepId;
use sweep_core::layout::SweepDir;
use sweep_core::manifest::{Goal, Manifest};
use sweep_core::state::TrialState;
use sweep_search::Space;
use sweep_search::importance::{self, Better, Depth, Method, Study};

use crate::driver::look::{Look, TrialLook};
use crate::driver::search::read_spec;
use crate::error::{Error, Result};
use crate::report::status::SCHEMA_VERSION;

/// Which parameters mattered.
#[derive(Debug, Serialize)]
pub struct Mattered {
    /// The report's version.
    pub schema_version: u32,
    /// The sweep.
    pub sweep_id: SweepId,
    /// The metric that they mattered for.
    pub metric: String,
    /// Whether less or more of it is better.
    pub goal: Goal,
    /// The budget of the trials that were looked at, where trials have one.
    pub budget: Option<f64>,
    /// Completed trials of other budgets, which were not.
    pub other_budgets: usize,
    /// What was found.
    #[serde(flatten)]
    pub found: importance::Importance,
}

/// Trials of one budget that say more than those of a smaller one: so many, and so many a parameter.
const ENOUGH: usize = 20;
const ENOUGH_A_PARAMETER: usize = 2;

impl Mattered {
    /// The importance of every parameter for a metric, the first of the spec where none is named.
    ///
    /// # Errors
    /// Where the spec names no metric, or not this one.
    pub fn of(
        dir: &SweepDir,
        look: &Look,
        metric: Option<&str>,
        method: Method,
        depth: Depth,
    ) -> Result<Self> {
        let (place, metric) = named(&look.manifest, metric)?;
        // Of a sweep whose spec this build cannot read, parameters are judged on the range that they were seen on.
        let space = read_spec(dir).map_or_else(|_| Space::default(), |spec| spec.space);
        let completed: Vec<&TrialLook> =
            look.trials.iter().filter(|trial| trial.status.state == TrialState::Completed).collect();
        let budget = judged_budget(&completed);
        let trials: Vec<_> = completed.iter().copied().filter(|trial| trial.trial.budget == budget).collect();
        let found = Judging::of(&space, &trials, place, metric.1).by(method, depth);
        Ok(Self {
            schema_version: SCHEMA_VERSION,
            sweep_id: look.manifest.id.clone(),
            metric: metric.0,
            goal: metric.1,
            budget,
            other_budgets: completed.len() - trials.len(),
            found,
        })
    }
}

/// Trials of one budget, and what is better of the metric that parameters are judged by.
pub(super) struct Judging {
    study: Study,
    better: Better,
}

impl Judging {
    /// `place` is that of the metric among those of the spec.
    pub(super) fn of(space: &Space, trials: &[&TrialLook], place: usize, goal: Goal) -> Self {
        let told = trials.iter().map(|trial| (&trial.trial.params, trial.values().nth(place).flatten()));
        let better = match goal {
            Goal::Minimize => Better::Low,
            Goal::Maximize => Better::High,
        };
        Self { study: Study::new(space, told), better }
    }

    /// What a method says of every parameter.
    pub(super) fn by(&self, method: Method, depth: Depth) -> importance::Importance {
        importance::judge(&self.study, method, self.better, depth)
    }
}

/// The place of a metric among those of the spec, its name and its goal.
fn named(manifest: &Manifest, wanted: Option<&str>) -> Result<(usize, (String, Goal))> {
    let mut metrics = manifest.metrics().enumerate();
    let found = metrics.find(|(_, metric)| wanted.is_none_or(|wanted| metric.name == wanted));
    let found = found.map(|(place, metric)| (place, (metric.name.clone(), metric.goal)));
    found.ok_or_else(|| {
        let names: Vec<&str> = manifest.metrics().map(|metric| metric.name.as_str()).collect();
        match wanted {
            Some(wanted) if !names.is_empty() => {
                Error::user(format!("sweep `{}` has no metric `{wanted}`", manifest.id))
                    .hint(format!("it has {}", names.join(", ")))
            }
            _ => Error::user(format!("the spec of sweep `{}` names no metric", manifest.id))
                .hint("say `metric: {name: loss, goal: minimize}` in the spec: what matters is judged by it"),
        }
    })
}

/// The budget of the trials that parameters are judged by: the largest that enough trials had; else the one that most
/// had. None where the method gives none.
pub(super) fn judged_budget(trials: &[&TrialLook]) -> Option<f64> {
    let mut budgets: Vec<f64> = trials.iter().filter_map(|trial| trial.trial.budget).collect();
    budgets.sort_by(f64::total_cmp);
    let runs: Vec<&[f64]> = budgets.chunk_by(|a, b| a == b).collect();
    let parameters = trials.iter().map(|trial| trial.trial.params.len()).max().unwrap_or(0);
    let least = ENOUGH.max(ENOUGH_A_PARAMETER * parameters);
    let enough = runs.iter().rev().find(|run| run.len() >= least);
    let most = || runs.iter().rev().max_by_key(|run| run.len());
    enough.or_else(most).and_then(|run| run.first().copied())
}
