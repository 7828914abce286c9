//! The trials of a spec as a stream, sbatch options filled in. Never more than one trial in memory, besides what
//! random draws must remember.

use sweep_core::error::Result;
use sweep_core::interpolate;
use sweep_core::trial::Trial;

use super::sbatch::Options;
use super::template::Template;

/// Trials in order, from index 0.
#[derive(Debug)]
pub struct Trials {
    inner: sweep_search::trials::Trials,
    /// The spec's options that a parameter is a part of.
    varying: Options,
}

impl Trials {
    pub(super) fn new(inner: sweep_search::trials::Trials, options: &Options) -> Self {
        Self { inner, varying: varying(options) }
    }
}

/// The spec's options that a parameter is a part of.
pub(super) fn varying(options: &Options) -> Options {
    let varying = options.iter().filter(|(_, text)| !Template::is_fixed(text));
    varying.map(|(name, text)| (name.clone(), text.clone())).collect()
}

/// A trial with sbatch options of its own, its values filled in.
pub(super) fn fill(varying: &Options, mut trial: Trial) -> Result<Trial> {
    let mut options = varying.clone();
    options.append(&mut trial.sbatch);
    for text in options.values_mut() {
        *text =
            interpolate::expand(text, |name| trial.params.get(name).map(|value| value.text().into_owned()))?;
    }
    trial.sbatch = options;
    Ok(trial)
}

impl Iterator for Trials {
    type Item = Result<Trial>;

    fn next(&mut self) -> Option<Self::Item> {
        let trial = self.inner.next()?;
        if self.varying.is_empty() && trial.sbatch.is_empty() {
            return Some(Ok(trial));
        }
        Some(fill(&self.varying, trial))
    }
}
