//! From the options to a trial: what was asked, then what stands in the user's files, read by children as the user
//! and parsed here as hostile bytes. The same few system calls whatever the sweep's size.

use std::ffi::CString;
use std::path::{Path, PathBuf};

use sweep_core::attempt::Seen;
use sweep_core::batch;
use sweep_core::claim::Claim;
use sweep_core::id::{BatchNumber, TrialIndex};
use sweep_core::layout::{RecordName, SweepDir, claim_of};
use sweep_core::manifest::Manifest;
use sweep_core::params::Params;
use sweep_core::record::Record;
use sweep_core::schema::{self, BINARY_HEADER_LEN};
use sweep_core::selector::Selector;
use sweep_core::trial::{ENTRY_LEN, INDEX_MAGIC, IndexEntry, Trial};
use sweep_core::{assignment, environment, limits};

use crate::as_user::{self, Answer, Behaviour, Deadline, Failure, Op, User};
use crate::options::{Opt, Options};

/// Most of a record that is read to find its token: our own start lines are shorter.
pub const RECORD_START_LEN: usize = 64 * 1024;

/// What manifests and folders rarely exceed. Only where one does is it read again, whole: room for the largest would
/// have to be cleared for every job.
const SMALL_LEN: usize = 16 * 1024;

/// Why a job has no trial.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option, a file or a trial is not what it should be.
    #[error(transparent)]
    Core(#[from] sweep_core::Error),
    /// An option was refused before it was looked at.
    #[error("{0}")]
    Refused(String),
    /// Which trial is not said.
    #[error("no trial: give --sweep-trial, or --array")]
    NoTrial,
    /// An array task's number is needed.
    #[error("--sweep-trial={0} needs --array")]
    NoArray(Selector),
    /// A trial of no sweep.
    #[error("--sweep-trial needs --sweep-dir")]
    NoDirectory,
    /// The user's files could not be looked at.
    #[error("`{}`", dir.display())]
    Child {
        /// The sweep directory.
        dir: PathBuf,
        /// Why not.
        #[source]
        source: Failure,
    },
}

/// What was asked, checked as far as that goes without a file.
#[derive(Debug, Default)]
pub struct Asked {
    /// The sweep directory, absolute.
    pub dir: Option<SweepDir>,
    /// Which trial.
    pub selector: Option<Selector>,
    /// What `--sweep-set` sets.
    pub set: Params,
}

impl Asked {
    /// Checks every option.
    ///
    /// # Errors
    /// The first that is wrong; nothing is taken where any is.
    pub fn of(options: &Options, submit_dir: Option<&str>) -> Result<Self, Error> {
        if let Some(reason) = options.refused().next() {
            return Err(Error::Refused(reason.to_owned()));
        }
        let dir = options.text(Opt::Dir).map(|dir| environment::resolve_dir(dir, submit_dir)).transpose()?;
        let selector = options.text(Opt::Trial).map(str::parse).transpose()?;
        let set = options.text(Opt::Set).map(assignment::parse).transpose()?.unwrap_or_default();
        if dir.is_none() && selector.is_some() {
            return Err(Error::NoDirectory);
        }
        Ok(Self { dir: dir.map(SweepDir::new), selector, set })
    }
}

/// A trial and what its folder held before this attempt.
#[derive(Debug)]
pub struct Found {
    /// The sweep's manifest.
    pub manifest: Manifest,
    /// The trial.
    pub trial: Trial,
    /// Records of earlier attempts.
    pub records: Vec<Seen>,
    /// Claims on the trial.
    pub claims: Vec<Claim>,
}

/// Reads as the user, one child after the other, all within one deadline.
pub struct Reader<'a> {
    /// The user.
    pub user: &'a User,
    /// The sweep directory.
    pub dir: &'a SweepDir,
    /// When all must be done.
    pub deadline: Deadline,
    /// How children behave.
    pub behaviour: Behaviour,
}

impl Reader<'_> {
    /// Which trial, once an array task's row has been read where one is needed.
    ///
    /// # Errors
    /// [`Error::NoTrial`] or [`Error::NoArray`], or what is wrong with the map.
    pub fn select(&self, selector: Option<Selector>, task: Option<u32>) -> Result<TrialIndex, Error> {
        match (selector, task) {
            (None, None) => Err(Error::NoTrial),
            (None, Some(task)) => Ok(TrialIndex(task)),
            (Some(Selector::Map(batch)), Some(task)) => self.row(batch, task),
            (Some(selector), task) => selector.trial(task).ok_or(Error::NoArray(selector)),
        }
    }

    /// Reads a trial and its folder.
    ///
    /// # Errors
    /// What is wrong with the sweep's files, or that they could not be read.
    pub fn find(&self, index: TrialIndex) -> Result<Found, Error> {
        let inside = inside();
        let [manifest_path, index_path, trials_path] =
            [self.dir.manifest(), self.dir.index(), self.dir.trials()];
        let folder = inside.trial(index);
        let ops = |max: usize| {
            [
                read(&inside.manifest(), 0, max.min(limits::MANIFEST_LEN)),
                read(&inside.index(), 0, BINARY_HEADER_LEN),
                read(&inside.index(), IndexEntry::position(index), ENTRY_LEN),
                Op::List { path: c_path(folder.path()), max: max.min(limits::FOLDER_NAMES_LEN) },
            ]
        };
        let mut answers = self.ask(&ops(SMALL_LEN))?;
        if [&answers[0], &answers[3]].iter().any(|answer| answer.file_len > SMALL_LEN as u64) {
            answers = self.ask(&ops(usize::MAX))?;
        }
        let [manifest, header, entry, names] = &answers[..] else { unreachable!("an answer for each op") };

        let manifest = self.manifest(&manifest_path, manifest)?;
        schema::read_binary_header(&index_path, INDEX_MAGIC, content(&index_path, header)?)?;
        let count = IndexEntry::count(header.file_len);
        if index.0 >= count {
            let dir = self.dir.path().to_owned();
            return Err(sweep_core::Error::OutOfRange { dir, index: index.0.into(), count }.into());
        }
        let entry: [u8; ENTRY_LEN] =
            content(&index_path, entry)?.try_into().map_err(|_| damaged(&index_path, "it is cut"))?;
        let entry = IndexEntry::parse(&index_path, entry)?;

        let names = Names::parse(&names.bytes);
        let line = read(&inside.trials(), entry.offset, entry.len as usize);
        let claims = names.claims.iter().map(|&batch| read(&folder.claim(batch), 0, limits::CLAIM_LEN));
        let ops: Vec<Op> = std::iter::once(line).chain(claims).collect();
        let answers = self.ask(&ops)?;
        let (line, claims) = answers.split_first().expect("an answer for each op");
        let trial = entry.read_line(&trials_path, index, content(&trials_path, line)?)?;
        let claims: Vec<Claim> = claims.iter().filter_map(|answer| Claim::parse(&answer.bytes)).collect();
        let records = self.records(&folder, &names.records, &claims)?;
        Ok(Found { manifest, trial, records, claims })
    }

    /// The records with the batches that they name. The job of a claim is known to be of its batch; only of others
    /// is the file read: jobs of the flags alone, and refused twins.
    fn records(
        &self,
        folder: &sweep_core::layout::TrialDir,
        names: &[RecordName],
        claims: &[Claim],
    ) -> Result<Vec<Seen>, Error> {
        let claim_for = |name: &RecordName| claims.iter().find(|claim| claim.is_held_by(&name.job));
        let unknown = || names.iter().filter(|name| claim_for(name).is_none()).take(limits::RECORDS_READ);
        let ops: Vec<Op> = unknown().map(|name| read(&folder.record(name), 0, RECORD_START_LEN)).collect();
        let answers = if ops.is_empty() { Vec::new() } else { self.ask(&ops)? };
        let tokens: Vec<_> =
            unknown().zip(&answers).map(|(name, answer)| (name, token(&answer.bytes))).collect();
        let token_of = |name: &RecordName| match claim_for(name) {
            Some(claim) => Some(claim.token.clone()),
            None => tokens.iter().find(|(other, _)| *other == name).and_then(|(_, token)| token.clone()),
        };
        Ok(names.iter().map(|name| Seen { name: name.clone(), token: token_of(name) }).collect())
    }

    fn row(&self, batch: BatchNumber, task: u32) -> Result<TrialIndex, Error> {
        let path = self.dir.map(batch);
        let map = inside().map(batch);
        let ops = [read(&map, 0, BINARY_HEADER_LEN), read(&map, batch::map_row_position(task), 4)];
        let answers = self.ask(&ops)?;
        let [header, row] = &answers[..] else { unreachable!("an answer for each op") };
        let count = schema::read_binary_header(&path, batch::MAP_MAGIC, content(&path, header)?)?;
        if task >= count {
            let dir = self.dir.path().to_owned();
            return Err(sweep_core::Error::OutOfRange { dir, index: task.into(), count }.into());
        }
        let row = content(&path, row)?.try_into().map_err(|_| damaged(&path, "its rows are cut"))?;
        Ok(batch::map_row(row))
    }

    fn manifest(&self, path: &Path, answer: &Answer) -> Result<Manifest, Error> {
        if answer.errno == libc::ENOENT {
            let detail = "it has no sweep.json".into();
            return Err(sweep_core::Error::NotASweep { dir: self.dir.path().to_owned(), detail }.into());
        }
        let json = content(path, answer)?;
        let len = usize::try_from(answer.file_len).unwrap_or(usize::MAX);
        if len > limits::MANIFEST_LEN {
            let what = format!("`{}`", path.display());
            return Err(sweep_core::Error::TooLarge { what, len, limit: limits::MANIFEST_LEN }.into());
        }
        Ok(Manifest::parse(path, json)?)
    }

    fn ask(&self, ops: &[Op]) -> Result<Vec<Answer>, Error> {
        as_user::run(self.user, self.dir.path(), ops, self.deadline, self.behaviour)
            .map_err(|source| Error::Child { dir: self.dir.path().to_owned(), source })
    }
}

/// The layout as a child sees it, from inside the sweep directory.
pub fn inside() -> SweepDir {
    SweepDir::new("")
}

/// A path of ours for a system call.
pub fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_encoded_bytes()).expect("paths inside a sweep are plain names")
}

fn read(path: &Path, offset: u64, max: usize) -> Op {
    Op::Read { path: c_path(path), offset, max }
}

fn content<'a>(path: &Path, answer: &'a Answer) -> Result<&'a [u8], sweep_core::Error> {
    match answer.errno {
        0 => Ok(&answer.bytes),
        errno => {
            let source = std::io::Error::from_raw_os_error(errno);
            Err(sweep_core::Error::Read { path: path.to_owned(), source })
        }
    }
}

fn damaged(path: &Path, detail: &str) -> sweep_core::Error {
    sweep_core::Error::Damaged { path: path.to_owned(), detail: detail.into() }
}

/// The batch that a record's start names.
fn token(bytes: &[u8]) -> Option<sweep_core::id::Token> {
    Record::parse_file(bytes).into_iter().next()?.claimed.token
}

/// The names in a trial's folder that say something of attempts, newest first, no more than are read.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The records, newest first.
    pub records: Vec<RecordName>,
    /// The batches that claims are of, newest first.
    pub claims: Vec<BatchNumber>,
}

impl Names {
    /// Reads what a child said of them.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut names = Self::default();
        for name in bytes.split(|&byte| byte == 0).filter_map(|name| std::str::from_utf8(name).ok()) {
            names.records.extend(name.parse::<RecordName>().ok());
            names.claims.extend(claim_of(name));
        }
        names.records.sort_by_key(|record| std::cmp::Reverse(record.start_ns));
        names.claims.sort_by_key(|batch| std::cmp::Reverse(*batch));
        names.claims.truncate(limits::RECORDS_READ);
        names
    }
}

/// Options and names as they come.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Given;

    fn asked(given: &[(Opt, &str)]) -> Result<Asked, Error> {
        let mut options = Options::default();
        for (opt, text) in given {
            options.set(*opt, Given::of_bytes(*opt, text.as_bytes()));
        }
        Asked::of(&options, Some("/submit"))
    }

    #[test]
    fn a_relative_directory_is_that_of_the_submission() {
        let asked = asked(&[(Opt::Dir, ".sweeps/x"), (Opt::Trial, "t001")]).unwrap();
        assert_eq!(asked.dir, Some(SweepDir::new("/submit/.sweeps/x")));
        assert_eq!(asked.selector, Some(Selector::Trial(TrialIndex(1))));
    }

    #[test]
    fn one_wrong_option_refuses_all() {
        for given in [
            &[(Opt::Dir, "/s"), (Opt::Set, "lr")][..],
            &[(Opt::Dir, "/s\n"), (Opt::Set, "lr=1")],
            &[(Opt::Trial, "t001")],
            &[(Opt::Dir, ""), (Opt::Trial, "t001")],
        ] {
            assert!(asked(given).is_err(), "{given:?}");
        }
    }

    #[test]
    fn only_our_own_names_count() {
        let names =
            Names::parse(b"record.7.20.jsonl\0record.7.30.jsonl\0claim.3\0claim.03\0record.x\0\xff\0");
        assert_eq!(names.records.iter().map(|r| r.start_ns).collect::<Vec<_>>(), [30, 20]);
        assert_eq!(names.claims, [BatchNumber(3)]);
    }
}
