//! A trials table, its index and a map of other bytes: every trial is refused, or it is one that our own writer
//! would have written.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sweep_core::id::{BatchNumber, TrialIndex};
use sweep_core::layout::SweepDir;
use sweep_core::selector::Selector;
use sweep_core::trial::{TableWriter, Trial};
use sweep_core::{batch, find};

/// So many trials of a table are asked for.
const TRIALS: u32 = 16;

// Table, index and map; the index may be left out, and is then the right one for the table's lines.
fuzz_target!(|bytes: &[u8]| {
    let parts = sweep_fuzz::parts(bytes);
    let dir = SweepDir::new(sweep_fuzz::folder());
    let table = parts[0];
    sweep_fuzz::write(&dir.trials(), table);
    match parts.get(1).filter(|index| !index.is_empty()) {
        Some(index) => sweep_fuzz::write(&dir.index(), index),
        None => sweep_fuzz::write(&dir.index(), &index_of(table)),
    }
    let count = find::count(&dir).unwrap_or(0);
    let _ = find::end(&dir);
    let mut found = Vec::new();
    for n in (0..TRIALS).chain([count.saturating_sub(1), count, u32::MAX]) {
        let Ok(trial) = find::trial(&dir, TrialIndex(n)) else { continue };
        assert!(n < count && trial.index == TrialIndex(n));
        let back = Trial::parse(Path::new("t"), trial.index, &trial.to_line());
        assert_eq!(back.expect("our own line reads back"), trial);
        if found.len() == n as usize {
            found.push(trial);
        }
    }
    if let Some(map) = parts.get(2) {
        read_map(&dir, map);
    }
    rewrite(&dir, &found);
});

/// The index that says where each line of a table begins, whatever the lines say.
fn index_of(table: &[u8]) -> Vec<u8> {
    let mut index = sweep_core::schema::binary_header(sweep_core::trial::INDEX_MAGIC, 0).to_vec();
    let mut offset = 0;
    for (number, line) in table.split(|&byte| byte == b'\n').enumerate() {
        let entry = sweep_core::trial::IndexEntry {
            offset,
            len: u32::try_from(line.len()).expect("an input is short"),
            crc32: crc32fast::hash(line),
        };
        if number > 0 && !line.is_empty() {
            index.extend(entry.to_bytes());
        }
        offset += line.len() as u64 + 1;
    }
    index
}

/// What was found, written by our own writer, is found again.
fn rewrite(dir: &SweepDir, found: &[Trial]) {
    let mut table = TableWriter::new(Vec::new(), Vec::new()).expect("memory takes every write");
    for trial in found {
        table.append(trial).expect("what was read is within the limits");
    }
    let (trials, index) = table.into_parts();
    sweep_fuzz::write(&dir.trials(), &trials);
    sweep_fuzz::write(&dir.index(), &index);
    assert_eq!(find::count(dir).ok(), u32::try_from(found.len()).ok());
    assert_eq!(find::end(dir).ok(), u32::try_from(found.len()).ok().map(|n| (n, trials.len() as u64)));
    for trial in found {
        assert_eq!(find::trial(dir, trial.index).expect("it was just written"), *trial);
    }
}

fn read_map(dir: &SweepDir, map: &[u8]) {
    let batch = BatchNumber(3);
    let path = dir.map(batch);
    sweep_fuzz::write(&path, map);
    let rows = batch::map_rows(&path, map);
    for task in 0..TRIALS {
        let row = find::mapped(dir, batch, task).ok();
        if let Ok(rows) = &rows {
            assert_eq!(row, rows.get(task as usize).copied());
        }
    }
    if let Ok(rows) = &rows {
        assert_eq!(batch::map_bytes(rows), map);
    }
    let _ = find::check_reference(dir, Some(Selector::Map(batch)));
}
