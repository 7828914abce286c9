//! The events of drivers: appended as whole lines and synced, never changed. Each holder of the lease has a file of
//! its own, named after its fence.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use sweep_core::event::{self, Event, ReadUpTo};
use sweep_core::layout::SweepDir;

use crate::driver::lease::Lease;
use crate::error::{At, Result};
use crate::task::identity::host;
use crate::task::now_ns;

/// The open file of a fence.
#[derive(Debug)]
pub struct Journal<'a> {
    lease: &'a Lease,
    file: File,
    path: PathBuf,
}

impl<'a> Journal<'a> {
    /// Begins the file of a lease, and says how much of the earlier ones it goes on from.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn begin(dir: &SweepDir, lease: &'a Lease) -> Result<Self> {
        let read =
            files(dir)?.into_iter().map(|(fence, bytes)| ReadUpTo { fence, bytes: bytes.len() as u64 });
        let read: Vec<_> = read.filter(|read| read.fence < lease.fence()).collect();
        let path = dir.events(lease.fence());
        let file = OpenOptions::new().append(true).create_new(true).open(&path).at("create", &path)?;
        let mut journal = Self { lease, file, path };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        journal.append(&Event::began(lease.fence(), now_ns(), host(), std::process::id(), version, read))?;
        Ok(journal)
    }

    /// Appends an event and makes it last, if this process still holds the lease.
    ///
    /// # Errors
    /// Where another driver took over, or those of the file system.
    pub fn append(&mut self, event: &Event) -> Result<()> {
        self.lease.check()?;
        let line = event.to_line();
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).at("write", &self.path)
    }

    /// Appends events and makes them last together, if this process still holds the lease.
    ///
    /// # Errors
    /// Those of [`Self::append`].
    pub fn append_all(&mut self, events: &[Event]) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        self.lease.check()?;
        let lines: Vec<u8> = events.iter().flat_map(Event::to_line).collect();
        self.file.write_all(&lines).and_then(|()| self.file.sync_data()).at("write", &self.path)
    }

    /// Makes sure that this process still holds the lease, before it does what it cannot take back.
    ///
    /// # Errors
    /// Where another driver took over.
    pub fn check(&self) -> Result<()> {
        self.lease.check()
    }
}

/// All events that count, in order; none where nothing was submitted.
///
/// # Errors
/// Where a file is there and cannot be read.
pub fn read(dir: &SweepDir) -> Result<Vec<Event>> {
    Ok(event::fold(&files(dir)?))
}

/// Every file by rising fence.
fn files(dir: &SweepDir) -> Result<Vec<(u64, Vec<u8>)>> {
    let folder = dir.events_folder();
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).at("read", &folder)? {
        let name = entry.at("read", &folder)?.file_name();
        let fence = name.to_str().and_then(|name| name.strip_suffix(".jsonl")?.parse::<u64>().ok());
        let Some(fence) = fence else { continue };
        let path = dir.events(fence);
        files.push((fence, fs::read(&path).at("read", &path)?));
    }
    files.sort_by_key(|(fence, _)| *fence);
    Ok(files)
}
