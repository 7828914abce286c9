//! The records of one trial's folder: reading those that are there, counting attempts, and writing our own where
//! the plugin does not.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use sweep_core::attempt::{self, Seen};
use sweep_core::claim::{Claim, Holder};
use sweep_core::id::{JobName, Token};
use sweep_core::layout::{RecordName, TrialDir, claim_of};
use sweep_core::record::{Claimed, Kind, Record, Source};

use crate::error::{At, Result};
use crate::task::identity::Identity;

/// What a trial's folder says of its attempts.
#[derive(Debug, Default)]
pub struct Ledger {
    records: Vec<(Seen, Vec<Record>)>,
    claims: Vec<Claim>,
}

impl Ledger {
    /// Reads a folder; one that is not there has no attempts.
    ///
    /// # Errors
    /// Where the folder or a file in it cannot be read.
    pub fn read(folder: &TrialDir) -> Result<Self> {
        Ok(Self::find(folder)?.unwrap_or_default())
    }

    /// Reads a folder; none where there is none.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn find(folder: &TrialDir) -> Result<Option<Self>> {
        let mut ledger = Self::default();
        let entries = match fs::read_dir(folder.path()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).at("read", folder.path()),
        };
        for entry in entries {
            let entry = entry.at("read", folder.path())?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            if let Ok(name) = name.parse::<RecordName>() {
                let records = Record::parse_file(&read_file(&entry.path())?);
                let token = records.first().and_then(|start| start.claimed.token.clone());
                ledger.records.push((Seen { name, token }, records));
            } else if claim_of(&name).is_some() {
                ledger.claims.extend(Claim::parse(&read_file(&entry.path())?));
            }
        }
        Ok(Some(ledger))
    }

    /// The number of the attempt that `own` is, or of the next one.
    #[must_use]
    pub fn attempt(&self, own: Option<&RecordName>) -> u32 {
        let records = self.records.iter().filter(|(_, records)| !is_strangers(records, &self.claims));
        let seen: Vec<Seen> = records.map(|(seen, _)| seen.clone()).collect();
        attempt::number(own, &seen, &self.claims)
    }

    /// Whether a job of a batch ended with exit code 0 before.
    #[must_use]
    pub fn has_completed(&self, token: &Token, job: &JobName) -> bool {
        self.records.iter().any(|(seen, records)| {
            let is_ours = seen.name.job == *job && seen.token.as_ref() == Some(token);
            is_ours && records.iter().any(|record| record.kind == Kind::End && record.exit == Some(0))
        })
    }

    /// Whether a trial came to its own end in a job of a batch before, a good one or not. One that was told to end with
    /// its job goes on with it.
    #[must_use]
    pub fn has_ended(&self, token: &Token, job: &JobName) -> bool {
        self.records.iter().any(|(seen, records)| {
            let is_ours = seen.name.job == *job && seen.token.as_ref() == Some(token);
            let is_end = |record: &&Record| record.kind == Kind::End && !record.was_terminated();
            is_ours && records.iter().any(|record| is_end(&record))
        })
    }

    /// The start of every record, counted or not.
    pub fn starts(&self) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .filter_map(|(_, records)| records.iter().find(|record| record.kind == Kind::Start))
    }

    /// The jobs that hold a claim of a batch.
    pub fn holders<'a>(&'a self, token: &'a Token) -> impl Iterator<Item = &'a JobName> {
        self.claims.iter().filter(move |claim| claim.token == *token).filter_map(|claim| {
            match &claim.holder {
                Holder::Job(job) => Some(job),
                Holder::Withdrawn => None,
            }
        })
    }

    /// The records of each attempt that counts, oldest first, each with its file's name.
    #[must_use]
    pub fn attempts(mut self) -> Vec<(RecordName, Vec<Record>)> {
        let claims = std::mem::take(&mut self.claims);
        self.records
            .retain(|(seen, records)| attempt::counts(seen, &claims) && !is_strangers(records, &claims));
        self.records
            .sort_by(|(a, _), (b, _)| (a.name.start_ns, &a.name.job).cmp(&(b.name.start_ns, &b.name.job)));
        self.records.into_iter().map(|(seen, records)| (seen.name, records)).collect()
    }
}

/// Whether these are the records of a job that was refused because the claim is of one with its number on another
/// cluster.
fn is_strangers(records: &[Record], claims: &[Claim]) -> bool {
    let Some(start) = records.first() else { return false };
    let of_number =
        |claim: &&Claim| start.claimed.token.as_ref() == Some(&claim.token) && claim.is_held_by(&start.job);
    claims.iter().filter(of_number).any(|claim| !claim.may_be_of(start.cluster.as_deref()))
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).at("read", path)
}

/// A start record of ours, `source: user`.
#[must_use]
pub fn start(identity: &Identity, attempt: u32, time_ns: u64, claimed: Claimed) -> Record {
    let user = (identity.uid, identity.gid);
    Record {
        cluster: identity.cluster.clone(),
        array_job: identity.array_job,
        array_task: identity.array_task,
        step: identity.step.clone(),
        agent: identity.agent.clone(),
        attempt,
        claimed,
        ..Record::start(Source::User, &identity.node, user, identity.job.clone(), time_ns)
    }
}

/// Writes a record's first line to a file of its own.
///
/// # Errors
/// Where the file is there already or cannot be written.
pub fn create(path: &Path, record: &Record, keeping: Keeping) -> Result<()> {
    let file = fs::OpenOptions::new().write(true).create_new(true).open(path).at("create", path)?;
    write_line(file, record, keeping).at("write", path)
}

/// Appends a record to its file.
///
/// # Errors
/// Where the file is not there or cannot be written.
pub fn append(path: &Path, record: &Record, keeping: Keeping) -> Result<()> {
    let file = fs::OpenOptions::new().append(true).open(path).at("open", path)?;
    write_line(file, record, keeping).at("write", path)
}

fn write_line(mut file: fs::File, record: &Record, keeping: Keeping) -> std::io::Result<()> {
    file.write_all(&record.to_line())?;
    keeping.of(&file)
}

/// When what was written has to be on the disk. What a killed process has written is there either way: it is a machine
/// that loses its power that forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Before anything else happens.
    Now,
    /// Soon, with others: whoever writes sees to it.
    Together,
}

impl Keeping {
    /// Does what is to be done now for a file.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn of(self, file: &fs::File) -> std::io::Result<()> {
        match self {
            Self::Now => file.sync_all(),
            Self::Together => Ok(()),
        }
    }
}
