//! Many nodes' directories into one. A file is taken only where its chain holds, and takes the place of a collected
//! one only where it goes on from it, byte for byte: what was collected once cannot be taken back.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::files::{Found, Inventory};
use super::heads::Heads;
use super::verify::{Report, Verdict};
use crate::error::{At, Result};

/// Mode of collected files, as of the plugin's.
const MODE: u32 = 0o640;

/// What became of all files.
#[derive(Debug, Serialize)]
pub struct Collected {
    /// The report's version.
    pub schema_version: u32,
    /// Whether all were taken.
    pub is_complete: bool,
    /// Each.
    pub files: Vec<FileCollected>,
}

/// What became of a file.
#[derive(Debug, Serialize)]
pub struct FileCollected {
    /// The file.
    pub path: PathBuf,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// It was not there before.
    New,
    /// It goes on from what was there.
    Grown,
    /// It is what was there.
    Same,
    /// It was not taken.
    Refused {
        /// Why not.
        reason: String,
    },
}

/// Collects the files of directories.
///
/// # Errors
/// The world's where something cannot be read or written, which leaves each file as it was or as it is to be.
pub fn collect(out: &Path, dirs: &[PathBuf]) -> Result<Collected> {
    fs::create_dir_all(out).at("make", out)?;
    let mut files = Vec::new();
    for dir in dirs {
        let inventory = Inventory::of_directory(dir)?;
        let report = Report::of(&inventory, &Heads::default(), true)?;
        for checked in report.files {
            let found = inventory.files.iter().find(|found| found.path == checked.path);
            let outcome = match (found, checked.verdict, checked.first_break) {
                (Some(found), Verdict::Clean | Verdict::Interrupted, _) => take(found, out)?,
                (_, _, Some(found)) => {
                    let line = found.line.map(|line| format!("line {line}: ")).unwrap_or_default();
                    Outcome::Refused { reason: format!("{line}{}: {}", found.kind.word(), found.detail) }
                }
                _ => Outcome::Refused { reason: "it is broken".into() },
            };
            files.push(FileCollected { path: checked.path, outcome });
        }
    }
    let is_complete = !files.iter().any(|file| matches!(file.outcome, Outcome::Refused { .. }));
    Ok(Collected { schema_version: 1, is_complete, files })
}

fn take(found: &Found, out: &Path) -> Result<Outcome> {
    let target = out.join(found.name.to_string());
    let head = out.join(found.name.head_name());
    // The head first, as with verify: the file that is read after it is never behind it.
    let head_bytes = fs::read(found.head_path());
    let outcome = match fs::metadata(&target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Outcome::New,
        Err(error) => return Err(error).at("look at", &target),
        Ok(_) => match compare(&target, &found.path)? {
            Outcome::Grown => Outcome::Grown,
            // A head that was behind may have come along since.
            Outcome::Same if head.exists() && fs::read(&head).ok() == head_bytes.as_ref().ok().cloned() => {
                return Ok(Outcome::Same);
            }
            Outcome::Same => Outcome::Same,
            other => return Ok(other),
        },
    };
    replace(&target, |file| io::copy(&mut BufReader::new(File::open(&found.path)?), file).map(drop))?;
    if let Ok(bytes) = head_bytes {
        replace(&head, |file| file.write_all(&bytes))?;
    }
    let tally = found.path.with_file_name(found.name.tally_name());
    if let Ok(bytes) = fs::read(tally) {
        replace(&out.join(found.name.tally_name()), |file| file.write_all(&bytes))?;
    }
    Ok(outcome)
}

/// Whether `new` is `old`, or goes on from its whole lines.
fn compare(old: &Path, new: &Path) -> Result<Outcome> {
    let refused = |reason: String| Ok(Outcome::Refused { reason });
    let mut olds = BufReader::new(File::open(old).at("read", old)?);
    let mut news = BufReader::new(File::open(new).at("read", new)?);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for number in 1u64.. {
        left.clear();
        right.clear();
        read_line(&mut olds, &mut left).at("read", old)?;
        read_line(&mut news, &mut right).at("read", new)?;
        if left.is_empty() && right.is_empty() {
            return Ok(Outcome::Same);
        }
        // A cut line at the end of the old one may be another by now: the plugin takes one back on a full disk.
        let is_old_over = left.last() != Some(&b'\n');
        if is_old_over && (left != right) && (left.is_empty() || !right.is_empty()) {
            return Ok(Outcome::Grown);
        }
        if right.is_empty() {
            return refused(format!("it is shorter than what was collected, which has a line {number}"));
        }
        if left != right {
            return refused(format!("its line {number} is not what was collected"));
        }
    }
    Ok(Outcome::Same)
}

/// A line, or as much of one as [`sweep_core::chain::LINE_LEN`] allows.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    reader.take(sweep_core::chain::LINE_LEN as u64).read_until(b'\n', line)
}

/// Writes a file beside its name, syncs it and gives it the name.
fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let all = || {
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(MODE).open(&beside)?;
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&beside, path)
    };
    all().at("write", path)
}

/// For a person: a line a file.
#[must_use]
pub fn human(collected: &Collected) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for FileCollected { path, outcome } in &collected.files {
        let path = path.display();
        let _ = match outcome {
            Outcome::New => writeln!(out, "new {path}"),
            Outcome::Grown => writeln!(out, "grown {path}"),
            Outcome::Same => writeln!(out, "same {path}"),
            Outcome::Refused { reason } => writeln!(out, "REFUSED {path}: {reason}"),
        };
    }
    out
}
