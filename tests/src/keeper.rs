//! The keeper: a small process that is the parent of everything a cluster starts.
//!
//! It reads requests, one JSON value a line, from a socket on its standard input whose other end only the owning
//! process holds. When that end closes, which the kernel does however the owner ends, it kills all its descendants,
//! unmounts what is mounted below the cluster's directory, and removes the directory. It is a child subreaper, so a
//! slurmstepd that made itself a daemon, and a job's process that ran away from it, come back to it as children.
//!
//! It must never signal a process that is not its own unreaped child: then no reused pid can be hit by mistake.
//!
//! No binary of its own is needed: the owner runs itself (`/proc/self/exe`) with a mark as first argument, and a
//! constructor that this crate puts into every program it is linked into sees the mark before `main` does. A fork
//! without exec would be shorter, but may not allocate in a process with threads.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::SignalFd;
use serde_json::{Value, json};

use crate::process::ProcessStat;

/// The first argument of a keeper; the second is the cluster's directory.
pub(crate) const MARK: &str = "sweep-testbed-keeper";

/// A process that cannot be killed (in the kernel, on a dead disk) is left behind after this.
const TEARDOWN_LIMIT: Duration = Duration::from_secs(20);
/// Longest request: one daemon's command line and environment.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// Runs before `main` in every program that this crate is linked into; returns at once unless it is a keeper.
extern "C" fn keeper_or_not() {
    // Not from the constructor's own arguments, which glibc alone hands over: a static program has another C library.
    let Ok(line) = fs::read("/proc/self/cmdline") else { return };
    let mut words = line.split(|byte| *byte == 0).skip(1);
    if words.next() != Some(MARK.as_bytes()) {
        return;
    }
    let Some(directory) = words.next() else { return };
    let directory = PathBuf::from(OsStr::from_bytes(directory));
    let code = match Keeper::new(directory).and_then(Keeper::serve) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("keeper: {error}");
            1
        }
    };
    std::process::exit(code);
}

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = keeper_or_not;

struct Keeper {
    directory: PathBuf,
    control: File,
    signals: SignalFd,
    /// Daemons that we started and have not reaped, by pid.
    daemons: BTreeMap<i32, String>,
    unread: Vec<u8>,
    /// Once detached, only SIGTERM ends it.
    detached: bool,
}

/// What the loop does next.
enum Next {
    Serve,
    TearDown,
}

impl Keeper {
    fn new(directory: PathBuf) -> io::Result<Self> {
        // SAFETY: a plain system call on the calling process.
        if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut mask = SigSet::empty();
        for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGPIPE] {
            mask.add(signal);
        }
        mask.thread_block()?;
        let signals = SignalFd::with_flags(
            &mask,
            nix::sys::signalfd::SfdFlags::SFD_CLOEXEC | nix::sys::signalfd::SfdFlags::SFD_NONBLOCK,
        )?;
        // The daemons must not inherit the control socket, and standard input is inherited by definition: move it.
        // SAFETY: plain system calls; the new descriptor is ours alone.
        let control = unsafe {
            let descriptor = libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 3);
            if descriptor < 0 {
                return Err(io::Error::last_os_error());
            }
            File::from(OwnedFd::from_raw_fd(descriptor))
        };
        let null = OpenOptions::new().read(true).open("/dev/null")?;
        // SAFETY: both descriptors are open.
        if unsafe { libc::dup2(null.as_raw_fd(), 0) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let daemons = BTreeMap::new();
        Ok(Self { directory, control, signals, daemons, unread: Vec::new(), detached: false })
    }

    fn serve(mut self) -> io::Result<()> {
        loop {
            let mut ready = [
                libc::pollfd { fd: self.signals.as_raw_fd(), events: libc::POLLIN, revents: 0 },
                // A negative descriptor is ignored by poll.
                libc::pollfd {
                    fd: if self.detached { -1 } else { self.control.as_raw_fd() },
                    events: libc::POLLIN,
                    revents: 0,
                },
            ];
            // SAFETY: the array is ours and has two elements.
            if unsafe { libc::poll(ready.as_mut_ptr(), 2, -1) } < 0 {
                continue;
            }
            let mut next = Next::Serve;
            if ready[0].revents != 0 {
                next = self.read_signals();
            }
            if let (Next::Serve, true) = (&next, ready[1].revents != 0) {
                next = self.read_requests();
            }
            if let Next::TearDown = next {
                return tear_down(&self.directory);
            }
        }
    }

    fn read_signals(&mut self) -> Next {
        let mut next = Next::Serve;
        while let Ok(Some(info)) = self.signals.read_signal() {
            if i32::try_from(info.ssi_signo) == Ok(libc::SIGTERM) {
                next = Next::TearDown;
            }
        }
        while let Some(pid) = reap() {
            self.daemons.remove(&pid);
        }
        next
    }

    fn read_requests(&mut self) -> Next {
        let mut buffer = [0_u8; 16 * 1024];
        match io::Read::read(&mut self.control, &mut buffer) {
            Ok(0) => return Next::TearDown,
            Ok(count) => self.unread.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Next::Serve,
            Err(_) => return Next::TearDown,
        }
        if self.unread.len() > REQUEST_BYTES_MAX {
            return Next::TearDown;
        }
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let answer = match serde_json::from_slice::<Value>(&line) {
                Ok(request) => self.answer(&request).unwrap_or_else(|error| json!({ "error": error })),
                Err(error) => json!({ "error": error.to_string() }),
            };
            if writeln!(self.control, "{answer}").is_err() {
                return Next::TearDown;
            }
        }
        Next::Serve
    }

    fn answer(&mut self, request: &Value) -> Result<Value, String> {
        match request["do"].as_str() {
            Some("start") => self.start(request),
            Some("signal") => self.signal(request),
            Some("detach") => {
                self.detached = true;
                Ok(json!({}))
            }
            _ => Err(format!("unknown request {request}")),
        }
    }

    fn start(&mut self, request: &Value) -> Result<Value, String> {
        let words = |key: &str| -> Vec<String> {
            let list = request[key].as_array().map(Vec::as_slice).unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let argv = words("argv");
        let (program, arguments) = argv.split_first().ok_or("an empty command line")?;
        let output = request["output"].as_str().ok_or("no output file")?;
        let output = OpenOptions::new().create(true).append(true).open(output).map_err(|e| e.to_string())?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().current_dir(&self.directory);
        for pair in words("environment") {
            if let Some((name, value)) = pair.split_once('=') {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::null()).stdout(output.try_clone().map_err(|e| e.to_string())?).stderr(output);
        // SAFETY: the closure only makes system calls, on memory of its own.
        unsafe {
            // A signal mask survives exec: with ours a daemon, and every job below it, would be deaf to SIGTERM.
            command.pre_exec(|| Ok(SigSet::empty().thread_set_mask()?));
        }
        let child = command.spawn().map_err(|error| format!("cannot start {program}: {error}"))?;
        let pid = i32::try_from(child.id()).expect("Linux process ids fit in an i32");
        self.daemons.insert(pid, program.clone());
        Ok(json!({ "pid": pid }))
    }

    fn signal(&mut self, request: &Value) -> Result<Value, String> {
        let number = |key: &str| request[key].as_i64().and_then(|number| i32::try_from(number).ok());
        let (Some(pid), Some(signal)) = (number("pid"), number("signal")) else {
            return Err(format!("no pid or no signal in {request}"));
        };
        if !self.daemons.contains_key(&pid) {
            return Err(format!("no daemon with pid {pid}: it has ended"));
        }
        // SAFETY: a plain system call; the pid is an unreaped child of ours, so it cannot be another's.
        if unsafe { libc::kill(pid, signal) } != 0 {
            return Err(io::Error::last_os_error().to_string());
        }
        Ok(json!({}))
    }
}

/// Reaps one ended child, if there is one.
fn reap() -> Option<i32> {
    let mut status = 0;
    // SAFETY: a plain system call; `status` is ours.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    (pid > 0).then_some(pid)
}

/// Kills children until there are none, then removes the directory.
///
/// Killing only direct children is enough: those of a killed child become ours, as we are their subreaper.
fn tear_down(directory: &Path) -> io::Result<()> {
    let me = i32::try_from(std::process::id()).expect("Linux process ids fit in an i32");
    let start = Instant::now();
    loop {
        while reap().is_some() {}
        let children: Vec<i32> = ProcessStat::all()
            .into_iter()
            .filter(|process| process.parent == me)
            .map(|child| child.pid)
            .collect();
        if children.is_empty() {
            break;
        }
        if start.elapsed() > TEARDOWN_LIMIT {
            eprintln!("keeper: left behind, as they cannot be killed: {children:?}");
            break;
        }
        for child in children {
            // SAFETY: a plain system call; an unreaped child of ours keeps its pid until we reap it.
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    unmount_below(directory);
    fs::remove_dir_all(directory)
}

/// A test may have mounted something small, to see a full disk.
fn unmount_below(directory: &Path) {
    let Ok(table) = fs::read_to_string("/proc/self/mountinfo") else { return };
    // Later mounts may lie on earlier ones.
    for line in table.lines().rev() {
        let Some(point) = line.split(' ').nth(4) else { continue };
        if !Path::new(point).starts_with(directory) {
            continue;
        }
        if let Ok(point) = CString::new(point) {
            // SAFETY: a plain system call with a valid C string.
            unsafe { libc::umount2(point.as_ptr(), libc::MNT_DETACH) };
        }
    }
}

/// The two ends of a control socket; both close on exec until one becomes a keeper's standard input.
pub(crate) fn control_pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = UnixStream::pair()?;
    Ok((ours, theirs.into()))
}
