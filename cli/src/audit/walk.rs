//! One walk along the chain of one file: line by line, until the end or the first break. It says what it saw and
//! decides nothing about other files.

use std::io::{self, BufRead};

use serde::Deserialize;
use sweep_core::chain::{GENESIS, Head, SiteFile, is_torn, line_hash};
use sweep_core::schema::{self, Schema};

use super::lines::{Line, Lines};
use super::verify::{Break, BreakKind, Note};

/// A head that is known of the file, and where it was found.
#[derive(Clone, Debug)]
pub struct KnownHead {
    /// The head.
    pub head: Head,
    /// Where it was found, for a person.
    pub source: String,
}

/// What a line says of its place in the chain.
#[derive(Deserialize)]
struct Tie {
    schema: Schema,
    sequence: u64,
    previous: String,
    #[serde(default)]
    file: Option<String>,
}

/// How far a walk came, and what it saw.
#[derive(Debug)]
pub struct Walk {
    /// Lines that were read.
    pub lines: u64,
    /// Records of the chain among them.
    pub records: u64,
    /// The number of the record that comes next, and what it must name as the line before: where the chain began,
    /// if there was no record.
    pub end: Option<(u64, String)>,
    /// What is no break.
    pub notes: Vec<Note>,
    /// The first break.
    pub first_break: Option<Break>,
    /// A version that this build does not read, where no line has another.
    pub foreign: Option<Schema>,
}

/// A walk under way.
struct Walker<'a> {
    name: &'a SiteFile,
    /// By sequence.
    heads: &'a [KnownHead],
    heads_met: usize,
    sequence: u64,
    hash: String,
    /// Whether what the first record must go on from is known.
    is_begin_known: bool,
    /// The last record's line.
    last: u64,
    /// The first torn line since the last record.
    torn: Option<u64>,
    /// The last line that was torn.
    last_torn: Option<u64>,
    has_own_version: bool,
    walk: Walk,
}

/// Walks along a file. `heads` are sorted by sequence; `begin` is what a part after the first goes on from, where
/// that is known.
///
/// # Errors
/// The reader's.
pub fn walk(
    reader: impl BufRead,
    name: &SiteFile,
    begin: Option<(u64, String)>,
    heads: &[KnownHead],
) -> io::Result<Walk> {
    let begin = begin.or_else(|| (name.part == 0).then(|| (0, GENESIS.to_owned())));
    let is_begin_known = begin.is_some();
    let (sequence, hash) = begin.clone().unwrap_or_default();
    let mut walker = Walker {
        name,
        heads,
        heads_met: 0,
        sequence,
        hash,
        is_begin_known,
        last: 0,
        torn: None,
        last_torn: None,
        has_own_version: false,
        walk: Walk { lines: 0, records: 0, end: begin, notes: Vec::new(), first_break: None, foreign: None },
    };
    let mut lines = Lines::new(reader);
    while let Some(line) = lines.read()? {
        walker.walk.lines = line.number;
        let found = match serde_json::from_slice::<Tie>(line.text) {
            Ok(tie) if line.is_whole => {
                let hash = line_hash(line.text);
                let (number, end) = (line.number, line.end);
                walker.record(&tie, number, end, hash, &mut lines)?
            }
            _ => walker.no_record(&line),
        };
        if found.is_some() {
            walker.walk.first_break = found;
            return Ok(walker.walk);
        }
    }
    walker.walk.first_break = walker.at_end();
    if walker.walk.records > 0 {
        walker.walk.end = Some((walker.sequence, walker.hash));
    }
    Ok(walker.walk)
}

impl Walker<'_> {
    fn record<R: BufRead>(
        &mut self,
        tie: &Tie,
        number: u64,
        end: u64,
        hash: String,
        lines: &mut Lines<R>,
    ) -> io::Result<Option<Break>> {
        self.note_version(tie.schema);
        if !self.is_begin_known {
            (self.sequence, self.hash) = (tie.sequence, tie.previous.clone());
            self.is_begin_known = true;
        }
        if (tie.sequence, &tie.previous) != (self.sequence, &self.hash) {
            return self.mismatch(tie, number, &hash, lines).map(Some);
        }
        if self.walk.records == 0 && tie.file.as_deref() != Some(self.name.to_string().as_str()) {
            return self.other_file(tie, number, &hash, lines).map(Some);
        }
        self.sequence += 1;
        self.walk.records += 1;
        self.last = number;
        self.torn = None;
        while let Some(known) = self.heads.get(self.heads_met) {
            if known.head.sequence > self.sequence {
                break;
            }
            self.heads_met += 1;
            let Some(found) = self.against(known, number, end, &hash) else { continue };
            let Found { kind, detail } = found;
            let goes_on = next_tie(lines)?.is_some_and(|next| next.previous == hash);
            let kind = if goes_on && kind == BreakKind::Edited { BreakKind::Replaced } else { kind };
            return Ok(Some(Break { line: Some(self.last_torn_or(kind, number)), kind, detail }));
        }
        self.hash = hash;
        Ok(None)
    }

    /// Compares the record that was just read with a head.
    fn against(&self, known: &KnownHead, number: u64, end: u64, hash: &str) -> Option<Found> {
        let KnownHead { head, source } = known;
        if head.sequence < self.sequence {
            let detail = format!("{source} speaks of record {}, which is not in this file", head.sequence);
            return Some(Found { kind: BreakKind::Replaced, detail });
        }
        if head.hash != *hash {
            let detail = format!("{source} has another hash for this line");
            return Some(Found { kind: BreakKind::Edited, detail });
        }
        let detail =
            format!("{source} says that line {number} ends at byte {}, it ends at {end}", head.offset);
        (head.offset != end).then_some(Found { kind: BreakKind::Inserted, detail })
    }

    fn last_torn_or(&self, kind: BreakKind, number: u64) -> u64 {
        self.last_torn.filter(|_| kind == BreakKind::Inserted).unwrap_or(number)
    }

    /// A line that does not go on from the one before: which of the two is wrong, and how.
    fn mismatch<R: BufRead>(
        &self,
        tie: &Tie,
        number: u64,
        hash: &str,
        lines: &mut Lines<R>,
    ) -> io::Result<Break> {
        let at = |line, kind, detail: String| Ok(Break { line: Some(line), kind, detail });
        if let Some(torn) = self.torn {
            let detail =
                format!("it is no record, and line {number} does not go on from the record before it");
            return at(torn, BreakKind::Edited, detail);
        }
        let expected = self.sequence;
        if tie.previous == self.hash {
            let detail = format!("it has the number {}, and comes after record {expected}", tie.sequence);
            return at(number, BreakKind::Edited, detail);
        }
        if tie.sequence < expected {
            let detail = format!("record {} stands where {expected} belongs", tie.sequence);
            return at(number, BreakKind::Reordered, detail);
        }
        if tie.sequence > expected {
            while let Some(later) = next_tie(lines)? {
                if later.sequence == expected {
                    let detail = format!("record {} stands where {expected} belongs", tie.sequence);
                    return at(number, BreakKind::Reordered, detail);
                }
            }
            let detail = format!("{} records before it are missing", tie.sequence - expected);
            return at(number, BreakKind::Removed, detail);
        }
        let is_confirmed = match next_tie(lines)? {
            Some(next) => next.previous == hash,
            None => self.heads.iter().any(|known| known.head.hash == hash),
        };
        match (is_confirmed, self.last) {
            (true, 0) => {
                at(number, BreakKind::Replaced, "it does not go on from the part before this file".into())
            }
            (true, last) => at(last, BreakKind::Edited, format!("line {number} has another hash for it")),
            (false, _) => at(number, BreakKind::Edited, "it has another hash for the line before it".into()),
        }
    }

    /// A first record that names another file than this.
    fn other_file<R: BufRead>(
        &self,
        tie: &Tie,
        number: u64,
        hash: &str,
        lines: &mut Lines<R>,
    ) -> io::Result<Break> {
        let is_confirmed = match next_tie(lines)? {
            Some(next) => next.previous == hash,
            None => self.heads.iter().any(|known| known.head.hash == hash),
        };
        let kind = if is_confirmed { BreakKind::Replaced } else { BreakKind::Edited };
        let detail = match &tie.file {
            Some(file) => {
                format!("it begins the file `{}`, not this one", sweep_core::error::printable(file, 80))
            }
            None => "it does not say which file it begins".into(),
        };
        Ok(Break { line: Some(number), kind, detail })
    }

    /// A line that is no record: what a crash left, or a break.
    fn no_record(&mut self, line: &Line<'_>) -> Option<Break> {
        let is_last = !line.is_whole && line.text.len() <= sweep_core::chain::LINE_LEN;
        let may_be_torn = !self.is_begin_known || is_torn(line.text, self.sequence, &self.hash);
        if !(line.is_whole || is_last) || !may_be_torn {
            let detail = "it is no record".into();
            return Some(Break {
                line: Some(self.torn.unwrap_or(line.number)),
                kind: BreakKind::Edited,
                detail,
            });
        }
        self.torn.get_or_insert(line.number);
        self.last_torn = Some(line.number);
        let text = "a crash cut this line; it is no part of the chain".into();
        self.walk.notes.push(Note { line: Some(line.number), text });
        None
    }

    /// What heads say of records that are not there.
    fn at_end(&mut self) -> Option<Break> {
        let KnownHead { head, source } =
            self.heads.get(self.heads_met..)?.iter().max_by_key(|k| k.head.sequence)?;
        let Some(missing) = head.sequence.checked_sub(self.sequence).filter(|&missing| missing > 0) else {
            let detail = format!("{source} speaks of record {}, which is not in this file", head.sequence);
            return Some(Break { line: None, kind: BreakKind::Replaced, detail });
        };
        let detail = format!(
            "{source} has {missing} more records: the file was cut, or replaced by an older copy of itself"
        );
        Some(match self.torn {
            Some(line) => Break {
                line: Some(line),
                kind: if missing == 1 { BreakKind::Edited } else { BreakKind::Cut },
                detail: format!("it is no record, and {detail}"),
            },
            None => Break { line: Some(self.walk.lines + 1), kind: BreakKind::Cut, detail },
        })
    }

    fn note_version(&mut self, version: Schema) {
        self.has_own_version |= version.major == schema::CURRENT.major;
        self.walk.foreign = (!self.has_own_version).then_some(version);
    }
}

/// What [`Walker::against`] found.
struct Found {
    kind: BreakKind,
    detail: String,
}

/// The next line that is a record.
fn next_tie<R: BufRead>(lines: &mut Lines<R>) -> io::Result<Option<Tie>> {
    while let Some(line) = lines.read()? {
        if let Ok(tie) = serde_json::from_slice(line.text) {
            return Ok(Some(tie));
        }
    }
    Ok(None)
}
