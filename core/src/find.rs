//! Finding a trial: the manifest, 16 bytes of the index, one line of the table. The same few system calls
//! whatever the sweep's size. For callers with the user's own rights; the plugin reads in a child instead.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::batch;
use crate::error::{Error, Result};
use crate::id::{BatchNumber, TrialIndex};
use crate::layout::SweepDir;
use crate::limits;
use crate::manifest::Manifest;
use crate::schema::{self, BINARY_HEADER_LEN};
use crate::selector::Selector;
use crate::trial::{ENTRY_LEN, INDEX_MAGIC, IndexEntry, Trial};

/// Reads a sweep's manifest.
///
/// # Errors
/// [`Error::NotASweep`] where there is none, [`Error::Schema`], [`Error::Damaged`], [`Error::TooLarge`].
pub fn manifest(dir: &SweepDir) -> Result<Manifest> {
    let path = dir.manifest();
    let file = File::open(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Error::NotASweep { dir: dir.path().to_owned(), detail: "it has no sweep.json".into() }
        }
        _ => Error::Read { path: path.clone(), source },
    })?;
    let len = length(&file, &path)?;
    if len > limits::MANIFEST_LEN as u64 {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        return Err(Error::TooLarge {
            what: format!("`{}`", path.display()),
            len,
            limit: limits::MANIFEST_LEN,
        });
    }
    let mut json = vec![0; usize::try_from(len).expect("at most MANIFEST_LEN")];
    read_exact_at(&file, &path, &mut json, 0)?;
    Manifest::parse(&path, &json)
}

/// How many trials a sweep has.
///
/// # Errors
/// [`Error::Read`], [`Error::Damaged`] or [`Error::Schema`].
pub fn count(dir: &SweepDir) -> Result<u32> {
    let path = dir.index();
    let file = open(&path)?;
    check_index(&file, &path)
}

/// How many trials a sweep has, and where the line after the last of them begins.
///
/// # Errors
/// [`Error::Read`], [`Error::Damaged`] or [`Error::Schema`].
pub fn end(dir: &SweepDir) -> Result<(u32, u64)> {
    let path = dir.index();
    let file = open(&path)?;
    let count = check_index(&file, &path)?;
    let Some(last) = count.checked_sub(1) else {
        let path = dir.trials();
        let mut first = [0; limits::HEADER_LINE_LEN];
        let file = open(&path)?;
        let len = usize::try_from(length(&file, &path)?).unwrap_or(usize::MAX).min(first.len());
        read_exact_at(&file, &path, &mut first[..len], 0)?;
        let end = first[..len].iter().position(|&b| b == b'\n').ok_or_else(|| Error::Damaged {
            path: path.clone(),
            detail: "its first line does not end".into(),
        })?;
        return Ok((0, end as u64 + 1));
    };
    let mut bytes = [0; ENTRY_LEN];
    read_exact_at(&file, &path, &mut bytes, IndexEntry::position(TrialIndex(last)))?;
    let entry = IndexEntry::parse(&path, bytes)?;
    let end = entry.offset.checked_add(u64::from(entry.len) + 1);
    let end = end.ok_or_else(|| Error::Damaged { path, detail: "an entry points past all files".into() })?;
    Ok((count, end))
}

/// Where the line of a trial begins in the table.
///
/// # Errors
/// [`Error::Read`] or [`Error::Damaged`], also where there is no such trial.
pub fn line_start(dir: &SweepDir, index: TrialIndex) -> Result<u64> {
    let path = dir.index();
    let mut bytes = [0; ENTRY_LEN];
    read_exact_at(&open(&path)?, &path, &mut bytes, IndexEntry::position(index))?;
    Ok(IndexEntry::parse(&path, bytes)?.offset)
}

/// Reads one trial with three small reads: the index's header, the entry, the line.
///
/// # Errors
/// [`Error::OutOfRange`], [`Error::Read`] or [`Error::Damaged`].
pub fn trial(dir: &SweepDir, index: TrialIndex) -> Result<Trial> {
    let index_path = dir.index();
    let file = open(&index_path)?;
    let count = check_index(&file, &index_path)?;
    if index.0 >= count {
        return Err(Error::OutOfRange { dir: dir.path().to_owned(), index: u64::from(index.0), count });
    }
    let mut bytes = [0; ENTRY_LEN];
    read_exact_at(&file, &index_path, &mut bytes, IndexEntry::position(index))?;
    let entry = IndexEntry::parse(&index_path, bytes)?;
    let path = dir.trials();
    let mut line = vec![0; entry.len as usize];
    read_exact_at(&open(&path)?, &path, &mut line, entry.offset)?;
    entry.read_line(&path, index, &line)
}

/// The trial of an array task's row.
///
/// # Errors
/// [`Error::OutOfRange`], [`Error::Read`], [`Error::Damaged`] or [`Error::Schema`].
pub fn mapped(dir: &SweepDir, batch: BatchNumber, task: u32) -> Result<TrialIndex> {
    let path = dir.map(batch);
    let file = open(&path)?;
    let count = map_count(&file, &path)?;
    if task >= count {
        return Err(Error::OutOfRange { dir: dir.path().to_owned(), index: u64::from(task), count });
    }
    let mut row = [0; 4];
    read_exact_at(&file, &path, &mut row, batch::map_row_position(task))?;
    Ok(batch::map_row(row))
}

/// Checks, as the user and before a job is submitted, that a directory is a sweep that this build can read and,
/// as far as `selector` says, that its trial is in range.
///
/// # Errors
/// The first thing that is wrong; [`Error::Symlink`] where the last part of the path is one.
pub fn check_reference(dir: &SweepDir, selector: Option<Selector>) -> Result<()> {
    let path = dir.path();
    let metadata = std::fs::symlink_metadata(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => {
            Error::NotASweep { dir: path.to_owned(), detail: "there is nothing at this path".into() }
        }
        _ => Error::Read { path: path.to_owned(), source },
    })?;
    if metadata.is_symlink() {
        return Err(Error::Symlink { dir: path.to_owned(), target: std::fs::canonicalize(path).ok() });
    }
    if !metadata.is_dir() {
        return Err(Error::NotASweep { dir: path.to_owned(), detail: "it is not a directory".into() });
    }
    manifest(dir)?;
    let trials = count(dir)?;
    let lowest = match selector {
        None => return Ok(()),
        Some(Selector::Trial(index)) => index.0,
        Some(Selector::Offset(offset)) => offset,
        Some(Selector::Map(batch)) => {
            let path = dir.map(batch);
            return map_count(&open(&path)?, &path).map(drop);
        }
    };
    if lowest >= trials {
        return Err(Error::OutOfRange { dir: path.to_owned(), index: u64::from(lowest), count: trials });
    }
    Ok(())
}

fn check_index(file: &File, path: &Path) -> Result<u32> {
    let mut header = [0; BINARY_HEADER_LEN];
    read_exact_at(file, path, &mut header, 0)?;
    schema::read_binary_header(path, INDEX_MAGIC, &header)?;
    Ok(IndexEntry::count(length(file, path)?))
}

fn map_count(file: &File, path: &Path) -> Result<u32> {
    let mut header = [0; BINARY_HEADER_LEN];
    read_exact_at(file, path, &mut header, 0)?;
    schema::read_binary_header(path, batch::MAP_MAGIC, &header)
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn length(file: &File, path: &Path) -> Result<u64> {
    let metadata = file.metadata().map_err(|source| Error::Read { path: path.to_owned(), source })?;
    Ok(metadata.len())
}

fn read_exact_at(file: &File, path: &Path, bytes: &mut [u8], offset: u64) -> Result<()> {
    file.read_exact_at(bytes, offset).map_err(|source| match source.kind() {
        io::ErrorKind::UnexpectedEof => {
            Error::Damaged { path: path.to_owned(), detail: "shorter than it should be".into() }
        }
        _ => Error::Read { path: path.to_owned(), source },
    })
}

/// Files that a hostile hand has written.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_trial_is_read_by_an_index_of_a_newer_format() {
        let folder = tempfile::tempdir().unwrap();
        let dir = SweepDir::new(folder.path());
        let line = br#"{"trial":"t000","index":0,"params":{"lr":0.1},"seed":1}"#;
        std::fs::write(dir.trials(), line).unwrap();
        let entry = IndexEntry { offset: 0, len: line.len() as u32, crc32: crc32fast::hash(line) };
        let with_header = |header: &[u8]| {
            std::fs::write(dir.index(), [header, &entry.to_bytes()].concat()).unwrap();
            trial(&dir, TrialIndex(0))
        };
        let mut header = schema::binary_header(INDEX_MAGIC, 0);
        let ours = with_header(&header);
        header[8] += 1;
        let newer = with_header(&header);
        assert!(ours.is_ok(), "{ours:?}");
        assert!(matches!(newer, Err(Error::Schema { .. })), "{newer:?}");
    }

    #[test]
    fn an_entry_that_points_past_all_files_is_damage_and_no_overflow() {
        let folder = tempfile::tempdir().unwrap();
        let dir = SweepDir::new(folder.path());
        let entry = IndexEntry { offset: u64::MAX, len: 70, crc32: 0 };
        let header = schema::binary_header(INDEX_MAGIC, 0);
        std::fs::write(dir.index(), [&header[..], &entry.to_bytes()].concat()).unwrap();
        let (end, trial) = (end(&dir), trial(&dir, TrialIndex(0)));
        assert!(matches!(end, Err(Error::Damaged { .. })), "{end:?}");
        assert!(trial.is_err());
    }
}
