//! The three symbols by which Slurm knows a plugin, and the proof that the installed headers are those that the
//! hooks assume. Never code that runs.

use slurm_spank::spank_sys as sys;

/// Slurm's headers as bindgen reads them, compared below and used for nothing else.
#[cfg(slurm_headers)]
#[allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    clippy::all,
    reason = "generated from C headers"
)]
mod headers {
    include!(concat!(env!("OUT_DIR"), "/headers.rs"));
}

/// What Slurm reads as one number, with a mark behind it by which `sweep plugin stamp` finds the number in a file.
#[repr(C)]
pub struct Version {
    number: u32,
    mark: [u8; 20],
}

/// The Slurm release that this build is for, `0xMMmmpp`.
pub const SLURM_VERSION: u32 = include!(concat!(env!("OUT_DIR"), "/version.rs"));

/// The name by which Slurm keeps our options apart from other plugins'.
#[allow(non_upper_case_globals, reason = "Slurm fixes the symbol")]
#[unsafe(no_mangle)]
pub static plugin_name: [u8; 6] = *b"sweep\0";

/// The kind of plugin.
#[allow(non_upper_case_globals, reason = "Slurm fixes the symbol")]
#[unsafe(no_mangle)]
pub static plugin_type: [u8; 6] = *b"spank\0";

/// The release, which Slurm compares with its own.
#[allow(non_upper_case_globals, reason = "Slurm fixes the symbol")]
#[unsafe(no_mangle)]
pub static plugin_version: Version = Version { number: SLURM_VERSION, mark: *b"SWEEP-PLUGIN-STAMP:\0" };

/// Slurm's step ids that are no numbers of steps, and its word for "none" (slurm.h, the same since 20.11).
pub mod number {
    /// No array task.
    pub const NO_VAL: u32 = 0xffff_fffe;
    /// The step that holds foreign processes.
    pub const EXTERN_STEP: u32 = 0xffff_fffc;
    /// The batch script.
    pub const BATCH_STEP: u32 = 0xffff_fffb;
    /// salloc's shell on a node.
    pub const INTERACTIVE_STEP: u32 = 0xffff_fffa;
}

#[cfg(slurm_headers)]
mod checks {
    use std::mem::{offset_of, size_of};

    use super::{headers, number, sys};

    macro_rules! same {
        ($($name:ident),* $(,)?) => { $(const _: () = assert!(headers::$name == sys::$name);)* };
    }

    same!(
        spank_item_S_JOB_UID,
        spank_item_S_JOB_GID,
        spank_item_S_JOB_ID,
        spank_item_S_JOB_STEPID,
        spank_item_S_JOB_NODEID,
        spank_item_S_JOB_LOCAL_TASK_COUNT,
        spank_item_S_JOB_ENV,
        spank_item_S_TASK_ID,
        spank_item_S_TASK_EXIT_STATUS,
        spank_item_S_JOB_SUPPLEMENTARY_GIDS,
        spank_item_S_JOB_ARRAY_ID,
        spank_item_S_JOB_ARRAY_TASK_ID,
        spank_context_S_CTX_ERROR,
        spank_context_S_CTX_LOCAL,
        spank_context_S_CTX_REMOTE,
        spank_context_S_CTX_ALLOCATOR,
        spank_context_S_CTX_SLURMD,
        spank_context_S_CTX_JOB_SCRIPT,
        slurm_err_t_ESPANK_ERROR,
        slurm_err_t_ESPANK_BAD_ARG,
        slurm_err_t_ESPANK_ENV_NOEXIST,
        slurm_err_t_ESPANK_NOSPACE,
        slurm_err_t_ESPANK_NOT_AVAIL,
    );
    const _: () = assert!(headers::ESPANK_SUCCESS == sys::ESPANK_SUCCESS);
    const _: () = assert!(headers::NO_VAL == number::NO_VAL);
    const _: () = assert!(headers::SLURM_EXTERN_CONT == number::EXTERN_STEP);
    const _: () = assert!(headers::SLURM_BATCH_SCRIPT == number::BATCH_STEP);
    const _: () = assert!(headers::SLURM_INTERACTIVE_STEP == number::INTERACTIVE_STEP);
    const _: () = assert!(headers::SPANK_OPTION_MAXLEN == 75);

    const _: () = assert!(size_of::<headers::spank_option>() == size_of::<sys::spank_option>());
    macro_rules! same_place {
        ($($field:ident),*) => {
            $(const _: () = assert!(offset_of!(headers::spank_option, $field) == offset_of!(sys::spank_option, $field));)*
        };
    }
    same_place!(name, arginfo, usage, has_arg, val, cb);
}
