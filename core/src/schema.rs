//! The version that every file of ours carries. A reader takes any minor of its own major and refuses the rest
//! with the word "upgrade"; it never guesses.
//!
//! Format changes, newest first:
//! - 1.0: the first.

use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// A format's version, `major.minor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Readers of another major refuse the file.
    pub major: u32,
    /// Readers of the same major read it, unknown fields ignored.
    pub minor: u32,
}

/// What this build writes.
pub const CURRENT: Schema = Schema { major: 1, minor: 0 };

impl Schema {
    /// Refuses a file of another major version.
    ///
    /// # Errors
    /// [`Error::Schema`] naming `path`.
    pub fn check(self, path: &Path) -> Result<()> {
        if self.major == CURRENT.major {
            return Ok(());
        }
        Err(Error::Schema {
            path: path.to_owned(),
            found: self.to_string(),
            ours: format!("{}.x", CURRENT.major),
        })
    }
}

impl std::fmt::Display for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl std::str::FromStr for Schema {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::syntax(text, "a format version such as 1.0");
        let (major, minor) = text.split_once('.').ok_or_else(wrong)?;
        let number = |part: &str| part.parse().map_err(|_| wrong());
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The first line of a JSON-lines file, or what a reader looks at before it reads anything else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The file's version.
    pub schema: Schema,
}

/// Reads only the version of a JSON text and refuses another major.
///
/// # Errors
/// [`Error::Schema`], or [`Error::Damaged`] where there is no version.
pub fn check_json(path: &Path, json: &[u8]) -> Result<()> {
    let header: Header = serde_json::from_slice(json)
        .map_err(|e| Error::Damaged { path: path.to_owned(), detail: e.to_string() })?;
    header.schema.check(path)
}

/// Length of the header of a binary file.
pub const BINARY_HEADER_LEN: usize = 16;

/// The header of a binary file: 8 bytes of magic, u32 version, u32 count, little-endian.
#[must_use]
pub fn binary_header(magic: [u8; 8], count: u32) -> [u8; BINARY_HEADER_LEN] {
    let mut header = [0; BINARY_HEADER_LEN];
    header[..8].copy_from_slice(&magic);
    header[8..12].copy_from_slice(&CURRENT.major.to_le_bytes());
    header[12..].copy_from_slice(&count.to_le_bytes());
    header
}

/// Checks a binary header and gives its count.
///
/// # Errors
/// [`Error::Damaged`] where the magic is another, [`Error::Schema`] where the version is.
pub fn read_binary_header(path: &Path, magic: [u8; 8], bytes: &[u8]) -> Result<u32> {
    let damaged = |detail: &str| Error::Damaged { path: path.to_owned(), detail: detail.into() };
    if bytes.len() < BINARY_HEADER_LEN {
        return Err(damaged("shorter than its header"));
    }
    if bytes[..8] != magic {
        return Err(damaged("its first 8 bytes are not ours"));
    }
    let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    Schema { major: word(8), minor: 0 }.check(path)?;
    Ok(word(12))
}
