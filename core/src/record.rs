//! A record: what was written about an attempt when it started and when it ended. Outside `claimed` stands what
//! Slurm told us, inside it what the user said. Never a user's text as part of a line's structure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::{JobName, SweepId, Token, TrialIndex, TrialLabel};
use crate::limits;
use crate::params::Params;
use crate::schema::{self, Schema};

/// The start or the end of one attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The line's version.
    pub schema: Schema,
    /// Start or end.
    pub kind: Kind,
    /// Who wrote it.
    pub source: Source,
    /// Slurm's name of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The node.
    pub node: String,
    /// The user.
    pub uid: u32,
    /// The user's group.
    pub gid: u32,
    /// What ran it.
    pub job: JobName,
    /// The array's job id, of an array task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array_job: Option<u32>,
    /// The array task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array_task: Option<u32>,
    /// `batch`, or a step's number.
    pub step: String,
    /// The agent that ran it beside others of its job: `host:pid:start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<JobName>,
    /// How many attempts came before, where that could be counted.
    pub attempt: u32,
    /// When, in nanoseconds since 1970.
    pub time_ns: u64,
    /// The exit code, of an end that was an exit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// The signal, of an end by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Wall time since the start, of an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_s: Option<f64>,
    /// User and system time of the step's processes, of an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_s: Option<f64>,
    /// The largest resident set, of an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_peak_kib: Option<u64>,
    /// What the user said.
    #[serde(default)]
    pub claimed: Claimed,
    /// What was asked and refused, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
}

impl Record {
    /// The start of an attempt in a batch script, with nothing said besides.
    #[must_use]
    pub fn start(source: Source, node: &str, (uid, gid): (u32, u32), job: JobName, time_ns: u64) -> Self {
        Self {
            schema: schema::CURRENT,
            kind: Kind::Start,
            source,
            cluster: None,
            node: node.to_owned(),
            uid,
            gid,
            job,
            array_job: None,
            array_task: None,
            step: "batch".to_owned(),
            agent: None,
            attempt: 0,
            time_ns,
            exit: None,
            signal: None,
            elapsed_s: None,
            cpu_s: None,
            memory_peak_kib: None,
            claimed: Claimed::default(),
            refused: Vec::new(),
        }
    }
}

/// Start or end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Before the job's script runs.
    Start,
    /// After it ended.
    End,
}

/// Who wrote a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The plugin: what Slurm said.
    Plugin,
    /// `sweep exec`: what the user's own process said.
    User,
}

/// What the user said of an attempt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Claimed {
    /// The sweep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepId>,
    /// The trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<TrialLabel>,
    /// Its index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<TrialIndex>,
    /// The batch, of a job of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// SHA-256 of the variables that were injected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params_digest: Option<String>,
    /// The variables that were injected, long ones cut.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// Those of them that came from `--sweep-set` over a trial's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<String>,
}

impl Claimed {
    /// Notes the variables of a trial: a digest over all, and values cut to [`limits::CLAIMED_TEXT_LEN`].
    pub fn note_params(&mut self, params: &Params) {
        let mut digest = Sha256::new();
        for (name, value) in params.iter() {
            let text = value.text();
            for part in [name, text.as_ref()] {
                digest.update((part.len() as u64).to_le_bytes());
                digest.update(part);
            }
            self.values.insert(name.to_owned(), cut(&text));
        }
        self.params_digest = Some(hex(&digest.finalize()));
    }
}

/// `text` cut to [`limits::CLAIMED_TEXT_LEN`] bytes, with a mark where it was.
#[must_use]
pub fn cut(text: &str) -> String {
    if text.len() <= limits::CLAIMED_TEXT_LEN {
        return text.to_owned();
    }
    let mut end = limits::CLAIMED_TEXT_LEN;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… ({} bytes)", &text[..end], text.len())
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Record {
    /// The record as a line with its newline.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let mut line =
            serde_json::to_vec(self).expect("text, numbers and maps with text keys always serialize");
        line.push(b'\n');
        line
    }

    /// Whether it is an end by the signal that asks a process to end; a shell tells that of its child by 128 more.
    #[must_use]
    pub fn was_terminated(&self) -> bool {
        self.signal == Some(15) || self.exit == Some(143)
    }

    /// The records of a record file: a start and, where there is one, an end. A torn last line is left out, and
    /// so is a line that is no record.
    #[must_use]
    pub fn parse_file(bytes: &[u8]) -> Vec<Self> {
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
        let bytes = &bytes[..whole.min(limits::RECORD_LEN)];
        let current = |record: &Self| record.schema.major == crate::schema::CURRENT.major;
        bytes
            .split(|&b| b == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .filter(current)
            .collect()
    }
}

/// Records as lines.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn record() -> Record {
        let mut claimed = Claimed { sweep: "iris".parse().ok(), ..Claimed::default() };
        claimed.note_params(&[("lr".to_owned(), Value::from_word("0.1"))].into_iter().collect());
        Record {
            cluster: Some("c".into()),
            array_job: Some(10),
            array_task: Some(2),
            claimed,
            ..Record::start(Source::Plugin, "n1", (1000, 1000), JobName::slurm(12), 5)
        }
    }

    #[test]
    fn a_record_reads_back_and_a_torn_line_is_dropped() {
        let start = record();
        let end = Record { kind: Kind::End, exit: Some(7), ..record() };
        let mut bytes = start.to_line();
        bytes.extend(end.to_line());
        assert_eq!(Record::parse_file(&bytes), [start.clone(), end]);
        bytes.truncate(bytes.len() - 1);
        assert_eq!(Record::parse_file(&bytes), [start]);
        assert_eq!(Record::parse_file(b"\x00\xff\n{}\n"), []);
    }

    #[test]
    fn a_users_text_stays_inside_its_string() {
        let mut hostile = record();
        hostile.refused.push("x\n{\"kind\":\"end\"}".into());
        let line = hostile.to_line();
        assert_eq!(line.iter().filter(|&&b| b == b'\n').count(), 1);
    }

    #[test]
    fn a_long_value_is_cut_and_says_so() {
        let long = "é".repeat(2000);
        let short = cut(&long);
        assert!(short.len() < 1100 && short.ends_with("(4000 bytes)"), "{}", short.len());
    }
}
