//! A trial that an agent keeps as its own child, beside others: claimed, recorded and ended as in a job of its own,
//! without a process of ours for each. Never a trial whose claim somebody else holds.

use std::fs;
use std::io::ErrorKind;
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::unistd::getpid;
use sweep_core::environment::{self, TrialContext};
use sweep_core::find;
use sweep_core::id::{Token, TrialIndex};
use sweep_core::layout::{RecordName, SweepDir, TrialDir};
use sweep_core::manifest::Manifest;
use sweep_core::params::Params;
use sweep_core::trial::Trial;

use crate::error::{At, Error, Kind, Result};
use crate::task::attempt::{Attempt, Usage};
use crate::task::child::end_with;
use crate::task::claim::{self, Linked};
use crate::task::command::{self, Ready, note};
use crate::task::identity::Identity;
use crate::task::ledger::{Keeping, Ledger};
use crate::task::remnants;

/// How a claim is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// By the job, which goes on with what an earlier start of it began.
    Job,
    /// By this one agent alone.
    Agent,
}

/// What became of taking a trial.
#[derive(Debug)]
pub enum Taken {
    /// It is ours; how many attempts came before.
    Ours(u32),
    /// It is not to run, or somebody else has it, or it has ended in this job before.
    Not,
}

/// Takes the claim on a trial.
///
/// # Errors
/// [`Kind::NoFolder`] where its folder cannot be made or written.
pub fn take(
    dir: &SweepDir,
    token: &Token,
    index: TrialIndex,
    identity: &Identity,
    holds: Holds,
    keeping: Keeping,
) -> Result<Taken> {
    let folder = dir.trial(index);
    let made = fs::create_dir(folder.path());
    let is_new = made.is_ok();
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(error).at("make", folder.path()).map_err(|e: Error| e.of_kind(Kind::NoFolder));
        }
        _ => {}
    }
    if !is_new && (folder.veto().exists() || holds == Holds::Agent && folder.claim(token.batch).exists()) {
        return Ok(Taken::Not);
    }
    if claim::try_take(&folder, token, identity, keeping)? == Linked::There {
        if holds == Holds::Agent || claim::check(&folder, token, identity).is_err() {
            return Ok(Taken::Not);
        }
        let ledger = Ledger::read(&folder)?;
        // However it ended: only its own job's loss starts a trial of several again.
        if ledger.has_ended(token, &identity.job) {
            return Ok(Taken::Not);
        }
        remnants::end_earlier(&folder, &identity.job, None)?;
        return Ok(Taken::Ours(ledger.attempt(None)));
    }
    Ok(Taken::Ours(if is_new { 0 } else { Ledger::read(&folder)?.attempt(None) }))
}

/// A trial that runs.
#[derive(Debug)]
pub struct Running {
    /// Which.
    pub index: TrialIndex,
    /// Its first process.
    pub child: Child,
    trial: Trial,
    folder: TrialDir,
    attempt: Attempt,
    ready: Ready,
    variables: Vec<(String, String)>,
}

/// Starts the command of a trial whose claim is ours. The thread that calls this must be the one that this process
/// ends with. `further` are variables of the agent's, such as which GPUs the trial may see. What keeps a command from
/// being started is the trial's end, and stands in its output and its record: then there is nothing that runs.
///
/// # Errors
/// Where its record cannot be written.
pub fn start(
    dir: &SweepDir,
    manifest: &Manifest,
    token: &Token,
    trial: Trial,
    identity: &Identity,
    earlier: u32,
    further: &[(String, String)],
) -> Result<Option<Running>> {
    let index = trial.index;
    let folder = dir.trial(index);
    let keeping = Keeping::Together;
    let attempt = Attempt::begin_after(earlier, &folder, token, &trial, identity, keeping)?;
    let context =
        TrialContext { dir, manifest, trial: &trial, attempt: attempt.number, record: Some(&attempt.name) };
    let variables = environment::of_trial(&context, &Params::new()).map_err(Error::from);
    let ready = variables.and_then(|mut variables| {
        variables.extend_from_slice(further);
        let ready = command::prepare(&context, &folder, &variables, identity)?;
        Ok((ready, variables))
    });
    let spawned = ready.and_then(|(mut ready, variables)| match spawn(&ready) {
        Ok(child) => Ok((ready, variables, child)),
        Err(error) => {
            note(&mut ready.output, &error.to_string());
            Err(error)
        }
    });
    match spawned {
        Ok((ready, variables, child)) => {
            Ok(Some(Running { index, child, trial, folder, attempt, ready, variables }))
        }
        Err(error) => {
            attempt.end(&folder, Err(&error), Usage::default())?;
            Ok(None)
        }
    }
}

fn spawn(ready: &Ready) -> Result<Child> {
    let (program, arguments) = ready.argv.split_first().ok_or_else(|| Error::user("the command is empty"))?;
    let copy =
        || ready.output.try_clone().map_err(|e| Error::world("cannot copy a file descriptor").because(&e));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(ready.variables.iter().map(|(name, value)| (name, value)))
        .current_dir(&ready.workdir)
        .stdin(Stdio::null())
        .stdout(copy()?)
        .stderr(copy()?);
    end_with(&mut command, getpid());
    command.spawn().map_err(|source| {
        let place = format!("cannot start `{program}` in `{}`", ready.workdir.display());
        Error::new(Kind::NotStarted, place).because(&source)
    })
}

/// Ends a trial whose claim is ours and that cannot run here, with the reason in its output and its record.
///
/// # Errors
/// Where its record cannot be written.
pub fn refuse(
    dir: &SweepDir,
    token: &Token,
    trial: &Trial,
    identity: &Identity,
    earlier: u32,
    error: &Error,
) -> Result<()> {
    let folder = dir.trial(trial.index);
    let attempt = Attempt::begin_after(earlier, &folder, token, trial, identity, Keeping::Together)?;
    let path = folder.output();
    let mut output = fs::OpenOptions::new().append(true).create(true).open(&path).at("open", &path)?;
    note(&mut output, &error.to_string());
    attempt.end(&folder, Err(error), Usage::default())
}

impl Running {
    /// Writes down how it ended, after what the spec wants behind the command.
    ///
    /// # Errors
    /// Where its record cannot be written.
    pub fn end(self, dir: &SweepDir, manifest: &Manifest, status: ExitStatus, usage: Usage) -> Result<()> {
        let Self { trial, attempt, folder, variables, mut ready, .. } = self;
        let context = TrialContext {
            dir,
            manifest,
            trial: &trial,
            attempt: attempt.number,
            record: Some(&attempt.name),
        };
        ready.finish(&context, &folder, &variables, status);
        attempt.end(&folder, Ok(&status), usage)
    }

    /// Says in its output why it has no end.
    pub fn say(&mut self, text: &str) {
        note(&mut self.ready.output, text);
    }

    /// The trial's folder.
    #[must_use]
    pub fn folder(&self) -> &TrialDir {
        &self.folder
    }

    /// Its record.
    #[must_use]
    pub fn record(&self) -> &RecordName {
        &self.attempt.name
    }
}

/// The trials of a sweep, read one by one.
///
/// # Errors
/// [`Kind::NoTrial`].
pub fn find(dir: &SweepDir, index: TrialIndex) -> Result<Trial> {
    find::trial(dir, index).map_err(|error| Error::from(error).of_kind(Kind::NoTrial))
}
