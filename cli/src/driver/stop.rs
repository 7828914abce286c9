//! Stopping a sweep: a file that tasks see before they start, then one call to end those that run. A stopped sweep
//! stays stopped.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use serde::{Deserialize, Serialize};
use sweep_core::batch::Executor;
use sweep_core::find;
use sweep_core::id::JobName;
use sweep_core::layout::SweepDir;
use sweep_core::schema::{self, Schema};

use crate::driver::look::{Batches, owner};
use crate::driver::{calls, files, successor};
use crate::error::{At, Result};
use crate::executor::slurm::queue;
use crate::executor::{local, slurm};
use crate::task::now_ns;

/// The content of `stopped`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stopped {
    /// The file's version.
    pub schema: Schema,
    /// Why.
    pub reason: String,
    /// When, in nanoseconds since 1970.
    pub time_ns: u64,
}

/// Why a sweep was stopped; none where it was not.
///
/// # Errors
/// Where the file is there and cannot be read.
pub fn read(dir: &SweepDir) -> Result<Option<Stopped>> {
    let path = dir.stopped();
    match std::fs::read(&path) {
        // A torn file still stops the sweep.
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).unwrap_or_else(|_| Stopped {
            schema: schema::CURRENT,
            reason: String::from_utf8_lossy(&bytes).trim().to_owned(),
            time_ns: 0,
        }))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at("read", &path),
    }
}

/// Stops a sweep and gives the jobs that were told to end. Stopping again keeps the first reason.
///
/// # Errors
/// Those of the file system, or what scancel said.
pub fn stop(dir: &SweepDir, reason: &str) -> Result<Vec<String>> {
    // A directory of a later release is not written to.
    find::manifest(dir)?;
    if read(dir)?.is_none() {
        let stopped = Stopped { schema: schema::CURRENT, reason: reason.to_owned(), time_ns: now_ns() };
        let mut json = serde_json::to_vec(&stopped).expect("texts and numbers always serialize");
        json.push(b'\n');
        files::create_new(&dir.stopped(), &json)?;
        files::sync_dir(dir.path())?;
    }
    let batches = Batches::read(dir)?;
    let mut jobs: Vec<(Executor, String)> = batches.jobs();
    let noted: BTreeSet<String> = jobs.iter().map(|(_, job)| job.clone()).collect();
    let unnoted = unnoted(dir, &batches).into_iter().map(|job| job.to_string());
    jobs.extend(successor::jobs(dir).into_iter().map(|job| (Executor::Slurm, job.to_string())));
    jobs.extend(unnoted.filter(|job| !noted.contains(job)).map(|job| (Executor::Slurm, job)));
    let slurm_jobs: Vec<u32> = jobs.iter().filter_map(|(_, job)| job.parse().ok()).collect();
    slurm::cancel(&slurm_jobs)?;
    for (_, job) in jobs.iter().filter(|(executor, _)| *executor == Executor::Local) {
        if let Ok(job) = job.parse::<JobName>() {
            local::end(&job);
        }
    }
    calls::note(dir);
    Ok(jobs.into_iter().map(|(_, job)| job).collect())
}

/// Jobs of a sweep that are in the queue and stand in no event: an `sbatch` that was cut off, or a second job of a
/// batch. Where the queue cannot be asked, their tasks end by themselves, because the sweep is stopped.
fn unnoted(dir: &SweepDir, batches: &Batches) -> Vec<u32> {
    if !batches.intents().any(|intent| intent.executor == Executor::Slurm) {
        return Vec::new();
    }
    let Some(queue) = owner(dir).and_then(queue::ask).ok() else { return Vec::new() };
    let tokens = batches.intents().map(|intent| intent.token.to_string());
    tokens
        .flat_map(|token| queue.jobs_of(&token).collect::<Vec<_>>())
        .filter(|job| queue.open_tasks(*job).next().is_some())
        .collect()
}
