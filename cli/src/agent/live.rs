//! A trial that runs: as a child of the agent's, or as an srun that has it in a step.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sweep_core::record::{Kind as RecordKind, Record, Source};

use crate::agent::Agent;
use crate::agent::room::Part;
use crate::agent::work::Piece;
use crate::error::{Error, Kind, Result};
use crate::task::attempt::Usage;
use crate::task::ledger::{self, Keeping, Ledger};
use crate::task::{kept, now_ns, remnants};

/// From asking a trial to end until it is killed.
const KILL_AFTER: Duration = Duration::from_secs(30);
/// Bytes that are kept of what srun says.
const SAID_LEN: u64 = 4 * 1024;

/// What runs.
#[derive(Debug)]
pub(super) enum Run {
    /// The trial's own process.
    Child(Box<kept::Running>),
    /// Its srun.
    Step(Child),
}

/// A trial that runs.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) run: Run,
    pub(super) part: Part,
    pub(super) began: Instant,
    pub(super) piece: Piece,
    /// When it was first seen that it is to end.
    pub(super) asked: Option<Instant>,
}

impl Live {
    pub(super) fn pid(&self) -> u32 {
        match &self.run {
            Run::Child(running) => running.child.id(),
            Run::Step(child) => child.id(),
        }
    }

    pub(super) fn send(&self, signal: Signal) {
        // It may have ended by itself, which is as well.
        let _ = i32::try_from(self.pid()).map(|pid| kill(Pid::from_raw(pid), signal));
    }

    /// Asks it to end once it had so long to do so by itself, and kills it where it does not.
    pub(super) fn stop(&mut self, grace: Duration) {
        let since = *self.asked.get_or_insert_with(Instant::now);
        let elapsed = since.elapsed();
        if elapsed < grace {
            return;
        }
        let signal = if elapsed > grace + KILL_AFTER { Signal::SIGKILL } else { Signal::SIGTERM };
        self.send(signal);
        if let Run::Child(running) = &self.run {
            remnants::send_all(running.record(), signal);
        }
    }
}

/// How a child ended and what it used; none while it runs.
pub(super) fn reaped(pid: u32) -> Option<(ExitStatus, Usage)> {
    let number = i32::try_from(pid).ok()?;
    let mut status = 0;
    // SAFETY: all zeros is a value of this plain struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both are written by the kernel alone, and outlive the call.
    let found = unsafe { libc::wait4(number, &raw mut status, libc::WNOHANG, &raw mut usage) };
    (found == number).then(|| (ExitStatus::from_raw(status), Usage::of_one(&usage)))
}

/// Closes what a step left open: one that was killed whole wrote no end, and one that never began no start.
pub(super) fn step_ended(agent: &Agent, piece: &Piece, child: &mut Child, status: ExitStatus) -> Result<()> {
    let folder = agent.dir.trial(piece.index);
    let ledger = Ledger::read(&folder)?;
    let number = ledger.attempt(None);
    let own = ledger.attempts().into_iter().rev().find(|(name, records)| {
        let start = records.first();
        name.job == agent.identity.job
            && start.is_some_and(|start| start.claimed.token.as_ref() == Some(&piece.token))
    });
    match own {
        Some((_, records)) if records.iter().any(|record| record.kind == RecordKind::End) => Ok(()),
        Some((name, records)) => {
            let Some(start) = records.into_iter().find(|record| record.kind == RecordKind::Start) else {
                return Ok(());
            };
            let time_ns = now_ns();
            #[expect(clippy::cast_precision_loss, reason = "a time to the microsecond")]
            let elapsed = time_ns.saturating_sub(start.time_ns) as f64 / 1e9;
            let end = Record {
                kind: RecordKind::End,
                source: Source::User,
                time_ns,
                exit: status.code(),
                signal: status.signal(),
                elapsed_s: Some(elapsed),
                ..start
            };
            ledger::append(&folder.record(&name), &end, Keeping::Together)
        }
        None => {
            let mut said = String::new();
            if let Some(stderr) = &mut child.stderr {
                let _ = stderr.take(SAID_LEN).read_to_string(&mut said);
            }
            let error = Error::new(Kind::NotStarted, "srun could not start the step").said(&said);
            let trial = kept::find(&agent.dir, piece.index)?;
            kept::refuse(&agent.dir, &piece.token, &trial, &agent.identity, number, &error)
        }
    }
}
