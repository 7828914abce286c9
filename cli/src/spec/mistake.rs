//! What is wrong with a spec: where, what, and what to write instead. Never one mistake where there are several:
//! they are collected, and shown together in the order of the file.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sweep_core::error::printable;

/// Mistakes kept word for word; more are only counted.
const KEPT: usize = 200;
/// Characters of a foreign text that a message repeats.
const SHOWN: usize = 60;

/// A place in the file, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Where; none for the file as a whole.
    #[serde(flatten)]
    pub at: Option<Position>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Everything that is wrong with a spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpecErrors {
    /// The file as it was named.
    pub path: PathBuf,
    /// The mistakes in the order of the file; never empty.
    pub mistakes: Vec<Mistake>,
    /// How many more there are.
    pub more: usize,
}

impl fmt::Display for SpecErrors {
    /// `error: sweep.yaml:7:3: …` and, where there is one, `hint: …`, for each mistake; no newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = printable(&self.path.display().to_string(), 400);
        for (n, mistake) in self.mistakes.iter().enumerate() {
            let newline = if n == 0 { "" } else { "\n" };
            write!(f, "{newline}error: {path}:")?;
            if let Some(Position { line, column }) = mistake.at {
                write!(f, "{line}:{column}:")?;
            }
            write!(f, " {}", mistake.message)?;
            if let Some(hint) = &mistake.hint {
                write!(f, "\nhint: {hint}")?;
            }
        }
        if self.more > 0 {
            write!(f, "\nerror: {path}: and {} more mistakes", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for SpecErrors {}

/// The mistakes found so far.
#[derive(Debug, Default)]
pub(crate) struct Mistakes {
    list: Vec<Mistake>,
    more: usize,
}

impl Mistakes {
    /// One without a suggestion.
    pub(crate) fn add(&mut self, at: Position, message: impl Into<String>) {
        self.push(Some(at), message.into(), None);
    }

    /// One with a suggestion.
    pub(crate) fn hint(&mut self, at: Position, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Some(at), message.into(), Some(hint.into()));
    }

    /// One of the file as a whole.
    pub(crate) fn whole(&mut self, message: impl Into<String>, hint: Option<String>) {
        self.push(None, message.into(), hint);
    }

    /// How many there are so far.
    pub(super) fn count(&self) -> usize {
        self.list.len() + self.more
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The errors of a file, if there are any.
    pub(crate) fn finish(mut self, path: &Path) -> Result<(), SpecErrors> {
        if self.list.is_empty() {
            return Ok(());
        }
        // Stable: of two mistakes at one place the one found first stays first.
        self.list.sort_by_key(|mistake| mistake.at);
        Err(SpecErrors { path: path.to_owned(), mistakes: self.list, more: self.more })
    }

    fn push(&mut self, at: Option<Position>, message: String, hint: Option<String>) {
        if self.list.len() >= KEPT {
            self.more += 1;
            return;
        }
        let mistake = Mistake { at, message, hint };
        // An alias brings the same text, and so the same mistake, in twice.
        if !self.list.contains(&mistake) {
            self.list.push(mistake);
        }
    }
}

/// A foreign text, fit to stand in a message.
pub(crate) fn shown(text: &str) -> String {
    printable(text, SHOWN)
}
