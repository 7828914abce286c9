//! The mark that the batch step leaves for the steps of its job: which trial is the job's, and which attempt. It is
//! the user's to change, so it decides only what a step of their own is told.

use std::fmt;
use std::str::FromStr;

use sweep_core::chain::line_hash;
use sweep_core::id::{SweepId, TrialLabel};

/// Longest mark, in bytes.
pub const MARK_LEN: usize = 256;
/// Hexadecimal digits of the digest over the options.
const DIGEST_LEN: usize = 16;

/// `<job>/<digest of the options>/<sweep>/<trial>/<attempt>/<start of the record>`, or `<job>/<digest>/-` where the
/// job has no trial. Without a record its start is `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The job, so that a job inside a job does not take its parent's mark for its own.
    pub job: u32,
    /// What was asked.
    pub options: String,
    /// What it came to.
    pub trial: Option<MarkedTrial>,
}

/// The job's trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedTrial {
    /// The sweep.
    pub sweep: SweepId,
    /// The trial.
    pub trial: TrialLabel,
    /// How many attempts came before.
    pub attempt: u32,
    /// The start in the record's name, where there is a record.
    pub start_ns: Option<u64>,
}

/// A short digest over the texts of the options.
pub fn digest(texts: [Option<&str>; 3]) -> String {
    let mut bytes = Vec::new();
    for text in texts {
        let text = text.map_or("\u{1}", |text| text);
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    let mut hash = line_hash(&bytes);
    hash.truncate(DIGEST_LEN);
    hash
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/", self.job, self.options)?;
        match &self.trial {
            Some(MarkedTrial { sweep, trial, attempt, start_ns: Some(start_ns) }) => {
                write!(f, "{sweep}/{trial}/{attempt}/{start_ns}")
            }
            Some(MarkedTrial { sweep, trial, attempt, start_ns: None }) => {
                write!(f, "{sweep}/{trial}/{attempt}/-")
            }
            None => f.write_str("-"),
        }
    }
}

impl FromStr for Mark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(6, '/');
        let mut part = || parts.next().ok_or(());
        let job = part()?.parse().map_err(drop)?;
        let options = part()?.to_owned();
        let trial = match part()? {
            "-" => None,
            sweep => Some(MarkedTrial {
                sweep: sweep.parse().map_err(drop)?,
                trial: part()?.parse().map_err(drop)?,
                attempt: part()?.parse().map_err(drop)?,
                start_ns: match part()? {
                    "-" => None,
                    start => Some(start.parse().map_err(drop)?),
                },
            }),
        };
        Ok(Self { job, options, trial })
    }
}

/// Marks as steps read them.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back() {
        let options = digest([Some("/s/x"), None, Some("lr=1")]);
        let trial = |start_ns| {
            let (sweep, trial) = ("x-1".parse().unwrap(), "t003".parse().unwrap());
            Some(MarkedTrial { sweep, trial, attempt: 2, start_ns })
        };
        for trial in [None, trial(None), trial(Some(u64::MAX))] {
            let mark = Mark { job: 7, options: options.clone(), trial };
            assert_eq!(mark.to_string().parse(), Ok(mark.clone()));
            assert!(mark.to_string().len() <= MARK_LEN);
        }
        for text in ["", "7", "7/x", "x/y/-", "7/x/../t001", "7/x/s/t001/0"] {
            assert!(text.parse::<Mark>().is_err(), "{text}");
        }
    }

    #[test]
    fn other_options_have_another_digest() {
        let all = [
            digest([Some("a"), None, None]),
            digest([None, Some("a"), None]),
            digest([Some(""), None, None]),
            digest([None, None, None]),
        ];
        assert!(all.iter().enumerate().all(|(n, d)| !all[n + 1..].contains(d)), "{all:?}");
    }
}
