//! Heads that were kept away from the files that they are of: copies of `.head` files, or what the plugin said to
//! the system's log. A head that somebody forged here raises an alarm; it never hides a break.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use sweep_core::chain::{HEAD_LEN, Head, SYSLOG_NAME, SentHead, SiteFile};

use super::files::read_head;
use super::walk::KnownHead;
use crate::error::{At, Error, Result};

/// What stands before a head in Slurm's own log.
const SLURM_NAME: &str = "sweep: audit:";
/// Longest line of a log, in bytes; longer ones are none of ours.
const LOG_LINE_LEN: u64 = 64 * 1024;

/// Heads by file.
#[derive(Debug, Default)]
pub struct Heads(BTreeMap<SiteFile, Vec<KnownHead>>);

/// A line of `journalctl -o json`, as far as it matters.
#[derive(Deserialize)]
struct JournalLine {
    #[serde(rename = "MESSAGE")]
    message: String,
}

impl Heads {
    /// Those of a file or a directory, or of this machine's journal where `place` is `journal`.
    ///
    /// # Errors
    /// The world's where it cannot be read; the user's where there is no head in it.
    pub fn read(place: &Path) -> Result<Self> {
        let heads = if place == Path::new("journal") {
            Self::of_journal()?
        } else if place.is_dir() {
            Self::of_directory(place)?
        } else if let Some(name) = place.file_name().and_then(|n| n.to_str()).and_then(SiteFile::of_head_name)
        {
            let mut heads = Self::default();
            heads.add_copy(name, place)?;
            heads
        } else {
            let file = File::open(place).at("read", place)?;
            Self::of_log(BufReader::new(file), &format!("`{}`", place.display())).at("read", place)?
        };
        if heads.0.is_empty() {
            return Err(Error::user(format!("`{}` holds no head", place.display())).hint(
                "give a log with lines of `sweep-audit`, a copy of a .head file or a directory of them",
            ));
        }
        Ok(heads)
    }

    /// The heads of a file, by sequence.
    #[must_use]
    pub fn of(&self, name: &SiteFile) -> &[KnownHead] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The files that there are heads of.
    pub fn files(&self) -> impl Iterator<Item = &SiteFile> {
        self.0.keys()
    }

    fn of_directory(dir: &Path) -> Result<Self> {
        let mut heads = Self::default();
        for entry in std::fs::read_dir(dir).at("read", dir)? {
            let entry = entry.at("read", dir)?;
            if let Some(name) = entry.file_name().to_str().and_then(SiteFile::of_head_name) {
                heads.add_copy(name, &entry.path())?;
            }
        }
        Ok(heads)
    }

    fn add_copy(&mut self, name: SiteFile, path: &Path) -> Result<()> {
        if let Some(head) = read_head(path)? {
            self.add(name, head?, &format!("`{}`", path.display()));
        }
        Ok(())
    }

    /// What root's processes said under our name, as systemd keeps it.
    fn of_journal() -> Result<Self> {
        let cannot = || Error::world("cannot read the journal with `journalctl`");
        let hint = "give the log's text instead: --head /var/log/auth.log";
        // systemd itself notes who spoke: a user's own `logger -t sweep-audit` is not root's.
        let mut command = Command::new("journalctl");
        command.args(["--no-pager", "--quiet", "-o", "json", "-t", SYSLOG_NAME, "_UID=0"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| cannot().because(&error).hint(hint))?;
        let out = child.stdout.take().ok_or_else(cannot)?;
        let heads =
            Self::of_log(BufReader::new(out), "the journal").map_err(|error| cannot().because(&error))?;
        let status = child.wait().map_err(|error| cannot().because(&error))?;
        if status.success() { Ok(heads) } else { Err(cannot().said(&status.to_string()).hint(hint)) }
    }

    /// What the plugin said in a log's text: the head's JSON behind our name, as every form of syslog has it,
    /// as lines of `journalctl -o json`, or bare.
    ///
    /// # Errors
    /// The reader's.
    pub fn of_log(mut log: impl BufRead, source: &str) -> std::io::Result<Self> {
        let mut heads = Self::default();
        let (mut number, mut line) = (0u64, Vec::new());
        loop {
            line.clear();
            if (&mut log).take(LOG_LINE_LEN).read_until(b'\n', &mut line)? == 0 {
                return Ok(heads);
            }
            number += 1;
            if line.last() != Some(&b'\n') && line.len() as u64 == LOG_LINE_LEN {
                log.skip_until(b'\n')?;
                continue;
            }
            let sent = std::str::from_utf8(&line).ok().and_then(sent);
            let Some((name, head)) = sent.and_then(|sent| Some((sent.file.parse().ok()?, sent.head))) else {
                continue;
            };
            heads.add(name, head, &format!("line {number} of {source}"));
        }
    }

    fn add(&mut self, name: SiteFile, head: Head, source: &str) {
        let known = self.0.entry(name).or_default();
        let at = known.partition_point(|known| known.head.sequence <= head.sequence);
        // Logs are often kept twice.
        if at == 0 || known[at - 1].head != head {
            known.insert(at, KnownHead { head, source: source.to_owned() });
        }
    }
}

/// The head in a line of a log.
fn sent(line: &str) -> Option<SentHead> {
    let line = line.trim();
    if let Ok(JournalLine { message }) = serde_json::from_str(line) {
        return parse(message.trim());
    }
    if line.starts_with('{') {
        return parse(line);
    }
    let name = [SYSLOG_NAME, SLURM_NAME].iter().find_map(|name| line.find(name))?;
    let json = line[name..].find('{')? + name;
    parse(&line[json..])
}

fn parse(json: &str) -> Option<SentHead> {
    let head = serde_json::from_str::<SentHead>(json).ok()?;
    let is_ours =
        head.head.schema.major == sweep_core::schema::CURRENT.major && json.len() as u64 <= HEAD_LEN;
    is_ours.then_some(head)
}

/// Logs in the forms that systems write.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_found_in_every_form_of_a_log() {
        let name: SiteFile = "n1-202611.jsonl".parse().unwrap();
        let head = |sequence| Head { sequence, offset: sequence * 600, ..Head::default() };
        let json = |sequence| head(sequence).to_sent(&name);
        let quoted = serde_json::to_string(&json(4)).unwrap();
        let log = format!(
            "Nov 21 23:28:01 n1 sweep-audit[812]: {}\n\
             2026-11-21T23:28:01.123456+00:00 n1 sweep-audit[812]: {}\n\
             [2026-11-21T23:28:01.123] [12.batch] sweep: audit: {}\n\
             {{\"MESSAGE\":{quoted},\"SYSLOG_IDENTIFIER\":\"sweep-audit\",\"_UID\":\"0\"}}\n\
             {}\n\
             Nov 21 23:28:01 n1 sshd[9]: {}\n\
             Nov 21 23:28:01 n1 sweep-audit[812]: {{\"file\":\"../x\"}}\n{}\n{}",
            json(1),
            json(2),
            json(3),
            json(5),
            json(6),
            "x".repeat(100_000),
            json(7)
        );
        let heads = Heads::of_log(log.as_bytes(), "the log").unwrap();
        let sequences: Vec<_> = heads.of(&name).iter().map(|known| known.head.sequence).collect();
        assert_eq!(sequences, [1, 2, 3, 4, 5, 7]);
        assert_eq!(heads.of(&name)[5].source, "line 9 of the log");
        assert_eq!(heads.of(&name)[0].head, head(1));
    }
}
