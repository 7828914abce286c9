//! What was seen, as lines for people: on standard output, and in `packages.txt` of the target folder. It must never
//! keep a line of an earlier run.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Once;

/// Says a line.
pub fn say(line: &str) {
    static BEGUN: Once = Once::new();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("packages.txt");
    // A file of an earlier run would pass for one of this.
    BEGUN.call_once(|| fs::write(&path, "").unwrap());
    println!("{line}");
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    writeln!(file, "{line}").unwrap();
}
