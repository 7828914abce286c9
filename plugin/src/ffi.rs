//! The border to Slurm's C: the hooks that Slurm looks up, the spank handle, options, items, the job's
//! environment and the log. All unsafe code towards SPANK is here; nothing here decides anything, and no panic
//! and no error leaves it.

use std::ffi::{CString, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use slurm_spank::spank_sys as sys;

use crate::options::Opt;
use crate::{Hook, log};

/// Most words that are read from a line of plugstack.conf.
const CONFIG_WORDS: c_int = 64;
/// Longest word of plugstack.conf, in bytes.
const CONFIG_WORD_LEN: usize = 4096;
/// Most supplementary groups that a user may have (the kernel's NGROUPS_MAX).
const GROUPS: usize = 65_536;
/// Most variables of a job's environment that are looked at.
const ENVIRONMENT_WORDS: usize = 65_536;
/// ESPANK_NOSPACE before 22.05, where SPANK's errors were counted from 1 (20.11 slurm/spank.h); no later Slurm's
/// spank_getenv answers so.
const NOSPACE_OF_OLD: sys::spank_err_t = 6;
/// The first try at reading a variable.
const SMALL_VALUE: usize = 512;

/// Which program the plugin is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// srun.
    Srun,
    /// sbatch or salloc.
    Allocator,
    /// slurmstepd.
    Step,
    /// slurmd.
    Slurmd,
    /// Another, or not known.
    Other,
}

/// The program that the plugin is in.
pub fn context() -> Context {
    // SAFETY: takes nothing and only looks at the host's own state.
    match unsafe { sys::spank_context() } {
        sys::spank_context_S_CTX_LOCAL => Context::Srun,
        sys::spank_context_S_CTX_ALLOCATOR => Context::Allocator,
        sys::spank_context_S_CTX_REMOTE => Context::Step,
        sys::spank_context_S_CTX_SLURMD => Context::Slurmd,
        _ => Context::Other,
    }
}

/// What a hook was called with; it lives as long as the hook.
pub struct Spank {
    handle: sys::spank_t,
    words: Vec<String>,
}

/// A variable of the job.
#[derive(Debug, PartialEq, Eq)]
pub enum Variable {
    /// It is not set.
    Unset,
    /// Its bytes, up to one more than the limit.
    Set(Vec<u8>),
}

impl Spank {
    /// The words of plugstack.conf behind the plugin's path.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// Registers an option whose texts go to [`crate::option_given`].
    pub fn register(&self, opt: Opt) {
        let (name, arginfo, usage) = match opt {
            Opt::Dir => (c"sweep-dir", c"DIR", c"[sweep] run a trial of the sweep in DIR"),
            Opt::Trial => {
                (c"sweep-trial", c"TRIAL", c"[sweep] which trial: t003, 3, @OFFSET or @map:N (default @0)")
            }
            Opt::Set => (
                c"sweep-set",
                c"NAME=VALUE,...",
                c"[sweep] set variables of the trial, over those of --sweep-dir if given",
            ),
        };
        let mut option = sys::spank_option {
            name: name.as_ptr(),
            arginfo: arginfo.as_ptr(),
            usage: usage.as_ptr(),
            has_arg: 1,
            val: opt as c_int,
            cb: Some(option_callback),
        };
        // SAFETY: the handle is the one of this hook; Slurm copies the option and its texts, which are static.
        let code = unsafe { sys::spank_option_register(self.handle, &raw mut option) };
        if code != sys::ESPANK_SUCCESS {
            error(&log::line("init", &format!("--{} is not available: code {code}", opt.name())));
        }
    }

    /// An item that is a 32-bit number.
    pub fn number(&self, item: sys::spank_item) -> Option<u32> {
        let mut value: u32 = 0;
        // SAFETY: each item that callers name takes a pointer to a 32-bit number (spank.h).
        let code = unsafe { sys::spank_get_item(self.handle, item, &raw mut value) };
        (code == sys::ESPANK_SUCCESS).then_some(value)
    }

    /// The job's supplementary groups.
    pub fn groups(&self) -> Option<Vec<u32>> {
        let mut list: *mut libc::gid_t = std::ptr::null_mut();
        let mut count: c_int = 0;
        let item = sys::spank_item_S_JOB_SUPPLEMENTARY_GIDS;
        // SAFETY: this item takes (gid_t **, int *) and lends its own memory (spank.h).
        let code = unsafe { sys::spank_get_item(self.handle, item, &raw mut list, &raw mut count) };
        if code != sys::ESPANK_SUCCESS {
            return None;
        }
        let count = usize::try_from(count).ok()?.min(GROUPS);
        if list.is_null() || count == 0 {
            return Some(Vec::new());
        }
        // SAFETY: Slurm says that `count` groups stand there, and they stay while the hook runs.
        Some(unsafe { std::slice::from_raw_parts(list, count) }.to_vec())
    }

    /// Whether the job's environment has a variable whose name begins so.
    pub fn has_variable_with(&self, prefix: &str) -> bool {
        let mut list: *mut *mut c_char = std::ptr::null_mut();
        // SAFETY: this item takes (char ***) and lends its own memory, which ends in NULL (spank.h).
        let code = unsafe { sys::spank_get_item(self.handle, sys::spank_item_S_JOB_ENV, &raw mut list) };
        if code != sys::ESPANK_SUCCESS || list.is_null() {
            return false;
        }
        (0..ENVIRONMENT_WORDS)
            // SAFETY: the list ends in NULL, and `map_while` stops there.
            .map_while(|n| Some(unsafe { *list.add(n) }).filter(|word| !word.is_null()))
            // SAFETY: each entry is a C string.
            .any(|word| unsafe { bounded_bytes(word, prefix.len()) } == prefix.as_bytes())
    }

    /// A variable of the job, cut to one byte more than `limit`.
    pub fn variable(&self, name: &str, limit: usize) -> Variable {
        let Ok(name) = CString::new(name) else { return Variable::Unset };
        // Two bytes over the limit: one shows that the value is too long, one is for the NUL.
        for size in [SMALL_VALUE.min(limit + 2), limit + 2] {
            let mut buffer = vec![0_u8; size];
            let size = c_int::try_from(size).unwrap_or(c_int::MAX);
            // SAFETY: the buffer is as long as said, and Slurm ends what it copies with a NUL.
            let code =
                unsafe { sys::spank_getenv(self.handle, name.as_ptr(), buffer.as_mut_ptr().cast(), size) };
            match code {
                sys::ESPANK_SUCCESS => {}
                sys::slurm_err_t_ESPANK_NOSPACE | NOSPACE_OF_OLD if buffer.len() < limit + 2 => continue,
                sys::slurm_err_t_ESPANK_NOSPACE | NOSPACE_OF_OLD => {}
                _ => return Variable::Unset,
            }
            let end = buffer.iter().position(|&byte| byte == 0).unwrap_or(buffer.len());
            buffer.truncate(end.min(limit + 1));
            return Variable::Set(buffer);
        }
        Variable::Unset
    }

    /// A variable of the job, where it is a text within `limit`.
    pub fn text(&self, name: &str, limit: usize) -> Option<String> {
        match self.variable(name, limit) {
            Variable::Set(bytes) if bytes.len() <= limit => String::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// Sets a variable of the job and reads it back: Slurm says yes to some that it does not set.
    pub fn set_variable(&self, name: &str, value: &str) -> bool {
        let (Ok(c_name), Ok(c_value)) = (CString::new(name), CString::new(value)) else { return false };
        // SAFETY: both are C strings, which Slurm copies.
        let code = unsafe { sys::spank_setenv(self.handle, c_name.as_ptr(), c_value.as_ptr(), 1) };
        code == sys::ESPANK_SUCCESS && self.variable(name, value.len()) == Variable::Set(value.into())
    }

    /// Removes a variable of the job.
    pub fn remove_variable(&self, name: &str) {
        let Ok(name) = CString::new(name) else { return };
        // SAFETY: a C string that Slurm only reads. Whether it was there does not matter.
        unsafe { sys::spank_unsetenv(self.handle, name.as_ptr()) };
    }
}

/// Writes a line to the log at the level of errors; in a user's command it goes to the user.
pub fn error(line: &str) {
    if let Ok(line) = CString::new(line) {
        // SAFETY: the format takes one C string.
        unsafe { sys::slurm_error(c"%s".as_ptr(), line.as_ptr()) };
    }
}

/// Writes a line to the log at the level of information.
pub fn info(line: &str) {
    if let Ok(line) = CString::new(line) {
        // SAFETY: the format takes one C string.
        unsafe { sys::slurm_info(c"%s".as_ptr(), line.as_ptr()) };
    }
}

/// Writes a line to the user of sbatch, salloc or srun.
pub fn tell_user(line: &str) {
    if let Ok(line) = CString::new(line) {
        // SAFETY: the format takes one C string.
        unsafe { sys::slurm_spank_log(c"%s".as_ptr(), line.as_ptr()) };
    }
}

/// Ends this process at once, as strict sites want it in a task that is about to run without its trial.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process without running anything of the host's.
    unsafe { libc::_exit(code) }
}

/// Sends panics to Slurm's log as one line, once for the process.
fn route_panics() {
    static ROUTED: Once = Once::new();
    ROUTED.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
            let what = info.payload_as_str().unwrap_or("a panic");
            error(&log::line(crate::current_hook(), &format!("bug at {place}: {what}")));
        }));
    });
}

/// Runs a hook; whatever happens in it, Slurm hears that all is well.
fn guarded(hook: Hook, spank: sys::spank_t, count: c_int, words: *mut *mut c_char) -> c_int {
    route_panics();
    // A panic has been logged by then; a hook that failed is left as it is.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let words = if matches!(hook, Hook::Init) { read_words(count, words) } else { Vec::new() };
        crate::dispatch(hook, &Spank { handle: spank, words });
    }));
    0
}

fn read_words(count: c_int, words: *mut *mut c_char) -> Vec<String> {
    if words.is_null() {
        return Vec::new();
    }
    let count = usize::try_from(count.min(CONFIG_WORDS)).unwrap_or(0);
    (0..count)
        // SAFETY: Slurm says that so many words stand there.
        .map(|n| unsafe { *words.add(n) })
        .filter(|word| !word.is_null())
        // SAFETY: each word is a C string.
        .map(|word| unsafe { bounded_bytes(word, CONFIG_WORD_LEN) })
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .collect()
}

/// The bytes of a C string, at most `limit` of them.
///
/// # Safety
/// `text` must be a C string, and live as long as the result is used.
unsafe fn bounded_bytes<'a>(text: *const c_char, limit: usize) -> &'a [u8] {
    // SAFETY: nothing is read behind the NUL, so all bytes before it can be.
    unsafe {
        let len = (0..limit).take_while(|&n| *text.add(n) != 0).count();
        std::slice::from_raw_parts(text.cast(), len)
    }
}

/// What Slurm calls for each text of an option.
unsafe extern "C" fn option_callback(number: c_int, text: *const c_char, remote: c_int) -> c_int {
    route_panics();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let Some(opt) = Opt::of_number(number) else { return true };
        // SAFETY: Slurm hands over a C string that lives through this call, or NULL.
        let bytes = if text.is_null() { b"" } else { unsafe { bounded_bytes(text, opt.limit() + 1) } };
        crate::option_given(opt, bytes, remote != 0)
    }));
    // A bug of ours is no reason to refuse a job.
    if result.unwrap_or(true) { 0 } else { -1 }
}

macro_rules! hooks {
    ($($symbol:ident => $hook:ident,)*) => {$(
        /// A hook that Slurm looks up by this name.
        ///
        /// # Safety
        /// For Slurm alone to call, with its handle and the words of plugstack.conf.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $symbol(spank: sys::spank_t, count: c_int, words: *mut *mut c_char) -> c_int {
            guarded(Hook::$hook, spank, count, words)
        }
    )*};
}

// Only those that are needed: each further one costs a call for every job, and prolog or epilog a process.
hooks! {
    slurm_spank_init => Init,
    slurm_spank_init_post_opt => InitPostOpt,
    slurm_spank_user_init => UserInit,
    slurm_spank_task_init => TaskInit,
    slurm_spank_task_post_fork => TaskPostFork,
    slurm_spank_task_exit => TaskExit,
}

/// The name of this host without its domain, where Slurm's own name of the node is not known.
pub fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    name.trim().split('.').next().map(str::to_owned)
}

/// User and system time of all ended children, in seconds, and their largest resident set in KiB.
pub fn children_usage() -> Option<(f64, u64)> {
    // SAFETY: all zeroes is a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a rusage of ours.
    let code = unsafe { libc::syscall(libc::SYS_getrusage, libc::RUSAGE_CHILDREN, &raw mut usage) };
    #[expect(clippy::cast_precision_loss, reason = "seconds of CPU time")]
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    (code == 0).then(|| (cpu_s, u64::try_from(usage.ru_maxrss).unwrap_or(0)))
}
