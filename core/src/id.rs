//! Names of things as types: sweeps, trials, batches, jobs. A text that is not a valid id never becomes one, so
//! an id may stand in a path or a job name without a further look.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::limits;

/// A sweep's id, `<name>-<yyyymmdd>-<hhmmss>-<4 letters>`, or any text of the same alphabet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SweepId(String);

impl SweepId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part that sorts sweeps by age, `yyyymmdd-hhmmss`, where the id has one.
    #[must_use]
    pub fn time(&self) -> Option<&str> {
        let end = self.0.len().checked_sub("-aaaa".len())?;
        let start = end.checked_sub("yyyymmdd-hhmmss".len())?;
        let part = self.0.get(start..end)?;
        let digits =
            part.bytes().enumerate().all(|(n, b)| if n == 8 { b == b'-' } else { b.is_ascii_digit() });
        digits.then_some(part)
    }
}

/// Whether `text` may be a sweep id or a sweep's name: `[A-Za-z0-9][A-Za-z0-9._-]*` of at most `len` bytes.
#[must_use]
pub fn is_plain_name(text: &str, len: usize) -> bool {
    text.len() <= len
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

impl FromStr for SweepId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if is_plain_name(text, limits::SWEEP_ID_LEN) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::syntax(text, "a sweep id: 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit"))
    }
}

impl fmt::Display for SweepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A trial's place in its sweep, from 0, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrialIndex(pub u32);

impl TrialIndex {
    /// `t000` and on; it grows past `t999`.
    #[must_use]
    pub fn label(self) -> TrialLabel {
        TrialLabel(self)
    }
}

/// A trial's label, such as `t003`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrialLabel(pub TrialIndex);

impl fmt::Display for TrialLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{:03}", self.0.0)
    }
}

impl FromStr for TrialLabel {
    type Err = Error;

    /// Takes `t003` as it is printed and nothing else: `t3` and `t0003` are refused, so that a label is one text.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::syntax(text, "a trial label such as t003");
        let digits = text.strip_prefix('t').ok_or_else(wrong)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let label = Self(TrialIndex(digits.parse().map_err(|_| wrong())?));
        if label.to_string() == text { Ok(label) } else { Err(wrong()) }
    }
}

/// The number of one `sbatch` call of ours in its sweep, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchNumber(pub u32);

impl fmt::Display for BatchNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `<sweep-id>.<batch number>`: the name of every job of a batch, by which Slurm always finds it again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// The sweep.
    pub sweep: SweepId,
    /// The batch.
    pub batch: BatchNumber,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.sweep, self.batch)
    }
}

impl FromStr for Token {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::syntax(text, "a batch token such as iris-20260102-030405-abcd.0");
        let (sweep, batch) = text.rsplit_once('.').ok_or_else(wrong)?;
        let number: u32 = batch.parse().map_err(|_| wrong())?;
        if number.to_string() != batch {
            return Err(wrong());
        }
        Ok(Self { sweep: sweep.parse().map_err(|_| wrong())?, batch: BatchNumber(number) })
    }
}

/// What runs an attempt: Slurm's job id in decimal (each array task has its own), or `host:pid:start` where
/// there is no Slurm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobName(String);

impl JobName {
    /// A Slurm job.
    #[must_use]
    pub fn slurm(id: u32) -> Self {
        Self(id.to_string())
    }

    /// A process on a machine; `start` tells two processes with one pid apart.
    ///
    /// # Errors
    /// [`Error::Syntax`] where the host name has characters that may not stand in a file name.
    pub fn local(host: &str, pid: u32, start: u64) -> Result<Self> {
        format!("{host}:{pid}:{start}").parse()
    }

    /// The id as text; it may stand in a file name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Slurm's number, where it is a Slurm job.
    #[must_use]
    pub fn slurm_id(&self) -> Option<u32> {
        self.0.parse().ok()
    }
}

impl FromStr for JobName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let plain = |part: &str| is_plain_name(part, 255);
        let mut parts = text.split(':');
        let ok = parts.clone().count() <= 3 && parts.all(plain);
        if ok { Ok(Self(text.to_owned())) } else { Err(Error::syntax(text, "a job id or host:pid:start")) }
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! as_text_in_json {
    ($($id:ty),*) => {$(
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text_in_json!(SweepId, TrialLabel, Token, JobName);

/// Ids as their texts.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_text() {
        assert_eq!(TrialIndex(3).label().to_string(), "t003");
        assert_eq!(TrialIndex(12_345).label().to_string(), "t12345");
        assert_eq!("t003".parse::<TrialLabel>().unwrap().0, TrialIndex(3));
        for wrong in ["t3", "t0003", "3", "t", "t-01", "t+03", "t99999999999", "T003", "t00٣"] {
            assert!(wrong.parse::<TrialLabel>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_id_never_leaves_its_directory() {
        for wrong in ["", ".", "..", "../x", "a/b", ".hidden", "-rf", "a b", "a\n", &"x".repeat(65)] {
            assert!(wrong.parse::<SweepId>().is_err(), "{wrong:?}");
        }
        assert!("iris-20260102-030405-abcd".parse::<SweepId>().is_ok());
    }

    #[test]
    fn an_id_sorts_by_its_time() {
        let id: SweepId = "a-b-20260102-030405-abcd".parse().unwrap();
        assert_eq!(id.time(), Some("20260102-030405"));
        assert_eq!("plain".parse::<SweepId>().unwrap().time(), None);
    }

    #[test]
    fn a_token_reads_back() {
        let token: Token = "my.sweep-20260102-030405-abcd.17".parse().unwrap();
        assert_eq!(token.batch, BatchNumber(17));
        assert_eq!(token.to_string(), "my.sweep-20260102-030405-abcd.17");
        assert!("x.01".parse::<Token>().is_err());
        assert!("x".parse::<Token>().is_err());
    }

    #[test]
    fn a_local_job_may_stand_in_a_file_name() {
        assert_eq!(JobName::local("node-1", 12, 345).unwrap().as_str(), "node-1:12:345");
        assert!(JobName::local("a/b", 1, 1).is_err());
        assert_eq!(JobName::slurm(7).slurm_id(), Some(7));
    }
}
