//! Stopping a sweep: a file that tasks see before they start, then one call to end those that run. A stopped sweep
//! stays stopped.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use serde::{Deserialize, Serialize};
use sweep_core::batch::Executor;
use sweep_core::find;
use sweep_core::id::JobName;
use sweep_core::layout::SweepDir;
use sweep_core::manifest::Manifest;
use sweep_core::schema::{self, Schema};

use crate::driver::look::{Batches, owner};
use crate::driver::{calls, files, spread, successor};
use crate::error::{At, Result};
use crate::executor::slurm::clusters::ByCluster;
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
    let manifest = find::manifest(dir)?;
    if read(dir)?.is_none() {
        let stopped = Stopped { schema: schema::CURRENT, reason: reason.to_owned(), time_ns: now_ns() };
        let mut json = serde_json::to_vec(&stopped).expect("texts and numbers always serialize");
        json.push(b'\n');
        files::create_new(&dir.stopped(), &json)?;
        files::sync_dir(dir.path())?;
    }
    let batches = Batches::read(dir)?;
    let taken = batches.jobs();
    let mut jobs: Vec<(Option<String>, String)> =
        taken.iter().map(|taken| (taken.cluster().map(str::to_owned), taken.job.clone())).collect();
    let noted: BTreeSet<(Option<String>, String)> = jobs.iter().cloned().collect();
    let home = spread::home(&manifest).map(str::to_owned);
    jobs.extend(successor::jobs(dir).into_iter().map(|job| (home.clone(), job.to_string())));
    jobs.extend(unnoted(dir, &manifest, &batches).into_iter().filter(|job| !noted.contains(job)));
    let number = |(cluster, job): &(Option<String>, String)| Some((cluster.clone(), job.parse().ok()?));
    let slurm_jobs: ByCluster<u32> = jobs.iter().filter_map(number).collect();
    slurm::cancel(&slurm_jobs)?;
    for taken in taken.iter().filter(|taken| taken.executor == Executor::Local) {
        if let Ok(job) = taken.job.parse::<JobName>() {
            local::end(&job);
        }
    }
    calls::note(dir);
    let name = |(cluster, job): (Option<String>, String)| match cluster {
        Some(cluster) => format!("{job};{cluster}"),
        None => job,
    };
    Ok(jobs.into_iter().map(name).collect())
}

/// Jobs of a sweep that are in the queue and stand in no event: an `sbatch` that was cut off, or a second job of a
/// batch. Where the queue cannot be asked, their tasks end by themselves, because the sweep is stopped.
fn unnoted(dir: &SweepDir, manifest: &Manifest, batches: &Batches) -> Vec<(Option<String>, String)> {
    if !batches.intents().any(|intent| intent.executor == Executor::Slurm) {
        return Vec::new();
    }
    let queues = owner(dir).and_then(|uid| queue::ask(uid, &spread::clusters(manifest)));
    let Ok(queues) = queues else { return Vec::new() };
    let mut jobs = Vec::new();
    for intent in batches.intents() {
        let Some(queue) = queues.of(intent.cluster()) else { continue };
        let token = intent.token.to_string();
        let open = queue.jobs_of(&token).filter(|job| queue.open_tasks(*job).next().is_some());
        jobs.extend(open.map(|job| (intent.cluster().map(str::to_owned), job.to_string())));
    }
    jobs
}
