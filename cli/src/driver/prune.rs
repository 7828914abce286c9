//! Ending trials early: a file that `sweep log` and `sweep exec` see, and after a grace time one scancel. A trial that
//! has not started sees the file before it does.

use std::fs;

use sweep_core::id::{JobName, TrialIndex};
use sweep_core::layout::SweepDir;
use sweep_core::state::TrialState;

use crate::driver::look::{Look, TrialLook};
use crate::driver::search::Search;
use crate::error::{At, Result};
use crate::executor::{local, slurm};
use crate::task::now_ns;

/// How long a trial may take to obey where the spec does not say: it hears of it with its next report.
const GRACE_S: u32 = 60;

/// Tells trials to end.
///
/// # Errors
/// Those of the file system.
pub fn tell(dir: &SweepDir, trials: &[TrialIndex]) -> Result<()> {
    for index in trials {
        let folder = dir.trial(*index);
        fs::create_dir_all(folder.path()).at("make", folder.path())?;
        let path = folder.veto();
        fs::write(&path, b"pruned by the search\n").at("write", &path)?;
    }
    Ok(())
}

/// Trials that were told to end, had their time, and run on.
pub fn late<'a>(look: &'a Look, search: &'a Search) -> impl Iterator<Item = &'a TrialLook> + 'a {
    let grace = u64::from(look.manifest.driving.grace_s.unwrap_or(GRACE_S)) * 1_000_000_000;
    let late = search.told_to_stop().filter(move |(_, told)| told.saturating_add(grace) < now_ns());
    late.filter_map(|(index, _)| look.trials.get(index.0 as usize))
        .filter(|trial| matches!(trial.status.state, TrialState::Running | TrialState::Pending))
}

/// Ends those that are late, with one call.
///
/// # Errors
/// What scancel said.
pub fn end_late(look: &Look, search: &Search) -> Result<()> {
    let mut tasks: Vec<(Option<String>, String)> = Vec::new();
    // An agent sees to its own.
    let alone = late(look, search).filter(|trial| !trial.shares_job);
    for (trial, job) in alone.filter_map(|trial| Some((trial, trial.job.as_ref()?))) {
        match job.parse::<JobName>() {
            Ok(name) if name.slurm_id().is_none() && local::look(&name).is_some() => local::end(&name),
            _ => tasks.push((trial.cluster.clone(), job.clone())),
        }
    }
    slurm::cancel(&tasks.into_iter().collect())
}
