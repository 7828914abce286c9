//! One door to the readers of foreign bytes, for the fuzzer: what they make of any bytes, in plain types. Never
//! called by a hook, and never does more than the reader that it names.

use std::ffi::CString;

use crate::as_user::{self, Op};
use crate::config::Config;
use crate::mark::Mark;
use crate::options::{Given, Opt};
use crate::resolve::Names;

/// The warnings about the words behind the plugin's path in plugstack.conf.
#[must_use]
pub fn config_warnings(words: &[&str]) -> Vec<String> {
    Config::parse(words.iter().copied()).warnings
}

/// Why these bytes are refused as the text of an option, for each option that refuses them.
#[must_use]
pub fn option_refusals(bytes: &[u8]) -> Vec<String> {
    let refusal = |opt| match Given::of_bytes(opt, bytes) {
        Given::Text(_) => None,
        Given::Refused(reason) => Some(reason),
    };
    Opt::ALL.into_iter().filter_map(refusal).collect()
}

/// A mark that a step finds in its environment, as it is written again.
#[must_use]
pub fn mark(text: &str) -> Option<String> {
    text.parse::<Mark>().ok().map(|mark| mark.to_string())
}

/// How many records and claims stand in what a child says of a folder's names.
#[must_use]
pub fn names(bytes: &[u8]) -> (usize, usize) {
    let names = Names::parse(bytes);
    (names.records.len(), names.claims.len())
}

/// The lengths of the answers in what a child says that was asked for at most so many bytes each; none where it is
/// cut off.
#[must_use]
pub fn answers(bytes: &[u8], maxima: &[usize]) -> Option<Vec<usize>> {
    let read = |&max: &usize| Op::Read { path: CString::default(), offset: 0, max };
    let ops: Vec<Op> = maxima.iter().map(read).collect();
    let answers = as_user::parse(bytes, &ops).ok()?;
    Some(answers.iter().map(|answer| answer.bytes.len()).collect())
}
