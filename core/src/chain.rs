//! The chain of the site's records: each line has the SHA-256 of the line before, and the head keeps apart how
//! far the file had come, so that a changed, removed, reordered, cut or replaced line shows.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::record::{Record, hex};
use crate::schema::{self, Schema};

/// What the first line has instead of a hash.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A line of a site's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The line's number in its file, from 0.
    pub sequence: u64,
    /// SHA-256 of the line before without its newline, or [`GENESIS`].
    pub previous: String,
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

impl Default for Head {
    fn default() -> Self {
        Self { schema: schema::CURRENT, sequence: 0, offset: 0, hash: GENESIS.into() }
    }
}

impl Head {
    /// The next line, newline included, and the head after it.
    #[must_use]
    pub fn append(&self, record: Record) -> (Vec<u8>, Self) {
        let link = Link { sequence: self.sequence, previous: self.hash.clone(), record };
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
