//! Running a program to its end with a deadline, and looking at processes in `/proc`. It never waits without a limit.

use std::fmt;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::TestbedError;

/// Between two looks at a child. Most commands of Slurm end within tens of milliseconds.
const CHILD_POLL: Duration = Duration::from_millis(4);

/// A program that ran to its end.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Program and arguments, as a person would read them.
    pub command: String,
    /// Its exit code, if it exited.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// From start to end.
    pub elapsed: Duration,
}

impl Ran {
    /// Did it exit with code 0?
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Itself where it succeeded, else an error that shows all it said.
    pub fn checked(self) -> Result<Self, TestbedError> {
        if self.success() { Ok(self) } else { Err(TestbedError::Failed(Box::new(self))) }
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => writeln!(formatter, "`{}` exited with {code}", self.command)?,
            (None, signal) => {
                writeln!(formatter, "`{}` ended by signal {}", self.command, signal.unwrap_or_default())?;
            }
        }
        write!(formatter, "--- stdout\n{}\n--- stderr\n{}", self.stdout.trim_end(), self.stderr.trim_end())
    }
}

/// Runs `command` with nothing on its standard input; kills its process group when `deadline` has passed.
///
/// It is an error when it cannot be started or overruns; how it exited is for the caller to judge ([`Ran::checked`]).
pub fn run(command: &mut Command, deadline: Duration) -> Result<Ran, TestbedError> {
    run_with_input(command, b"", deadline)
}

/// As [`run`], with `input` on standard input.
pub fn run_with_input(command: &mut Command, input: &[u8], deadline: Duration) -> Result<Ran, TestbedError> {
    let line = command_line(command);
    let spawn_error = |source| TestbedError::Spawn { command: line.clone(), source };
    // Files and not pipes: a grandchild that keeps a pipe open would make us wait for it as well.
    let mut stdin = tempfile::tempfile().map_err(spawn_error)?;
    let stdout = tempfile::tempfile().map_err(spawn_error)?;
    let stderr = tempfile::tempfile().map_err(spawn_error)?;
    stdin.write_all(input).and_then(|()| stdin.seek(SeekFrom::Start(0))).map_err(spawn_error)?;
    command
        .stdin(stdin)
        .stdout(stdout.try_clone().map_err(spawn_error)?)
        .stderr(stderr.try_clone().map_err(spawn_error)?)
        .process_group(0);
    let start = Instant::now();
    let mut child = command.spawn().map_err(spawn_error)?;
    // The command would hold our copies of the three files for as long as it lives.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    loop {
        if let Some(status) = child.try_wait().map_err(spawn_error)? {
            return Ok(Ran {
                command: line,
                code: status.code(),
                signal: status.signal(),
                stdout: content(stdout),
                stderr: content(stderr),
                elapsed: start.elapsed(),
            });
        }
        if start.elapsed() >= deadline {
            kill_group(&mut child);
            let output = format!("--- stdout\n{}\n--- stderr\n{}", content(stdout), content(stderr));
            return Err(TestbedError::Overrun { command: line, deadline, output });
        }
        thread::sleep(CHILD_POLL);
    }
}

fn kill_group(child: &mut Child) {
    let pid = i32::try_from(child.id()).expect("Linux process ids fit in an i32");
    // SAFETY: a plain system call; the group is that of our own child, which we have not reaped yet.
    unsafe { libc::kill(-pid, libc::SIGKILL) };
    // It was killed: this cannot take long, and its status says nothing.
    let _ = child.wait();
}

fn content(mut file: File) -> String {
    let mut bytes = Vec::new();
    // A file that cannot be read back shows as what could be read.
    let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn command_line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// One line of `/proc/<pid>/stat`, as far as this crate needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessStat {
    pub pid: i32,
    pub name: String,
    pub state: char,
    pub parent: i32,
    /// In clock ticks since boot: with the pid, it names a process for good.
    pub start: u64,
}

impl ProcessStat {
    /// The process with this id, if there is one.
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name is in parentheses and may hold any character, also parentheses: fields are counted from the last one.
    fn parse(line: &str) -> Option<Self> {
        let (pid, rest) = line.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        Some(Self {
            pid: pid.parse().ok()?,
            name: name.to_owned(),
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            start: fields.get(19)?.parse().ok()?,
        })
    }

    /// All processes that could be read.
    pub fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(Self::of)
            .collect()
    }

    /// A zombie holds nothing and does nothing: it counts as gone.
    pub fn is_alive(&self) -> bool {
        self.state != 'Z' && self.state != 'X'
    }
}

/// The living descendants of a process, itself not included.
pub(crate) fn descendants(ancestor: i32) -> Vec<ProcessStat> {
    let all = ProcessStat::all();
    let mut found: Vec<ProcessStat> = Vec::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        for process in all.iter().filter(|process| process.parent == parent) {
            parents.push(process.pid);
            found.push(process.clone());
        }
    }
    found.retain(ProcessStat::is_alive);
    found
}

#[cfg(test)]
mod tests {
    //! Commands that end, fail and hang, and one line of `/proc`.
    use super::*;

    #[test]
    fn a_program_that_fails_shows_what_it_said() {
        let error = run(Command::new("sh").args(["-c", "echo why >&2; exit 3"]), Duration::from_secs(10))
            .and_then(Ran::checked)
            .unwrap_err();
        assert!(error.to_string().contains("exited with 3"), "{error}");
        assert!(error.to_string().contains("why"), "{error}");
    }

    #[test]
    fn a_program_that_hangs_is_killed_with_its_children() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 3600 & echo $!; wait"]);
        let error = run(&mut command, Duration::from_millis(300)).unwrap_err().to_string();
        let child: i32 =
            error.lines().find_map(|line| line.trim().parse().ok()).expect("the shell printed a pid");
        let gone = crate::wait_for(Duration::from_secs(10), || {
            ProcessStat::of(child).is_none_or(|process| !process.is_alive()).then_some(())
        });
        assert_eq!(gone, Some(()), "the sleep is still there");
    }

    #[test]
    fn input_reaches_the_program() {
        let ran =
            run_with_input(&mut Command::new("cat"), b"three words here", Duration::from_secs(10)).unwrap();
        assert_eq!(ran.stdout, "three words here");
    }

    #[test]
    fn a_process_name_may_hold_parentheses() {
        let line = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1";
        let stat = ProcessStat::parse(line).unwrap();
        assert_eq!((stat.pid, stat.name.as_str(), stat.state), (42, "a) b (c)", 'S'));
        assert_eq!((stat.parent, stat.start), (7, 987_654));
    }
}
