//! Adding to a sweep that is there: more trials, new values by a spec that has more of them, another concurrency.
//! Nothing that is there is taken away or changed.

use std::collections::HashMap;
use std::path::Path;

use sweep_core::batch::Executor;
use sweep_core::event::Event;
use sweep_core::id::{TrialIndex, TrialLabel};
use sweep_core::layout::SweepDir;
use sweep_core::manifest::Manifest;
use sweep_core::trial::Trial;

use crate::driver::batches::Shape;
use crate::driver::drive::Driver;
use crate::driver::look::{Batches, Look, look};
use crate::driver::search::{limit_of, read_spec};
use crate::driver::spread::shares;
use crate::driver::{drift, start, successor, table};
use crate::error::{Error, Result};
use crate::executor::slurm;
use crate::spec::Spec;
use crate::task::now_ns;

/// What is to be added.
#[derive(Clone, Debug, Default)]
pub struct More<'a> {
    /// So many configurations more.
    pub trials: Option<u64>,
    /// The trials of this spec that the sweep does not have.
    pub spec: Option<&'a Path>,
    /// So many trials at once from now on.
    pub concurrency: Option<u32>,
    /// Most trials that may be added.
    pub guard: u64,
}

/// What was added.
#[derive(Debug, Default)]
pub struct Extended {
    /// Trials that are in the table and submitted now.
    pub trials: Vec<TrialLabel>,
    /// Their jobs.
    pub jobs: Vec<String>,
    /// How many configurations the search of a driven sweep may have from now on.
    pub limit: Option<u64>,
    /// What could not be changed any more, in a person's words.
    pub notes: Vec<String>,
}

/// Extends a sweep. `notice` hears what is waited for.
///
/// # Errors
/// Where there is nothing that could be added, a spec takes something away, or the executor refuses.
pub fn extend(dir: &SweepDir, more: &More<'_>, notice: &dyn Fn(&str)) -> Result<Extended> {
    // A refusal must come before anything is taken over.
    let seen = look(dir)?;
    new_trials(dir, &seen, more)?;
    check_parts(&seen, more)?;
    let driver = Driver::take(dir, notice)?;
    let mut journal = driver.journal()?;
    driver.settle(&mut journal, notice)?;
    let mut look = look(dir)?;
    let New { trials, limit } = new_trials(dir, &look, more)?;
    let mut extended = Extended { limit: limit.filter(|_| look.manifest.driven), ..Extended::default() };
    table::append(dir, &journal, &trials)?;
    let event = Event::Extended { trials: limit, concurrency: more.concurrency, time_ns: now_ns() };
    journal.append(&event)?;
    if let Some(concurrency) = more.concurrency {
        look.manifest.concurrency = Some(concurrency);
        extended.notes = throttle(dir, concurrency, &look.manifest)?;
    }
    let indexes: Vec<TrialIndex> = trials.iter().map(|trial| trial.index).collect();
    extended.trials = indexes.iter().map(|index| index.label()).collect();
    look.add(trials);
    let given = driver.submit(&mut journal, &look, &indexes, &|| successor::ensure(dir, notice), notice)?;
    extended.jobs = given.jobs();
    extended.notes.extend(given.waiting.map(|waiting| waiting.to_string()));
    Ok(extended)
}

/// That each place that has jobs has its part of the new concurrency.
fn check_parts(look: &Look, more: &More<'_>) -> Result<()> {
    let (Some(spread), Some(concurrency), false) =
        (&look.manifest.spread, more.concurrency, look.manifest.driven)
    else {
        return Ok(());
    };
    let shape = Shape::of_slurm(false, &look.manifest.packing, u32::MAX);
    let shares = shares(spread, shape.at_once(concurrency));
    let given = look.batches.given();
    let part = |number: &u32| shares.get(*number as usize).copied().unwrap_or_default();
    if given.keys().all(|number| part(number) > 0) {
        return Ok(());
    }
    Err(Error::user(format!("a concurrency of {concurrency} leaves nothing for a place that has trials"))
        .hint(format!("each of the places needs its part by weight; they are {}", given.len())))
}

/// The trials that are to be added, and the new limit of configurations.
struct New {
    trials: Vec<Trial>,
    limit: Option<u64>,
}

fn new_trials(dir: &SweepDir, look: &Look, more: &More<'_>) -> Result<New> {
    let manifest = &look.manifest;
    let own = start::of_manifest(read_spec(dir)?, manifest)?;
    let spec = match more.spec {
        None => own.clone(),
        Some(path) => changed(path, look)?,
    };
    let before = limit_of(&own, &look.events);
    let limit = match more.trials {
        None => spec.limit.max(before),
        Some(added) => {
            let before = before.or(spec.limit).ok_or_else(|| {
                Error::user(format!("a {} search has no number of trials that could grow", manifest.method))
                    .hint("add values to a copy of the spec and say `--spec COPY`")
            })?;
            Some(before.saturating_add(added))
        }
    };
    let grows = more.trials.is_some() || more.spec.is_some();
    if manifest.driven || !grows {
        if more.spec.is_some() {
            return Err(Error::user("the search of this sweep proposes its trials by itself")
                .hint("say --trials or --concurrency, or submit the spec as a new sweep"));
        }
        return Ok(New { trials: Vec::new(), limit: limit.filter(|_| grows) });
    }
    let mut known: HashMap<(String, u32), u32> = HashMap::new();
    for trial in &look.trials {
        *known.entry((trial.trial.params.config_key(), trial.trial.replicate)).or_default() += 1;
    }
    let spec = Spec { limit, ..spec };
    let mut trials = Vec::new();
    let user = |error: sweep_search::Error| Error::user(error.to_string());
    for trial in spec.trials(&manifest.seed).map_err(user)? {
        let trial = trial?;
        match known.get_mut(&(trial.params.config_key(), trial.replicate)) {
            Some(count) if *count > 0 => *count -= 1,
            _ => {
                if trials.len() as u64 >= more.guard {
                    return Err(Error::user(format!("more than {} trials would be added", more.guard))
                        .hint("say --max-trials N if so many are meant"));
                }
                let next = look.trials.len() + trials.len();
                let index = TrialIndex(u32::try_from(next).unwrap_or(u32::MAX));
                trials.push(Trial { index, ..trial });
            }
        }
    }
    let gone = look.trials.iter().find(|trial| {
        known.get(&(trial.trial.params.config_key(), trial.trial.replicate)).is_some_and(|count| *count > 0)
    });
    if let (Some(gone), Some(path)) = (gone, more.spec) {
        let text = format!(
            "{} has no {} any more ({})",
            path.display(),
            gone.trial.index.label(),
            gone.trial.params.config_key()
        );
        return Err(Error::user(text).hint("`sweep extend` only adds; submit another search as a new sweep"));
    }
    Ok(New { trials, limit })
}

/// A spec that may differ from the sweep's in its space, its number of trials and its concurrency alone.
fn changed(path: &Path, look: &Look) -> Result<Spec> {
    let spec = Spec::load(path).map_err(|errors| Error::user(errors.to_string()))?;
    if let Some(difference) = drift::around_trials(&spec, &look.manifest) {
        return Err(Error::user(format!("in {}, {difference}", path.display()))
            .hint("`sweep extend` only adds trials; submit another search as a new sweep"));
    }
    start::of_manifest(spec, &look.manifest)
}

/// Lets arrays that are in the queue run so many tasks at once. What cannot be changed is said.
fn throttle(dir: &SweepDir, concurrency: u32, manifest: &Manifest) -> Result<Vec<String>> {
    let Manifest { packing, driven, spread, .. } = manifest;
    if *driven {
        return Ok(Vec::new());
    }
    let batches = Batches::read(dir)?;
    let mut notes = Vec::new();
    let shape = Shape::of_slurm(false, packing, u32::MAX);
    let shares = spread.as_ref().map(|spread| shares(spread, shape.at_once(concurrency)));
    for taken in batches.jobs() {
        match (taken.executor, taken.job.parse::<u32>()) {
            (Executor::Slurm, Ok(job)) => {
                let share = shares.as_ref().zip(taken.place.as_ref());
                let share = share.and_then(|(shares, place)| shares.get(place.number as usize));
                // 0 would be no limit at all.
                let jobs = share.copied().unwrap_or_else(|| shape.at_once(concurrency)).max(1);
                slurm::throttle(taken.cluster(), job, jobs)?;
            }
            (Executor::Agent, _) => {}
            (_, _) => {
                let job = taken.job;
                notes.push(format!("{job} runs on this machine and keeps its number of trials at once"));
            }
        }
    }
    Ok(notes)
}
