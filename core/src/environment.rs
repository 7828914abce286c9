//! The environment of a trial: every variable that the plugin, or `sweep exec` without it, gives a job. One
//! function makes it, so that a program sees the same wherever it runs.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::layout::{RecordName, SweepDir};
use crate::limits;
use crate::manifest::Manifest;
use crate::name::EnvNames;
use crate::params::Params;
use crate::trial::Trial;

/// The record's file name, set by the plugin for `sweep exec`.
pub const RECORD: &str = "SWEEP_RECORD";
/// Where sweeps are kept, the user's own setting.
pub const HOME: &str = "SWEEP_HOME";
/// Why a job has no trial.
pub const ERROR: &str = "SWEEP_ERROR";
/// The parameters as one JSON object.
pub const PARAMS: &str = "SWEEP_PARAMS";
/// The batch step's mark for the steps of its job, in a name that Slurm passes on under `--export=NONE`: which
/// trial the batch step records. Its form is the plugin's own.
pub const RECORD_OF_JOB: &str = "SLURM_SPANK_SWEEP_RECORD";
/// Every variable that a trial may have besides its parameters: what must go before those of another trial come.
pub const OURS: [&str; 21] = [
    "SWEEP_ID",
    "SWEEP_NAME",
    "SWEEP_DIR",
    "SWEEP_TRIAL",
    "SWEEP_TRIAL_INDEX",
    "SWEEP_TRIAL_NAME",
    "SWEEP_TRIAL_DIR",
    "SWEEP_ATTEMPT",
    "SWEEP_REPLICATE",
    "SWEEP_SEED",
    "SWEEP_BUDGET",
    "SWEEP_PARENT",
    "SWEEP_FOLDS",
    "SWEEP_REPETITIONS",
    "SWEEP_METRICS",
    "SWEEP_RESULT",
    "SWEEP_CHECKPOINT_IN",
    "SWEEP_CHECKPOINT_OUT",
    PARAMS,
    RECORD,
    ERROR,
];
/// The prefix of the variable by which an option reaches sbatch and srun through the environment, before the
/// option's name with `_` for `-`.
pub const OPTION_PREFIX: &str = "SLURM_SPANK__SLURM_SPANK_OPTION_sweep_";
/// The prefix of the variable that carries an option to the node.
pub const CARRIER_PREFIX: &str = "_SLURM_SPANK_OPTION_sweep_";

/// Whether a variable must not reach a submission made from inside a trial: it would make the new job a part of
/// the old one's trial.
#[must_use]
pub fn is_inherited_marker(name: &str) -> bool {
    let slurms = name.starts_with("SLURM_SPANK_") && name.to_ascii_uppercase().contains("SWEEP");
    let ours = name.starts_with("SWEEP_") && name != HOME;
    slurms || ours || name.starts_with(CARRIER_PREFIX) || name.starts_with("SPANK_SWEEP")
}

/// A trial in its sweep, as a job sees it.
#[derive(Clone, Copy, Debug)]
pub struct TrialContext<'a> {
    /// The sweep directory, absolute.
    pub dir: &'a SweepDir,
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// The trial.
    pub trial: &'a Trial,
    /// Which attempt this is.
    pub attempt: u32,
    /// The attempt's record, where one is kept in the trial's folder.
    pub record: Option<&'a RecordName>,
}

/// Every variable of a trial: its parameters with `overrides` over them, and what it is part of.
///
/// # Errors
/// [`Error::Name`], [`Error::Collision`] or [`Error::TooLarge`] for a trial that cannot be injected.
pub fn of_trial(context: &TrialContext<'_>, overrides: &Params) -> Result<Vec<(String, String)>> {
    let TrialContext { dir, manifest, trial, attempt, record } = *context;
    let mut params = trial.params.clone();
    for (name, value) in overrides.iter() {
        params.set(name, value.clone());
    }
    let mut variables = of_params(&manifest.env_names, &params)?;
    let folder = dir.trial(trial.index);
    let mut set = |name: &str, value: String| variables.push((name.to_owned(), value));
    let path = |path: &Path| -> Result<String> {
        let text = path.to_str().ok_or_else(|| Error::syntax(&path.to_string_lossy(), "a path in UTF-8"))?;
        Ok(text.to_owned())
    };
    set("SWEEP_ID", manifest.id.to_string());
    set("SWEEP_NAME", manifest.name.clone());
    set("SWEEP_DIR", path(dir.path())?);
    set("SWEEP_TRIAL", trial.index.label().to_string());
    set("SWEEP_TRIAL_INDEX", trial.index.0.to_string());
    set("SWEEP_TRIAL_DIR", path(folder.path())?);
    set("SWEEP_ATTEMPT", attempt.to_string());
    set("SWEEP_REPLICATE", trial.replicate.to_string());
    set("SWEEP_SEED", trial.seed.to_string());
    set("SWEEP_METRICS", path(&folder.metrics())?);
    set("SWEEP_RESULT", path(&folder.result())?);
    set("SWEEP_CHECKPOINT_OUT", path(&folder.checkpoint())?);
    if let Some(name) = &trial.name {
        set("SWEEP_TRIAL_NAME", name.clone());
    }
    if let Some(budget) = trial.budget {
        // Shells and `int` know no `27.0`; Rust writes a whole number without the point.
        set("SWEEP_BUDGET", budget.to_string());
    }
    if let Some(parent) = trial.parent {
        set("SWEEP_PARENT", parent.label().to_string());
        set("SWEEP_CHECKPOINT_IN", path(&dir.trial(parent).checkpoint())?);
    }
    if let Some(folds) = manifest.folds {
        set("SWEEP_FOLDS", folds.to_string());
    }
    if let Some(repetitions) = manifest.repetitions {
        set("SWEEP_REPETITIONS", repetitions.to_string());
    }
    if let Some(record) = record {
        set(RECORD, record.to_string());
    }
    check_total(&variables)?;
    Ok(variables)
}

/// The variables of parameters alone, with [`PARAMS`] after them.
///
/// # Errors
/// As [`of_trial`].
pub fn of_params(names: &EnvNames, params: &Params) -> Result<Vec<(String, String)>> {
    if params.len() > limits::VARIABLES {
        return Err(Error::TooLarge {
            what: "the number of variables".into(),
            len: params.len(),
            limit: limits::VARIABLES,
        });
    }
    names.check_collisions(params.iter().map(|(name, _)| name))?;
    let mut variables = Vec::with_capacity(params.len() + 20);
    for (name, value) in params.iter() {
        names.check(name)?;
        let text = value.text().into_owned();
        if text.contains('\0') {
            return Err(Error::syntax(&text, "a value without NUL"));
        }
        if text.len() > limits::VALUE_LEN {
            return Err(Error::TooLarge {
                what: format!("the value of `{name}`"),
                len: text.len(),
                limit: limits::VALUE_LEN,
            });
        }
        variables.push((names.variable(name), text));
    }
    let json = serde_json::to_string(params).expect("scalars always serialize");
    variables.push((PARAMS.to_owned(), json));
    check_total(&variables)?;
    Ok(variables)
}

fn check_total(variables: &[(String, String)]) -> Result<()> {
    let len = |(name, value): &(String, String)| name.len() + value.len() + 2;
    let total: usize = variables.iter().map(len).sum();
    let longest = variables.iter().map(len).max().unwrap_or(0);
    if longest >= limits::ENV_STRING_LEN || total > limits::ENVIRONMENT_LEN {
        return Err(Error::TooLarge {
            what: "the trial's environment".into(),
            len: total,
            limit: limits::ENVIRONMENT_LEN,
        });
    }
    Ok(())
}

/// The sweep directory that a job means: absolute as it is, relative to where it was submitted from.
///
/// # Errors
/// [`Error::Syntax`] for a relative path without an absolute `submit_dir`, control characters or a long text.
pub fn resolve_dir(given: &str, submit_dir: Option<&str>) -> Result<PathBuf> {
    if given.is_empty() || given.len() > limits::OPTION_LEN || given.chars().any(char::is_control) {
        return Err(Error::syntax(given, "the path of a sweep directory"));
    }
    // Collecting the components drops a trailing `/` or `/.`, which would hide that the last part is a symlink.
    let given_path: PathBuf = Path::new(given).components().collect();
    if given_path.is_absolute() {
        return Ok(given_path);
    }
    let absolute = submit_dir.map(Path::new).filter(|dir| dir.is_absolute());
    let base =
        absolute.ok_or_else(|| Error::syntax(given, "an absolute path, and where from is not known"))?;
    Ok(base.join(given_path))
}

/// The list of our variables.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TrialIndex;

    #[test]
    fn every_variable_of_a_trial_is_listed_as_ours() {
        let manifest = br#"{"schema":"1.0","id":"s","name":"s","created":"","spec_digest":"","method":"grid",
            "matrix":"full","seed":"s","command":{"shell":"true"},"workdir":".","replicates":1,"folds":2,
            "repetitions":3,"versions":{}}"#;
        let manifest = Manifest::parse(Path::new("m"), manifest).unwrap();
        let trial = Trial {
            index: TrialIndex(1),
            name: Some("n".into()),
            params: Params::new(),
            replicate: 0,
            budget: Some(1.0),
            parent: Some(TrialIndex(0)),
            bracket: None,
            rung: None,
            seed: 0,
            sbatch: Default::default(),
        };
        let record: RecordName = "record.7.1.jsonl".parse().unwrap();
        let dir = SweepDir::new("/s");
        let context =
            TrialContext { dir: &dir, manifest: &manifest, trial: &trial, attempt: 0, record: Some(&record) };
        let mut names: Vec<_> = of_trial(&context, &Params::new()).unwrap();
        names.push((ERROR.to_owned(), String::new()));
        let mut names: Vec<_> = names.into_iter().map(|(name, _)| name).collect();
        let mut ours = OURS.map(str::to_owned).to_vec();
        names.sort();
        ours.sort();
        assert_eq!(names, ours);
    }
}
