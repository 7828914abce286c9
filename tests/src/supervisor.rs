//! The owner's side of the keeper process: asks it to start and to signal daemons, and lets it go. It must never
//! signal a daemon itself.

use std::fs::OpenOptions;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::TestbedError;
use crate::process::ProcessStat;
use crate::wait::wait_for;
use crate::{keeper, process};

/// The keeper itself gives up after 20 s on what cannot be killed.
const TEARDOWN_LIMIT: Duration = Duration::from_secs(40);
/// Nothing that the keeper does before it answers takes time.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A running keeper. Dropping it ends the cluster and waits until it is gone.
#[derive(Debug)]
pub(crate) struct Supervisor {
    child: Child,
    /// `None` once it was let go.
    control: Mutex<Option<BufReader<UnixStream>>>,
}

impl Supervisor {
    /// Starts a keeper for `directory`, which it removes in the end; it holds `reservation` open meanwhile.
    pub fn start(directory: &Path, reservation: OwnedFd) -> Result<Self, TestbedError> {
        let refused = |error: io::Error| TestbedError::Keeper(error.to_string());
        let (ours, theirs) = keeper::control_pair().map_err(refused)?;
        ours.set_read_timeout(Some(ANSWER_LIMIT)).map_err(refused)?;
        let log = directory.join("log/keeper.log");
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(TestbedError::io("open", &log))?;
        let mut command = Command::new("/proc/self/exe");
        command
            .arg(keeper::MARK)
            .arg(directory)
            .env_clear()
            .current_dir("/")
            .stdin(theirs)
            // Its standard output is never written to: it is the place where it holds the reservation.
            .stdout(Stdio::from(reservation))
            .stderr(log);
        // SAFETY: setsid is async-signal-safe and touches no memory of ours.
        unsafe {
            // A session of its own: Ctrl-C in a terminal must not reach it before the owner is gone.
            command.pre_exec(|| {
                libc::setsid();
                Ok(())
            });
        }
        let child = command.spawn().map_err(refused)?;
        Ok(Self { child, control: Mutex::new(Some(BufReader::new(ours))) })
    }

    /// Its process: everything the cluster started descends from it.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("Linux process ids fit in an i32")
    }

    /// Starts a program as root, its output appended to `output`; returns its pid.
    pub fn spawn(&self, argv: &[String], environment: &[String], output: &Path) -> Result<i32, TestbedError> {
        let answer = self.ask(&json!({
            "do": "start", "argv": argv, "environment": environment, "output": output,
        }))?;
        answer["pid"]
            .as_i64()
            .and_then(|pid| i32::try_from(pid).ok())
            .ok_or_else(|| TestbedError::Keeper(format!("no pid in {answer}")))
    }

    /// Sends a signal to a daemon that it started.
    pub fn signal(&self, pid: i32, signal: i32) -> Result<(), TestbedError> {
        self.ask(&json!({ "do": "signal", "pid": pid, "signal": signal })).map(|_| ())
    }

    /// Lets the cluster live on after its owner; only a SIGTERM to the keeper ends it then. Returns pid and start.
    pub fn detach(mut self) -> Result<ProcessStat, TestbedError> {
        self.ask(&json!({ "do": "detach" }))?;
        let stat = ProcessStat::of(self.pid())
            .ok_or_else(|| TestbedError::Keeper("it is gone although it was let go".to_owned()))?;
        *self.control.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(stat)
    }

    fn ask(&self, request: &Value) -> Result<Value, TestbedError> {
        let failed = |error: io::Error| TestbedError::Keeper(error.to_string());
        // A test that panicked while it held the lock has left no request half sent that matters here: an answer
        // out of step would not parse as the one asked for.
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = control.as_mut().ok_or_else(|| TestbedError::Keeper("it was let go".to_owned()))?;
        stream.get_mut().write_all(format!("{request}\n").as_bytes()).map_err(failed)?;
        let mut line = String::new();
        stream.read_line(&mut line).map_err(failed)?;
        let answer: Value = serde_json::from_str(&line)
            .map_err(|error| TestbedError::Keeper(format!("{error} in `{line}`")))?;
        match answer["error"].as_str() {
            Some(error) => Err(TestbedError::Keeper(error.to_owned())),
            None => Ok(answer),
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // `None` where it was detached: then there is nothing to end.
        let control = self.control.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if control.is_none() {
            return;
        }
        drop(control);
        let ended = wait_for(TEARDOWN_LIMIT, || self.child.try_wait().ok().flatten());
        if ended.is_none() {
            let left: Vec<String> = process::descendants(self.pid())
                .into_iter()
                .map(|process| format!("{} {}", process.pid, process.name))
                .collect();
            eprintln!("sweep-testbed: the keeper {} did not end; left: {left:?}", self.pid());
        }
    }
}
