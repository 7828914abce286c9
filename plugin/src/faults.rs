//! Faults on demand, for tests that prove what a fault costs. Compiled only with the feature `faults`, never into
//! a build that a site installs.

use crate::Hook;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A hook panics.
    Panic(Hook),
    /// The child that works as the user stops itself before it does anything.
    StopChild,
}

impl std::str::FromStr for Fault {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "stop_child" {
            return Ok(Self::StopChild);
        }
        let hook = text.strip_prefix("panic:").ok_or("no such fault")?;
        Hook::ALL.into_iter().find(|h| h.name() == hook).map(Self::Panic).ok_or("no such hook")
    }
}
