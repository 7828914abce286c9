//! The command's errors: whose they are, what a person reads, what to do next, and the exit code. The only place
//! that prints one. Never an error without a place (a path, an id, an option) in its message.

use std::io::Write;

/// The result of most functions of the command.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose error it is, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The user's input: exit code 2.
    User,
    /// Slurm, the disk, the network: exit code 1.
    World,
    /// Ours: exit code 70.
    Bug,
    /// In a job: no folder to work in, exit code 74.
    NoFolder,
    /// In a job: a second start of the same trial, exit code 75.
    SecondStart,
    /// In a job: no trial, exit code 78.
    NoTrial,
    /// In a job: the user's command could not be started, exit code 127, as a shell says it.
    NotStarted,
}

/// What went wrong.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Error {
    /// An error with its message: a lower-case fragment without a full stop.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new(), hint: None }
    }

    /// The user's.
    #[must_use]
    pub fn user(message: impl Into<String>) -> Self {
        Self::new(Kind::User, message)
    }

    /// The world's.
    #[must_use]
    pub fn world(message: impl Into<String>) -> Self {
        Self::new(Kind::World, message)
    }

    /// Adds what lies behind it.
    #[must_use]
    pub fn because(mut self, source: &dyn std::error::Error) -> Self {
        let mut next = Some(source);
        while let Some(cause) = next {
            self.causes.push(cause.to_string());
            next = cause.source();
        }
        self
    }

    /// Adds what somebody else said, such as Slurm.
    #[must_use]
    pub fn said(mut self, text: &str) -> Self {
        self.causes.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Gives it to somebody else.
    #[must_use]
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Whose it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What is wrong, without causes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What lies behind it, the nearest first.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::User => 2,
            Kind::World => 1,
            Kind::Bug => 70,
            Kind::NoFolder => 74,
            Kind::SecondStart => 75,
            Kind::NoTrial => 78,
            Kind::NotStarted => 127,
        }
    }

    /// Writes the error for a person.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn print(&self, out: &mut dyn Write) -> std::io::Result<()> {
        // A list of several errors brings its own heads and hints.
        if self.message.starts_with("error: ") {
            writeln!(out, "{}", self.message)?;
        } else {
            writeln!(out, "error: {}", self.message)?;
        }
        for cause in &self.causes {
            writeln!(out, "caused by: {cause}")?;
        }
        match &self.hint {
            Some(hint) => writeln!(out, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Error {}

impl From<sweep_core::Error> for Error {
    fn from(error: sweep_core::Error) -> Self {
        let kind = match error {
            sweep_core::Error::Read { .. } | sweep_core::Error::Damaged { .. } => Kind::World,
            _ => Kind::User,
        };
        let hint = error.hint();
        let source = std::error::Error::source(&error).map(ToString::to_string);
        Self { kind, message: error.to_string(), causes: source.into_iter().collect(), hint }
    }
}

/// Names the path in an error of the file system.
pub trait At<T> {
    /// `cannot <what> <path>`, with the system's reason behind it.
    ///
    /// # Errors
    /// The result's own, as the world's.
    fn at(self, what: &str, path: &std::path::Path) -> Result<T>;
}

impl<T, E: std::error::Error> At<T> for std::result::Result<T, E> {
    fn at(self, what: &str, path: &std::path::Path) -> Result<T> {
        self.map_err(|source| Error::world(format!("cannot {what} `{}`", path.display())).because(&source))
    }
}
