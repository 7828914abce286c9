//! What is asked of a sweep's batches besides a look: which are open, which is the newest, whose they are.

use std::fs;
use std::os::unix::fs::MetadataExt;

use sweep_core::batch::{self, Intent, Trials};
use sweep_core::id::{BatchNumber, TrialIndex};
use sweep_core::layout::SweepDir;
use sweep_core::record::{Kind, Record};

use crate::driver::look::{Batches, TrialLook};
use crate::error::{At, Result};

impl Batches {
    /// Every intent, by rising number.
    pub fn intents(&self) -> impl Iterator<Item = &Intent> {
        self.known.iter().flatten().map(|known| &known.intent)
    }

    /// The intents of which nobody wrote down what came.
    pub fn open(&self) -> impl Iterator<Item = (BatchNumber, Intent)> {
        let open = self.known.iter().flatten().filter(|known| known.outcome.is_none());
        open.map(|known| (known.intent.token.batch, known.intent.clone()))
    }

    /// The intent of a batch.
    #[must_use]
    pub fn intent(&self, number: BatchNumber) -> Option<&Intent> {
        self.known.get(number.0 as usize)?.as_ref().map(|known| &known.intent)
    }

    /// The job of a batch that an executor took.
    #[must_use]
    pub fn job_of(&self, number: BatchNumber) -> Option<&str> {
        self.known.get(number.0 as usize)?.as_ref()?.outcome.as_ref()?.as_deref().ok()
    }

    /// The job of the newest batch that an executor took.
    #[must_use]
    pub fn newest_job(&self) -> Option<&str> {
        self.known.iter().rev().flatten().find_map(|known| known.outcome.as_ref()?.as_deref().ok())
    }

    /// The number that no batch has yet, nor a torn intent.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        self.next
    }
}

impl TrialLook {
    /// The start record of its newest attempt.
    #[must_use]
    pub fn start(&self) -> Option<&Record> {
        self.record.as_ref()?.1.iter().find(|record| record.kind == Kind::Start)
    }

    /// The end record of its newest attempt.
    #[must_use]
    pub fn end(&self) -> Option<&Record> {
        self.record.as_ref()?.1.iter().rev().find(|record| record.kind == Kind::End)
    }
}

/// The user whose jobs a sweep's are.
///
/// # Errors
/// Where the manifest is not there.
pub fn owner(dir: &SweepDir) -> Result<u32> {
    let path = dir.manifest();
    Ok(fs::metadata(&path).at("read", &path)?.uid())
}

/// The trials of an intent in the order of its tasks.
///
/// # Errors
/// Where its map cannot be read.
pub fn trials_of(dir: &SweepDir, intent: &Intent) -> Result<Vec<TrialIndex>> {
    Ok(match &intent.trials {
        Trials::Single(index) => vec![*index],
        Trials::Consecutive { first, count } => {
            (first.0..first.0.saturating_add(*count)).map(TrialIndex).collect()
        }
        Trials::Mapped { .. } => {
            let path = dir.map(intent.token.batch);
            batch::map_rows(&path, &fs::read(&path).at("read", &path)?)?
        }
    })
}
