//! The audit directory, opened part by part so that nobody but root can have put anything in its way, and files in
//! it by name. Never a path that is looked up twice.

use std::ffi::{CStr, CString};
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use super::Error;

/// Mode of the files: root writes, the directory's group may read.
const MODE: u32 = 0o640;

/// An audit directory that is root's alone, as all directories above it are.
pub struct Place(OwnedFd);

impl Place {
    /// Opens the directory.
    ///
    /// # Errors
    /// [`Error::Unsafe`] or [`Error::System`] naming the part of the path.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let mut part = PathBuf::from("/");
        let mut at = open_directory(libc::AT_FDCWD, c"/").map_err(|source| Error::System {
            what: "open",
            path: part.clone(),
            source,
        })?;
        let unsafe_part = |part: &Path, reason| Error::Unsafe { dir: dir.into(), part: part.into(), reason };
        let mut names = dir.components().peekable();
        while let Some(component) = names.next() {
            let name = match component {
                Component::RootDir => continue,
                Component::Normal(name) => name,
                _ => return Err(unsafe_part(dir, "is not a plain absolute path")),
            };
            part.push(name);
            let c_name = CString::new(name.as_encoded_bytes())
                .map_err(|_| unsafe_part(&part, "has a NUL in its name"))?;
            let next = open_directory(at.as_raw_fd(), &c_name).map_err(|source| {
                if is_symlink(at.as_raw_fd(), &c_name) {
                    return unsafe_part(&part, "is a symlink");
                }
                Error::System { what: "open audit directory", path: part.clone(), source }
            })?;
            let file = File::from(next);
            let metadata = file.metadata().map_err(|source| Error::System {
                what: "look at",
                path: part.clone(),
                source,
            })?;
            let is_last = names.peek().is_none();
            if metadata.uid() != 0 {
                return Err(unsafe_part(&part, "is not root's"));
            }
            let is_open_to_others = metadata.mode() & 0o022 != 0;
            let is_sticky = metadata.mode() & 0o1000 != 0;
            // In a sticky directory nobody can move what is root's, so the next part's own owner and mode decide.
            if is_open_to_others && (is_last || !is_sticky) {
                return Err(unsafe_part(&part, "can be written by others than root"));
            }
            at = file.into();
        }
        Ok(Self(at))
    }

    /// Opens a file for appending, made with [`MODE`] where it is not there, whatever the umask is.
    ///
    /// # Errors
    /// What the system says, or that the file is not a plain file of root's own.
    pub fn append_only(&self, name: &CStr) -> io::Result<File> {
        self.own_file(name, libc::O_APPEND)
    }

    /// As [`Place::append_only`], for writing anywhere in it.
    ///
    /// # Errors
    /// As there.
    pub fn read_write(&self, name: &CStr) -> io::Result<File> {
        self.own_file(name, 0)
    }

    /// Whether anything has this name.
    pub fn has(&self, name: &CStr) -> bool {
        stat(self.0.as_raw_fd(), name).is_some()
    }

    fn own_file(&self, name: &CStr, flags: i32) -> io::Result<File> {
        let file = self.open_file(name, libc::O_RDWR | libc::O_CREAT | flags)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.uid() != 0 || metadata.nlink() != 1 {
            return Err(io::Error::other("not a plain file of root's own"));
        }
        if metadata.mode() & 0o777 != MODE {
            file.set_permissions(Permissions::from_mode(MODE))?;
        }
        Ok(file)
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&self, name: &CStr) -> io::Result<File> {
        self.open_file(name, libc::O_RDONLY)
    }

    /// Replaces a file: written beside it, then renamed.
    ///
    /// # Errors
    /// What the system says.
    pub fn replace(&self, name: &CStr, beside: &CStr, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.open_file(beside, libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC)?;
        file.set_permissions(Permissions::from_mode(MODE))?;
        file.write_all(bytes)?;
        drop(file);
        let dir = self.0.as_raw_fd();
        // SAFETY: two C strings in a directory that is open.
        let code = unsafe { libc::syscall(libc::SYS_renameat2, dir, beside.as_ptr(), dir, name.as_ptr(), 0) };
        if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn open_file(&self, name: &CStr, flags: i32) -> io::Result<File> {
        let flags = flags | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
        open_at(self.0.as_raw_fd(), name, flags).map(File::from)
    }
}

fn open_directory(at: RawFd, name: &CStr) -> io::Result<OwnedFd> {
    open_at(at, name, libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC)
}

fn open_at(at: RawFd, name: &CStr, flags: i32) -> io::Result<OwnedFd> {
    // SAFETY: a C string and numbers; the mode is for files that are made, and tightened further by any umask.
    let fd = unsafe { libc::syscall(libc::SYS_openat, at, name.as_ptr(), flags, 0o600) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: just opened, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn is_symlink(at: RawFd, name: &CStr) -> bool {
    stat(at, name).is_some_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFLNK)
}

/// What has this name, a symlink itself and not what it leads to.
fn stat(at: RawFd, name: &CStr) -> Option<libc::stat> {
    // SAFETY: all zeroes is a valid stat to be filled.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: a C string in a directory that is open, and a stat of ours.
    let code = unsafe { libc::fstatat(at, name.as_ptr(), &raw mut stat, libc::AT_SYMLINK_NOFOLLOW) };
    (code == 0).then_some(stat)
}
