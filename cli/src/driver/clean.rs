//! What of a folder of sweeps nobody needs any more: directories that were never completed or never wholly removed, and
//! checkpoints that the sweep itself says are superfluous. Never anything of a sweep that is not over.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use sweep_core::id::{SweepId, TrialLabel};
use sweep_core::layout::SweepDir;

use crate::driver::checkpoints;
use crate::driver::home::Home;
use crate::driver::look::Look;
use crate::error::{At, Result};

/// How long nothing may have changed in a directory that is not complete: somebody may be building it.
const REST: Duration = Duration::from_secs(3600);

/// Something that nobody needs any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leftover {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub what: What,
    /// Of which trial.
    pub trial: Option<TrialLabel>,
    /// How many files and directories it holds, itself among them.
    pub inodes: u64,
    /// How much disk they take.
    pub bytes: u64,
}

/// What is left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A sweep whose making was broken off.
    Incomplete,
    /// A sweep whose removal was broken off.
    HalfRemoved,
    /// A checkpoint of a trial that is none of the best.
    Checkpoint,
}

/// Inodes and bytes on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Files and directories.
    pub inodes: u64,
    /// Bytes that they take.
    pub bytes: u64,
}

/// What was left by sweeps that were never completed or never wholly removed.
///
/// # Errors
/// Where the folder is there and cannot be read.
pub fn broken_off(home: &Home) -> Result<Vec<Leftover>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(home.path()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error).at("read", home.path()),
    };
    for entry in entries {
        let entry = entry.at("read", home.path())?;
        let name = entry.file_name();
        let Some(what) = name.to_str().and_then(kind_of) else { continue };
        let path = entry.path();
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if !is_link && rests(&path) {
            let Size { inodes, bytes } = size(&path);
            found.push(Leftover { path, what, trial: None, inodes, bytes });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// `.<id>.new`, `.<id>.removed` and the unfinished archive `.<id>.tar.gz.<pid>.new`, and nothing else.
fn kind_of(name: &str) -> Option<What> {
    let (id, what) = match name.strip_prefix('.')?.rsplit_once('.')? {
        (id, "new") => (id, What::Incomplete),
        (id, "removed") => (id, What::HalfRemoved),
        _ => return None,
    };
    let id = id.split_once(".tar.gz.").map_or(id, |(id, _)| id);
    id.parse::<SweepId>().ok().filter(|id| id.time().is_some())?;
    Some(what)
}

/// Whether nothing in a directory has changed for a while.
fn rests(path: &Path) -> bool {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let paths = std::iter::once(path.to_owned()).chain(entries.map(|entry| entry.path()));
    let changed = paths.filter_map(|path| fs::symlink_metadata(path).ok()?.modified().ok()).max();
    let since = changed.and_then(|changed| SystemTime::now().duration_since(changed).ok());
    since.is_some_and(|since| since >= REST)
}

/// The checkpoints of a sweep that is over, but for those of the `keep` best trials and their ancestors; none where the
/// sweep is not over, or Slurm did not say so.
#[must_use]
pub fn checkpoints(dir: &SweepDir, look: &Look, keep: u32) -> Vec<Leftover> {
    if !look.is_over() || look.unanswered.is_some() {
        return Vec::new();
    }
    let of = |index| {
        let folder = dir.trial(index);
        let path = Some(folder.checkpoint()).filter(|_| checkpoints::is_ours(&folder))?;
        let Size { inodes, bytes } = size(&path);
        Some(Leftover { path, what: What::Checkpoint, trial: Some(index.label()), inodes, bytes })
    };
    checkpoints::superfluous(look, None, keep).into_iter().filter_map(of).collect()
}

/// Inodes and bytes of a directory, links not followed.
#[must_use]
pub fn size(path: &Path) -> Size {
    let mut total = Size::default();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        total.inodes += 1;
        total.bytes += metadata.blocks() * 512;
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
    total
}

/// Removes what is left over.
///
/// # Errors
/// Those of the file system.
pub fn remove(leftover: &Leftover) -> Result<()> {
    let path = &leftover.path;
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.at("remove", path)
}

/// Names that may be removed.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_sweep_left_is_taken_for_left_over() {
        assert_eq!(kind_of(".iris-20260101-000000-abcd.new"), Some(What::Incomplete));
        assert_eq!(kind_of(".iris-20260101-000000-abcd.removed"), Some(What::HalfRemoved));
        for name in
            [".mine.new", "iris-20260101-000000-abcd.new", ".iris-20260101-000000-abcd", ".new", ".config"]
        {
            assert_eq!(kind_of(name), None, "{name}");
        }
    }
}
