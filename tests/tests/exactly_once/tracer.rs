//! Runs a program up to a chosen system call of its own and no further. It follows the program's threads and never
//! touches the programs that it starts: those live on when it is killed, as they would.

use std::collections::BTreeMap;
use std::fs;
use std::io::Error;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use sweep_core::id::BatchNumber;
use sweep_testbed::wait_for;

use crate::site::Home;

/// A program under ptrace. Only the thread that started it may ask anything of it.
pub struct Traced {
    leader: i32,
    /// Its threads, and the call that each is in.
    threads: BTreeMap<i32, Option<&'static str>>,
    /// The calls that change something outside and have come back, in order.
    calls: Vec<&'static str>,
    /// A thread that stands behind its call.
    held: Option<i32>,
    ended: bool,
}

/// Between two looks at a program that has nothing to tell.
const LOOK_EVERY: Duration = Duration::from_micros(200);
/// How long a killed program may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(30);

impl Traced {
    /// Starts a program, which stands still before its first instruction.
    #[expect(clippy::zombie_processes, reason = "its end is waited for as a tracer hears of it")]
    pub fn start(command: &mut Command) -> Self {
        // SAFETY: a plain system call between fork and exec.
        unsafe {
            command.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
                0 => Ok(()),
                _ => Err(Error::last_os_error()),
            });
        }
        let child = command.spawn().unwrap();
        let leader = i32::try_from(child.id()).unwrap();
        let (_, status) = wait(leader, 0);
        assert!(libc::WIFSTOPPED(status) && libc::WSTOPSIG(status) == libc::SIGTRAP, "{status:#x}");
        let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
        // SAFETY: the tracee is our own and stands still.
        let set = unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, leader, 0, options) };
        assert_eq!(set, 0, "{}", Error::last_os_error());
        Self { leader, threads: [(leader, None)].into(), calls: Vec::new(), held: Some(leader), ended: false }
    }

    /// The submission of a home, which stands behind the writing of its first intent.
    pub fn before_sbatch(home: &Home) -> Self {
        let mut traced = Self::start(&mut home.submission());
        let written = || {
            let intent = home.dir().map(|dir| dir.batch(BatchNumber(0)));
            intent.is_some_and(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0))
        };
        let mut calls = 1;
        while !written() {
            assert!(traced.run_to(calls), "the submission ended before it wrote an intent");
            calls += 1;
        }
        traced
    }

    /// The submission of a home, which stands behind the completion of its directory.
    pub fn complete(home: &Home) -> Self {
        let mut traced = Self::start(&mut home.submission());
        let mut calls = 1;
        while home.dir().is_none() {
            assert!(traced.run_to(calls), "the submission ended before it made a sweep");
            calls += 1;
        }
        traced
    }

    /// Lets it run until it has started one more program or thread, where it stands still.
    pub fn run_to_start(&mut self) {
        let mut calls = self.calls.len() + 1;
        while self.run_to(calls) && !self.calls[calls - 1].starts_with("clone") {
            calls += 1;
        }
        assert!(!self.ended, "it ended before it started anything more");
    }

    /// Lets it run until `count` of its calls have come back, where it stands still, or until its end; whether it
    /// came so far.
    pub fn run_to(&mut self, count: usize) -> bool {
        while !self.ended && self.calls.len() < count {
            self.go_on();
            self.step(0);
        }
        self.calls.len() >= count
    }

    /// Lets it run for a time.
    pub fn run_for(&mut self, time: Duration) {
        let _: Option<()> = self.run_until(time, |_| None);
    }

    /// Lets it run until `probe`, which gets its process id, answers; none where it ended or the time is over.
    pub fn run_until<T>(&mut self, limit: Duration, mut probe: impl FnMut(i32) -> Option<T>) -> Option<T> {
        let until = Instant::now() + limit;
        while !self.ended && Instant::now() < until {
            self.go_on();
            if !self.step(libc::WNOHANG) {
                if let Some(found) = probe(self.leader) {
                    return Some(found);
                }
                std::thread::sleep(LOOK_EVERY);
            }
        }
        None
    }

    /// Lets it run to its end and gives the names of all calls that counted.
    pub fn run_out(mut self) -> Vec<&'static str> {
        self.run_to(usize::MAX);
        std::mem::take(&mut self.calls)
    }

    /// Kills it where it stands; whether it lived until then.
    pub fn kill(mut self) -> bool {
        if self.ended {
            return false;
        }
        // SAFETY: our own child, which was not waited for yet.
        unsafe { libc::kill(self.leader, libc::SIGKILL) };
        let gone = wait_for(END_LIMIT, || {
            while !self.ended && self.step(libc::WNOHANG) {}
            self.ended.then_some(())
        });
        gone.expect("a program that was killed ends");
        true
    }

    fn go_on(&mut self) {
        if let Some(thread) = self.held.take() {
            resume(thread, 0);
        }
    }

    /// Hears of one stop or end; whether there was any.
    fn step(&mut self, flags: i32) -> bool {
        let (thread, status) = wait(-1, flags);
        if thread == 0 {
            return false;
        }
        if !libc::WIFSTOPPED(status) {
            self.threads.remove(&thread);
            // The kernel tells of the leader's end when all others have ended.
            self.ended |= thread == self.leader;
            return true;
        }
        let signal = libc::WSTOPSIG(status);
        let is_new = !self.threads.contains_key(&thread);
        let call = self.threads.entry(thread).or_default();
        if signal == libc::SIGTRAP | 0x80 {
            match info(thread) {
                Stop::Entry(name) => *call = name,
                Stop::Exit { failed } => {
                    if let Some(name) = call.take().filter(|_| !failed) {
                        self.calls.push(name);
                        self.held = Some(thread);
                        return true;
                    }
                }
                Stop::Gone => {}
            }
            resume(thread, 0);
        } else if status >> 16 != 0 || (is_new && signal == libc::SIGSTOP) {
            // Of a new thread both it and its maker tell; neither is a signal to be passed on.
            resume(thread, 0);
        } else {
            resume(thread, signal);
        }
        true
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if !self.ended {
            // A panic on the way here: EXITKILL would do it as well, when this thread ends.
            // SAFETY: our own child, which was not waited for yet.
            unsafe { libc::kill(self.leader, libc::SIGKILL) };
        }
    }
}

enum Stop {
    Entry(Option<&'static str>),
    Exit { failed: bool },
    Gone,
}

fn info(thread: i32) -> Stop {
    // SAFETY: an all-zero value of this plain C struct is valid, and the kernel fills at most its size.
    let info = unsafe {
        let mut info: libc::ptrace_syscall_info = std::mem::zeroed();
        let size = size_of::<libc::ptrace_syscall_info>();
        if libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, thread, size, &raw mut info) <= 0 {
            return Stop::Gone;
        }
        info
    };
    match info.op {
        libc::PTRACE_SYSCALL_INFO_ENTRY => {
            // SAFETY: `op` says which member of the union was written.
            let entry = unsafe { info.u.entry };
            Stop::Entry(changes(i64::try_from(entry.nr).unwrap_or(-1), entry.args[2]))
        }
        libc::PTRACE_SYSCALL_INFO_EXIT => {
            // SAFETY: as above.
            let exit = unsafe { info.u.exit };
            Stop::Exit { failed: exit.is_error != 0 }
        }
        _ => Stop::Gone,
    }
}

/// The name of a call that writes, names, unnames or syncs a file, or starts a program or a thread.
fn changes(number: i64, third_argument: u64) -> Option<&'static str> {
    if number == libc::SYS_openat {
        let creates = third_argument & u64::try_from(libc::O_CREAT).unwrap() != 0;
        return creates.then_some("openat");
    }
    let known = [
        (libc::SYS_write, "write"),
        (libc::SYS_writev, "writev"),
        (libc::SYS_pwrite64, "pwrite64"),
        (libc::SYS_renameat, "renameat"),
        (libc::SYS_renameat2, "renameat2"),
        (libc::SYS_linkat, "linkat"),
        (libc::SYS_symlinkat, "symlinkat"),
        (libc::SYS_unlinkat, "unlinkat"),
        (libc::SYS_mkdirat, "mkdirat"),
        (libc::SYS_ftruncate, "ftruncate"),
        (libc::SYS_fsync, "fsync"),
        (libc::SYS_fdatasync, "fdatasync"),
        (libc::SYS_clone, "clone"),
        (libc::SYS_clone3, "clone3"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_rename, "rename"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_link, "link"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_symlink, "symlink"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_unlink, "unlink"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_mkdir, "mkdir"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_fork, "fork"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_vfork, "vfork"),
    ];
    known.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}

/// A child of this thread's own that has something to tell, and what; 0 where none has.
fn wait(pid: i32, flags: i32) -> (i32, i32) {
    // Linux only, and missing in the libc crate.
    const WNOTHREAD: i32 = 0x2000_0000;
    let mut status = 0;
    // SAFETY: a plain system call that writes one integer.
    let pid = unsafe { libc::waitpid(pid, &raw mut status, flags | libc::__WALL | WNOTHREAD) };
    assert!(pid >= 0, "{}", Error::last_os_error());
    (pid, status)
}

fn resume(thread: i32, signal: i32) {
    // A thread that was killed meanwhile cannot go on, which its end will tell.
    // SAFETY: a thread of our own tracee, which stands still.
    unsafe { libc::ptrace(libc::PTRACE_SYSCALL, thread, 0, signal) };
}
