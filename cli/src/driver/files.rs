//! Writing files so that a crash leaves either the old or the new one. The only place of the command that syncs.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::error::{At, Result};
use crate::task::identity::host;

/// Writes a new file, syncs it and fails where it is there already.
///
/// # Errors
/// Those of the file system.
pub fn create_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).at("create", path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).at("write", path)
}

/// Makes the names in a directory last.
///
/// # Errors
/// Those of the file system.
pub fn sync_dir(path: &Path) -> Result<()> {
    File::open(path).and_then(|dir| dir.sync_all()).at("sync", path)
}

/// Replaces a file by rename, so that a reader finds the old or the new one whole.
///
/// # Errors
/// Those of the file system.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.{}", host(), std::process::id()));
    let _ = fs::remove_file(&beside);
    create_new(&beside, bytes)?;
    fs::rename(&beside, path).at("replace", path)
}

/// Replaces a file of which a half or none is as good as the old one: without waiting for the disk.
///
/// # Errors
/// Those of the file system.
pub fn replace_cache(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.{}", host(), std::process::id()));
    let _ = fs::remove_file(&beside);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&beside)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.at("replace", path)
}

/// Replaces a symlink by rename, so that there is always one.
///
/// # Errors
/// Those of the file system.
pub fn replace_link(path: &Path, target: &str) -> Result<()> {
    let beside = path.with_file_name(format!(".latest.{}", std::process::id()));
    let _ = fs::remove_file(&beside);
    std::os::unix::fs::symlink(target, &beside).at("make", &beside)?;
    fs::rename(&beside, path).at("replace", path)
}
