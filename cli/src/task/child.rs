//! The user's command as a child: signals passed on, waited for, and its end made our own. It must never wait in a way
//! that a signal could miss, nor leave a child behind that nobody keeps.

use std::fs::File;
use std::io::Error as IoError;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};
use signal_hook::consts::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::error::{At, Error, Kind, Result};
use crate::task::parent::{self, Parent};

/// What Slurm and people send to a job, and the child should hear of.
const PASSED_ON: [i32; 6] = [SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGCONT];

/// How waiting for a command came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It ended by itself.
    Itself {
        /// How.
        status: ExitStatus,
        /// The last signal that it was told before.
        told: Option<Signal>,
    },
    /// Our parent ended; the command, if it was started, may still run.
    CutOff,
}

/// Runs a command to its end, with its output appended to `output`. The thread that calls this must be the one that
/// this process ends with: the command is killed at that thread's end.
///
/// # Errors
/// Where it cannot be started.
pub fn run(
    argv: &[String],
    variables: &[(String, String)],
    workdir: &Path,
    output: &File,
    parent: Parent,
) -> Result<Ended> {
    let (program, arguments) = argv.split_first().ok_or_else(|| Error::user("the command is empty"))?;
    let mut signals = Signals::new(PASSED_ON.iter().chain(&[SIGCHLD, parent::GONE as i32]))
        .map_err(|e| Error::world("cannot catch signals").because(&e))?;
    parent.watch()?;
    if parent.is_gone() {
        return Ok(Ended::CutOff);
    }
    let copy = || output.try_clone().map_err(|e| Error::world("cannot copy a file descriptor").because(&e));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .current_dir(workdir)
        .stdin(Stdio::null())
        .stdout(copy()?)
        .stderr(copy()?);
    end_with(&mut command, getpid());
    let mut child = command.spawn().map_err(|source| {
        let place = format!("cannot start `{program}` in `{}`", workdir.display());
        Error::new(Kind::NotStarted, place).because(&source)
    })?;
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid is a positive i32"));
    let wait = |child: &mut std::process::Child| child.try_wait().at("wait for", Path::new(program));
    let mut told = None;
    if let Some(status) = wait(&mut child)? {
        return Ok(Ended::Itself { status, told });
    }
    for signal in &mut signals {
        if signal == parent::GONE as i32 {
            if parent.is_gone() {
                return Ok(Ended::CutOff);
            }
        } else if signal != SIGCHLD {
            // The child may be gone by now: then there is nobody to tell.
            let signal = Signal::try_from(signal).ok();
            let _ = kill(pid, signal);
            told = signal.filter(|signal| *signal != Signal::SIGCONT).or(told);
        }
        if let Some(status) = wait(&mut child)? {
            return Ok(Ended::Itself { status, told });
        }
    }
    let status = child.wait().at("wait for", Path::new(program))?;
    Ok(Ended::Itself { status, told })
}

/// Has the kernel kill a command when its parent, this process, is killed: nobody would wait for its end or stop it.
pub(super) fn end_with(command: &mut Command, parent: Pid) {
    let ask = move || {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        // It may have been killed before we asked.
        if getppid() == parent { Ok(()) } else { Err(IoError::from(Errno::ESRCH)) }
    };
    // SAFETY: two system calls without memory or locks of this process.
    unsafe { command.pre_exec(ask) };
}

/// Ends this process as the child ended: the same code, or the same signal.
pub fn end_as(status: ExitStatus) -> std::process::ExitCode {
    if let Some(code) = status.code() {
        return std::process::ExitCode::from(u8::try_from(code & 0xff).expect("masked to 8 bits"));
    }
    let signal = status.signal().unwrap_or(nix::libc::SIGKILL);
    // The child's core, if any, is there already; ours would say nothing.
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    if let Ok(signal) = Signal::try_from(signal) {
        let _ = kill(Pid::this(), signal);
    }
    // Only a signal that does not end a process comes here; the shell's convention says it still.
    std::process::ExitCode::from(u8::try_from((128 + signal) & 0xff).expect("masked to 8 bits"))
}

/// Children that end in every way.
#[cfg(test)]
mod tests {
    use super::*;

    fn run_script(script: &str, parent: Parent) -> Ended {
        let dir = tempfile::tempdir().unwrap();
        let output = File::create(dir.path().join("out")).unwrap();
        let argv = ["/bin/sh", "-c", script].map(str::to_owned);
        run(&argv, &[("X".into(), "5".into())], dir.path(), &output, parent).unwrap()
    }

    fn end_of(script: &str) -> ExitStatus {
        match run_script(script, Parent::Free) {
            Ended::Itself { status, .. } => status,
            Ended::CutOff => panic!("nobody was to be watched"),
        }
    }

    #[test]
    fn nothing_is_started_for_a_parent_that_is_gone() {
        assert_eq!(run_script("kill -9 $PPID", Parent::Lost), Ended::CutOff);
    }

    #[test]
    fn a_word_of_our_parents_end_while_it_lives_changes_nothing() {
        let parent = Parent::Watched(getppid());
        let ended = run_script("kill -PWR $PPID; exit 4", parent);
        assert!(matches!(ended, Ended::Itself { status, .. } if status.code() == Some(4)), "{ended:?}");
    }

    #[test]
    fn an_end_is_reported_as_it_was() {
        assert_eq!(end_of("exit $X").code(), Some(5));
        assert_eq!(end_of("kill -9 $$").signal(), Some(9));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let output = File::create(dir.path().join("out")).unwrap();
        let error = run(&["/no/such".to_owned()], &[], dir.path(), &output, Parent::Free).unwrap_err();
        assert!(error.to_string().contains("/no/such"), "{error}");
    }
}
