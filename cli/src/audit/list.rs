//! Attempts out of an audit directory, one after the other: node by node, each in the order in which its attempts
//! ended, and then those without an end. Never a whole file in memory.

use std::fs::File;
use std::io::BufReader;

use sweep_core::record::Record;
use sweep_core::schema;

use super::attempts::{Attempt, Joiner};
use super::files::{Found, Inventory};
use super::filter::Filter;
use super::lines::Lines;
use crate::error::{At, Result};

/// Bytes read at once.
const BUFFER: usize = 256 * 1024;

/// What was met besides attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Met {
    /// Lines that are no record.
    pub unreadable: u64,
    /// Records of a later release.
    pub foreign: u64,
}

/// Gives every attempt that is wanted to `take`.
///
/// # Errors
/// The world's where a file cannot be read, and those of `take`.
pub fn each(
    inventory: &Inventory,
    filter: &Filter,
    mut take: impl FnMut(&Attempt) -> Result<()>,
) -> Result<Met> {
    let mut met = Met::default();
    let mut give = |attempts: Vec<Attempt>| {
        attempts.iter().filter(|attempt| filter.wants(attempt)).try_for_each(&mut take)
    };
    for node in inventory.files.chunk_by(|one, other| one.name.node == other.name.node) {
        let mut joiner = Joiner::default();
        for file in node {
            if filter.wants_file(&file.name, !joiner.is_empty()) {
                read(file, filter, &mut joiner, &mut met, &mut give)?;
            }
        }
        give(joiner.finish())?;
    }
    Ok(met)
}

fn read(
    file: &Found,
    filter: &Filter,
    joiner: &mut Joiner,
    met: &mut Met,
    give: &mut impl FnMut(Vec<Attempt>) -> Result<()>,
) -> Result<()> {
    let path = &file.path;
    let opened = File::open(path).at("read", path)?;
    let mut lines = Lines::new(BufReader::with_capacity(BUFFER, opened));
    while let Some(line) = lines.read().at("read", path)? {
        match serde_json::from_slice::<Record>(line.text) {
            Ok(record) if record.schema.major != schema::CURRENT.major => met.foreign += 1,
            Ok(record) if line.is_whole => {
                if filter.wants_record(&record) {
                    give(joiner.push(record))?;
                }
            }
            // A line that a crash cut: what ran on the node then has no end.
            _ => {
                met.unreadable += 1;
                joiner.crashed();
            }
        }
    }
    Ok(())
}
