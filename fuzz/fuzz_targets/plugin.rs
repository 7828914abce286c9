//! Any bytes as what reaches the plugin: words of plugstack.conf, the texts of options, a mark in the environment,
//! names in a trial's folder, and what a child that read for it says. It is root that reads them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use spank_sweep::foreign;

/// What the parent has asked for: the most bytes that each answer may have.
const MAXIMA: [usize; 3] = [64, 16, 0];

fuzz_target!(|bytes: &[u8]| {
    for warning in foreign::option_refusals(bytes) {
        assert!(warning.len() < 1024 && !warning.chars().any(char::is_control), "{warning:?}");
    }
    if let Some(lens) = foreign::answers(bytes, &MAXIMA) {
        assert!(lens.len() <= MAXIMA.len() + 1);
        assert!(lens.iter().skip(1).zip(MAXIMA).all(|(len, max)| *len <= max), "{lens:?}");
    }
    let (records, claims) = foreign::names(bytes);
    assert!(records + claims <= bytes.len());
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    assert!(foreign::config_warnings(&words).len() <= words.len());
    if let Some(printed) = foreign::mark(text) {
        assert_eq!(foreign::mark(&printed), Some(printed.clone()));
    }
});
