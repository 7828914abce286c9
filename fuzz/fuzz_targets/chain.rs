//! Any bytes as what stands beside the site's records: heads, a log with heads in it, a month's tally, file names.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sweep_cli::audit::heads::Heads;
use sweep_core::chain::{self, Head, SiteFile, tally};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("n-202601.users");
    if let Ok(head) = Head::parse(path, bytes) {
        assert_eq!(Head::parse(path, &head.to_bytes()).expect("our own head reads back"), head);
    }
    if let Ok(users) = tally::parse(path, bytes) {
        let written: Vec<u8> = users.iter().flat_map(|user| user.to_bytes()).collect();
        let entries = &bytes[tally::empty().len()..];
        assert!(entries.starts_with(&written) && entries.len() - written.len() < 16);
    }
    let heads = Heads::of_log(bytes, "the log").expect("memory is always read");
    for name in heads.files() {
        let known = heads.of(name);
        assert!(!known.is_empty() && known.is_sorted_by_key(|known| known.head.sequence));
        // What was found is found again where it is sent anew.
        let log: String = known.iter().map(|known| format!("{}\n", known.head.to_sent(name))).collect();
        let again = Heads::of_log(log.as_bytes(), "the log").expect("as before");
        assert_eq!(again.of(name).len(), known.len());
    }
    let _ = chain::is_torn(bytes, 1, chain::GENESIS);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for name in [text, text.trim_end()] {
        if let Ok(file) = name.parse::<SiteFile>() {
            assert_eq!(file.to_string(), name);
            assert_eq!(SiteFile::of_head_name(&file.head_name()), Some(file.clone()));
            assert!(!file.tally_name().contains('/') && !file.node.is_empty());
        }
    }
});
