//! Running the user's command with a moment on its standard input: in a group of its own, for a limited time, and
//! nothing of it is left behind.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use sweep_core::layout::SweepDir;
use sweep_core::manifest::{self, Manifest, Notify};

use crate::error::{Error, Result};
use crate::task::argv::shell;

/// How often its end is looked for.
const TICK: Duration = Duration::from_millis(20);
/// Bytes of its words that are kept.
const WORDS_LEN: u64 = 4 * 1024;

/// Runs it in the trials' working directory, and waits for its end.
///
/// # Errors
/// Where it cannot be started, fails, or takes too long.
pub(super) fn run(notify: &Notify, dir: &SweepDir, manifest: &Manifest, json: &[u8]) -> Result<()> {
    let words = match &notify.command {
        manifest::Command::Argv(words) => words.clone(),
        manifest::Command::Shell(text) => vec![shell().into(), "-c".into(), text.clone()],
    };
    let workdir = fs::canonicalize(dir.path().join(&manifest.workdir));
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(workdir.unwrap_or_else(|_| dir.path().to_owned()));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let failed = |what: &str, error: &std::io::Error| {
        Error::world(format!("cannot {what} `{}`", words[0])).because(error)
    };
    let mut child = command.spawn().map_err(|error| failed("start", &error))?;
    // A command need not read what it is told; where it does not, this thread ends with the pipe.
    if let Some(mut stdin) = child.stdin.take() {
        let json = json.to_vec();
        std::thread::spawn(move || stdin.write_all(&json));
    }
    let (sender, said) = std::sync::mpsc::channel();
    if let Some(stderr) = child.stderr.take() {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.take(WORDS_LEN).read_to_end(&mut text);
            let _ = sender.send(String::from_utf8_lossy(&text).trim().to_owned());
        });
    }
    let limit = Duration::from_secs(notify.limit_s.into());
    let has_ended = wait(&child, limit).map_err(|error| failed("wait for", &error))?;
    // What it left in the background is ended too. It is not reaped yet, so the number is still its own.
    let group = i32::try_from(child.id()).map(Pid::from_raw);
    let _ = group.map(|group| killpg(group, Signal::SIGKILL));
    let status = child.wait().map_err(|error| failed("wait for", &error))?;
    if !has_ended {
        return Err(Error::world(format!("`{}` did not end within {} s", words[0], limit.as_secs())));
    }
    if status.success() {
        return Ok(());
    }
    let said = said.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    Err(Error::world(format!("`{}` ended with {status}", words[0])).said(&said))
}

/// Waits for its end without reaping it; whether it came in time.
fn wait(child: &Child, limit: Duration) -> std::io::Result<bool> {
    let until = Instant::now() + limit;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(std::io::Error::other)?);
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    while waitid(Id::Pid(pid), flags)? == WaitStatus::StillAlive {
        if Instant::now() >= until {
            return Ok(false);
        }
        std::thread::sleep(TICK);
    }
    Ok(true)
}
