//! Whether files of the site are what the plugin wrote: each along its chain, against its head, against heads that
//! were kept elsewhere, and against the part before it. A crash is told apart from a break; who did it is not said.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;

use serde::Serialize;
use sweep_core::chain::SiteFile;
use sweep_core::schema;

use super::files::{Found, Inventory, read_head};
use super::heads::Heads;
use super::walk::{KnownHead, Walk, walk};
use crate::error::{At, Error, Result};

/// The report's version.
const SCHEMA_VERSION: u32 = 1;
/// Bytes read at once.
const BUFFER: usize = 256 * 1024;

/// What is known of all files.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The report's version.
    pub schema_version: u32,
    /// Whether no file is broken.
    pub is_clean: bool,
    /// Each file.
    pub files: Vec<FileReport>,
}

/// What is known of a file.
#[derive(Debug, Serialize)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// In one word.
    pub verdict: Verdict,
    /// Lines that were read, up to the first break.
    pub lines: u64,
    /// Records among them.
    pub records: u64,
    /// Heads that were kept elsewhere and agree.
    pub heads: usize,
    /// What is no break.
    pub notes: Vec<Note>,
    /// The first break.
    pub first_break: Option<Break>,
}

/// A file in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it was written.
    Clean,
    /// As it was written, with the traces of a crash.
    Interrupted,
    /// Changed.
    Broken,
}

/// Something that is no break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The line, where it is about one.
    pub line: Option<u64>,
    /// What it is.
    pub text: String,
}

/// Where a file is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The first line that is wrong, or that is missing; none where the whole file is.
    pub line: Option<u64>,
    /// How it is wrong.
    pub kind: BreakKind,
    /// What shows it.
    pub detail: String,
}

/// How a file is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakKind {
    /// A line is not what was written.
    Edited,
    /// Lines that were written before this one are gone.
    Removed,
    /// Lines stand in another order.
    Reordered,
    /// Something was put between lines.
    Inserted,
    /// The end is gone; an older copy of the file looks the same.
    Cut,
    /// The file is another's, or was written anew.
    Replaced,
    /// The file's head is gone or is none.
    Head,
    /// The file is gone.
    Missing,
}

impl BreakKind {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::Removed => "removed",
            Self::Reordered => "reordered",
            Self::Inserted => "inserted",
            Self::Cut => "cut",
            Self::Replaced => "replaced",
            Self::Head => "head",
            Self::Missing => "missing",
        }
    }
}

impl Report {
    /// Checks all files; `done` is told of each.
    ///
    /// # Errors
    /// The world's where a file cannot be read; the user's where a later release wrote it.
    pub fn of(inventory: &Inventory, heads: &Heads, is_whole_directory: bool) -> Result<Self> {
        let mut files = Vec::new();
        let mut ends: BTreeMap<&SiteFile, Option<(u64, String)>> = BTreeMap::new();
        for file in &inventory.files {
            let before = file.name.before();
            let begin = before.as_ref().and_then(|before| ends.get(before));
            let (mut report, end) = check(file, begin.cloned().flatten(), heads.of(&file.name))?;
            if let (Some(before), None, true) = (before, begin, is_whole_directory) {
                report.first_break.get_or_insert(Break {
                    line: None,
                    kind: BreakKind::Missing,
                    detail: format!("the part before it, `{before}`, is not there"),
                });
                report.verdict = Verdict::Broken;
            }
            ends.insert(&file.name, end);
            files.push(report);
        }
        if is_whole_directory {
            let known = heads.files().filter(|name| !inventory.files.iter().any(|file| file.name == **name));
            let elsewhere =
                known.map(|name| (PathBuf::from(name.to_string()), "heads kept elsewhere name it"));
            let here = inventory.missing.iter().map(|file| (file.path.clone(), "its head is there"));
            files.extend(here.chain(elsewhere).map(|(path, why)| FileReport::missing(path, why)));
        }
        let is_clean = files.iter().all(|file| file.verdict != Verdict::Broken);
        Ok(Self { schema_version: SCHEMA_VERSION, is_clean, files })
    }
}

impl FileReport {
    fn missing(path: PathBuf, why: &str) -> Self {
        let detail = format!("the file is not there, and {why}");
        Self {
            path,
            verdict: Verdict::Broken,
            lines: 0,
            records: 0,
            heads: 0,
            notes: Vec::new(),
            first_break: Some(Break { line: None, kind: BreakKind::Missing, detail }),
        }
    }
}

/// Where a file's chain ends, for the part after it; none where that is not known.
type End = Option<(u64, String)>;

/// Checks one file.
///
/// # Errors
/// As [`Report::of`].
pub fn check(file: &Found, begin: End, elsewhere: &[KnownHead]) -> Result<(FileReport, End)> {
    let path = &file.path;
    // The head first: a file that grows meanwhile is then ahead of it, never behind.
    let own = file.head()?;
    let mut heads = elsewhere.to_vec();
    let mut report = FileReport {
        path: path.clone(),
        verdict: Verdict::Clean,
        lines: 0,
        records: 0,
        heads: elsewhere.len(),
        notes: Vec::new(),
        first_break: None,
    };
    let own = match own {
        Some(Ok(head)) => {
            heads.push(KnownHead { head: head.clone(), source: format!("`{}`", file.name.head_name()) });
            Some(head)
        }
        Some(Err(error @ sweep_core::Error::Schema { .. })) => return Err(error.into()),
        Some(Err(error)) => {
            report.first_break = Some(head_break(&error.to_string()));
            None
        }
        None => None,
    };
    heads.sort_by_key(|known| known.head.sequence);
    let opened = File::open(path).at("read", path)?;
    let len = opened.metadata().at("read", path)?.len();
    let reader = BufReader::with_capacity(BUFFER, opened.take(len));
    let walk = walk(reader, &file.name, begin, &heads).at("read", path)?;
    if let Some(foreign) = walk.foreign {
        return Err(sweep_core::Error::Schema {
            path: path.clone(),
            found: foreign.to_string(),
            ours: format!("{}.x", schema::CURRENT.major),
        }
        .into());
    }
    let Walk { lines, records, end, notes, first_break, .. } = walk;
    report.lines = lines;
    report.records = records;
    report.notes = notes;
    report.first_break = first_break.or(report.first_break);
    if report.first_break.is_none() {
        let reached = end.as_ref().map_or(0, |(sequence, _)| *sequence);
        match own {
            Some(head) => report.notes.extend(behind(file, head.sequence, reached)?),
            None if records > 1 && elsewhere.is_empty() => {
                report.first_break = Some(head_break("its head is not there"));
            }
            None if records > 0 => {
                report.notes.push(Note { line: None, text: "its head is not there".into() });
            }
            None => {}
        }
    }
    report.verdict = match (&report.first_break, report.notes.as_slice()) {
        (Some(_), _) => Verdict::Broken,
        (None, []) => Verdict::Clean,
        (None, _) => Verdict::Interrupted,
    };
    let end = end.filter(|_| report.verdict != Verdict::Broken);
    Ok((report, end))
}

fn head_break(detail: &str) -> Break {
    Break {
        line: None,
        kind: BreakKind::Head,
        detail: format!("{detail}: nothing here shows where the file ended"),
    }
}

/// A note where a head is behind its file, and has stayed there while the file was read.
fn behind(file: &Found, head: u64, reached: u64) -> Result<Option<Note>> {
    if head >= reached {
        return Ok(None);
    }
    let again = read_head(&file.head_path())?.and_then(std::result::Result::ok);
    if again.is_some_and(|head| head.sequence >= reached) {
        return Ok(None);
    }
    let text = format!("its head is {} records behind, as a crash leaves it", reached - head);
    Ok(Some(Note { line: None, text }))
}

/// For a person: a line a file, and each break.
#[must_use]
pub fn human(report: &Report) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for file in &report.files {
        let path = file.path.display();
        let _ = match (&file.first_break, file.verdict) {
            (Some(Break { line: Some(line), kind, detail }), _) => {
                writeln!(out, "BROKEN {path}:{line}: {}: {detail}", kind.word())
            }
            (Some(Break { line: None, kind, detail }), _) => {
                writeln!(out, "BROKEN {path}: {}: {detail}", kind.word())
            }
            (None, Verdict::Interrupted) => {
                writeln!(out, "interrupted {path}: {} records", file.records)
            }
            (None, _) => writeln!(out, "clean {path}: {} records{}", file.records, agreeing(file.heads)),
        };
        for Note { line, text } in &file.notes {
            let _ = match line {
                Some(line) => writeln!(out, "  line {line}: {text}"),
                None => writeln!(out, "  {text}"),
            };
        }
    }
    let broken = report.files.iter().filter(|file| file.verdict == Verdict::Broken).count();
    let _ = match (report.files.len(), broken) {
        (0, _) => writeln!(out, "no site records here"),
        (all, 0) => writeln!(out, "{all} files, none broken"),
        (all, broken) => writeln!(out, "{all} files, {broken} broken"),
    };
    out
}

fn agreeing(heads: usize) -> String {
    if heads == 0 { String::new() } else { format!(", {heads} heads kept elsewhere agree") }
}

/// Refuses files that are both to be checked and not there.
///
/// # Errors
/// The user's.
pub fn require(paths: &[PathBuf]) -> Result<()> {
    match paths.iter().find(|path| !path.is_file()) {
        Some(path) => Err(Error::user(format!("`{}` is no file", path.display()))),
        None => Ok(()),
    }
}
