//! The trial's variables in the job's environment, or the reason why there are none. A job has all of them or none:
//! what an outer trial left behind goes first.

use sweep_core::attempt;
use sweep_core::environment::{self, TrialContext};
use sweep_core::layout::RecordName;
use sweep_core::name::EnvNames;

use crate::ffi::Spank;
use crate::log;
use crate::options::{Opt, Options};
use crate::step::Resolved;

/// Longest `SWEEP_ERROR`, in bytes.
const ERROR_LEN: usize = 1024;

/// Which attempt the variables say that this is.
#[derive(Debug)]
pub struct Counted {
    /// How many came before.
    pub attempt: u32,
    /// Its record.
    pub record: Option<RecordName>,
}

impl Counted {
    /// The newest attempt of a job.
    pub fn newest_of(resolved: &Resolved, job: &sweep_core::id::JobName) -> Self {
        let Some(found) = &resolved.found else { return Self { attempt: 0, record: None } };
        let own = found.records.iter().map(|seen| &seen.name).filter(|name| name.job == *job);
        let record = own.max_by_key(|name| name.start_ns).cloned();
        let number = |record| attempt::number(Some(record), &found.records, &found.claims);
        Self { attempt: record.as_ref().map_or(0, number), record }
    }
}

/// Sets every variable of the trial.
///
/// # Errors
/// Why a variable cannot be set, as a text for people.
pub fn inject(
    spank: &Spank,
    options: &Options,
    resolved: &Resolved,
    counted: &Counted,
) -> Result<(), String> {
    let set = &resolved.asked.set;
    let variables = match (&resolved.found, &resolved.asked.dir) {
        (Some(found), Some(dir)) => {
            let Counted { attempt, record } = counted;
            let context = TrialContext {
                dir,
                manifest: &found.manifest,
                trial: &found.trial,
                attempt: *attempt,
                record: record.as_ref(),
            };
            environment::of_trial(&context, set)
        }
        _ => environment::of_params(&EnvNames::AsIs, set),
    };
    let variables = variables.map_err(|error| log::causes(&error))?;
    clear(spank);
    for (name, value) in &variables {
        if !spank.set_variable(name, value) {
            return Err(format!("Slurm does not take the variable `{name}` of {} bytes", value.len()));
        }
    }
    // A relative directory means another one to an sbatch inside the job, which inherits the option.
    if let (Some(dir), Some(given)) = (&resolved.asked.dir, options.text(Opt::Dir))
        && let Some(absolute) = dir.path().to_str()
        && absolute != given
    {
        spank.set_variable(&Opt::Dir.variable(), absolute);
    }
    Ok(())
}

/// Leaves the reason in place of the variables.
pub fn refuse(spank: &Spank, reason: &str) {
    clear(spank);
    let mut reason = sweep_core::error::printable(reason, ERROR_LEN);
    while reason.len() > ERROR_LEN {
        reason.pop();
    }
    spank.set_variable(environment::ERROR, &reason);
}

fn clear(spank: &Spank) {
    environment::OURS.iter().for_each(|name| spank.remove_variable(name));
}
