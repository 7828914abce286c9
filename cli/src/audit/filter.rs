//! Which attempts are wanted. What is asked is resolved once, before anything is read.

use jiff::Timestamp;
use jiff::civil::Date;
use sweep_core::chain::{Month, SiteFile};
use sweep_core::record::Record;

use super::attempts::{Attempt, State};
use crate::error::{Error, Result};
use crate::executor::account;

/// What is asked for; what is left out is not asked.
#[derive(Debug, Default, clap::Args)]
pub struct Asked {
    /// Only of this user: a name or a uid
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only what started then or later: 2026-11-01 (midnight UTC) or 2026-11-01T08:00:00+01:00
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only what started before: as for --since
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only what claims to be of this sweep: its id or the beginning of it
    #[arg(long, value_name = "SWEEP")]
    sweep: Option<String>,
    /// Only what stands so by the records
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Only of this node
    #[arg(long)]
    node: Option<String>,
}

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    uid: Option<u32>,
    since_ns: Option<u64>,
    until_ns: Option<u64>,
    sweep: Option<String>,
    state: Option<State>,
    node: Option<String>,
}

impl Asked {
    /// Looks users up and reads times.
    ///
    /// # Errors
    /// The user's.
    pub fn resolve(&self) -> Result<Filter> {
        Ok(Filter {
            uid: self.user.as_deref().map(uid).transpose()?,
            since_ns: self.since.as_deref().map(|text| time_ns("--since", text)).transpose()?,
            until_ns: self.until.as_deref().map(|text| time_ns("--until", text)).transpose()?,
            sweep: self.sweep.clone(),
            state: self.state,
            node: self.node.clone(),
        })
    }
}

impl Filter {
    /// Whether a file can hold anything that is wanted: a start, or the end of an attempt that has started before.
    #[must_use]
    pub fn wants_file(&self, file: &SiteFile, is_any_open: bool) -> bool {
        self.node.as_ref().is_none_or(|node| *node == file.node)
            && self.since_ns.is_none_or(|since| file.month >= Month::of(since))
            && (is_any_open || self.until_ns.is_none_or(|until| file.month <= Month::of(until)))
    }

    /// Whether a record can be of an attempt that is wanted. Both records of an attempt have the same answer.
    #[must_use]
    pub fn wants_record(&self, record: &Record) -> bool {
        let is_of = |sweep: &String| {
            record.claimed.sweep.as_ref().is_some_and(|id| id.as_str().starts_with(sweep.as_str()))
        };
        self.uid.is_none_or(|uid| uid == record.uid) && self.sweep.as_ref().is_none_or(is_of)
    }

    /// Whether an attempt is wanted.
    #[must_use]
    pub fn wants(&self, attempt: &Attempt) -> bool {
        self.since_ns.is_none_or(|since| attempt.start_ns >= since)
            && self.until_ns.is_none_or(|until| attempt.start_ns < until)
            && self.state.is_none_or(|state| state == attempt.state)
    }
}

fn uid(text: &str) -> Result<u32> {
    if let Ok(uid) = text.parse() {
        return Ok(uid);
    }
    account::uid_of(text).ok_or_else(|| {
        Error::user(format!("there is no user `{text}` on this machine")).hint("give the uid: --user 1000")
    })
}

fn time_ns(option: &str, text: &str) -> Result<u64> {
    let of_date = || text.parse::<Date>().ok()?.at(0, 0, 0, 0).in_tz("UTC").ok().map(|time| time.timestamp());
    // A date is no RFC 3339 time, and a time without its offset is neither.
    let time = text.parse::<Timestamp>().ok().or_else(|| (text.len() <= 10).then(of_date).flatten());
    time.and_then(|time| u64::try_from(time.as_nanosecond()).ok()).ok_or_else(|| {
        Error::user(format!("`{option} {text}` is not a time"))
            .hint("give a date such as 2026-11-01, or RFC 3339 such as 2026-11-01T08:00:00+01:00")
    })
}

/// Times and users as they are typed.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_midnight_in_utc_and_times_say_their_offset() {
        let time = |text| time_ns("--since", text).ok();
        assert_eq!(time("2026-01-01"), Some(1_767_225_600_000_000_000));
        assert_eq!(time("2026-01-01T01:00:00+01:00"), Some(1_767_225_600_000_000_000));
        assert_eq!(time("2026-01-01T00:00:00.5Z"), Some(1_767_225_600_500_000_000));
        for wrong in ["", "2026", "2026-13-01", "yesterday", "2026-01-01T00:00:00", "1960-01-01"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_user_is_a_number_or_a_name_of_this_machine() {
        assert_eq!((uid("0").ok(), uid("root").ok()), (Some(0), Some(0)));
        assert!(uid("no such user").is_err());
    }
}
