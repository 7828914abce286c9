//! The events of a driver: appended as whole lines and synced, never changed. In this version one writer has
//! fence 1.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use sweep_core::event::{self, Event};
use sweep_core::layout::SweepDir;

use crate::error::{At, Result};
use crate::task::identity::host;
use crate::task::now_ns;

/// The only fence of this version.
const FENCE: u64 = 1;

/// The open file of a fence.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Begins a fence, or goes on with it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(dir: &SweepDir) -> Result<Self> {
        let path = dir.events(FENCE);
        let file = OpenOptions::new().append(true).create(true).open(&path).at("open", &path)?;
        let is_new = file.metadata().at("read", &path)?.len() == 0;
        let mut journal = Self { file, path };
        if is_new {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            journal.append(&Event::began(FENCE, now_ns(), host(), std::process::id(), version))?;
        }
        Ok(journal)
    }

    /// Appends an event and makes it last.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn append(&mut self, event: &Event) -> Result<()> {
        let line = event.to_line();
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).at("write", &self.path)
    }
}

/// All events of a sweep in order; none where nothing was submitted.
///
/// # Errors
/// Where the file is there and cannot be read.
pub fn read(dir: &SweepDir) -> Result<Vec<Event>> {
    let path = dir.events(FENCE);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(event::parse_file(&bytes).0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).at("read", &path),
    }
}
