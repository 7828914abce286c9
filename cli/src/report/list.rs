//! The report of `sweep list`: every complete sweep of a folder. It asks nobody about jobs, so it costs the same
//! for running sweeps as for old ones.

use serde::Serialize;
use sweep_core::find;
use sweep_core::layout::SweepDir;
use sweep_core::manifest::Manifest;

use crate::driver::home::Home;
use crate::driver::stop;
use crate::error::Result;
use crate::report::status::SCHEMA_VERSION;

/// The sweeps of a folder.
#[derive(Debug, Serialize)]
pub struct List {
    /// The report's version.
    pub schema_version: u32,
    /// The folder.
    #[serde(skip)]
    pub home: std::path::PathBuf,
    /// Newest first.
    pub sweeps: Vec<Entry>,
    /// Sweeps that this build cannot read, and why.
    pub unreadable: Vec<String>,
}

/// One sweep.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// How many trials it has.
    pub trials: u32,
    /// How many of them have started at least once.
    pub started: u32,
    /// Why it was stopped, where it was.
    pub stopped: Option<String>,
    /// What was asked.
    pub manifest: Manifest,
}

impl List {
    /// Reads a folder of sweeps.
    ///
    /// # Errors
    /// Where the folder is there and cannot be read; a sweep that cannot be read is named in the list.
    pub fn of(home: &Home) -> Result<Self> {
        let mut list = Self {
            schema_version: SCHEMA_VERSION,
            home: home.path().to_owned(),
            sweeps: Vec::new(),
            unreadable: Vec::new(),
        };
        for id in home.sweeps()? {
            match Entry::of(&SweepDir::complete(home.path(), &id)) {
                Ok(entry) => list.sweeps.push(entry),
                Err(error) => list.unreadable.push(error.to_string()),
            }
        }
        Ok(list)
    }
}

impl Entry {
    fn of(dir: &SweepDir) -> Result<Self> {
        let manifest = find::manifest(dir)?;
        let trials = find::count(dir)?;
        let started = std::fs::read_dir(dir.trials_folder()).map_or(0, Iterator::count);
        let stopped = stop::read(dir)?.map(|stopped| stopped.reason);
        Ok(Self { trials, started: u32::try_from(started).unwrap_or(u32::MAX), stopped, manifest })
    }
}
