//! What can be wrong with a file or an option of ours. Each variant carries what a person needs to mend it.
//! Never a message for one caller only: where and how it is printed is the caller's.

use std::path::PathBuf;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A file, an option or a name that this build cannot accept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened or read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file was written by a later release with another major format.
    #[error("`{}` has format {found}, this build reads {ours}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
        /// What this build reads, such as `1.x`.
        ours: String,
    },
    /// A file is not what its name says.
    #[error("`{}` is damaged: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A trial that the sweep does not have.
    #[error("trial {index} is out of range: `{}` has {count} trials", dir.display())]
    OutOfRange {
        /// The sweep directory.
        dir: PathBuf,
        /// The index asked for.
        index: u64,
        /// How many trials there are.
        count: u32,
    },
    /// `--sweep-dir` names a symlink, which could change while the job waits.
    #[error("`{}` is a symlink", dir.display())]
    Symlink {
        /// The path as given.
        dir: PathBuf,
        /// Where it leads.
        target: Option<PathBuf>,
    },
    /// There is no sweep directory at this place.
    #[error("`{}` is not a sweep directory", dir.display())]
    NotASweep {
        /// The path as given.
        dir: PathBuf,
        /// What is missing.
        detail: String,
    },
    /// A text that should be an id, a label, a selector or an assignment.
    #[error("`{text}` is not {expected}")]
    Syntax {
        /// The text, cut to a printable length.
        text: String,
        /// What was expected, such as "a trial label such as t003".
        expected: &'static str,
    },
    /// A parameter's name cannot be used.
    #[error("parameter name `{name}` {reason}")]
    Name {
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// Two parameters would become the same variable.
    #[error("parameters `{first}` and `{second}` both become the variable `{variable}`")]
    Collision {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// The variable.
        variable: String,
    },
    /// Something is larger than its limit in [`crate::limits`].
    #[error("{what} is {len} bytes or items, more than the limit of {limit}")]
    TooLarge {
        /// What is.
        what: String,
        /// Its size.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// A `${name}` without value or default.
    #[error("`${{{name}}}` has no value and no default")]
    Unset {
        /// The name.
        name: String,
    },
}

impl Error {
    /// What to do next, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Schema { .. } => Some("upgrade sweep here: the sweep was made by a later release".into()),
            Self::Symlink { target: Some(target), .. } => Some(format!(
                "use the directory itself, so that the job cannot change sweeps while it waits: {}",
                target.display()
            )),
            Self::NotASweep { .. } => Some("make one with `sweep init SPEC`".into()),
            Self::OutOfRange { count, .. } if *count > 0 => {
                Some(format!("trials are t000 to {}", crate::id::TrialIndex(count - 1).label()))
            }
            Self::Unset { name } => Some(format!("give the parameter, or a default: ${{{name}:-VALUE}}")),
            _ => None,
        }
    }

    /// A syntax error whose text is fit to be printed: control characters escaped, at most 80 characters.
    #[must_use]
    pub fn syntax(text: &str, expected: &'static str) -> Self {
        Self::Syntax { text: printable(text, 80), expected }
    }
}

/// `text` with control characters escaped and cut to about `limit` characters.
#[must_use]
pub fn printable(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == limit {
            out.push('…');
            break;
        }
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}
