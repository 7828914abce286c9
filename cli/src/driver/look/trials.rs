//! The trials of a sweep's table, all of them or the first. It never reads a line twice.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::ops::Range;

use sweep_core::find;
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::trial::Trial;

use super::threads::in_parts;
use crate::error::{At, Result};

/// Trials that are read in one go.
const PART: usize = 4096;

/// The first `count` trials of a sweep's table, in order.
///
/// # Errors
/// Where the table cannot be read; each trial may be damaged on its own.
pub fn read_trials(dir: &SweepDir, count: u32) -> Result<impl Iterator<Item = Result<Trial>>> {
    check(dir)?;
    read(dir, 0..count)
}

/// As [`read_trials`], several parts at once.
///
/// # Errors
/// Where the table cannot be read or a trial is damaged.
pub(super) fn read_all(dir: &SweepDir, count: u32) -> Result<Vec<Trial>> {
    check(dir)?;
    let parts = in_parts(count as usize, PART, |part| {
        let index = |place| u32::try_from(place).expect("counted by a u32");
        read(dir, index(part.start)..index(part.end))?.collect::<Result<Vec<_>>>()
    })?;
    Ok(parts.into_iter().flatten().collect())
}

/// Refuses a table of a later release.
fn check(dir: &SweepDir) -> Result<()> {
    let path = dir.trials();
    let mut header = String::new();
    BufReader::new(File::open(&path).at("open", &path)?).read_line(&mut header).at("read", &path)?;
    Ok(sweep_core::schema::check_json(&path, header.as_bytes())?)
}

fn read(dir: &SweepDir, trials: Range<u32>) -> Result<impl Iterator<Item = Result<Trial>>> {
    let path = dir.trials();
    let mut file = File::open(&path).at("open", &path)?;
    if !trials.is_empty() {
        let start = find::line_start(dir, TrialIndex(trials.start))?;
        file.seek(SeekFrom::Start(start)).at("read", &path)?;
    }
    let mut lines = BufReader::with_capacity(64 * 1024, file);
    let mut line = Vec::new();
    Ok(trials.map(move |n| {
        line.clear();
        lines.read_until(b'\n', &mut line).at("read", &path)?;
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        Ok(Trial::parse(&path, TrialIndex(n), line)?)
    }))
}
