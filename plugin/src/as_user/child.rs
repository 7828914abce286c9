//! The child's side: raw system calls on what was prepared before the fork. It allocates nothing, takes no lock,
//! runs nothing of the host's, and does not return.

use std::ffi::CStr;
use std::os::fd::RawFd;

use super::{Behaviour, Op, User};

/// Bytes before each answer: error number, length of the data, length of the file.
pub const HEADER_LEN: usize = 16;
/// In the first answer's file length: the child could not become the user.
pub const STAGE_RIGHTS: u64 = 1;
/// In the first answer's file length: the directory could not be opened.
const STAGE_DIRECTORY: u64 = 2;
/// Where the pipe is moved to, so that all above can be closed.
const PIPE: RawFd = 0;
/// Descriptors that are closed one by one where the kernel cannot close a range (before 5.9).
const CLOSE_MAX: RawFd = 4096;
/// Bytes of directory entries that one call gives.
const ENTRIES_LEN: usize = 2 * 1024;
/// Calls for directory entries: a folder of more is not a trial's.
const ENTRIES_CALLS: usize = 4096;

/// What a child is to do.
pub struct Task<'a> {
    /// As whom.
    pub user: &'a User,
    /// The directory that all paths start from; a symlink as its last part is refused.
    pub dir: &'a CStr,
    /// What.
    pub ops: &'a [Op],
    /// Room for the longest answer and its header.
    pub scratch: Vec<u8>,
    /// How.
    pub behaviour: Behaviour,
}

/// Forks; the child does the task, writes its answers to `pipe` and ends.
pub fn start(mut task: Task<'_>, pipe: RawFd) -> std::io::Result<libc::pid_t> {
    // All signals stay blocked in the child, so that no handler of the host's ever runs there.
    let before = set_signal_mask(u64::MAX);
    // No exit signal: the host gets no SIGCHLD for this child, and cannot reap it by waiting for any child.
    const NO_EXIT_SIGNAL: libc::c_long = 0;
    // SAFETY: a fork without shared memory; the child only does what `work` does.
    let pid = unsafe { libc::syscall(libc::SYS_clone, NO_EXIT_SIGNAL, 0, 0, 0, 0) };
    if pid == 0 {
        // SAFETY: this is the child, alone in its copy of the memory.
        unsafe { work(&mut task, pipe) }
    }
    let error = std::io::Error::last_os_error();
    set_signal_mask(before);
    if pid < 0 { Err(error) } else { libc::pid_t::try_from(pid).map_err(std::io::Error::other) }
}

/// Sets the thread's mask of blocked signals, a bit a signal, and gives the one before.
fn set_signal_mask(mask: u64) -> u64 {
    let mut before = 0_u64;
    let len = size_of::<u64>();
    // SAFETY: both masks are ours, and as long as said.
    unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const mask, &raw mut before, len);
    }
    before
}

fn errno() -> i32 {
    // SAFETY: the thread's own error number.
    unsafe { *libc::__errno_location() }
}

/// # Safety
/// In a forked child only.
unsafe fn work(task: &mut Task<'_>, pipe: RawFd) -> ! {
    // SAFETY: raw system calls on descriptors and memory of this child alone.
    unsafe {
        // First, while the child still has the host's rights: let go of the host's files.
        libc::syscall(libc::SYS_dup3, pipe, PIPE, 0);
        close_all_above(PIPE);
        if task.behaviour.stops {
            let pid = libc::syscall(libc::SYS_getpid);
            libc::syscall(libc::SYS_kill, pid, libc::SIGSTOP);
        }
        let failed = drop_rights(task.user);
        if failed != 0 {
            answer(&mut task.scratch, failed, 0, STAGE_RIGHTS);
            end();
        }
        // Only now: a change of ids clears it.
        libc::syscall(libc::SYS_prctl, libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
        let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        let dir = open_at(libc::AT_FDCWD, task.dir, flags, 0);
        if dir < 0 {
            answer(&mut task.scratch, errno(), 0, STAGE_DIRECTORY);
            end();
        }
        answer(&mut task.scratch, 0, 0, 0);
        for op in task.ops {
            let (code, len, file_len) = perform(dir, op, &mut task.scratch);
            answer(&mut task.scratch, code, len, file_len);
        }
        end()
    }
}

unsafe fn end() -> ! {
    // SAFETY: ends this child without running anything of the host's.
    unsafe { libc::_exit(0) }
}

unsafe fn close_all_above(fd: RawFd) {
    // SAFETY: descriptors of this child alone.
    unsafe {
        if libc::syscall(libc::SYS_close_range, fd + 1, u32::MAX, 0) != 0 {
            for other in fd + 1..CLOSE_MAX {
                libc::syscall(libc::SYS_close, other);
            }
        }
    }
}

/// Becomes the user for good by raw calls: glibc's own would signal the host's other threads. 0, or an error number.
unsafe fn drop_rights(user: &User) -> i32 {
    // SAFETY: system calls on this child alone; the list of groups is as long as said.
    unsafe {
        let is_user_already = || {
            libc::syscall(libc::SYS_getuid) == libc::c_long::from(user.uid)
                && libc::syscall(libc::SYS_geteuid) == libc::c_long::from(user.uid)
        };
        // slurmstepd has already lowered its effective ids in user_init; the drop needs them back for a moment.
        if libc::syscall(libc::SYS_setresuid, 0, 0, 0) != 0 {
            return if is_user_already() { 0 } else { errno() };
        }
        let groups = user.groups.as_ptr();
        if libc::syscall(libc::SYS_setgroups, user.groups.len(), groups) != 0
            || libc::syscall(libc::SYS_setresgid, user.gid, user.gid, user.gid) != 0
            || libc::syscall(libc::SYS_setresuid, user.uid, user.uid, user.uid) != 0
        {
            return errno();
        }
        if !is_user_already() || (user.uid != 0 && libc::syscall(libc::SYS_setuid, 0) == 0) {
            return libc::EPERM;
        }
        0
    }
}

unsafe fn open_at(dir: RawFd, path: &CStr, flags: i32, mode: u32) -> RawFd {
    // SAFETY: a C string and numbers.
    let fd = unsafe { libc::syscall(libc::SYS_openat, dir, path.as_ptr(), flags, mode) };
    RawFd::try_from(fd).unwrap_or(-1)
}

/// Sends an answer whose `len` bytes of data stand behind the room for the header.
unsafe fn answer(scratch: &mut [u8], code: i32, len: usize, file_len: u64) {
    let (header, data) = scratch.split_at_mut(HEADER_LEN);
    header[..4].copy_from_slice(&code.to_le_bytes());
    // An answer is at most some hundred KiB, so the cast keeps its value.
    header[4..8].copy_from_slice(&(len as u32).to_le_bytes());
    header[8..].copy_from_slice(&file_len.to_le_bytes());
    let len = HEADER_LEN + len.min(data.len());
    // SAFETY: the bytes are this child's.
    if unsafe { !write_all(PIPE, &scratch[..len]) } {
        // SAFETY: nobody reads any more.
        unsafe { end() }
    }
}

unsafe fn write_all(fd: RawFd, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        // SAFETY: the slice is valid.
        let written = unsafe { libc::syscall(libc::SYS_write, fd, bytes.as_ptr(), bytes.len()) };
        match usize::try_from(written) {
            Ok(0) => return false,
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(_) if errno() == libc::EINTR => {}
            Err(_) => return false,
        }
    }
    true
}

/// Does one thing: error number, bytes of data behind the header's room, length of the file.
unsafe fn perform(dir: RawFd, op: &Op, scratch: &mut [u8]) -> (i32, usize, u64) {
    let data = &mut scratch[HEADER_LEN..];
    // SAFETY: raw system calls on this child's own descriptors and memory.
    unsafe {
        match op {
            Op::Read { path, offset, max } => read_file(dir, path, *offset, capped(data, *max)),
            Op::List { path, max } => list(dir, path, capped(data, *max)),
            Op::MakeFolder { path } => {
                let made = libc::syscall(libc::SYS_mkdirat, dir, path.as_ptr(), 0o777);
                let code = if made == 0 { 0 } else { errno() };
                (if code == libc::EEXIST { 0 } else { code }, 0, 0)
            }
            Op::Create { path, bytes } => (write_file(dir, path, bytes, libc::O_CREAT | libc::O_EXCL), 0, 0),
            Op::Append { path, bytes } => (write_file(dir, path, bytes, libc::O_APPEND), 0, 0),
        }
    }
}

fn capped(data: &mut [u8], max: usize) -> &mut [u8] {
    let len = data.len().min(max);
    &mut data[..len]
}

unsafe fn read_file(dir: RawFd, path: &CStr, offset: u64, data: &mut [u8]) -> (i32, usize, u64) {
    // SAFETY: as the caller's; all zeroes is a valid stat to be filled.
    unsafe {
        // Not blocking: a pipe that someone put there must not hold us.
        let fd = open_at(dir, path, libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC, 0);
        if fd < 0 {
            return (errno(), 0, 0);
        }
        let mut stat: libc::stat = std::mem::zeroed();
        if libc::fstat(fd, &raw mut stat) != 0 {
            return (errno(), 0, 0);
        }
        if stat.st_mode & libc::S_IFMT != libc::S_IFREG {
            return (libc::EINVAL, 0, 0);
        }
        let mut len = 0;
        while len < data.len() {
            let room = &mut data[len..];
            let at = offset.saturating_add(len as u64) as i64;
            let read = libc::syscall(libc::SYS_pread64, fd, room.as_mut_ptr(), room.len(), at);
            match usize::try_from(read) {
                Ok(0) => break,
                Ok(read) => len += read,
                Err(_) if errno() == libc::EINTR => {}
                Err(_) => return (errno(), 0, 0),
            }
        }
        libc::syscall(libc::SYS_close, fd);
        (0, len, u64::try_from(stat.st_size).unwrap_or(0))
    }
}

/// The folder's names that may matter, each ended by a NUL, as many as there is room for, and in place of the file's
/// length the room that all of them need.
unsafe fn list(dir: RawFd, path: &CStr, data: &mut [u8]) -> (i32, usize, u64) {
    // Where d_reclen and d_name stand in a struct linux_dirent64.
    const RECORD_LEN_AT: usize = 16;
    const NAME_AT: usize = 19;
    // SAFETY: as the caller's.
    unsafe {
        let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
        let fd = open_at(dir, path, flags, 0);
        if fd < 0 {
            return (errno(), 0, 0);
        }
        let mut entries = [0_u8; ENTRIES_LEN];
        let (mut len, mut needed) = (0, 0);
        for _ in 0..ENTRIES_CALLS {
            let read = libc::syscall(libc::SYS_getdents64, fd, entries.as_mut_ptr(), entries.len());
            let Ok(read) = usize::try_from(read) else { return (errno(), len, needed) };
            if read == 0 {
                break;
            }
            let mut rest = entries.get(..read).unwrap_or_default();
            while let (Some(&[low, high]), Some(name)) =
                (rest.get(RECORD_LEN_AT..RECORD_LEN_AT + 2), rest.get(NAME_AT..))
            {
                let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
                let matters = name.starts_with(b"record.") || name.starts_with(b"claim.");
                needed += if matters { name.len() as u64 + 1 } else { 0 };
                if matters && let Some(room) = data.get_mut(len..len + name.len() + 1) {
                    room[..name.len()].copy_from_slice(name);
                    room[name.len()] = 0;
                    len += name.len() + 1;
                }
                let step = usize::from(u16::from_ne_bytes([low, high])).max(1);
                rest = rest.get(step..).unwrap_or_default();
            }
        }
        libc::syscall(libc::SYS_close, fd);
        (0, len, needed)
    }
}

unsafe fn write_file(dir: RawFd, path: &CStr, bytes: &[u8], flags: i32) -> i32 {
    // SAFETY: as the caller's.
    unsafe {
        let flags = flags | libc::O_WRONLY | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
        let fd = open_at(dir, path, flags, 0o666);
        if fd < 0 {
            return errno();
        }
        let done = write_all(fd, bytes) && libc::syscall(libc::SYS_fsync, fd) == 0;
        let code = if done { 0 } else { errno().max(1) };
        if !done && flags & libc::O_EXCL != 0 {
            // Half a file would look like a whole one to whoever only sees its name.
            libc::syscall(libc::SYS_unlinkat, dir, path.as_ptr(), 0);
        }
        code
    }
}
