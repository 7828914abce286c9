//! Adding trials to the table of a sweep that is there. Lines come before the entries that name them, so a reader
//! never finds a trial whose line is not whole; what a crash left behind the last entry is written over.

use std::fs::OpenOptions;
use std::io::{BufWriter, Seek, SeekFrom, Write};

use sweep_core::find;
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::trial::{IndexEntry, TableWriter, Trial};

use crate::driver::journal::Journal;
use crate::error::{At, Result};

/// Appends trials, which must be the next ones in order, and makes them last.
///
/// # Errors
/// Those of the file system, or where another driver took over.
pub fn append(dir: &SweepDir, journal: &Journal<'_>, trials: &[Trial]) -> Result<()> {
    let (count, end) = find::end(dir)?;
    let (lines_path, index_path) = (dir.trials(), dir.index());
    let open = |path: &std::path::Path| OpenOptions::new().write(true).open(path).at("open", path);
    let (mut lines, mut index) = (open(&lines_path)?, open(&index_path)?);
    journal.check()?;
    // Nothing is cut off: a holder that was held up for long would cut another's lines.
    lines.seek(SeekFrom::Start(end)).at("write", &lines_path)?;
    let mut table = TableWriter::resume(BufWriter::new(lines), Vec::new(), end, count);
    for trial in trials {
        table.append(trial).at("write", &lines_path)?;
    }
    let (lines, entries) = table.into_parts();
    let lines = lines.into_inner().map_err(std::io::IntoInnerError::into_error).at("write", &lines_path)?;
    lines.sync_all().at("write", &lines_path)?;
    // A holder that was held up since must not write over another's entries.
    journal.check()?;
    let place = IndexEntry::position(TrialIndex(count));
    index
        .seek(SeekFrom::Start(place))
        .and_then(|_| index.write_all(&entries))
        .and_then(|()| index.sync_all())
        .at("write", &index_path)
}
