//! Any bytes as another tool's search: they are refused, or they become a spec, and what was lost is said in plain
//! lines. The first byte says what the file is called.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sweep_cli::import;
use sweep_cli::spec::Spec;

const NAMES: [&str; 4] = ["search.yaml", "search.py", "search.csv", "search.json"];

fuzz_target!(|bytes: &[u8]| {
    let Some((name, bytes)) = bytes.split_first() else { return };
    let name = NAMES[usize::from(*name) % NAMES.len()];
    let Ok(made) = import::parse(Path::new(name), bytes, None) else { return };
    let spec = Spec::parse(Path::new("sweep.yaml"), made.text.into_bytes());
    spec.expect("what was imported is a spec");
    for left in made.left {
        assert!(!left.what.chars().any(char::is_control), "{:?}", left.what);
    }
});
