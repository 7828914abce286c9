//! Places that root's files may lie in, and putting a file there so that nobody ever reads half of it. It never writes
//! into a file that somebody may have open.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::error::{At, Error, Result};

/// Why a directory is not safe for what root loads or writes: every part of it has to be a real directory of root's
/// that nobody else can write. In a sticky directory nobody can move what is root's.
#[must_use]
pub fn problem(dir: &Path) -> Option<String> {
    let parts: Vec<&Path> = dir.ancestors().collect();
    parts.into_iter().rev().find_map(|part| {
        let metadata = match fs::symlink_metadata(part) {
            Ok(metadata) => metadata,
            Err(error) => return Some(format!("`{}`: {error}", part.display())),
        };
        let problem = if metadata.is_symlink() {
            "is a symlink"
        } else if !metadata.is_dir() {
            "is not a directory"
        } else if metadata.uid() != 0 {
            "does not belong to root"
        } else if metadata.mode() & 0o022 != 0 && (metadata.mode() & 0o1000 == 0 || part == dir) {
            "can be written by others than root"
        } else {
            return None;
        };
        Some(format!("`{}` {problem}", part.display()))
    })
}

/// A path as plugstack.conf can say it: absolute, its existing part without symlinks, and one plain word.
///
/// # Errors
/// The user's where a word of plugstack.conf cannot hold it.
pub fn plain(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).at("find", path)?;
    let there = absolute.ancestors().find(|part| part.exists()).unwrap_or(Path::new("/"));
    let real = fs::canonicalize(there).at("find", there)?;
    let rest = absolute.strip_prefix(there).unwrap_or(Path::new(""));
    let path = if rest.as_os_str().is_empty() { real } else { real.join(rest) };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
    match path.to_str() {
        Some(text) if text.chars().all(is_plain) && !text.split('/').any(|part| part == "..") => Ok(path),
        _ => Err(Error::user(format!("`{}` cannot stand in plugstack.conf", path.display()))
            .hint("name a path of letters, digits and `._+-` alone")),
    }
}

/// Puts a whole file in place by rename, with the owner and mode of the one that it replaces, else root's and `mode`.
///
/// # Errors
/// The world's; what stood there before then still stands.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let there = fs::symlink_metadata(path).ok();
    let mode = there.as_ref().map_or(mode, |there| there.mode() & 0o7777);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A dot in front and no `.conf` behind: no include of plugstack.conf takes it.
    let beside = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written = (|| -> io::Result<()> {
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        if let Some(there) = &there {
            chown(&beside, Some(there.uid()), Some(there.gid()))?;
        }
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        sync_parent(path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.at("write", path)
}

/// Makes the last name in a directory last a crash.
///
/// # Errors
/// What the system says.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// Directories and paths.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsafe_directory_is_named_with_its_part() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        assert!(problem(&inner).unwrap().contains("inner"));
        std::os::unix::fs::symlink("/etc", &inner).unwrap();
        assert!(problem(&inner).unwrap().contains("is a symlink"));
        fs::remove_file(&inner).unwrap();
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, Permissions::from_mode(0o777)).unwrap();
        assert!(problem(&inner).is_some());
        assert_eq!(problem(Path::new("/")), None);
    }

    #[test]
    fn a_path_is_one_plain_word() {
        assert_eq!(plain(Path::new("/usr/../nowhere-at-all/x")).unwrap(), Path::new("/nowhere-at-all/x"));
        assert!(plain(Path::new("/no where")).is_err() && plain(Path::new("/a#b")).is_err());
        assert_eq!(plain(Path::new("/nowhere-at-all/lib")).unwrap(), Path::new("/nowhere-at-all/lib"));
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.conf");
        replace(&path, b"one", 0o640).unwrap();
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
