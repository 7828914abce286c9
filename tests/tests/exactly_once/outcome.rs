//! What came of each test, as lines for people: on standard output, and in `exactly-once.txt` of the target folder.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Once;

/// Says a line.
pub fn say(line: &str) {
    static BEGUN: Once = Once::new();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("exactly-once.txt");
    // A file of an earlier run would pass for one of this.
    BEGUN.call_once(|| fs::write(&path, "").unwrap());
    println!("{line}");
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    writeln!(file, "{line}").unwrap();
}

/// What a test with kills counts.
#[derive(Debug, Default)]
pub struct Tally {
    /// Kills after which there was a sweep.
    pub kills: usize,
    /// Kills after which there was none.
    pub before: usize,
    /// Trials of those sweeps.
    pub trials: usize,
    /// Jobs or processes that ran them.
    pub jobs: usize,
    /// Trials that never ran.
    pub lost: usize,
    /// Trials that ran more than once.
    pub twice: usize,
}

impl Tally {
    /// Says it, and fails where anything was lost or ran twice.
    pub fn settle(&self, what: &str, kills_least: usize) {
        say(&format!(
            "{what}: kills that took effect {}, before anything was written {}, trials {}, jobs {}, lost {}, run twice {}",
            self.kills, self.before, self.trials, self.jobs, self.lost, self.twice
        ));
        assert_eq!((self.lost, self.twice), (0, 0));
        assert!(self.kills >= kills_least, "{} kills took effect, {kills_least} are asked for", self.kills);
    }
}
