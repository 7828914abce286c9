//! In sbatch, salloc and srun, as the user: each option is checked as it is read, so that a bad trial never becomes
//! a job. Nothing here is trusted later: the node checks everything again.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use sweep_core::layout::SweepDir;
use sweep_core::params::Params;
use sweep_core::selector::Selector;
use sweep_core::{assignment, environment, error::printable, find};

use crate::ffi::{self, Context, Spank};
use crate::options::{Given, Opt};
use crate::{Hook, log};

/// Longest text of dropped values in a warning.
const DROPPED_LEN: usize = 200;

/// What is known so far. Slurm calls once for each occurrence of an option: script, environment, command line.
#[derive(Debug, Default)]
struct Known {
    dir: Option<SweepDir>,
    selector: Option<Selector>,
    set: Option<Params>,
}

static KNOWN: Mutex<Known> = Mutex::new(Known { dir: None, selector: None, set: None });

/// Runs a hook of sbatch, salloc or srun.
pub fn hook(hook: Hook, spank: &Spank) {
    match hook {
        Hook::Init => Opt::ALL.into_iter().for_each(|opt| spank.register(opt)),
        Hook::InitPostOpt => {
            let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
            if known.selector.is_some() && known.dir.is_none() {
                ffi::tell_user(
                    "sweep: warning: --sweep-trial without --sweep-dir: the job will have no trial",
                );
            }
        }
        Hook::UserInit | Hook::TaskInit | Hook::TaskPostFork | Hook::TaskExit => {}
    }
    #[cfg(feature = "faults")]
    if hook == Hook::Init {
        *FAULTS.lock().unwrap_or_else(PoisonError::into_inner) =
            crate::config::Config::parse(spank.words()).faults;
    }
    #[cfg(feature = "faults")]
    if FAULTS.lock().unwrap_or_else(PoisonError::into_inner).contains(&crate::faults::Fault::Panic(hook)) {
        panic!("a panic was asked for");
    }
}

#[cfg(feature = "faults")]
static FAULTS: Mutex<Vec<crate::faults::Fault>> = Mutex::new(Vec::new());

/// Checks an option's text; the user has been told why where it may not stand.
pub fn option_given(opt: Opt, bytes: &[u8]) -> bool {
    if is_inherited(opt, bytes) {
        return true;
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    match check(&mut known, opt, bytes) {
        Ok(()) => true,
        Err(refusal) => {
            ffi::error(&format!("sweep: {}", refusal.message));
            if let Some(hint) = refusal.hint {
                ffi::error(&format!("sweep: hint: {hint}"));
            }
            false
        }
    }
}

struct Refusal {
    message: String,
    hint: Option<String>,
}

impl From<sweep_core::Error> for Refusal {
    fn from(error: sweep_core::Error) -> Self {
        Self { message: printable(&log::causes(&error), 1000), hint: error.hint() }
    }
}

fn check(known: &mut Known, opt: Opt, bytes: &[u8]) -> Result<(), Refusal> {
    let text = match Given::of_bytes(opt, bytes) {
        Given::Text(text) => text,
        Given::Refused(message) => return Err(Refusal { message, hint: None }),
    };
    match opt {
        Opt::Dir => known.dir = Some(SweepDir::new(resolve(&text)?)),
        Opt::Trial => known.selector = Some(text.parse()?),
        Opt::Set => {
            let params = assignment::parse(&text)?;
            if let Some(dropped) = known.set.as_ref().and_then(|old| dropped(old, &params)) {
                ffi::tell_user(&format!(
                    "sweep: warning: --sweep-set is given twice and the last one counts; dropped: {dropped}"
                ));
            }
            known.set = Some(params);
        }
    }
    match (&known.dir, opt) {
        (Some(dir), Opt::Dir | Opt::Trial) => Ok(find::check_reference(dir, known.selector)?),
        _ => Ok(()),
    }
}

/// What an earlier `--sweep-set` had that the later one has not, or has otherwise.
fn dropped(old: &Params, new: &Params) -> Option<String> {
    let gone: Vec<String> = old
        .iter()
        .filter(|(name, value)| new.get(name).is_none_or(|other| other.text() != value.text()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    (!gone.is_empty()).then(|| printable(&gone.join(","), DROPPED_LEN))
}

fn resolve(text: &str) -> Result<PathBuf, sweep_core::Error> {
    let base = if in_a_job() {
        std::env::var("SLURM_SUBMIT_DIR").ok()
    } else {
        std::env::current_dir().ok().and_then(|dir| dir.into_os_string().into_string().ok())
    };
    environment::resolve_dir(text, base.as_deref())
}

/// Whether this is an srun inside a job: its node takes a relative directory from where the job was submitted.
fn in_a_job() -> bool {
    ffi::context() == Context::Srun && std::env::var_os("SLURM_JOB_ID").is_some()
}

/// Whether an srun inside a job has this text from the job. It was checked when the job was submitted; a sweep
/// directory that has gone since must not cost the job its steps.
fn is_inherited(opt: Opt, bytes: &[u8]) -> bool {
    in_a_job() && std::env::var_os(opt.variable()).is_some_and(|value| value.as_encoded_bytes() == bytes)
}

/// Warnings and checks as a user sees them.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_second_set_drops_is_named() {
        let params = |text| assignment::parse(text).unwrap();
        assert_eq!(dropped(&params("a=1,b=2,c=3"), &params("b=2,c=4")).as_deref(), Some("a=1,c=3"));
        assert_eq!(dropped(&params("a=1"), &params("a=1,b=2")), None);
    }
}
