//! The site's records: one file a node and month in the audit directory, each line chained to the one before, and
//! beside it a head that says how far the file has come. Written by root; never through a path that anyone else can
//! change, and never at the price of a long wait.
//!
//! After a crash the head may be behind: whole lines past it are taken in if they continue the chain. A line that
//! was cut is ended by a newline and left where it is, outside the chain, for `audit verify` to call interrupted.
//! Where the file does not go on from the head otherwise, new lines go on from the head, so that the break stays
//! visible.

mod place;

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sweep_core::chain::{Head, Link, line_hash};
use sweep_core::record::Record;

use place::Place;

/// Tries to get the lock, and the time between two.
const LOCK_TRIES: u32 = 400;
const LOCK_NAP: Duration = Duration::from_millis(5);
/// Most bytes past the head that are looked at after a crash.
const RECOVERY_LEN: u64 = 1024 * 1024;
/// Largest head file, in bytes.
const HEAD_LEN: u64 = 4096;
/// The head goes to the log with every so many lines.
const LINES_A_REPORT: u64 = 64;

/// Why a site record was not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The audit directory, or one above it, is not root's alone.
    #[error("audit directory `{}`: `{}` {reason}", dir.display(), part.display())]
    Unsafe {
        /// The audit directory.
        dir: PathBuf,
        /// The part of its path.
        part: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A system call failed.
    #[error("cannot {what} `{}`", path.display())]
    System {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Others held the lock all the time.
    #[error("`{}` stays locked by others", .0.display())]
    Locked(PathBuf),
}

/// Appends a record to this node's file of its month. Gives a line for the log when the head is due to go there.
///
/// # Errors
/// [`Error`]; the file is then as it was, or has a cut line that the next append ends.
pub fn append(dir: &Path, record: Record) -> Result<Option<String>, Error> {
    let place = Place::open(dir)?;
    let name = format!("{}-{}.jsonl", record.node, month(record.time_ns));
    let path = dir.join(&name);
    let system = |what| {
        let path = path.clone();
        move |source| Error::System { what, path, source }
    };
    let file_name = c_name(&name);
    let mut file = place.append_only(&file_name).map_err(system("open"))?;
    lock(&file).map_err(system("lock"))?.ok_or_else(|| Error::Locked(path.clone()))?;

    let head_name = format!("{name}.head");
    let read = read_head(&place, &c_name(&head_name), &path).map_err(system("read the head of"))?;
    let (head, cut) = catch_up(&file, read).map_err(system("read"))?;
    let (line, head) = head.append(record);
    let len = file.metadata().map_err(system("look at"))?.len();
    // A cut line gets its newline with the same write.
    let bytes = if cut { [b"\n", &line[..]].concat() } else { line };
    if let Err(error) = file.write_all(&bytes) {
        // A full disk takes a part of a line; whoever holds the lock may take it back.
        let _ = file.set_len(len);
        return Err(system("append to")(error));
    }
    file.sync_data().map_err(system("sync"))?;
    let head = Head { offset: len + bytes.len() as u64, ..head };
    place
        .replace(&c_name(&head_name), &c_name(&format!("{head_name}.new")), &head.to_bytes())
        .map_err(system("renew the head of"))?;
    let due = head.sequence.is_multiple_of(LINES_A_REPORT);
    Ok(due.then(|| format!("{name} sequence={} offset={} hash={}", head.sequence, head.offset, head.hash)))
}

fn c_name(name: &str) -> CString {
    CString::new(name).expect("made of a plain name and numbers")
}

/// Waits for the lock for as long as two seconds; it falls with the file.
fn lock(file: &File) -> io::Result<Option<()>> {
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(Some(())),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_NAP),
        }
    }
    Ok(None)
}

/// The head; a missing or damaged one is that of an empty file.
fn read_head(place: &Place, name: &CString, path: &Path) -> io::Result<Head> {
    let mut bytes = Vec::new();
    match place.read(name) {
        Ok(file) => file.take(HEAD_LEN).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Head::default()),
        Err(error) => return Err(error),
    };
    Ok(Head::parse(path, &bytes).unwrap_or_default())
}

/// Takes in whole lines past the head that continue the chain; whether the file ends in a cut line.
fn catch_up(file: &File, mut head: Head) -> io::Result<(Head, bool)> {
    let len = file.metadata()?.len();
    if len == 0 {
        return Ok((head, false));
    }
    let mut last = [0];
    file.read_exact_at(&mut last, len - 1)?;
    let cut = last != *b"\n";
    let Some(behind) = len.checked_sub(head.offset).filter(|behind| (1..=RECOVERY_LEN).contains(behind))
    else {
        return Ok((head, cut));
    };
    let mut bytes = vec![0; usize::try_from(behind).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, head.offset)?;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let Some(line) = line.strip_suffix(b"\n") else { break };
        match serde_json::from_slice::<Link>(line) {
            Ok(link) if link.previous == head.hash && link.sequence == head.sequence => {
                head.sequence += 1;
                head.hash = line_hash(line);
                head.offset += line.len() as u64 + 1;
            }
            // A line that a crash cut and a later append ended.
            Err(_) => {}
            Ok(_) => break,
        }
    }
    Ok((head, cut))
}

/// `yyyymm` of a time in nanoseconds since 1970, in UTC.
fn month(time_ns: u64) -> String {
    let mut days = time_ns / 1_000_000_000 / 86_400;
    let mut year = 1970;
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    for len in [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < len {
            break;
        }
        days -= len;
        month += 1;
    }
    format!("{year}{month:02}")
}

/// Files that go on, files that were cut, and months.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_that_of_the_calendar() {
        let month_of = |seconds: u64| month(seconds * 1_000_000_000);
        assert_eq!(month_of(0), "197001");
        assert_eq!(month_of(951_782_399), "200002"); // 2000-02-28 23:59:59
        assert_eq!(month_of(951_868_799), "200002"); // 2000-02-29 23:59:59
        assert_eq!(month_of(951_868_800), "200003");
        assert_eq!(month_of(1_767_225_599), "202512");
        assert_eq!(month_of(1_767_225_600), "202601");
    }
}
