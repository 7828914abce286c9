//! Any bytes as a lease file: a torn one is no word of its holder's, and nobody is called gone who did not say so.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sweep_cli::driver::lease;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("1.json");
    let Ok(Some(content)) = lease::parse(path, bytes) else { return };
    let json = serde_json::to_vec(&content).expect("texts and numbers always serialize");
    assert_eq!(lease::parse(path, &json).expect("our own version"), Some(content));
    for cut in 0..json.len() {
        assert!(!matches!(lease::parse(path, &json[..cut]), Ok(Some(_))), "a torn file is a word");
    }
});
