//! Any bytes as what a user can put into an option, a file name or a line: refused, or read to what prints the
//! same again.

#![no_main]

use std::fmt::Debug;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use sweep_core::id::{JobName, SweepId, Token, TrialIndex, TrialLabel};
use sweep_core::layout::RecordName;
use sweep_core::selector::Selector;
use sweep_core::trial::{IndexEntry, Trial};
use sweep_core::{assignment, environment, interpolate, limits, name};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(trial) = Trial::parse(Path::new("t"), TrialIndex(0), bytes) {
        let again = Trial::parse(Path::new("t"), TrialIndex(0), &trial.to_line());
        assert_eq!(again.expect("our own line reads back"), trial);
    }
    if let Some(entry) = bytes.first_chunk().and_then(|b| IndexEntry::parse(Path::new("i"), *b).ok()) {
        let _ = entry.read_line(Path::new("t"), TrialIndex(0), bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    same_again::<TrialLabel>(text);
    same_again::<Token>(text);
    same_again::<RecordName>(text);
    same_again::<SweepId>(text);
    same_again::<JobName>(text);
    // An index may be written with zeros before it; what it means stays.
    if let Ok(selector) = text.parse::<Selector>() {
        assert_eq!(selector.to_string().parse::<Selector>().ok(), Some(selector));
    }
    if let Ok(params) = assignment::parse(text) {
        assert!(params.len() <= limits::VARIABLES);
        for (name, value) in params.iter() {
            assert!(name::check_name(name).is_ok());
            assert!(!value.text().chars().any(char::is_control));
        }
    }
    for submit_dir in [None, Some("/submit"), Some("relative")] {
        if let Ok(path) = environment::resolve_dir(text, submit_dir) {
            assert!(path.is_absolute());
        }
    }
    let filled = interpolate::expand(text, |_| Some(String::new()));
    assert!(filled.expect("every name has a value").len() <= text.len());
});

/// A text that is read is the text that is printed.
fn same_again<T: FromStr + Display + Debug>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert_eq!(read.to_string(), text);
    }
}
