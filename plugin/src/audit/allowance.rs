//! What one user may fill of a node's month. The count stands in the month's tally, beside the chain; it is written
//! under the lock of the file that is appended to. Where it cannot be kept, the record is: a lost count is less
//! than a lost record.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use sweep_core::chain::SiteFile;
use sweep_core::chain::tally::{self, TALLY_LEN, USERS, Use};

use super::place::Place;

/// One user's use of a node's month, and where it is kept.
pub struct Allowance {
    file: File,
    at: u64,
    used: Use,
}

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is kept.
    Keep,
    /// It is the first past the bound: a line says so in its place.
    Last,
    /// It is counted, and that is all.
    Drop,
}

impl Allowance {
    /// Looks a user up; none where more users than [`USERS`] have records.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(place: &Place, name: &SiteFile, uid: u32) -> io::Result<Option<Self>> {
        let name = name.tally_name();
        let c_name = CString::new(name.as_str()).map_err(io::Error::other)?;
        let file = place.read_write(&c_name)?;
        let mut bytes = Vec::new();
        (&file).take(TALLY_LEN as u64).read_to_end(&mut bytes)?;
        let users = match tally::parse(name.as_ref(), &bytes) {
            Ok(users) => users,
            // New, or what a crash left of one: counting starts again.
            Err(_) => {
                file.set_len(0)?;
                file.write_all_at(&tally::empty(), 0)?;
                Vec::new()
            }
        };
        let found = users.iter().position(|user| user.uid == uid);
        let place = found.unwrap_or(users.len());
        let used = found.map_or_else(|| Use::none(uid), |at| users[at]);
        Ok((place < USERS).then(|| Self { file, at: tally::offset(place), used }))
    }

    /// What becomes of a record of `len` bytes, where the user may have `most`.
    pub fn judge(&self, len: usize, most: u64) -> Verdict {
        match self.used {
            Use { bytes, .. } if bytes.saturating_add(len as u64) <= most => Verdict::Keep,
            Use { dropped: 0, .. } => Verdict::Last,
            Use { .. } => Verdict::Drop,
        }
    }

    /// Notes what became of it.
    ///
    /// # Errors
    /// What the system says.
    pub fn note(mut self, verdict: Verdict, len: usize) -> io::Result<()> {
        match verdict {
            Verdict::Keep => self.used.bytes = self.used.bytes.saturating_add(len as u64),
            Verdict::Last | Verdict::Drop => self.used.dropped = self.used.dropped.saturating_add(1),
        }
        self.file.write_all_at(&self.used.to_bytes(), self.at)
    }
}
