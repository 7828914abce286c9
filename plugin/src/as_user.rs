//! Touching a user's files: in a forked child that has dropped every id and group, while the parent waits within
//! a deadline. The parent never opens a user's path, and never waits for a file system.
//!
//! System calls go through `libc::syscall` where that costs nothing: each further function of libc is one more name
//! for the loader to look up in every sbatch and every step, and that is most of what the plugin costs them.

mod child;

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use child::HEADER_LEN;

/// How long all children of one hook may take together.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long a child that has ended or was killed is asked for, and the first time between two tries; it doubles.
const REAP_PATIENCE: Duration = Duration::from_millis(100);
const REAP_NAP: Duration = Duration::from_micros(50);

/// Whose rights a child has.
#[derive(Clone, Debug)]
pub struct User {
    /// The user.
    pub uid: u32,
    /// The user's group.
    pub gid: u32,
    /// The user's further groups.
    pub groups: Vec<u32>,
}

/// One thing for a child to do. Paths are relative to the directory that the child opens first.
#[derive(Debug)]
pub enum Op {
    /// Reads at most `max` bytes of a regular file from `offset` on.
    Read {
        /// The file.
        path: CString,
        /// Where to begin.
        offset: u64,
        /// How much.
        max: usize,
    },
    /// Reads the names in a folder that begin with `record.` or `claim.`, each ended by a NUL.
    List {
        /// The folder.
        path: CString,
        /// Most bytes of names.
        max: usize,
    },
    /// Makes a folder; one that is there is fine.
    MakeFolder {
        /// The folder.
        path: CString,
    },
    /// Makes a file that must not be there yet.
    Create {
        /// The file.
        path: CString,
        /// Its content.
        bytes: Vec<u8>,
    },
    /// Appends to a file that must be there.
    Append {
        /// The file.
        path: CString,
        /// What to append.
        bytes: Vec<u8>,
    },
}

impl Op {
    /// The most bytes that it answers.
    fn answer_max(&self) -> usize {
        match self {
            Self::Read { max, .. } | Self::List { max, .. } => *max,
            Self::MakeFolder { .. } | Self::Create { .. } | Self::Append { .. } => 0,
        }
    }
}

/// What came of an [`Op`].
#[derive(Debug, Default)]
pub struct Answer {
    /// The system's error number, 0 for none.
    pub errno: i32,
    /// The file's length, of a read; of a list the room that all names need.
    pub file_len: u64,
    /// What was read.
    pub bytes: Vec<u8>,
}

/// Why a child did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no child.
    #[error("cannot start a child")]
    Start(#[source] std::io::Error),
    /// The child could not become the user.
    #[error("cannot become the user")]
    Rights(#[source] std::io::Error),
    /// The directory cannot be entered as the user.
    #[error("cannot open it as the user")]
    Directory(#[source] std::io::Error),
    /// The file system did not answer in time.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TimedOut,
    /// The child ended early or said something else.
    #[error("the child ended without an answer")]
    Cut,
}

/// When the children of one hook must be done.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// [`PATIENCE`] from now.
    pub fn start() -> Self {
        Self(Instant::now() + PATIENCE)
    }

    fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// How a child is made; a test build may have it stop itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Behaviour {
    /// The child stops itself before it does anything.
    pub stops: bool,
}

/// Does `ops` in `dir` as `user`, all in one child.
///
/// # Errors
/// [`Failure`] where there is no answer at all; what each op met is in its answer.
pub fn run(
    user: &User,
    dir: &Path,
    ops: &[Op],
    deadline: Deadline,
    behaviour: Behaviour,
) -> Result<Vec<Answer>, Failure> {
    let dir = CString::new(dir.as_os_str().as_encoded_bytes()).map_err(|_| Failure::Cut)?;
    let longest = ops.iter().map(Op::answer_max).max().unwrap_or(0);
    let task = child::Task { user, dir: &dir, ops, scratch: vec![0; HEADER_LEN + longest], behaviour };
    let (read, write) = pipe().map_err(Failure::Start)?;
    let pid = child::start(task, write.as_raw_fd()).map_err(Failure::Start)?;
    drop(write);
    let most = HEADER_LEN * (ops.len() + 1) + ops.iter().map(Op::answer_max).sum::<usize>();
    let received = receive(&read, ops.len() + 1, most, deadline);
    if received.is_err() {
        // SAFETY: our own child, which nobody else can have reaped: its exit signal is not SIGCHLD.
        unsafe { libc::syscall(libc::SYS_kill, pid, libc::SIGKILL) };
    }
    reap(pid);
    let mut answers = parse(&received?, ops)?.into_iter();
    let first = answers.next().ok_or(Failure::Cut)?;
    match (first.errno, first.file_len) {
        (0, _) => Ok(answers.collect()),
        (errno, child::STAGE_RIGHTS) => Err(Failure::Rights(std::io::Error::from_raw_os_error(errno))),
        (errno, _) => Err(Failure::Directory(std::io::Error::from_raw_os_error(errno))),
    }
}

fn pipe() -> std::io::Result<(OwnedFd, OwnedFd)> {
    let mut fds: [RawFd; 2] = [-1; 2];
    // SAFETY: the array has room for the two descriptors.
    if unsafe { libc::syscall(libc::SYS_pipe2, fds.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: both are open and nobody else's.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// Reads until all answers are there or the pipe ends.
fn receive(pipe: &OwnedFd, answers: usize, most: usize, deadline: Deadline) -> Result<Vec<u8>, Failure> {
    const CHUNK: usize = 64 * 1024;
    let mut received: Vec<u8> = Vec::new();
    while !is_complete(&received, answers) {
        let left = deadline.left();
        let ready = wait_for_input(pipe, left);
        if ready == 0 {
            return Err(Failure::TimedOut);
        }
        if ready < 0 {
            let error = std::io::Error::last_os_error();
            if error.kind() == std::io::ErrorKind::Interrupted && !left.is_zero() {
                continue;
            }
            return Err(Failure::TimedOut);
        }
        let room = CHUNK.min(most.saturating_sub(received.len()));
        if room == 0 {
            return Err(Failure::Cut);
        }
        received.reserve(room);
        let spare = &mut received.spare_capacity_mut()[..room];
        // SAFETY: there are `room` bytes of spare capacity.
        let read = unsafe { libc::read(pipe.as_raw_fd(), spare.as_mut_ptr().cast(), room) };
        let len = received.len() + usize::try_from(read).unwrap_or(0);
        // SAFETY: the kernel has filled the bytes up to there.
        unsafe { received.set_len(len) };
        if read <= 0 {
            break;
        }
    }
    Ok(received)
}

/// Waits until there is something to read: 1, or 0 when the time is over, or less with an error number.
fn wait_for_input(pipe: &OwnedFd, left: Duration) -> libc::c_long {
    let mut poll = libc::pollfd { fd: pipe.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let left = libc::timespec {
        tv_sec: libc::time_t::try_from(left.as_secs()).unwrap_or(0),
        tv_nsec: libc::c_long::from(left.subsec_nanos()),
    };
    let no_mask = std::ptr::null::<libc::sigset_t>();
    // SAFETY: one pollfd and one timespec of ours.
    unsafe { libc::syscall(libc::SYS_ppoll, &raw mut poll, 1, &raw const left, no_mask, 0) }
}

/// The answers that stand in `bytes` one behind the other.
fn answers_in(bytes: &[u8]) -> impl Iterator<Item = (i32, u64, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (header, behind) = rest.split_at_checked(HEADER_LEN)?;
        let errno = i32::from_le_bytes(header[..4].try_into().ok()?);
        let len = u32::from_le_bytes(header[4..8].try_into().ok()?);
        let file_len = u64::from_le_bytes(header[8..].try_into().ok()?);
        let (data, behind) = behind.split_at_checked(usize::try_from(len).ok()?)?;
        rest = behind;
        Some((errno, file_len, data))
    })
}

/// Whether all answers are there; a first answer with an error is the only one.
fn is_complete(bytes: &[u8], answers: usize) -> bool {
    let mut seen = answers_in(bytes);
    match seen.next() {
        None => false,
        Some((0, ..)) => seen.take(answers).count() + 1 >= answers,
        Some(_) => true,
    }
}

/// Reads what a child said as if an enemy had said it.
pub(crate) fn parse(bytes: &[u8], ops: &[Op]) -> Result<Vec<Answer>, Failure> {
    let maxima = std::iter::once(0).chain(ops.iter().map(Op::answer_max));
    let mut answers = Vec::with_capacity(ops.len() + 1);
    for ((errno, file_len, data), max) in answers_in(bytes).zip(maxima) {
        if data.len() > max {
            return Err(Failure::Cut);
        }
        answers.push(Answer { errno, file_len, bytes: data.to_vec() });
        if answers.len() == 1 && errno != 0 {
            return Ok(answers);
        }
    }
    if answers.len() == ops.len() + 1 { Ok(answers) } else { Err(Failure::Cut) }
}

/// Takes the child's end, within some [`REAP_PATIENCE`]; a child that cannot die even by SIGKILL, because
/// its file system hangs, is left to init.
fn reap(pid: libc::pid_t) {
    let mut nap = REAP_NAP;
    while nap < REAP_PATIENCE {
        let no_usage = std::ptr::null_mut::<libc::rusage>();
        let options = libc::WNOHANG | libc::__WALL;
        // SAFETY: only our own child; __WALL because its exit signal is none.
        let ended =
            unsafe { libc::syscall(libc::SYS_wait4, pid, std::ptr::null_mut::<i32>(), options, no_usage) };
        if ended != 0 {
            return;
        }
        std::thread::sleep(nap);
        nap *= 2;
    }
}

/// Answers from a child that is not trusted.
#[cfg(test)]
mod tests {
    use super::*;

    fn header(errno: i32, len: u32, file_len: u64) -> Vec<u8> {
        [&errno.to_le_bytes()[..], &len.to_le_bytes(), &file_len.to_le_bytes()].concat()
    }

    fn read_op(max: usize) -> Op {
        Op::Read { path: c"x".to_owned(), offset: 0, max }
    }

    #[test]
    fn answers_are_read_in_order() {
        let mut bytes = header(0, 0, 0);
        assert!(!is_complete(&bytes, 2));
        bytes.extend(header(0, 3, 99));
        bytes.extend(b"abc");
        assert!(is_complete(&bytes, 2));
        let answers = parse(&bytes, &[read_op(3)]).unwrap();
        assert_eq!((answers[1].bytes.as_slice(), answers[1].file_len), (&b"abc"[..], 99));
    }

    #[test]
    fn a_lying_child_is_cut_off() {
        for bytes in [
            vec![],
            header(0, 0, 0),
            [header(0, 0, 0), header(0, 4, 0), b"abcd".to_vec()].concat(),
            [header(0, 0, 0), header(0, u32::MAX, 0)].concat(),
            [header(0, 1, 0), b"x".to_vec(), header(0, 0, 0)].concat(),
        ] {
            assert!(parse(&bytes, &[read_op(3)]).is_err(), "{bytes:?}");
        }
    }
}
