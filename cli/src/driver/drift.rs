//! Drift: a spec that no longer gives the trials of the sweep that was made from it. Finds the first difference and
//! changes nothing.

use std::path::Path;

use sweep_core::layout::SweepDir;
use sweep_core::manifest::Manifest;
use sweep_core::trial::Trial;

use crate::driver::look::read_trials;
use crate::driver::start;
use crate::error::{Error, Result};
use crate::spec::Spec;

/// Checks that a spec gives the trials of a sweep.
///
/// # Errors
/// The first difference, or everything that is wrong with the spec.
pub fn check(dir: &SweepDir, spec_path: &Path) -> Result<()> {
    let manifest = sweep_core::find::manifest(dir)?;
    let spec = Spec::load(spec_path).map_err(|errors| Error::user(errors.to_string()))?;
    if spec.digest == manifest.spec_digest {
        return Ok(());
    }
    let drift = |detail: String| {
        Error::user(format!(
            "{} has changed since sweep `{}` was made: {detail}",
            spec_path.display(),
            manifest.id
        ))
        .hint("leave --spec out to go on with the sweep as it was made, or submit the spec as a new sweep")
    };
    if let Some(difference) = around_trials(&spec, &manifest) {
        return Err(drift(difference));
    }
    let spec = start::of_manifest(spec, &manifest)?;
    let count = sweep_core::find::count(dir)?;
    let mut planned = spec.trials(manifest.id.as_str()).map_err(|error| Error::user(error.to_string()))?;
    for made in read_trials(dir, count)? {
        let made = made?;
        let label = made.index.label();
        let planned = planned.next().ok_or_else(|| drift(format!("it has no {label} any more")))??;
        if let Some(difference) = difference(&made, &planned) {
            return Err(drift(format!("in {label}, {difference}")));
        }
    }
    match planned.next() {
        Some(trial) => Err(drift(format!("it has {} more", trial?.index.label()))),
        None => Ok(()),
    }
}

/// The first difference of what a spec says besides its trials.
#[must_use]
pub fn around_trials(spec: &Spec, manifest: &Manifest) -> Option<String> {
    let differs = [
        ("command", spec.command != manifest.command),
        ("setup", spec.setup != manifest.setup),
        ("env", spec.env != manifest.env),
        ("env_names", spec.env_names != manifest.env_names),
        ("metric", spec.metric != manifest.metric || spec.objectives != manifest.objectives),
        ("method", spec.method.as_str() != manifest.method),
    ];
    let first = differs.into_iter().find(|(_, differs)| *differs)?.0;
    Some(format!("its `{first}` is another"))
}

fn difference(made: &Trial, planned: &Trial) -> Option<String> {
    for (name, value) in made.params.iter() {
        match planned.params.get(name) {
            None => return Some(format!("`{name}` is gone")),
            Some(now) if now.text() != value.text() => {
                return Some(format!("`{name}` was {value} and is {now}"));
            }
            Some(_) => {}
        }
    }
    if let Some((name, _)) = planned.params.iter().find(|(name, _)| made.params.get(name).is_none()) {
        return Some(format!("`{name}` is new"));
    }
    (made.sbatch != planned.sbatch).then(|| "its sbatch options are others".into())
}
