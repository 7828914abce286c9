//! The report of `sweep report`: all that a page says of some sweeps, tables made and plots' data in columns. Never
//! HTML: how it looks is the page's own business.

mod column;
mod course;
mod curves;
mod failures;
mod groups;
mod influence;
mod record;
mod rungs;

use serde::Serialize;
use sweep_core::id::TrialLabel;
use sweep_core::layout::SweepDir;
use sweep_core::state::{Bucket, TrialState};

use crate::driver::look::{Look, look};
use crate::driver::search::read_spec;
use crate::error::{At, Result};
use crate::report::status::{SCHEMA_VERSION, Status};

pub use column::{Column, Kind, Role};
pub use course::{Course, Improvement};
pub use curves::{Along, Curves};
pub use failures::Failure;
pub use groups::Group;
pub use influence::{Influence, Influences};
pub use rungs::Rung;

/// Trials that the table of the best names.
const BEST: usize = 10;

/// A page.
#[derive(Debug, Serialize)]
pub struct Page {
    /// The report's version.
    pub schema_version: u32,
    /// When it was made, RFC 3339 in UTC.
    pub made: String,
    /// Which release made it.
    pub version: &'static str,
    /// The sweeps, in the order that they were asked for.
    pub sweeps: Vec<Sheet>,
}

/// What a page says of one sweep.
#[derive(Debug, Serialize)]
pub struct Sheet {
    /// Its id.
    pub id: String,
    /// The spec's `name`.
    pub name: String,
    /// What the user says about it.
    pub description: Option<String>,
    /// How it stands, in a word: running, done, stopped, waiting.
    pub standing: &'static str,
    /// Why it was stopped, where it was.
    pub stopped: Option<String>,
    /// Why Slurm's word is missing, where it is.
    pub unanswered: Option<String>,
    /// The strategy.
    pub method: String,
    /// When it was made, RFC 3339 in UTC.
    pub created: String,
    /// How many trials it has.
    pub trials: usize,
    /// How many are in each state, those without any left out.
    pub states: Vec<StateCount>,
    /// From its making to the last end, in seconds.
    pub wall_s: Option<f64>,
    /// Node-hours of all attempts that ended.
    pub node_hours: f64,
    /// What it may spend of them.
    pub node_hours_most: Option<f64>,
    /// The metrics, the one that the search goes by first.
    pub metrics: Vec<MetricOf>,
    /// The best trials, the best first.
    pub best: Vec<Top>,
    /// The trials that no other is better than in every metric, where there are several.
    pub front: Vec<Top>,
    /// Best so far.
    pub course: Course,
    /// What became of each rung, where the method has such.
    pub rungs: Vec<Rung>,
    /// What parameters have to do with the metric.
    pub influences: Influences,
    /// The metric by the values of each parameter.
    pub groups: Vec<Group>,
    /// What failed and why, the most frequent first.
    pub failures: Vec<Failure>,
    /// The user's file.
    pub spec: String,
    /// How it was run, by name.
    pub record: Vec<(&'static str, String)>,
    /// A column for each metric, parameter and fact, a row a trial.
    pub columns: Vec<Column>,
    /// What trials reported on their way.
    pub curves: Option<Curves>,
}

/// A metric of the spec.
#[derive(Debug, Serialize)]
pub struct MetricOf {
    /// Its name.
    pub name: String,
    /// `minimize` or `maximize`.
    pub goal: &'static str,
}

/// How many trials are in a state.
#[derive(Debug, Serialize)]
pub struct StateCount {
    /// The state.
    pub state: TrialState,
    /// Its bucket.
    pub bucket: Bucket,
    /// How many.
    pub count: u32,
}

/// A trial of a short table, with its values as its program got them.
#[derive(Debug, Serialize)]
pub struct Top {
    /// Which.
    pub trial: TrialLabel,
    /// Its metrics, in the order of [`Sheet::metrics`].
    pub metrics: Vec<Option<f64>>,
    /// Its budget, where the method gives one.
    pub budget: Option<f64>,
    /// Its parameters.
    pub params: Vec<(String, String)>,
}

impl Page {
    /// Looks at sweeps and gathers what a page says of them.
    ///
    /// # Errors
    /// Where a sweep cannot be read.
    pub fn of(dirs: &[SweepDir], made: String) -> Result<Self> {
        let sweeps = dirs.iter().map(Sheet::of).collect::<Result<_>>()?;
        Ok(Self { schema_version: SCHEMA_VERSION, made, version: env!("CARGO_PKG_VERSION"), sweeps })
    }
}

impl Sheet {
    fn of(dir: &SweepDir) -> Result<Self> {
        let look = look(dir)?;
        let spec_path = dir.spec();
        let spec = std::fs::read(&spec_path).at("read", &spec_path)?;
        // A page of an old sweep does without what only its spec says, should this release not read it any more.
        let read = read_spec(dir).ok();
        let course = Course::of(&look);
        let influences = Influences::of(&look, read.as_ref(), &course);
        let curves = Curves::read(dir, &look);
        let failures = failures::of(dir, &look);
        let rungs = rungs::of(&look);
        let record = record::of(&look);
        let wall_s = wall_s(&look);
        let (best, front) = (tops(&look), front(&look));
        let ends = course::ends(&look);
        let status = Status::of(look);
        let columns = column::of(&status, read.as_ref(), &ends);
        Ok(Self {
            id: status.sweep_id.to_string(),
            name: status.manifest.name.clone(),
            description: read.as_ref().and_then(|spec| spec.description.clone()),
            standing: standing(&status),
            stopped: status.stopped.clone(),
            unanswered: status.slurm_unanswered.clone(),
            method: status.method.clone(),
            created: status.manifest.created.clone(),
            trials: status.trials.len(),
            states: states(&status),
            wall_s,
            node_hours: status.node_hours,
            node_hours_most: status.manifest.driving.budget.and_then(|budget| budget.node_hours),
            metrics: status.manifest.metrics().map(MetricOf::of).collect(),
            best,
            front,
            influences,
            groups: groups::of(&columns, &course.judged),
            course,
            rungs,
            failures,
            spec: String::from_utf8_lossy(&spec).into_owned(),
            record,
            columns,
            curves,
        })
    }
}

impl MetricOf {
    fn of(metric: &sweep_core::manifest::Metric) -> Self {
        let goal = match metric.goal {
            sweep_core::manifest::Goal::Minimize => "minimize",
            sweep_core::manifest::Goal::Maximize => "maximize",
        };
        Self { name: metric.name.clone(), goal }
    }
}

fn standing(status: &Status) -> &'static str {
    let over = status.is_over();
    match (&status.stopped, over) {
        (Some(_), true) => "stopped",
        (Some(_), false) => "stopping",
        (None, true) if status.count(Bucket::Pending) == 0 || status.manifest.driven => "done",
        (None, _) if status.count(Bucket::Running) > 0 => "running",
        (None, _) => "waiting",
    }
}

fn states(status: &Status) -> Vec<StateCount> {
    let bucket = |state| {
        let like = status.trials.iter().find(|trial| trial.state == state);
        like.map_or(Bucket::Unknown, |trial| trial.bucket)
    };
    let counted =
        status.states.iter().map(|(&state, &count)| StateCount { state, bucket: bucket(state), count });
    counted.collect()
}

/// From a sweep's making to the last end of a trial.
fn wall_s(look: &Look) -> Option<f64> {
    let last = look.trials.iter().filter_map(|trial| trial.end().map(|end| end.time_ns)).max()?;
    course::since_s(look, last)
}

fn tops(look: &Look) -> Vec<Top> {
    let Some(metric) = &look.manifest.metric else { return Vec::new() };
    crate::driver::best::ranked(&look.trials, metric).into_iter().take(BEST).map(Top::of).collect()
}

/// The front by the first metric.
fn front(look: &Look) -> Vec<Top> {
    let mut front = crate::driver::best::front(&look.trials, &look.manifest);
    let goal = look.manifest.metric.as_ref().map(|metric| metric.goal).unwrap_or_default();
    front.sort_by(|a, b| goal.order(a.metric, b.metric));
    front.into_iter().map(Top::of).collect()
}

impl Top {
    fn of(look: &crate::driver::look::TrialLook) -> Self {
        let params = look.trial.params.iter();
        Self {
            trial: look.trial.index.label(),
            metrics: std::iter::once(look.metric).chain(look.others.iter().copied()).collect(),
            budget: look.trial.budget,
            params: params.map(|(name, value)| (name.to_owned(), value.text().into_owned())).collect(),
        }
    }
}
