//! How a space is searched, with all settings of each method. Never a default that a spec cannot change.

use crate::asha;
use crate::band_stop::Strictness;
use crate::error::Error;
use crate::ladder::{Bracket, Ladder};
use crate::median::Grace;
use crate::source::Proposals;
use crate::{genetic, pbt};

/// How a space is searched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Method {
    /// Every combination.
    #[default]
    Grid,
    /// Draws.
    Random,
    /// A Sobol sequence.
    Sobol,
    /// A Latin hypercube.
    Latin,
    /// A model of the results.
    Bayes,
    /// Hyperband, all brackets side by side.
    Hyperband(Rungs),
    /// One bracket of Hyperband.
    Halving(Rungs),
    /// Rungs without barriers.
    Asha(Rungs, AshaMode),
    /// Demes.
    Genetic(genetic::Settings),
    /// A population that trains.
    Pbt(pbt::Settings),
}

/// What the methods with rungs have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rungs {
    /// Budgets and brackets.
    pub ladder: Ladder,
    /// Where configurations come from.
    pub proposals: Proposals,
}

/// What ASHA does at a rung.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AshaMode {
    /// Trials end there; the good ones go on from their checkpoints as new trials.
    #[default]
    Promote,
    /// Trials have the whole budget; those that are not good are stopped there.
    Stop,
}

/// Which running trials are stopped.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// Those that are worse than the median.
    Median(Grace),
    /// W&B's bands.
    Bands {
        /// Numbers of reports, rising; at least one.
        bands: Vec<u64>,
        /// One in so many goes on; above 1.
        eta: f64,
        /// What is compared.
        strictness: Strictness,
    },
}

impl Method {
    /// The spec's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Random => "random",
            Self::Sobol => "sobol",
            Self::Latin => "latin",
            Self::Bayes => "bayes",
            Self::Hyperband(_) => "hyperband",
            Self::Halving(_) => "halving",
            Self::Asha(..) => "asha",
            Self::Genetic(_) => "genetic",
            Self::Pbt(_) => "pbt",
        }
    }

    /// The method where trials have checkpoints: bred ones go on from that of a parent, which is what CrayAI calls
    /// population-based training.
    #[must_use]
    pub fn with_checkpoints(self) -> Self {
        match self {
            Self::Genetic(settings) => {
                Self::Genetic(genetic::Settings { lineage: genetic::Lineage::Checkpoint, ..settings })
            }
            other => other,
        }
    }

    /// Whether a model of results proposes its configurations.
    #[must_use]
    pub fn has_model(self) -> bool {
        match self {
            Self::Bayes => true,
            Self::Hyperband(rungs) | Self::Halving(rungs) | Self::Asha(rungs, _) => {
                rungs.proposals == Proposals::Bayes
            }
            _ => false,
        }
    }

    /// Whether what it proposes depends on what trials report, so that somebody has to drive it.
    #[must_use]
    pub fn is_adaptive(self) -> bool {
        !matches!(self, Self::Grid | Self::Random | Self::Sobol | Self::Latin)
    }

    /// The brackets that it runs, if all trials complete; `limit` is how many configurations begin. None for a
    /// method without rungs.
    ///
    /// # Errors
    /// [`Error::NoBracket`], [`Error::TooMany`], [`Error::Endless`] for ASHA without a limit.
    pub fn brackets(self, limit: Option<u64>) -> Result<Option<Vec<Bracket>>, Error> {
        Ok(Some(match self {
            Self::Hyperband(Rungs { ladder, .. }) => ladder.hyperband()?,
            Self::Halving(Rungs { ladder, .. }) => {
                vec![ladder.bracket(0, limit.unwrap_or_else(|| ladder.first(0)))]
            }
            Self::Asha(Rungs { ladder, .. }, _) => asha::shares(&ladder, limit.ok_or(Error::Endless)?)?,
            _ => return Ok(None),
        }))
    }
}
