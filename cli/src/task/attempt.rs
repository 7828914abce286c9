//! An attempt with its record: the plugin's, or one of our own where the plugin keeps none. Its end is written once, by
//! whoever waited for it.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use sweep_core::id::Token;
use sweep_core::layout::{RecordName, TrialDir};
use sweep_core::record::{Claimed, Kind as RecordKind, Record};
use sweep_core::trial::Trial;

use crate::error::{Error, Result};
use crate::task::identity::Identity;
use crate::task::ledger::{self, Keeping, Ledger};
use crate::task::{now_ns, plugins_record};

/// One run of a trial.
#[derive(Debug)]
pub struct Attempt {
    /// How many came before.
    pub number: u32,
    /// Its record's name.
    pub name: RecordName,
    /// Our own start record; none where the plugin writes.
    own: Option<Record>,
    began: Instant,
    keeping: Keeping,
}

/// What the processes of an attempt used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// User and system time.
    pub cpu_s: Option<f64>,
    /// The largest resident set.
    pub memory_peak_kib: Option<u64>,
}

impl Usage {
    /// Of all children that this process waited for.
    #[must_use]
    pub fn of_children() -> Self {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok();
        usage.map_or_else(Self::default, |usage| Self {
            cpu_s: Some(seconds(usage.user_time()) + seconds(usage.system_time())),
            memory_peak_kib: u64::try_from(usage.max_rss()).ok(),
        })
    }

    /// As the kernel tells it of one child.
    #[must_use]
    pub fn of_one(usage: &libc::rusage) -> Self {
        let [user, system] = [usage.ru_utime, usage.ru_stime].map(|time| seconds(time.into()));
        Self { cpu_s: Some(user + system), memory_peak_kib: u64::try_from(usage.ru_maxrss).ok() }
    }
}

fn seconds(time: nix::sys::time::TimeVal) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a time to the microsecond")]
    let fraction = time.tv_usec() as f64 / 1e6;
    #[expect(clippy::cast_precision_loss, reason = "a time to the microsecond")]
    let whole = time.tv_sec() as f64;
    whole + fraction
}

impl Attempt {
    /// Begins one whose claim is taken.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn begin(
        folder: &TrialDir,
        token: &Token,
        trial: &Trial,
        identity: &Identity,
        keeping: Keeping,
    ) -> Result<Self> {
        let ledger = Ledger::read(folder)?;
        if let Some(name) = plugins_record(&identity.job).filter(|name| folder.record(name).exists()) {
            let number = ledger.attempt(Some(&name));
            return Ok(Self { number, name, own: None, began: Instant::now(), keeping });
        }
        Self::begin_after(ledger.attempt(None), folder, token, trial, identity, keeping)
    }

    /// Begins one of which it is known how many came before, and that the plugin knows nothing of it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn begin_after(
        number: u32,
        folder: &TrialDir,
        token: &Token,
        trial: &Trial,
        identity: &Identity,
        keeping: Keeping,
    ) -> Result<Self> {
        let began = Instant::now();
        let time_ns = now_ns();
        let mut claimed = Claimed {
            sweep: Some(token.sweep.clone()),
            trial: Some(trial.index.label()),
            index: Some(trial.index),
            token: Some(token.clone()),
            ..Claimed::default()
        };
        claimed.note_params(&trial.params);
        let start = ledger::start(identity, number, time_ns, claimed);
        let name = RecordName { job: identity.job.clone(), start_ns: time_ns };
        ledger::create(&folder.record(&name), &start, keeping)?;
        Ok(Self { number, name, own: Some(start), began, keeping })
    }

    /// Writes the end, as the plugin would see it: of an error, the exit code that a process of its own would end
    /// with.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn end(self, folder: &TrialDir, ended: Result<&ExitStatus, &Error>, usage: Usage) -> Result<()> {
        let Some(start) = self.own else { return Ok(()) };
        let (exit, signal) = match ended {
            Ok(status) => (status.code(), status.signal()),
            Err(error) => (Some(error.exit_code().into()), None),
        };
        let end = Record {
            kind: RecordKind::End,
            time_ns: now_ns(),
            exit,
            signal,
            elapsed_s: Some(self.began.elapsed().as_secs_f64()),
            cpu_s: usage.cpu_s,
            memory_peak_kib: usage.memory_peak_kib,
            ..start
        };
        ledger::append(&folder.record(&self.name), &end, self.keeping)
    }
}
