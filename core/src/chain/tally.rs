//! How much each user has in a node's month, so that nobody can fill the site's disk: `<node>-<yyyymm>.users`, a
//! header of 16 bytes and 16 bytes a user (uid u32, dropped u32, bytes u64, little-endian). It is no part of the
//! chain, and proves nothing.

use std::path::Path;

use crate::error::{Error, Result};
use crate::schema::{self, BINARY_HEADER_LEN};

/// The first bytes of a tally.
const MAGIC: [u8; 8] = *b"SWEEPUSE";
/// Bytes of one user.
const ENTRY_LEN: usize = 16;
/// Most users that are counted; a node with more in one month keeps the records of the rest unbounded.
pub const USERS: usize = 65_536;
/// Largest tally, in bytes.
pub const TALLY_LEN: usize = BINARY_HEADER_LEN + USERS * ENTRY_LEN;

/// What one user has in a node's month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// The user.
    pub uid: u32,
    /// Records that were not written because the bound was reached.
    pub dropped: u32,
    /// Bytes of the records that were.
    pub bytes: u64,
}

impl Use {
    /// That of a user without any record.
    #[must_use]
    pub fn none(uid: u32) -> Self {
        Self { uid, dropped: 0, bytes: 0 }
    }

    /// As it stands in the file.
    #[must_use]
    pub fn to_bytes(self) -> [u8; ENTRY_LEN] {
        let mut bytes = [0; ENTRY_LEN];
        bytes[..4].copy_from_slice(&self.uid.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.dropped.to_le_bytes());
        bytes[8..].copy_from_slice(&self.bytes.to_le_bytes());
        bytes
    }

    fn of_bytes(entry: &[u8]) -> Self {
        let word = |at: usize| u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
        Self { uid: word(0), dropped: word(4), bytes: u64::from(word(8)) | u64::from(word(12)) << 32 }
    }
}

/// A tally without users.
#[must_use]
pub fn empty() -> [u8; BINARY_HEADER_LEN] {
    schema::binary_header(MAGIC, 0)
}

/// The users of a tally in its order; an entry that was cut is left out.
///
/// # Errors
/// [`Error::Damaged`] or [`Error::Schema`] where it is no tally that this build reads.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Use>, Error> {
    schema::read_binary_header(path, MAGIC, bytes)?;
    Ok(bytes[BINARY_HEADER_LEN..].chunks_exact(ENTRY_LEN).map(Use::of_bytes).collect())
}

/// Where the user of this place in the tally's order stands in the file.
#[must_use]
pub fn offset(place: usize) -> u64 {
    (BINARY_HEADER_LEN + place * ENTRY_LEN) as u64
}

/// Tallies that read back.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_reads_back_and_a_cut_entry_is_left_out() {
        let users = [Use { uid: 7, dropped: 3, bytes: 5_000_000_000 }, Use::none(u32::MAX)];
        let mut bytes = empty().to_vec();
        bytes.extend(users.iter().flat_map(|user| user.to_bytes()));
        let path = Path::new("n-202601.users");
        assert_eq!(parse(path, &bytes).ok(), Some(users.to_vec()));
        assert_eq!(bytes.len() as u64, offset(2));
        bytes.pop();
        assert_eq!(parse(path, &bytes).ok(), Some(users[..1].to_vec()));
        assert!(parse(path, b"something else").is_err());
    }
}
