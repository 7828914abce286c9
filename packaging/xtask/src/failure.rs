//! How a command of this program ends badly. It must never hide the exit code of a program that it ran.

use std::fmt;

use sweep_testbed::TestbedError;

/// What went wrong, in words, and the exit code that says so.
#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub code: u8,
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// For `map_err`: what was being done, then the reason.
    pub fn doing<E: fmt::Display>(action: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Self::new(format!("cannot {action}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl From<TestbedError> for Failure {
    fn from(error: TestbedError) -> Self {
        Self::new(error.to_string())
    }
}

pub type Outcome<T = ()> = Result<T, Failure>;
