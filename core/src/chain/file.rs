//! The names of the site's files: `<node>-<yyyymm>.jsonl` and, where that grew too long, `<node>-<yyyymm>.1.jsonl`
//! and on. The only place that makes or reads one.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::id::is_plain_name;

/// Longest name of a node, in bytes.
pub const NODE_LEN: usize = 255;
/// The ending of a file of records.
const RECORDS: &str = ".jsonl";
/// The ending of a head, behind its file's whole name.
const HEAD: &str = ".head";
/// The ending of a tally.
const TALLY: &str = ".users";

/// A month of the calendar, in UTC: `yyyymm` as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(pub u32);

impl Month {
    /// The month of a time in nanoseconds since 1970.
    #[must_use]
    pub fn of(time_ns: u64) -> Self {
        let mut days = time_ns / 1_000_000_000 / 86_400;
        let mut year = 1970;
        let is_leap =
            |year: u32| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        while days >= 365 + u64::from(is_leap(year)) {
            days -= 365 + u64::from(is_leap(year));
            year += 1;
        }
        let mut month = 1;
        for len in [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
            if days < len {
                break;
            }
            days -= len;
            month += 1;
        }
        Self(year * 100 + month)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// A file of records. Files sort by node, then in the order in which they were written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteFile {
    /// The node that wrote it.
    pub node: String,
    /// The month of its records.
    pub month: Month,
    /// 0, or which part of the month, where one file would have become too long.
    pub part: u32,
}

impl SiteFile {
    /// The first file of a month.
    #[must_use]
    pub fn first(node: &str, time_ns: u64) -> Self {
        Self { node: node.to_owned(), month: Month::of(time_ns), part: 0 }
    }

    /// The part after this one.
    #[must_use]
    pub fn next(&self) -> Self {
        Self { part: self.part + 1, ..self.clone() }
    }

    /// The part before this one.
    #[must_use]
    pub fn before(&self) -> Option<Self> {
        Some(Self { part: self.part.checked_sub(1)?, ..self.clone() })
    }

    /// The name of its head.
    #[must_use]
    pub fn head_name(&self) -> String {
        format!("{self}{HEAD}")
    }

    /// The file that a head of this name is of.
    #[must_use]
    pub fn of_head_name(name: &str) -> Option<Self> {
        name.strip_suffix(HEAD)?.parse().ok()
    }

    /// The name of the month's tally of users.
    #[must_use]
    pub fn tally_name(&self) -> String {
        format!("{}-{}{TALLY}", self.node, self.month)
    }
}

impl fmt::Display for SiteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.node, self.month)?;
        if self.part > 0 {
            write!(f, ".{}", self.part)?;
        }
        f.write_str(RECORDS)
    }
}

impl FromStr for SiteFile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let (node, time) = text.strip_suffix(RECORDS)?.rsplit_once('-')?;
            let (month, part) = time.split_once('.').unwrap_or((time, "0"));
            let file = Self {
                node: is_plain_name(node, NODE_LEN).then(|| node.to_owned())?,
                month: Month(month.parse().ok()?),
                part: part.parse().ok()?,
            };
            // One file has one name: no leading zeroes, no sign, no part 0 spelt out.
            (file.to_string() == text).then_some(file)
        };
        parse().ok_or_else(|| Error::syntax(text, "a site's file such as node1-202611.jsonl"))
    }
}

/// Months, and names that read back.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_that_of_the_calendar() {
        let month_of = |seconds: u64| Month::of(seconds * 1_000_000_000).to_string();
        assert_eq!(month_of(0), "197001");
        assert_eq!(month_of(951_782_399), "200002"); // 2000-02-28 23:59:59
        assert_eq!(month_of(951_868_799), "200002"); // 2000-02-29 23:59:59
        assert_eq!(month_of(951_868_800), "200003");
        assert_eq!(month_of(1_767_225_599), "202512");
        assert_eq!(month_of(1_767_225_600), "202601");
    }

    #[test]
    fn names_read_back_and_sort_as_they_were_written() {
        let first = SiteFile::first("gpu-a.example", 1_767_225_600_000_000_000);
        assert_eq!(first.to_string(), "gpu-a.example-202601.jsonl");
        assert_eq!(first.next().to_string(), "gpu-a.example-202601.1.jsonl");
        assert_eq!(first.next().before(), Some(first.clone()));
        assert_eq!(first.before(), None);
        for file in [first.clone(), first.next()] {
            assert_eq!(file.to_string().parse::<SiteFile>().ok(), Some(file.clone()));
            assert_eq!(SiteFile::of_head_name(&file.head_name()), Some(file));
        }
        assert!(first < first.next() && first.next() < SiteFile { month: Month(202_602), ..first });
        for wrong in [
            "n.jsonl",
            "n-2026.jsonl.head",
            "n-202601.0.jsonl",
            "n-+202601.jsonl",
            "-202601.jsonl",
            "a/b-202601.jsonl",
        ] {
            assert!(wrong.parse::<SiteFile>().is_err(), "{wrong}");
        }
    }
}
