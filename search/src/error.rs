//! Why an experiment cannot be searched. Never about a file: where in the spec it stands is the caller's to say.

use crate::space::Combinations;

/// An experiment that has no trials, no end, or too many.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither a parameter nor an explicit trial.
    #[error("there is nothing to search: neither parameters nor explicit trials")]
    Nothing,
    /// A grid over a parameter with infinitely many values.
    #[error("parameter `{name}` has infinitely many values, which a grid cannot list")]
    Continuous {
        /// The parameter.
        name: String,
    },
    /// More combinations than can be numbered.
    #[error("the parameters have more than 2^128 combinations, which a grid cannot list")]
    Uncountable,
    /// A search that would never end.
    #[error("the search has no end: it needs to know how many trials there are to be")]
    Endless,
    /// Drawing without replacement cannot give so many.
    #[error("{asked} draws without replacement from {combinations} combinations")]
    TooFew {
        /// How many were asked for.
        asked: u64,
        /// How many there are.
        combinations: u128,
    },
    /// More axes than a Sobol sequence has dimensions.
    #[error("{axes} parameters, but a Sobol sequence has {most} dimensions")]
    TooManyAxes {
        /// How many there are.
        axes: usize,
        /// How many there may be.
        most: usize,
    },
    /// None of the brackets that were chosen exists.
    #[error("there is no such bracket: they are numbered from 0 to {last}")]
    NoBracket {
        /// The last one.
        last: u32,
    },
    /// More trials than a sweep may have.
    #[error(
        "the sweep has more than {} trials, the most that one sweep may have",
        sweep_core::limits::TRIALS
    )]
    TooMany,
}

impl Error {
    /// What to do next, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Nothing => "add `parameters:` or `params:`",
            Self::Continuous { .. } => "list its `values:`, or use `method: random` with `trials:`",
            Self::Uncountable => "use `method: random` with `trials:`",
            Self::Endless => "say how many with `trials:`",
            Self::TooFew { .. } => "ask for fewer, or use `method: grid` for all of them",
            Self::TooManyAxes { .. } => "use `method: random` or `latin`",
            Self::NoBracket { .. } => "name others in `brackets:`, or leave it out for all",
            Self::TooMany => "use `method: random` with `trials:`, or fewer values",
        })
    }
}

impl Combinations {
    /// The number, or why a grid cannot list them.
    ///
    /// # Errors
    /// [`Error::Uncountable`]; infinitely many are reported by the axis, with its name.
    pub(crate) fn countable(self) -> Result<u128, Error> {
        match self {
            Self::Finite(count) => Ok(count),
            Self::Beyond | Self::Infinite => Err(Error::Uncountable),
        }
    }
}
