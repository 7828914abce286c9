//! Changes to the machine as data: shown before they are made, made in order, and taken back in the other order where a
//! later one fails. It never makes half a change.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{At, Error, Result};
use crate::plugin_file::place;

/// One thing that is to be different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A folder that is not there yet.
    MakeFolder {
        /// Where.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A file with other bytes than it has, or that is not there.
    Write {
        /// Where.
        path: PathBuf,
        /// All of it.
        bytes: Vec<u8>,
        /// Its mode where it is new.
        mode: u32,
    },
    /// A file that is to go.
    Remove(PathBuf),
    /// A folder that is to go if nothing is in it.
    RemoveFolder(PathBuf),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MakeFolder { path, .. } => write!(f, "make {}", path.display()),
            Self::Write { path, .. } => write!(f, "write {}", path.display()),
            Self::Remove(path) => write!(f, "remove {}", path.display()),
            Self::RemoveFolder(path) => write!(f, "remove {} if it is empty", path.display()),
        }
    }
}

/// What takes a change back.
#[derive(Debug)]
enum Back {
    RemoveFolder(PathBuf),
    MakeFolder(PathBuf, u32),
    Remove(PathBuf),
    Write { path: PathBuf, bytes: Vec<u8>, mode: u32 },
}

/// The changes that were made so far.
#[derive(Debug, Default)]
pub struct Ledger(Vec<Back>);

impl Ledger {
    /// Makes all changes; where one fails, those before it are still in the ledger.
    ///
    /// # Errors
    /// The world's.
    pub fn make(&mut self, changes: &[Change]) -> Result<()> {
        changes.iter().try_for_each(|change| self.make_one(change))
    }

    fn make_one(&mut self, change: &Change) -> Result<()> {
        match change {
            Change::MakeFolder { path, mode } => {
                fs::create_dir(path).at("make", path)?;
                self.0.push(Back::RemoveFolder(path.clone()));
                // Whatever the umask is.
                fs::set_permissions(path, Permissions::from_mode(*mode)).at("set the mode of", path)
            }
            Change::Write { path, bytes, mode } => {
                let back = kept(path)?;
                place::replace(path, bytes, *mode)?;
                self.0.push(back);
                Ok(())
            }
            Change::Remove(path) => {
                let back = kept(path)?;
                match fs::remove_file(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                    removed => removed.at("remove", path)?,
                }
                self.0.push(back);
                place::sync_parent(path).at("sync the folder of", path)
            }
            Change::RemoveFolder(path) => {
                let mode = fs::metadata(path).map_or(0o755, |metadata| metadata.mode() & 0o7777);
                match fs::remove_dir(path) {
                    // Somebody keeps something there: it stays theirs.
                    Err(error)
                        if matches!(
                            error.kind(),
                            io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
                        ) =>
                    {
                        return Ok(());
                    }
                    removed => removed.at("remove", path)?,
                }
                self.0.push(Back::MakeFolder(path.clone(), mode));
                Ok(())
            }
        }
    }

    /// Takes everything back, the last change first, and gives the error on with what became of it.
    #[must_use]
    pub fn put_back(self, error: Error) -> Error {
        let failures: Vec<String> =
            self.0.into_iter().rev().filter_map(|back| take_back(back).err()).collect();
        if failures.is_empty() {
            return error.said("everything was put back as it was");
        }
        error.said(&format!("not everything could be put back: {}", failures.join("; ")))
    }
}

fn kept(path: &Path) -> Result<Back> {
    match fs::read(path) {
        Ok(bytes) => {
            let mode = fs::metadata(path).at("look at", path)?.mode() & 0o7777;
            Ok(Back::Write { path: path.to_owned(), bytes, mode })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Back::Remove(path.to_owned())),
        Err(error) => Err(error).at("read", path),
    }
}

fn take_back(back: Back) -> Result<(), String> {
    let said =
        |path: &Path, done: io::Result<()>| done.map_err(|error| format!("`{}`: {error}", path.display()));
    match back {
        Back::RemoveFolder(path) => said(&path, fs::remove_dir(&path)),
        Back::MakeFolder(path, mode) => {
            let made = fs::create_dir(&path);
            said(&path, made.and_then(|()| fs::set_permissions(&path, Permissions::from_mode(mode))))
        }
        Back::Remove(path) => said(&path, fs::remove_file(&path)),
        Back::Write { path, bytes, mode } => {
            place::replace(&path, &bytes, mode).map_err(|error| error.to_string())
        }
    }
}

/// Changes that are made and taken back.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leaves_everything_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("old"), "before").unwrap();
        fs::write(at("gone"), "still here").unwrap();
        fs::create_dir(at("empty")).unwrap();
        let write = |name: &str| Change::Write { path: at(name), bytes: b"after".to_vec(), mode: 0o644 };
        let changes = [
            Change::MakeFolder { path: at("new"), mode: 0o755 },
            write("new/file"),
            write("old"),
            Change::Remove(at("gone")),
            Change::RemoveFolder(at("empty")),
            write("no/such/folder"),
        ];
        let mut ledger = Ledger::default();
        let error = ledger.make(&changes).unwrap_err();
        assert_eq!(fs::read_to_string(at("old")).unwrap(), "after");
        let error = ledger.put_back(error).to_string();
        assert!(error.contains("put back as it was"), "{error}");
        assert_eq!(fs::read_to_string(at("old")).unwrap(), "before");
        assert_eq!(fs::read_to_string(at("gone")).unwrap(), "still here");
        assert!(!at("new").exists() && at("empty").is_dir());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_folder_with_something_in_it_stays() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("record"), "x").unwrap();
        Ledger::default().make(&[Change::RemoveFolder(dir.path().to_owned())]).unwrap();
        assert!(dir.path().join("record").exists());
    }
}
