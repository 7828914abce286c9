//! The site's records: one file a node and month in the audit directory, each line chained to the one before, and
//! beside it a head that says how far the file has come. Written by root; never through a path that anyone else can
//! change, and never at the price of a long wait.
//!
//! A file that has reached its length is left, and the next part goes on from its last line. Whoever holds the lock
//! of a part looks whether there is a next one before writing, so there is one place to write at any time. A user
//! who has filled their allowance of a month gets one line that says so, and the rest of theirs is counted only.
//!
//! After a crash the head may be behind: whole lines past it are taken in if they continue the chain. A line that
//! was cut is ended by a newline and left where it is, outside the chain, for `audit verify` to call interrupted.
//! Where the file does not go on from the head otherwise, new lines go on from the head, so that the break stays
//! visible.

mod allowance;
mod place;
mod syslog;

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sweep_core::chain::{HEAD_LEN, Head, Link, SiteFile, line_hash};
use sweep_core::record::{Claimed, Record};

use allowance::{Allowance, Verdict};
use place::Place;

/// How long the lock is waited for, and the time between two tries.
const LOCK_LIMIT: Duration = Duration::from_secs(2);
const LOCK_NAP: Duration = Duration::from_millis(5);
/// Most bytes past the head that are looked at after a crash.
const RECOVERY_LEN: u64 = 1024 * 1024;
/// The head goes to the logs with every so many lines, and with the first of each file.
const LINES_A_REPORT: u64 = 64;
/// Most parts of one month.
const PARTS: u32 = 4096;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A file as long as this is not appended to again.
    pub file_len: u64,
    /// Most bytes of one user in a node's month.
    pub user_len: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_len: 256 << 20, user_len: 256 << 20 }
    }
}

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
    /// The month has as many files as it may have.
    #[error("`{}` is full, and its month has no more parts", .0.display())]
    Full(PathBuf),
}

/// Appends a record to this node's file of its month. Gives a line for the log when there is something to say: a
/// head that is due, or a user past their allowance.
///
/// # Errors
/// [`Error`]; the file is then as it was, or has a cut line that the next append ends.
pub fn append(dir: &Path, limits: &Limits, record: Record) -> Result<Option<String>, Error> {
    let place = Place::open(dir)?;
    let part = Part::open(&place, dir, limits, SiteFile::first(&record.node, record.time_ns))?;
    let uid = record.uid;
    let (line, head) = part.head.append(&part.name, record.clone());
    // Without a count the record is kept all the same.
    let allowance = Allowance::of(&place, &part.name, uid).ok().flatten();
    let verdict = allowance.as_ref().map_or(Verdict::Keep, |a| a.judge(line.len(), limits.user_len));
    let line_len = line.len();
    let report = match verdict {
        Verdict::Keep => part.write(&place, line, &head)?,
        Verdict::Last => {
            let (line, head) = part.head.append(&part.name, past_allowance(record, limits));
            part.write(&place, line, &head)?;
            Some(format!(
                "uid {uid} has filled its {} MiB of this month, its further records are dropped",
                limits.user_len >> 20
            ))
        }
        Verdict::Drop => None,
    };
    if let Some(allowance) = allowance {
        let _ = allowance.note(verdict, line_len);
    }
    drop(part);
    Ok(report)
}

/// What stands in the place of the first record past a user's allowance.
fn past_allowance(record: Record, limits: &Limits) -> Record {
    let note = format!(
        "this user's {} MiB of records of this node and month are full: further records are dropped",
        limits.user_len >> 20
    );
    Record { claimed: Claimed::default(), refused: vec![note], ..record }
}

/// The part of a month that is written to, locked.
struct Part {
    name: SiteFile,
    path: PathBuf,
    file: File,
    head: Head,
    /// Whether it ends in a line that was cut.
    cut: bool,
}

impl Part {
    /// Locks the last part of a month, or begins the next where that is full.
    fn open(place: &Place, dir: &Path, limits: &Limits, first: SiteFile) -> Result<Self, Error> {
        let started = Instant::now();
        let mut name = first;
        while name.part < PARTS && place.has(&c_name(&name.next().to_string())) {
            name = name.next();
        }
        loop {
            let path = dir.join(name.to_string());
            let system = |what| {
                let path = path.clone();
                move |source| Error::System { what, path, source }
            };
            let file = place.append_only(&c_name(&name.to_string())).map_err(system("open"))?;
            if !lock(&file, started).map_err(system("lock"))? {
                return Err(Error::Locked(path));
            }
            let is_left = place.has(&c_name(&name.next().to_string()));
            let len = file.metadata().map_err(system("look at"))?.len();
            if is_left || len >= limits.file_len {
                if name.part >= PARTS {
                    return Err(Error::Full(path));
                }
                // Made while this part is locked: from now on nobody writes here.
                place
                    .append_only(&c_name(&name.next().to_string()))
                    .map_err(system("open the part after"))?;
                name = name.next();
                continue;
            }
            let begin = begin(place, &name).map_err(system("go on from the part before"))?;
            let read = read_head(place, &name, begin).map_err(system("read the head of"))?;
            let (head, cut) = catch_up(&file, read).map_err(system("read"))?;
            return Ok(Self { name, path, file, head, cut });
        }
    }

    /// Writes a line and then its head; a line for the log when the head is due there.
    fn write(&self, place: &Place, line: Vec<u8>, head: &Head) -> Result<Option<String>, Error> {
        let system = |what| move |source| Error::System { what, path: self.path.clone(), source };
        let mut file = &self.file;
        let len = file.metadata().map_err(system("look at"))?.len();
        // A cut line gets its newline with the same write.
        let bytes = if self.cut { [b"\n", &line[..]].concat() } else { line };
        if let Err(error) = file.write_all(&bytes) {
            // A full disk takes a part of a line; whoever holds the lock may take it back.
            let _ = file.set_len(len);
            return Err(system("append to")(error));
        }
        file.sync_data().map_err(system("sync"))?;
        let head = Head { offset: len + bytes.len() as u64, ..head.clone() };
        let head_name = self.name.head_name();
        place
            .replace(&c_name(&head_name), &c_name(&format!("{head_name}.new")), &head.to_bytes())
            .map_err(system("renew the head of"))?;
        let is_due = len == 0 || head.sequence.is_multiple_of(LINES_A_REPORT);
        Ok(is_due.then(|| {
            let sent = head.to_sent(&self.name);
            // A machine without a system log still has Slurm's.
            let _ = syslog::send(Path::new(syslog::SOCKET), &sent);
            sent
        }))
    }
}

fn c_name(name: &str) -> CString {
    CString::new(name).expect("made of a plain name and numbers")
}

/// Waits for the lock, until [`LOCK_LIMIT`] has gone by since `started`; it falls with the file.
fn lock(file: &File, started: Instant) -> io::Result<bool> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
            Err(std::fs::TryLockError::WouldBlock) if started.elapsed() > LOCK_LIMIT => return Ok(false),
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_NAP),
        }
    }
}

/// The head that a part begins with: that of an empty month, or the end of the part before, which nobody writes to
/// any more.
fn begin(place: &Place, name: &SiteFile) -> io::Result<Head> {
    let Some(before) = name.before() else { return Ok(Head::default()) };
    let head = read_head(place, &before, Head::default())?;
    let file = place.read(&c_name(&before.to_string()))?;
    Ok(catch_up(&file, head)?.0.before_next_part())
}

/// A file's head; `begin` where it is missing or damaged.
fn read_head(place: &Place, name: &SiteFile, begin: Head) -> io::Result<Head> {
    let name = name.head_name();
    let mut bytes = Vec::new();
    match place.read(&c_name(&name)) {
        Ok(file) => file.take(HEAD_LEN).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(begin),
        Err(error) => return Err(error),
    };
    Ok(Head::parse(name.as_ref(), &bytes).unwrap_or(begin))
}

/// Takes in whole lines past the head that continue the chain; whether the file ends in a cut line. Where a crash
/// took the head of a long file, its last record is gone on from: what came before is `audit verify`'s to judge.
fn catch_up(file: &File, mut head: Head) -> io::Result<(Head, bool)> {
    let len = file.metadata()?.len();
    if len == 0 {
        return Ok((head, false));
    }
    let mut last = [0];
    file.read_exact_at(&mut last, len - 1)?;
    let cut = last != *b"\n";
    let Some(behind) = len.checked_sub(head.offset).filter(|&behind| behind > 0) else {
        return Ok((head, cut));
    };
    if behind > RECOVERY_LEN {
        let is_lost = head.offset == 0;
        return Ok((if is_lost { last_record(file, len)?.unwrap_or(head) } else { head }, cut));
    }
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

/// The head after the last whole record of a long file.
fn last_record(file: &File, len: u64) -> io::Result<Option<Head>> {
    let mut bytes = vec![0; usize::try_from(RECOVERY_LEN).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, len - RECOVERY_LEN)?;
    let mut end = len;
    for line in bytes.rsplit(|&byte| byte == b'\n') {
        // The first is what stands behind the last newline; the last began before what was read, and is no record.
        if let Ok(link) = serde_json::from_slice::<Link>(line)
            && end < len
        {
            let hash = line_hash(line);
            return Ok(Some(Head { sequence: link.sequence + 1, offset: end + 1, hash, ..Head::default() }));
        }
        end = end.saturating_sub(line.len() as u64 + 1);
    }
    Ok(None)
}
