//! The chain of the site's records: each line has the SHA-256 of the line before, and the head keeps apart how
//! far the file had come, so that a changed, removed, reordered, cut or replaced line shows. It never says who
//! wrote a line: whoever has root's rights can write a whole new chain, and only a head kept elsewhere shows that.
//!
//! Format changes, newest first:
//! - 1.0: the first line of a file names the file, and of a part after the first goes on from the part before, in
//!   `sequence` as in `previous`. Nothing was released without.

pub mod file;
pub mod tally;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::record::{Record, hex};
use crate::schema::{self, Schema};

pub use file::{Month, SiteFile};

/// What the first line of a month has instead of a hash.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// The name under which heads stand in the system's log.
pub const SYSLOG_NAME: &str = "sweep-audit";
/// Longest line of a site's file, in bytes: no record comes near it.
pub const LINE_LEN: usize = 1024 * 1024;
/// Largest head file, in bytes.
pub const HEAD_LEN: u64 = 4096;

/// A line of a site's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The line's number in its month, from 0: a later part goes on counting.
    pub sequence: u64,
    /// SHA-256 of the line before without its newline, or [`GENESIS`].
    pub previous: String,
    /// The file that begins with this line: what stands under another name was put there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What was recorded.
    #[serde(flatten)]
    pub record: Record,
}

/// How far a file had come: `<file>.head`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The file's version.
    pub schema: Schema,
    /// The number of the next line.
    pub sequence: u64,
    /// Bytes of the file that are chained.
    pub offset: u64,
    /// SHA-256 of the last line without its newline, or [`GENESIS`].
    pub hash: String,
}

/// A head as it goes to the system's log: with the name of its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentHead {
    /// The file that it is the head of.
    pub file: String,
    /// The head.
    #[serde(flatten)]
    pub head: Head,
}

impl Default for Head {
    fn default() -> Self {
        Self { schema: schema::CURRENT, sequence: 0, offset: 0, hash: GENESIS.into() }
    }
}

impl Head {
    /// The head of the part that comes after this head's file, before it has a line.
    #[must_use]
    pub fn before_next_part(self) -> Self {
        Self { offset: 0, ..self }
    }

    /// The next line of `file`, newline included, and the head after it.
    #[must_use]
    pub fn append(&self, file: &SiteFile, record: Record) -> (Vec<u8>, Self) {
        let link = Link {
            sequence: self.sequence,
            previous: self.hash.clone(),
            file: (self.offset == 0).then(|| file.to_string()),
            record,
        };
        let mut line =
            serde_json::to_vec(&link).expect("text, numbers and maps with text keys always serialize");
        let hash = line_hash(&line);
        line.push(b'\n');
        let head = Self {
            schema: schema::CURRENT,
            sequence: self.sequence + 1,
            offset: self.offset + line.len() as u64,
            hash,
        };
        (line, head)
    }

    /// The head as a file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("texts and numbers always serialize");
        bytes.push(b'\n');
        bytes
    }

    /// The head as one line of the system's log, without a newline.
    #[must_use]
    pub fn to_sent(&self, file: &SiteFile) -> String {
        let sent = SentHead { file: file.to_string(), head: self.clone() };
        serde_json::to_string(&sent).expect("texts and numbers always serialize")
    }

    /// Reads a head.
    ///
    /// # Errors
    /// [`Error::Schema`] or [`Error::Damaged`].
    pub fn parse(path: &std::path::Path, bytes: &[u8]) -> Result<Self> {
        schema::check_json(path, bytes)?;
        serde_json::from_slice(bytes)
            .map_err(|e| Error::Damaged { path: path.to_owned(), detail: e.to_string() })
    }
}

/// SHA-256 of a line without its newline, in hexadecimal.
#[must_use]
pub fn line_hash(line: &[u8]) -> String {
    hex(&Sha256::digest(line))
}

/// Whether `line` can be what a crash left of the line that was to come: a beginning of it, perhaps with the
/// zeroes that a file system puts where data never came.
#[must_use]
pub fn is_torn(line: &[u8], sequence: u64, previous: &str) -> bool {
    let end = line.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    let written = &line[..end];
    let begin = format!("{{\"sequence\":{sequence},\"previous\":\"{previous}\"");
    let begin = begin.as_bytes();
    let shared = written.len().min(begin.len());
    written[..shared] == begin[..shared]
}

/// Lines that were cut.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_beginning_of_the_next_line_is_torn() {
        let whole = format!("{{\"sequence\":12,\"previous\":\"{GENESIS}\",\"file\":");
        for cut in 0..whole.len() {
            assert!(is_torn(&whole.as_bytes()[..cut], 12, GENESIS), "{cut}");
        }
        assert!(is_torn(b"{\"seq\0\0\0", 12, GENESIS));
        assert!(!is_torn(whole.as_bytes(), 13, GENESIS));
        assert!(!is_torn(b"garbage", 12, GENESIS));
        assert!(!is_torn(b"{\"s\0q", 12, GENESIS));
    }
}
