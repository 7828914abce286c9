//! Running trials again, or for the first time after all: a new batch for trials whose old one is at an end. A trial
//! that is given to a new batch is first withdrawn from the old one, so that no job of the old one can start it.

use std::collections::BTreeMap;
use std::fs;

use sweep_core::batch::{Executor, Intent};
use sweep_core::claim::{Claim, Holder};
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::schema;

use crate::driver::batches::{Groups, Options, Shape};
use crate::driver::journal::Journal;
use crate::driver::look::{Batches, Look, TrialLook};
use crate::driver::submit::{Submission, Taken};
use crate::error::{At, Error, Kind, Result};
use crate::spec::Spec;

/// How the trials of a new batch are submitted: as those of their old one were.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    local: bool,
    extra: Vec<String>,
}

/// Submits trials in new batches. Trials that never were in one take their options from the sweep's copy of the spec.
///
/// # Errors
/// What the executor said, those of the file system, or where another driver took over.
pub fn submit(
    dir: &SweepDir,
    look: &Look,
    trials: &[TrialIndex],
    journal: &mut Journal<'_>,
    submission: &Submission<'_>,
    shape: Shape,
) -> Result<Vec<Taken>> {
    let batches = Batches::read(dir)?;
    let spec = read_spec(dir)?;
    let mut ways: BTreeMap<Way, Groups> = BTreeMap::new();
    for &index in trials {
        let trial = look.trials.get(index.0 as usize).ok_or_else(|| unknown(index))?;
        let old = trial.batch.and_then(|number| batches.intent(number));
        let (way, options) = match old {
            Some(intent) => {
                withdraw(dir, index, intent)?;
                let way = Way { local: intent.executor == Executor::Local, extra: intent.extra.clone() };
                (way, intent.sbatch.clone())
            }
            None => {
                // The options of a trial that was never submitted are those of its sweep.
                let local = submission.executor == Executor::Local;
                (Way { local, extra: submission.extra.to_vec() }, options(&spec, trial))
            }
        };
        ways.entry(way).or_default().add(index, &options);
    }
    let mut taken = Vec::new();
    for (way, groups) in ways {
        let executor = if way.local { Executor::Local } else { Executor::Slurm };
        let shape = if way.local { Shape::Whole } else { shape };
        let first_batch = Batches::read(dir)?.next_number();
        let submission = Submission { executor, extra: &way.extra, first_batch, ..submission.clone() };
        // With a concurrency the new arrays wait for the newest old one, so that the sweep's limit holds over all.
        let after = look.manifest.concurrency.and_then(|_| batches.newest_job());
        let list = groups.batches(shape, look.manifest.concurrency);
        taken.extend(submission.submit_after(journal, &list, after)?);
    }
    Ok(taken)
}

/// The sweep's own copy of its spec.
fn read_spec(dir: &SweepDir) -> Result<Spec> {
    let path = dir.spec();
    let bytes = fs::read(&path).at("read", &path)?;
    Spec::parse(&path, bytes).map_err(|errors| Error::user(errors.to_string()))
}

fn options(spec: &Spec, trial: &TrialLook) -> Options {
    spec.sbatch_of(&trial.trial)
}

/// Links a claim "withdrawn" for a trial's old batch. A job that holds the claim already has ended: only trials at an
/// end are given to a new batch.
fn withdraw(dir: &SweepDir, index: TrialIndex, old: &Intent) -> Result<()> {
    let folder = dir.trial(index);
    fs::create_dir_all(folder.path()).at("make", folder.path())?;
    let claim = Claim { schema: schema::CURRENT, token: old.token.clone(), holder: Holder::Withdrawn };
    crate::task::claim::link(&folder, &claim, "driver").map(drop).map_err(|error| error.of_kind(Kind::World))
}

fn unknown(index: TrialIndex) -> Error {
    Error::user(format!("there is no trial {}", index.label()))
}
