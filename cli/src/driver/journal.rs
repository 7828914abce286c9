//! The events of drivers: appended as whole lines and synced, never changed. Each holder of the lease has a file of
//! its own, named after its fence. Of many files one holder writes one that has all that counts of them, and a later
//! holder, whose own file goes on from that, removes them. No file is ever removed that the next reader could need.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use sweep_core::event::{self, Event, ReadUpTo};
use sweep_core::layout::SweepDir;

use crate::driver::files;
use crate::driver::lease::Lease;
use crate::error::{At, Error, Result};
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
        let fence = lease.fence();
        let (mut files, events) = whole(dir)?;
        files.retain(|(earlier, _)| *earlier < fence);
        let read = files.iter().map(|(fence, bytes)| ReadUpTo { fence: *fence, bytes: bytes.len() as u64 });
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let began = Event::began(fence, now_ns(), host(), std::process::id(), version, read.collect());
        let path = dir.events(fence);
        let since = files.iter().rposition(is_whole).map_or(0, |place| place + 1);
        if files.len() - since >= FILES {
            gather(dir, lease, &path, began, &events)?;
            let file = OpenOptions::new().append(true).open(&path).at("open", &path)?;
            return Ok(Self { lease, file, path });
        }
        let file = OpenOptions::new().append(true).create_new(true).open(&path).at("create", &path)?;
        let mut journal = Self { lease, file, path };
        journal.append(&began)?;
        // From here on this file goes on from the one that has all, so nobody needs those before it.
        clear(dir, lease, &files);
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

/// The bytes of each fence's file.
type Files = Vec<(u64, Vec<u8>)>;

/// As many files are gathered into one.
const FILES: usize = 64;
/// How often files are listed again because somebody clears up.
const LISTED_AT_MOST: usize = 100;

/// Writes a fence's file that has all that counts until now, whole or not at all.
fn gather(dir: &SweepDir, lease: &Lease, path: &Path, mut began: Event, events: &[Event]) -> Result<()> {
    if let Event::Began { whole, .. } = &mut began {
        *whole = true;
    }
    let earlier = events.iter().filter(|event| !matches!(event, Event::Began { .. }));
    let lines: Vec<u8> = std::iter::once(&began).chain(earlier).flat_map(Event::to_line).collect();
    let beside = path.with_extension("jsonl.new");
    let _ = fs::remove_file(&beside);
    files::create_new(&beside, &lines)?;
    lease.check()?;
    fs::rename(&beside, path).at("make", path)?;
    files::sync_dir(&dir.events_folder())
}

/// Whether a file has all that counts of those before it.
fn is_whole((_, bytes): &(u64, Vec<u8>)) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    matches!(serde_json::from_slice(line), Ok(Event::Began { whole: true, .. }))
}

/// Removes the files before the newest that has all of them, and leases of long ago. What stays does no harm.
fn clear(dir: &SweepDir, lease: &Lease, files: &[(u64, Vec<u8>)]) {
    let Some((whole, _)) = files.iter().rev().find(|file| is_whole(file)) else { return };
    if files.first().is_none_or(|(first, _)| first >= whole) {
        return;
    }
    for (fence, _) in files.iter().take_while(|(fence, _)| fence < whole) {
        let _ = fs::remove_file(dir.events(*fence));
    }
    lease.clear(*whole);
}

/// All events that count, in order; none where nothing was submitted.
///
/// # Errors
/// Where a file is there and cannot be read.
pub fn read(dir: &SweepDir) -> Result<Vec<Event>> {
    Ok(whole(dir)?.1)
}

/// Every file by rising fence, and what counts of them. Somebody may clear up meanwhile.
fn whole(dir: &SweepDir) -> Result<(Files, Vec<Event>)> {
    for _ in 0..LISTED_AT_MOST {
        if let Some(files) = list(dir)?
            && let Some(events) = event::fold(&files)
        {
            return Ok((files, events));
        }
    }
    Err(Error::world(format!("files of `{}` are missing", dir.events_folder().display()))
        .hint("a later file goes on from them; bring them back from a copy of the sweep"))
}

/// Every file by rising fence; none where one was removed meanwhile.
fn list(dir: &SweepDir) -> Result<Option<Files>> {
    let folder = dir.events_folder();
    let mut fences = Vec::new();
    for entry in fs::read_dir(&folder).at("read", &folder)? {
        let name = entry.at("read", &folder)?.file_name();
        fences.extend(name.to_str().and_then(|name| name.strip_suffix(".jsonl")?.parse::<u64>().ok()));
    }
    fences.sort_unstable();
    let mut files = Vec::with_capacity(fences.len());
    for fence in fences {
        let path = dir.events(fence);
        match fs::read(&path) {
            Ok(bytes) => files.push((fence, bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).at("read", &path),
        }
    }
    Ok(Some(files))
}

/// Many drivers, one after the other.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::id::BatchNumber;

    fn submitted(batch: u32) -> Event {
        Event::Submitted { batch: BatchNumber(batch), job: batch.to_string(), time_ns: 6 }
    }

    fn batches(dir: &SweepDir) -> Vec<u32> {
        let batch = |event: Event| match event {
            Event::Submitted { batch, .. } => Some(batch.0),
            _ => None,
        };
        read(dir).unwrap().into_iter().filter_map(batch).collect()
    }

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn many_drivers_leave_few_files_and_every_event() {
        let folder = tempfile::tempdir().unwrap();
        let dir = SweepDir::new(folder.path());
        dir.folders().iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
        let mut most = 0;
        for n in 0..150 {
            let lease = Lease::take(&dir, |_| {}).unwrap();
            let mut journal = Journal::begin(&dir, &lease).unwrap();
            journal.append(&submitted(n)).unwrap();
            drop(journal);
            drop(lease);
            most = most.max(count(&dir.events_folder()).max(count(&dir.leases())));
            if n % 50 == 0 {
                assert_eq!(batches(&dir), (0..=n).collect::<Vec<_>>());
            }
        }
        assert_eq!(batches(&dir), (0..150).collect::<Vec<_>>());
        assert!(most <= FILES + 2, "{most} files");
    }
}
