//! The sweep that a spec begins with: it is found, waited for, and its best configurations are taken over. Never more
//! than once for a sweep: what was found stands in the manifest, and the other may be moved or deleted then.

use sweep_core::id::{SweepId, TrialLabel};
use sweep_core::layout::SweepDir;
use sweep_core::manifest::Manifest;
use sweep_core::params::Params;
use sweep_core::start::{PastTrial, Start};

use crate::driver::best;
use crate::driver::home::{self, Home};
use crate::driver::look::{Look, look};
use crate::driver::pace::Pace;
use crate::error::{Error, Result};
use crate::spec::{From, Past, Spec};

/// What is done about another sweep that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It is waited for.
    UntilItEnds,
    /// What it has so far is taken, and that is said.
    None,
}

/// Bytes that a start may have in the manifest, which the plugin reads whole.
const START_LEN: usize = 128 * 1024;

/// Most results that are taken over: more than a model is conditioned on say no more.
const PAST: usize = 400;

/// The spec with what it has from another sweep, where it names one. `notice` hears what is waited for and what does
/// not fit.
///
/// # Errors
/// Where there is no such sweep, or it has no result and never will; each with its place in the spec.
pub fn resolve(spec: Spec, home: &Home, patience: Patience, notice: &dyn Fn(&str)) -> Result<Spec> {
    let Some(from) = spec.from.clone() else { return Ok(spec) };
    let wrong = |message: String, hint: Option<&str>| {
        let errors = spec.mistake_in_from(message, hint.map(str::to_owned));
        Error::user(errors.to_string().trim_end())
    };
    let dir = find(&spec, &from, home).map_err(|error| {
        wrong(error.to_string(), Some("name a sweep, its id or its directory; `sweep list` shows them"))
    })?;
    let look = await_end(&dir, patience, notice)?;
    let id = look.manifest.id.clone();
    let Some(metric) = &look.manifest.metric else {
        return Err(wrong(
            format!("sweep `{id}` has no metric, so nobody knows its best"),
            Some("give its spec a `metric:` and run it again"),
        ));
    };
    let best: Vec<(TrialLabel, Params)> = best::configurations(&look.trials, metric)
        .into_iter()
        .take(from.top as usize)
        .map(|trial| (trial.trial.index.label(), trial.trial.params.clone()))
        .collect();
    if best.is_empty() {
        if !look.is_over() && patience == Patience::None {
            notice(&format!("sweep `{id}` has no result yet, so this is shown without its best"));
            return Ok(spec);
        }
        return Err(wrong(
            format!("sweep `{id}` has no completed trial with a metric"),
            Some("see why with `sweep status`, or name another sweep"),
        ));
    }
    let (mut start, notes) = spec.start(&id, &best, &from);
    if start.rows.is_empty() {
        return Err(wrong(
            format!("nothing of the best of sweep `{id}` fits the parameters of this spec"),
            Some("the parameters of both sweeps must have names in common"),
        ));
    }
    if len(&start) > START_LEN {
        let message = format!("the best of sweep `{id}` take more than {START_LEN} bytes");
        return Err(wrong(message, Some("take fewer with a smaller `top`")));
    }
    notes.iter().for_each(|note| notice(note));
    // What counts is decided by the ranges that are left.
    let cut = spec.clone().starting_from(&start);
    let cut = cut.map_err(|errors| Error::user(errors.to_string().trim_end()))?;
    start.past = past(&cut, &look, &start, notice);
    spec.starting_from(&start).map_err(|errors| Error::user(errors.to_string().trim_end()))
}

/// What the trials of another sweep tell this one's model, the best before the others: as many as have room.
fn past(spec: &Spec, look: &Look, start: &Start, notice: &dyn Fn(&str)) -> Vec<PastTrial> {
    let Some(metric) = look.manifest.metric.as_ref().filter(|_| spec.method.has_model()) else {
        return Vec::new();
    };
    let id = &look.manifest.id;
    let names: Vec<&str> = look.manifest.metrics().map(|metric| metric.name.as_str()).collect();
    if let Some(missing) = spec.metrics().find(|metric| !names.contains(&metric.name.as_str())) {
        let name = &missing.name;
        notice(&format!(
            "sweep `{id}` has no metric `{name}`: its best run first, its results do not count here"
        ));
        return Vec::new();
    }
    let ranked = best::ranked(&look.trials, metric);
    let trials: Vec<_> =
        ranked.iter().map(|trial| (&trial.trial, trial.values().take(names.len()).collect())).collect();
    let Past { of, mut trials } = spec.past_of(&names, &trials);
    let counting = trials.len();
    trials.truncate(PAST);
    while len(&Start { past: trials.clone(), ..start.clone() }) > START_LEN {
        trials.truncate(trials.len() / 2);
    }
    // The model hears of them as of trials that ran: in the order in which they did.
    trials.sort_by_key(|trial| trial.trial.0);
    notice(&format!(
        "{} of {of} results of sweep `{id}` count here{}",
        trials.len(),
        match (of - counting, counting - trials.len()) {
            (0, 0) => String::new(),
            (outside, 0) => format!("; {outside} are of configurations that this space does not have"),
            (0, more) => format!("; {more} that are worse have no room"),
            (outside, more) => format!(
                "; {outside} are of configurations that this space does not have, {more} that are worse have no room"
            ),
        }
    ));
    trials
}

/// Bytes of a start in the manifest.
fn len(start: &Start) -> usize {
    serde_json::to_vec(start).map_or(0, |json| json.len())
}

/// The sweep's own spec, with what its manifest says it has from another.
///
/// # Errors
/// For a manifest that is not of this spec.
pub fn of_manifest(spec: Spec, manifest: &Manifest) -> Result<Spec> {
    match &manifest.start {
        Some(start) => spec.starting_from(start).map_err(|errors| Error::user(errors.to_string())),
        None => Ok(spec),
    }
}

/// A directory beside the spec, the newest sweep of that name, or what else a person may mean by it.
fn find(spec: &Spec, from: &From, home: &Home) -> Result<SweepDir> {
    let beside = SweepDir::new(spec.folder.join(&from.sweep));
    if beside.manifest().is_file() {
        return home::absolute(&beside);
    }
    let named = |id: &SweepId| {
        let rest = id.as_str().strip_prefix(from.sweep.as_str()).and_then(|rest| rest.strip_prefix('-'));
        // `-yyyymmdd-hhmmss-aaaa` and no more: `fine` is not the name of `fine-tune-…`.
        rest.is_some_and(|rest| rest.len() == "yyyymmdd-hhmmss-aaaa".len()) && id.time().is_some()
    };
    if let Some(id) = home.sweeps()?.into_iter().find(named) {
        return home::absolute(&SweepDir::complete(home.path(), &id));
    }
    home.find(Some(&from.sweep))
}

/// Looks until nothing will change any more, where that is wanted.
fn await_end(dir: &SweepDir, patience: Patience, notice: &dyn Fn(&str)) -> Result<Look> {
    let mut pace = Pace::default();
    let mut is_said = false;
    loop {
        let seen = look(dir)?;
        if seen.is_over() {
            return Ok(seen);
        }
        let id = &seen.manifest.id;
        if patience == Patience::None {
            notice(&format!("sweep `{id}` has not ended: this is what its best so far give"));
            return Ok(seen);
        }
        if !is_said {
            notice(&format!("waiting for sweep `{id}` to end, whose best this one begins with"));
            is_said = true;
        }
        let states: Vec<_> = seen.trials.iter().map(|trial| trial.status.state).collect();
        std::thread::sleep(pace.after(states));
    }
}
