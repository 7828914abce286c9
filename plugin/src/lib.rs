//! slurm-sweep's SPANK plugin. Slurm loads it into sbatch, salloc, srun, slurmd and slurmstepd; this file sends each
//! hook to the code for that program and its rights. It must never cost anyone a job or a node: no hook fails, and
//! no panic leaves it.
//!
//! - `submit`: as the user in sbatch, salloc and srun;
//! - `step`: as root in slurmstepd;
//! - `as_user`: in a child that has dropped all rights but the user's;
//! - `ffi`, `abi`: Slurm's side of the border.

mod abi;
mod as_user;
mod audit;
mod config;
#[cfg(feature = "faults")]
mod faults;
mod ffi;
#[doc(hidden)] // for the fuzzer
pub mod foreign;
mod job;
mod log;
mod mark;
mod options;
mod resolve;
mod step;
mod submit;

use std::sync::atomic::{AtomicU8, Ordering};

use options::Opt;

pub use abi::{SLURM_VERSION, plugin_name, plugin_type, plugin_version};

/// A hook of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hook {
    Init,
    InitPostOpt,
    UserInit,
    TaskInit,
    TaskPostFork,
    TaskExit,
}

impl Hook {
    const ALL: [Self; 6] =
        [Self::Init, Self::InitPostOpt, Self::UserInit, Self::TaskInit, Self::TaskPostFork, Self::TaskExit];

    /// Slurm's name of it.
    fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::InitPostOpt => "init_post_opt",
            Self::UserInit => "user_init",
            Self::TaskInit => "task_init",
            Self::TaskPostFork => "task_post_fork",
            Self::TaskExit => "task_exit",
        }
    }
}

/// The hook that runs, for the line that a panic leaves.
static CURRENT: AtomicU8 = AtomicU8::new(0);

fn current_hook() -> &'static str {
    Hook::ALL.get(usize::from(CURRENT.load(Ordering::Relaxed))).map_or("option", |hook| hook.name())
}

/// Runs a hook in whatever program this is.
fn dispatch(hook: Hook, spank: &ffi::Spank) {
    CURRENT.store(hook as u8, Ordering::Relaxed);
    match ffi::context() {
        ffi::Context::Allocator | ffi::Context::Srun => submit::hook(hook, spank),
        ffi::Context::Step => step::hook(hook, spank),
        ffi::Context::Slurmd if hook == Hook::Init => {
            step::warn_of_config(&config::Config::parse(spank.words()))
        }
        ffi::Context::Slurmd | ffi::Context::Other => {}
    }
}

/// Takes an option's text; whether it may stand. On a node it always may: there it is only noted.
fn option_given(opt: Opt, bytes: &[u8], remote: bool) -> bool {
    if remote || ffi::context() == ffi::Context::Step {
        step::option_given(opt, bytes);
        return true;
    }
    submit::option_given(opt, bytes)
}
