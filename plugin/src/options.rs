//! The three options as one table, and the texts that came for them. A text from a client is bounded and plain
//! before anything else sees it; what is not is kept only as the reason why.

use sweep_core::error::printable;
use sweep_core::limits;

/// An option of sbatch, salloc and srun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opt {
    /// `--sweep-dir`.
    Dir,
    /// `--sweep-trial`.
    Trial,
    /// `--sweep-set`.
    Set,
}

impl Opt {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Dir, Self::Trial, Self::Set];

    /// The option of a number that Slurm hands back.
    pub fn of_number(number: i32) -> Option<Self> {
        usize::try_from(number).ok().and_then(|n| Self::ALL.get(n)).copied()
    }

    /// The name without its dashes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dir => "sweep-dir",
            Self::Trial => "sweep-trial",
            Self::Set => "sweep-set",
        }
    }

    /// The variable that holds it in a job's environment, whatever `--export` says.
    pub fn variable(self) -> String {
        sweep_core::environment::OPTION_PREFIX.to_owned() + &self.name().replace('-', "_")
    }

    /// The longest text that it may have.
    pub fn limit(self) -> usize {
        match self {
            Self::Dir | Self::Trial => limits::OPTION_LEN,
            Self::Set => limits::ASSIGNMENT_LEN,
        }
    }
}

/// What came for an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// A text of plain characters within the limit; not yet known to mean anything.
    Text(String),
    /// Something else, and why it is refused.
    Refused(String),
}

impl Given {
    /// Takes bytes that may be one more than the limit and anything at all.
    pub fn of_bytes(opt: Opt, bytes: &[u8]) -> Self {
        let refuse = |reason: &str| {
            let start = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]);
            Self::Refused(format!("--{}: {reason}: `{}`", opt.name(), printable(&start, 60)))
        };
        if bytes.len() > opt.limit() {
            return refuse(&format!("longer than {} bytes", opt.limit()));
        }
        match std::str::from_utf8(bytes) {
            Err(_) => refuse("not UTF-8"),
            Ok(text) if text.chars().any(char::is_control) => refuse("has control characters"),
            Ok(text) => Self::Text(text.to_owned()),
        }
    }
}

/// What came for each option; a later text of an option replaces an earlier one, as Slurm has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options([Option<Given>; 3]);

impl Options {
    /// None.
    pub const NONE: Self = Self([const { None }; 3]);

    /// Notes what came for an option.
    pub fn set(&mut self, opt: Opt, given: Given) {
        self.0[opt as usize] = Some(given);
    }

    /// What came for an option.
    pub fn get(&self, opt: Opt) -> Option<&Given> {
        self.0[opt as usize].as_ref()
    }

    /// The text of an option, where it is a plain one.
    pub fn text(&self, opt: Opt) -> Option<&str> {
        match self.get(opt) {
            Some(Given::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether no option came.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Why options were refused.
    pub fn refused(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|given| match given {
            Some(Given::Refused(reason)) => Some(reason.as_str()),
            _ => None,
        })
    }
}

/// Texts as users and attackers send them.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_is_kept_and_a_later_one_counts() {
        let mut options = Options::default();
        assert!(options.is_empty());
        options.set(Opt::Trial, Given::of_bytes(Opt::Trial, b"t001"));
        options.set(Opt::Trial, Given::of_bytes(Opt::Trial, b"t002"));
        assert_eq!(options.text(Opt::Trial), Some("t002"));
        assert_eq!(options.refused().count(), 0);
    }

    #[test]
    fn hostile_bytes_become_a_printable_reason() {
        let long = vec![b'x'; limits::ASSIGNMENT_LEN + 1];
        for (opt, bytes) in [
            (Opt::Dir, &b"/a\n/b"[..]),
            (Opt::Dir, b"/a\x1b[2J"),
            (Opt::Trial, b"\xff\xfe"),
            (Opt::Trial, &long[..limits::OPTION_LEN + 1]),
            (Opt::Set, &long),
        ] {
            let Given::Refused(reason) = Given::of_bytes(opt, bytes) else { panic!("{opt:?} was taken") };
            assert!(reason.len() < 300 && !reason.chars().any(char::is_control), "{reason:?}");
            assert!(reason.contains(opt.name()), "{reason}");
        }
    }

    #[test]
    fn a_number_that_is_no_option_is_none() {
        assert_eq!(Opt::of_number(2), Some(Opt::Set));
        assert_eq!(Opt::of_number(3), None);
        assert_eq!(Opt::of_number(-1), None);
        assert!(Opt::ALL.iter().enumerate().all(|(n, opt)| *opt as usize == n));
    }
}
