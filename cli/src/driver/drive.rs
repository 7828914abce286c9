//! Driving a sweep that is there: taking its lease, and what every submission of it has in common. Everything that
//! changes a sweep after it was made goes through here.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use sweep_core::batch::Executor;
use sweep_core::find;
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::manifest::{self, Manifest};

use crate::driver::again::Told;
use crate::driver::batches::Shape;
use crate::driver::journal::Journal;
use crate::driver::lease::Lease;
use crate::driver::look::{Batches, Look};
use crate::driver::settle::{Settled, settle};
use crate::driver::submit::{Given, Submission};
use crate::driver::{again, spread, stop};
use crate::error::{At, Error, Result};
use crate::executor::{local, slurm};

/// A sweep and what it takes to submit more of it.
#[derive(Debug)]
pub struct Driver {
    dir: SweepDir,
    manifest: Manifest,
    workdir: PathBuf,
    executor: Executor,
    extra: Vec<String>,
    shape: Shape,
    lease: Lease,
}

impl Driver {
    /// Takes a sweep over. `notice` hears whom it waits for.
    ///
    /// # Errors
    /// Where the sweep was stopped, another driver keeps it, or Slurm, which runs it, does not answer.
    pub fn take(dir: &SweepDir, notice: &dyn Fn(&str)) -> Result<Self> {
        Self::take_as(dir, None, notice)
    }

    /// As [`Self::take`], with what it submits offered to agents, whatever the sweep's own executor is.
    ///
    /// # Errors
    /// Those of [`Self::take`], but none of Slurm's.
    pub fn take_for_agents(dir: &SweepDir, notice: &dyn Fn(&str)) -> Result<Self> {
        Self::take_as(dir, Some(Executor::Agent), notice)
    }

    fn take_as(dir: &SweepDir, executor: Option<Executor>, notice: &dyn Fn(&str)) -> Result<Self> {
        let manifest = find::manifest(dir)?;
        if let Some(stopped) = stop::read(dir)? {
            return Err(Error::user(format!("sweep `{}` was stopped: {}", manifest.id, stopped.reason))
                .hint("a stopped sweep stays stopped; submit its spec again for a new one"));
        }
        let batches = Batches::read(dir)?;
        let first = batches.intents().next();
        // A sweep of `init` says nothing of a submission; what was submitted of it since says how.
        let asked = manifest.submission.clone().unwrap_or_else(|| manifest::Submission {
            executor: first.map_or(Executor::Slurm, |intent| intent.executor),
            individual: false,
            extra: first.map(|intent| intent.extra.clone()).unwrap_or_default(),
            cluster: None,
        });
        let asked = match executor {
            Some(executor) => {
                manifest::Submission { executor, individual: false, extra: Vec::new(), cluster: None }
            }
            None => asked,
        };
        let shape = match asked.executor {
            Executor::Local | Executor::Agent => Shape::Whole,
            Executor::Slurm if asked.individual => Shape::Individual,
            Executor::Slurm => Shape::of_slurm(false, &manifest.packing, slurm::site()?.max_array_size),
        };
        let workdir = dir.path().join(&manifest.workdir);
        // A workdir that a parameter decides is known in the job only.
        let workdir =
            fs::canonicalize(&workdir).or_else(|_| fs::canonicalize(dir.path())).at("find", &workdir)?;
        let lease = Lease::take(dir, notice)?;
        let dir = dir.clone();
        Ok(Self { dir, manifest, workdir, executor: asked.executor, extra: asked.extra, shape, lease })
    }

    /// What was asked.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What runs the sweep's trials.
    #[must_use]
    pub fn executor(&self) -> Executor {
        self.executor
    }

    /// Settles what a crash left open.
    ///
    /// # Errors
    /// Those of [`settle`].
    pub fn settle(&self, journal: &mut Journal<'_>, notice: &dyn Fn(&str)) -> Result<Settled> {
        settle(&self.dir, journal, &self.submission(), notice)
    }

    /// Submits these trials in new batches. What a limit of Slurm's stands in the way of waits for room; `when_full`
    /// is called first, and `notice` hears of a cluster that is left out.
    ///
    /// # Errors
    /// Those of [`again::submit`].
    pub fn submit(
        &self,
        journal: &mut Journal<'_>,
        look: &Look,
        trials: &[TrialIndex],
        when_full: &dyn Fn(),
        notice: &dyn Fn(&str),
    ) -> Result<Given> {
        let told = Told { when_full, notice };
        again::submit(&self.dir, look, trials, journal, &self.submission(), self.shape, told)
    }

    /// Begins this driver's events.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn journal(&self) -> Result<Journal<'_>> {
        Journal::begin(&self.dir, &self.lease)
    }

    /// What every submission of the sweep has in common.
    #[must_use]
    pub fn submission(&self) -> Submission<'_> {
        Submission {
            dir: &self.dir,
            id: &self.manifest.id,
            executor: self.executor,
            extra: &self.extra,
            workdir: &self.workdir,
            slots: self.manifest.concurrency.unwrap_or_else(local::default_slots),
            first_batch: 0,
            clusters: spread::clusters(&self.manifest),
            delay: Duration::ZERO,
        }
    }
}
