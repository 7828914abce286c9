//! The trials table: `trials.jsonl` with a line a trial, and `trials.idx`, which says where each line is.
//! Finding trial N costs two small reads whatever the sweep's size; nothing here loads the whole table.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::{TrialIndex, TrialLabel};
use crate::limits;
use crate::params::Params;
use crate::schema::{self, BINARY_HEADER_LEN, Header};

/// The first 8 bytes of `trials.idx`.
pub const INDEX_MAGIC: [u8; 8] = *b"SWEEPIDX";
/// Bytes of one entry of `trials.idx`.
pub const ENTRY_LEN: usize = 16;

/// One assignment of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Its place in the sweep.
    pub index: TrialIndex,
    /// A name of the user's, from `params:`.
    pub name: Option<String>,
    /// Its values.
    pub params: Params,
    /// Which repetition of its configuration it is, from 0.
    pub replicate: u32,
    /// What multi-fidelity methods give it to spend.
    pub budget: Option<f64>,
    /// The trial that it goes on from.
    pub parent: Option<TrialIndex>,
    /// Hyperband's bracket, a genetic search's deme, the member of a population.
    pub bracket: Option<u32>,
    /// The rung of the bracket, or the generation.
    pub rung: Option<u32>,
    /// A seed for the program, below 2^31.
    pub seed: u32,
    /// sbatch options that are this trial's own, values filled in.
    pub sbatch: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct LineOut<'a> {
    trial: TrialLabel,
    index: TrialIndex,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    params: &'a Params,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    text: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "is_zero")]
    replicate: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<TrialLabel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bracket: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rung: Option<u32>,
    seed: u32,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    sbatch: &'a BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct LineIn {
    trial: TrialLabel,
    index: TrialIndex,
    #[serde(default)]
    name: Option<String>,
    #[serde(deserialize_with = "ordered_members")]
    params: Vec<(String, serde_json::Value)>,
    #[serde(default)]
    text: BTreeMap<String, String>,
    #[serde(default)]
    replicate: u32,
    #[serde(default)]
    budget: Option<f64>,
    #[serde(default)]
    parent: Option<TrialLabel>,
    #[serde(default)]
    bracket: Option<u32>,
    #[serde(default)]
    rung: Option<u32>,
    #[serde(default)]
    seed: u32,
    #[serde(default)]
    sbatch: BTreeMap<String, String>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// An object's members in the order of the file.
fn ordered_members<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(String, serde_json::Value)>, D::Error> {
    struct Members;
    impl<'de> serde::de::Visitor<'de> for Members {
        type Value = Vec<(String, serde_json::Value)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    deserializer.deserialize_map(Members)
}

impl Trial {
    /// The trial's line without its newline.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let line = LineOut {
            trial: self.index.label(),
            index: self.index,
            name: self.name.as_deref(),
            params: &self.params,
            text: self.params.written_texts(),
            replicate: self.replicate,
            budget: self.budget,
            parent: self.parent.map(TrialIndex::label),
            bracket: self.bracket,
            rung: self.rung,
            seed: self.seed,
            sbatch: &self.sbatch,
        };
        serde_json::to_vec(&line).expect("text, numbers and maps with text keys always serialize")
    }

    /// Reads a line of `trials.jsonl` and checks that it is trial `index`.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming `path`.
    pub fn parse(path: &Path, index: TrialIndex, line: &[u8]) -> Result<Self> {
        let damaged = |detail: String| Error::Damaged { path: path.to_owned(), detail };
        let line: LineIn = serde_json::from_slice(line)
            .map_err(|e| damaged(format!("the line of {}: {e}", index.label())))?;
        if line.index != index || line.trial.0 != index {
            return Err(damaged(format!("the line of {} is that of {}", index.label(), line.trial)));
        }
        let params = Params::from_json(line.params, &line.text)
            .map_err(|name| damaged(format!("{}: `{name}` is not a scalar", index.label())))?;
        Ok(Self {
            index,
            name: line.name,
            params,
            replicate: line.replicate,
            budget: line.budget,
            parent: line.parent.map(|label| label.0),
            bracket: line.bracket,
            rung: line.rung,
            seed: line.seed,
            sbatch: line.sbatch,
        })
    }
}

/// Where a trial's line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Bytes before the line.
    pub offset: u64,
    /// Bytes of the line without its newline.
    pub len: u32,
    /// CRC-32 (IEEE) of those bytes.
    pub crc32: u32,
}

impl IndexEntry {
    /// Where the entry of a trial is in `trials.idx`.
    #[must_use]
    pub fn position(index: TrialIndex) -> u64 {
        BINARY_HEADER_LEN as u64 + u64::from(index.0) * ENTRY_LEN as u64
    }

    /// How many trials an index of this many bytes has; a torn last entry does not count.
    #[must_use]
    pub fn count(file_len: u64) -> u32 {
        let entries = file_len.saturating_sub(BINARY_HEADER_LEN as u64) / ENTRY_LEN as u64;
        u32::try_from(entries).unwrap_or(u32::MAX).min(limits::TRIALS)
    }

    /// The entry as bytes, little-endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; ENTRY_LEN] {
        let mut bytes = [0; ENTRY_LEN];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.len.to_le_bytes());
        bytes[12..].copy_from_slice(&self.crc32.to_le_bytes());
        bytes
    }

    /// Reads an entry's bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the line would be longer than [`limits::TRIAL_LINE_LEN`].
    pub fn parse(path: &Path, bytes: [u8; ENTRY_LEN]) -> Result<Self> {
        let (offset, rest) = bytes.split_at(8);
        let (len, crc32) = rest.split_at(4);
        let word = |part: &[u8]| u32::from_le_bytes(part.try_into().expect("split at 4 of 8 bytes"));
        let entry = Self {
            offset: u64::from_le_bytes(offset.try_into().expect("split at 8 of 16 bytes")),
            len: word(len),
            crc32: word(crc32),
        };
        if entry.len as usize > limits::TRIAL_LINE_LEN {
            return Err(Error::Damaged {
                path: path.to_owned(),
                detail: "an entry is longer than a line may be".into(),
            });
        }
        Ok(entry)
    }

    /// Checks the line's length and checksum and reads it.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn read_line(self, path: &Path, index: TrialIndex, line: &[u8]) -> Result<Trial> {
        if line.len() != self.len as usize || crc32fast::hash(line) != self.crc32 {
            let detail = format!("the line of {} does not match its checksum", index.label());
            return Err(Error::Damaged { path: path.to_owned(), detail });
        }
        Trial::parse(path, index, line)
    }
}

/// Writes the two files of the table, trial after trial, in constant memory.
#[derive(Debug)]
pub struct TableWriter<T: Write, I: Write> {
    trials: T,
    index: I,
    offset: u64,
    count: u32,
}

impl<T: Write, I: Write> TableWriter<T, I> {
    /// Begins both files.
    ///
    /// # Errors
    /// Those of the writers.
    pub fn new(mut trials: T, mut index: I) -> io::Result<Self> {
        let mut header = serde_json::to_vec(&Header { schema: schema::CURRENT })?;
        header.push(b'\n');
        trials.write_all(&header)?;
        index.write_all(&schema::binary_header(INDEX_MAGIC, 0))?;
        Ok(Self { trials, index, offset: header.len() as u64, count: 0 })
    }

    /// Goes on with both files behind `count` trials that end at `offset`.
    pub fn resume(trials: T, index: I, offset: u64, count: u32) -> Self {
        Self { trials, index, offset, count }
    }

    /// Appends a trial, which must be the next.
    ///
    /// # Errors
    /// Those of the writers, or `InvalidInput` for a line beyond [`limits::TRIAL_LINE_LEN`] or an index out of turn.
    pub fn append(&mut self, trial: &Trial) -> io::Result<()> {
        let mut line = trial.to_line();
        if trial.index.0 != self.count || line.len() > limits::TRIAL_LINE_LEN || self.count == limits::TRIALS
        {
            let detail = format!("{} cannot be the next line of {} bytes", trial.index.label(), line.len());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, detail));
        }
        let len = u32::try_from(line.len()).expect("at most TRIAL_LINE_LEN");
        let entry = IndexEntry { offset: self.offset, len, crc32: crc32fast::hash(&line) };
        line.push(b'\n');
        self.trials.write_all(&line)?;
        self.index.write_all(&entry.to_bytes())?;
        self.offset += line.len() as u64;
        self.count += 1;
        Ok(())
    }

    /// How many trials were written.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Gives the writers back, to be flushed and synced.
    #[must_use]
    pub fn into_parts(self) -> (T, I) {
        (self.trials, self.index)
    }
}

/// Lines, entries and the table.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn trial(index: u32) -> Trial {
        let params = [("lr", "1e-4"), ("solver", "saga"), ("n", "3"), ("a", "true")];
        Trial {
            index: TrialIndex(index),
            name: None,
            params: params.iter().map(|(n, v)| ((*n).to_owned(), Value::from_word(v))).collect(),
            replicate: 0,
            budget: None,
            parent: None,
            bracket: None,
            rung: None,
            seed: 17,
            sbatch: BTreeMap::new(),
        }
    }

    #[test]
    fn a_line_reads_back_with_texts_and_order() {
        let mut one = trial(3);
        one.sbatch.insert("mem".into(), "4G".into());
        one.parent = Some(TrialIndex(1));
        one.bracket = Some(0);
        one.rung = Some(2);
        let back = Trial::parse(Path::new("t"), TrialIndex(3), &one.to_line()).unwrap();
        assert_eq!(back, one);
        assert_eq!(back.params.get("lr").unwrap().text(), "1e-4");
        let names: Vec<_> = back.params.iter().map(|(n, _)| n.to_owned()).collect();
        assert_eq!(names, ["lr", "solver", "n", "a"]);
    }

    #[test]
    fn the_format_stays_as_it_was_released() {
        let line = String::from_utf8(trial(3).to_line()).unwrap();
        assert_eq!(
            line,
            r#"{"trial":"t003","index":3,"params":{"lr":0.0001,"solver":"saga","n":3,"a":true},"text":{"lr":"1e-4"},"seed":17}"#
        );
    }

    #[test]
    fn every_trial_is_found_by_its_entry() {
        let mut table = TableWriter::new(Vec::new(), Vec::new()).unwrap();
        for n in 0..20 {
            table.append(&trial(n)).unwrap();
        }
        assert!(table.append(&trial(25)).is_err());
        let (trials, index) = table.into_parts();
        assert_eq!(IndexEntry::count(index.len() as u64), 20);
        assert_eq!(schema::read_binary_header(Path::new("i"), INDEX_MAGIC, &index).unwrap(), 0);
        for n in 0..20 {
            let at = usize::try_from(IndexEntry::position(TrialIndex(n))).unwrap();
            let bytes: [u8; ENTRY_LEN] = index[at..at + ENTRY_LEN].try_into().unwrap();
            let entry = IndexEntry::parse(Path::new("i"), bytes).unwrap();
            let from = usize::try_from(entry.offset).unwrap();
            let line = &trials[from..from + entry.len as usize];
            assert_eq!(entry.read_line(Path::new("t"), TrialIndex(n), line).unwrap(), trial(n));
            let mut bent = line.to_vec();
            bent[5] ^= 1;
            assert!(entry.read_line(Path::new("t"), TrialIndex(n), &bent).is_err());
        }
    }

    #[test]
    fn hostile_bytes_are_refused() {
        let path = Path::new("t");
        for line in [
            "",
            "{}",
            "[]",
            r#"{"trial":"t001","index":0,"params":{}}"#,
            r#"{"trial":"t000","index":0,"params":{"a":[1]}}"#,
        ] {
            assert!(Trial::parse(path, TrialIndex(0), line.as_bytes()).is_err(), "{line}");
        }
        assert!(IndexEntry::parse(path, [0xff; ENTRY_LEN]).is_err());
    }
}
