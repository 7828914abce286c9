//! The value of `--sweep-trial`: which trial a job runs. It is foreign text in the plugin, so it is short, plain
//! and read whole or refused.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::id::{BatchNumber, TrialIndex, TrialLabel};

/// Which trial a job or an array task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// This one, by label (`t003`) or index (`3`).
    Trial(TrialIndex),
    /// `@OFFSET`: the offset plus the array task id.
    Offset(u32),
    /// `@map:N`: the array task's row of `batches/N.map`.
    Map(BatchNumber),
}

impl Selector {
    /// The trial of an array task, where no map is needed for it.
    ///
    /// `None` means that an array task id is needed and there is none, or that the sum is no trial index.
    #[must_use]
    pub fn trial(self, array_task: Option<u32>) -> Option<TrialIndex> {
        match self {
            Self::Trial(index) => Some(index),
            Self::Offset(offset) => offset.checked_add(array_task?).map(TrialIndex),
            Self::Map(_) => None,
        }
    }
}

impl FromStr for Selector {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        const EXPECTED: &str = "a trial: t003, 3, @OFFSET or @map:N";
        let wrong = || Error::syntax(text, EXPECTED);
        let number = |digits: &str| -> Result<u32> {
            let plain =
                !digits.is_empty() && digits.len() <= 10 && digits.bytes().all(|b| b.is_ascii_digit());
            if plain { digits.parse().map_err(|_| wrong()) } else { Err(wrong()) }
        };
        if let Some(rest) = text.strip_prefix("@map:") {
            return Ok(Self::Map(BatchNumber(number(rest)?)));
        }
        if let Some(rest) = text.strip_prefix('@') {
            return Ok(Self::Offset(number(rest)?));
        }
        if text.starts_with('t') {
            return text.parse::<TrialLabel>().map(|label| Self::Trial(label.0)).map_err(|_| wrong());
        }
        Ok(Self::Trial(TrialIndex(number(text)?)))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trial(index) => index.label().fmt(f),
            Self::Offset(offset) => write!(f, "@{offset}"),
            Self::Map(batch) => write!(f, "@map:{batch}"),
        }
    }
}

/// Selectors as users and jobs write them.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let read = |text: &str| text.parse::<Selector>().unwrap();
        assert_eq!(read("t003"), Selector::Trial(TrialIndex(3)));
        assert_eq!(read("3"), Selector::Trial(TrialIndex(3)));
        assert_eq!(read("@0"), Selector::Offset(0));
        assert_eq!(read("@map:12"), Selector::Map(BatchNumber(12)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "@", "@-1", "@map:", "t3", "-1", "1e3", "3 ", "@0\n", "99999999999", "@map:1/..", "t003\0"]
        {
            assert!(text.parse::<Selector>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_offset_needs_an_array_task_and_does_not_wrap() {
        assert_eq!(Selector::Offset(10).trial(Some(5)), Some(TrialIndex(15)));
        assert_eq!(Selector::Offset(10).trial(None), None);
        assert_eq!(Selector::Offset(u32::MAX).trial(Some(1)), None);
    }
}
