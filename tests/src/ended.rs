//! Trials that have ended, as `sweep exec` leaves them, written by the code that it writes them with: a private Slurm
//! that runs a hundred thousand jobs would take hours. It must never write into a sweep that anything runs for.

use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::fs::chown;
use std::path::Path;

use sweep_core::batch::{Intent, Trials};
use sweep_core::claim::Claim;
use sweep_core::id::{BatchNumber, JobName, TrialIndex};
use sweep_core::layout::{RecordName, SweepDir};
use sweep_core::record::{Claimed, Kind, Record, Source};

use crate::account::Account;

const SECOND: u64 = 1_000_000_000;
/// In November 2023: long ago.
const BEGAN: u64 = 1_700_000_000 * SECOND;

/// A batch of a sweep, with the job that Slurm gave it.
#[derive(Debug)]
pub struct Batch {
    intent: Intent,
    job: u32,
}

/// Reads the batches of a sweep; `jobs` are in their order.
///
/// # Errors
/// Where an intent cannot be read.
pub fn batches(dir: &SweepDir, jobs: &[u32]) -> io::Result<Vec<Batch>> {
    let batch = |(number, job): (u32, &u32)| {
        let path = dir.batch(BatchNumber(number));
        let intent = Intent::parse(&path, &fs::read(&path)?).map_err(io::Error::other)?;
        Ok(Batch { intent, job: *job })
    };
    (0..).zip(jobs).map(batch).collect()
}

/// Writes that these trials of the user's have run and ended well, those of arrays over consecutive trials.
///
/// # Errors
/// Those of the file system.
pub fn write(user: &Account, dir: &SweepDir, batches: &[Batch], trials: &Range<u32>) -> io::Result<()> {
    for batch in batches {
        let Trials::Consecutive { first, count } = batch.intent.trials else { continue };
        for task in 0..count {
            if trials.contains(&(first.0 + task)) {
                one(user, dir, batch, first.0 + task, task)?;
            }
        }
    }
    Ok(())
}

/// As [`batches`] and [`write`], for who knows a sweep by its path.
///
/// # Errors
/// Those of both.
pub fn of_sweep(user: &Account, dir: &Path, jobs: &[u32], trials: &Range<u32>) -> io::Result<()> {
    let dir = SweepDir::new(dir);
    write(user, &dir, &batches(&dir, jobs)?, trials)
}

fn one(user: &Account, dir: &SweepDir, batch: &Batch, trial: u32, task: u32) -> io::Result<()> {
    let index = TrialIndex(trial);
    let folder = dir.trial(index);
    fs::create_dir(folder.path())?;
    // Above the numbers of the jobs that Slurm was given.
    let job = JobName::slurm(10_000_000 + trial);
    let token = batch.intent.token.clone();
    let start_ns = BEGAN + u64::from(trial) * SECOND;
    let claimed = Claimed {
        sweep: Some(token.sweep.clone()),
        trial: Some(index.label()),
        index: Some(index),
        token: Some(token.clone()),
        ..Claimed::default()
    };
    let start = Record {
        cluster: Some("testbed".into()),
        array_job: Some(batch.job),
        array_task: Some(task),
        claimed,
        ..Record::start(
            Source::User,
            &format!("node{:04}", trial % 512),
            (user.uid, user.gid),
            job.clone(),
            start_ns,
        )
    };
    let took = 30 + trial % 600;
    let end = Record {
        kind: Kind::End,
        time_ns: start_ns + u64::from(took) * SECOND,
        exit: Some(0),
        elapsed_s: Some(f64::from(took)),
        cpu_s: Some(f64::from(took) * 0.9),
        memory_peak_kib: Some(100_000 + u64::from(trial)),
        ..start.clone()
    };
    let claim = Claim::of_job(token.clone(), job.clone()).on_cluster(Some("testbed"));
    let name = RecordName { job, start_ns };
    let loss = f64::from(trial.wrapping_mul(2_654_435_761) % 1_000_003) / 1_000_003.0;
    let steps = (0..3).map(|step| format!("{{\"step\":{step},\"loss\":{}}}\n", loss + f64::from(2 - step)));
    let files = [
        (folder.claim(token.batch), claim.to_line()),
        (folder.record(&name), [start.to_line(), end.to_line()].concat()),
        (folder.metrics(), steps.collect::<String>().into_bytes()),
        (folder.output(), format!("--- attempt 0, job {}\ndone\n", name.job).into_bytes()),
    ];
    for (path, bytes) in files {
        fs::write(&path, bytes)?;
        chown(&path, Some(user.uid), Some(user.gid))?;
    }
    chown(folder.path(), Some(user.uid), Some(user.gid))
}
