//! Every size that something foreign may have, named once. Nothing here is a tuning knob: a file or an option
//! beyond these is refused, never truncated in silence.

/// Longest sweep id, in bytes.
pub const SWEEP_ID_LEN: usize = 64;
/// Longest sweep name: an id is the name, a date, a time and four letters.
pub const SWEEP_NAME_LEN: usize = SWEEP_ID_LEN - "-yyyymmdd-hhmmss-aaaa".len();
/// Longest parameter name, in bytes.
pub const PARAMETER_NAME_LEN: usize = 128;
/// Longest injected value, in bytes.
pub const VALUE_LEN: usize = 32 * 1024;
/// Most variables that one trial may have.
pub const VARIABLES: usize = 256;
/// All injected names and values of one trial together, in bytes.
pub const ENVIRONMENT_LEN: usize = 128 * 1024;
/// The kernel's and Slurm's limit for one `NAME=value` string with its NUL (`MAX_ENV_STRLEN`, Slurm env.c).
pub const ENV_STRING_LEN: usize = 131_072;
/// Longest value of `--sweep-dir` and `--sweep-trial`, in bytes.
pub const OPTION_LEN: usize = 4 * 1024;
/// Longest value of `--sweep-set`, in bytes.
pub const ASSIGNMENT_LEN: usize = 64 * 1024;
/// Longest first line of a table, in bytes: it only says the version.
pub const HEADER_LINE_LEN: usize = 256;
/// Longest line of `trials.jsonl`, in bytes.
pub const TRIAL_LINE_LEN: usize = 64 * 1024;
/// Largest manifest that the plugin reads, in bytes.
pub const MANIFEST_LEN: usize = 256 * 1024;
/// Largest record file, in bytes: a start and an end.
pub const RECORD_LEN: usize = 256 * 1024;
/// Largest claim file, in bytes.
pub const CLAIM_LEN: usize = 4 * 1024;
/// Bytes of file names read from one trial's folder.
pub const FOLDER_NAMES_LEN: usize = 64 * 1024;
/// Earlier records whose content is read to count an attempt.
pub const RECORDS_READ: usize = 64;
/// A user's text inside a site record, in bytes; longer text is cut and marked.
pub const CLAIMED_TEXT_LEN: usize = 1024;
/// Most trials of one sweep.
pub const TRIALS: u32 = 100_000_000;
/// Most trials submitted without `--max-trials`.
pub const TRIALS_GUARD: u64 = 100;
/// Largest spec file, in bytes.
pub const SPEC_LEN: u64 = 16 * 1024 * 1024;
