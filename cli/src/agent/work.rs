//! What an agent runs: the rows of its own array task, or whatever was offered to agents and nobody has taken. Never a
//! trial twice.

use std::collections::{BTreeSet, VecDeque};
use std::fs;

use sweep_core::batch::{Executor, Intent};
use sweep_core::id::{BatchNumber, SweepId, Token, TrialIndex};
use sweep_core::layout::SweepDir;

use crate::driver::look::trials_of;
use crate::error::{At, Result};
use crate::task::kept::Holds;

/// A trial and the batch that it is run for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The batch's token.
    pub token: Token,
    /// The trial.
    pub index: TrialIndex,
}

/// Where trials come from.
#[derive(Debug)]
pub struct Work {
    dir: SweepDir,
    sweep: SweepId,
    waiting: VecDeque<Piece>,
    /// Batches that were offered and are known; none of a task with rows of its own.
    offered: Option<BTreeSet<u32>>,
}

impl Work {
    /// The rows of an array task.
    ///
    /// # Errors
    /// Where the intent or its map cannot be read.
    pub fn of_task(dir: &SweepDir, batch: BatchNumber, task: u32) -> Result<Self> {
        let path = dir.batch(batch);
        let intent = Intent::parse(&path, &fs::read(&path).at("read", &path)?)?;
        let rows = intent.rows_of(task);
        let trials = trials_of(dir, &intent)?;
        let own = trials.get(rows.start as usize..rows.end as usize).unwrap_or_default();
        let piece = |index: &TrialIndex| Piece { token: intent.token.clone(), index: *index };
        let waiting = own.iter().map(piece).collect();
        Ok(Self { dir: dir.clone(), sweep: intent.token.sweep, waiting, offered: None })
    }

    /// Whatever is offered, now or later.
    ///
    /// # Errors
    /// Where the batches cannot be read.
    pub fn offered(dir: &SweepDir, sweep: &SweepId) -> Result<Self> {
        let mut work = Self {
            dir: dir.clone(),
            sweep: sweep.clone(),
            waiting: VecDeque::new(),
            offered: Some(BTreeSet::new()),
        };
        work.look()?;
        Ok(work)
    }

    /// How claims on it are taken.
    #[must_use]
    pub fn holds(&self) -> Holds {
        if self.offered.is_some() { Holds::Agent } else { Holds::Job }
    }

    /// Whether more may be offered.
    #[must_use]
    pub fn may_grow(&self) -> bool {
        self.offered.is_some()
    }

    /// Looks whether more was offered; whether there was.
    ///
    /// # Errors
    /// Where the batches cannot be read.
    pub fn look(&mut self) -> Result<bool> {
        let Some(known) = &mut self.offered else { return Ok(false) };
        let folder = self.dir.batches();
        let mut new = BTreeSet::new();
        for entry in fs::read_dir(&folder).at("read", &folder)? {
            let name = entry.at("read", &folder)?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".json")?.parse::<u32>().ok());
            new.extend(number.filter(|number| !known.contains(number)));
        }
        let mut found = false;
        for number in new {
            let path = self.dir.batch(BatchNumber(number));
            // One that is being written is read the next time; one that stays torn was never offered.
            let Ok(intent) = Intent::parse(&path, &fs::read(&path).at("read", &path)?) else { continue };
            known.insert(number);
            if intent.executor != Executor::Agent || intent.token.sweep != self.sweep {
                continue;
            }
            let trials = trials_of(&self.dir, &intent)?;
            found |= !trials.is_empty();
            self.waiting.extend(trials.into_iter().map(|index| Piece { token: intent.token.clone(), index }));
        }
        Ok(found)
    }

    /// The next piece, which stays where it is.
    #[must_use]
    pub fn next(&self) -> Option<&Piece> {
        self.waiting.front()
    }

    /// Takes the next piece away.
    pub fn take(&mut self) -> Option<Piece> {
        self.waiting.pop_front()
    }

    /// How many pieces are left.
    #[must_use]
    pub fn rest(&self) -> u32 {
        u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }
}

/// Work by example.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::batch::Trials;
    use sweep_core::schema;

    fn write(dir: &SweepDir, number: u32, executor: Executor, first: u32, count: u32, per_job: Option<u32>) {
        let intent = Intent {
            schema: schema::CURRENT,
            token: format!("s.{number}").parse().unwrap(),
            executor,
            trials: Trials::Consecutive { first: TrialIndex(first), count },
            sbatch: Default::default(),
            extra: Vec::new(),
            after: None,
            limit: None,
            per_job,
            place: None,
        };
        fs::write(dir.batch(BatchNumber(number)), serde_json::to_vec(&intent).unwrap()).unwrap();
    }

    fn all(work: &mut Work) -> Vec<(u32, u32)> {
        std::iter::from_fn(|| work.take()).map(|piece| (piece.token.batch.0, piece.index.0)).collect()
    }

    #[test]
    fn a_task_has_its_own_rows_and_an_agent_what_was_offered() {
        let folder = tempfile::tempdir().unwrap();
        let dir = SweepDir::new(folder.path());
        fs::create_dir_all(dir.batches()).unwrap();
        write(&dir, 0, Executor::Slurm, 10, 5, Some(2));
        let mut last = Work::of_task(&dir, BatchNumber(0), 2).unwrap();
        assert_eq!(all(&mut last), [(0, 14)]);
        assert_eq!(Work::of_task(&dir, BatchNumber(0), 3).unwrap().rest(), 0);

        let mut offered = Work::offered(&dir, &"s".parse().unwrap()).unwrap();
        assert_eq!(offered.next(), None);
        write(&dir, 1, Executor::Agent, 0, 2, None);
        fs::write(dir.batch(BatchNumber(2)), b"{").unwrap();
        assert!(offered.look().unwrap());
        assert!(!offered.look().unwrap());
        assert_eq!(all(&mut offered), [(1, 0), (1, 1)]);
        write(&dir, 2, Executor::Agent, 7, 1, None);
        assert!(offered.look().unwrap());
        assert_eq!(all(&mut offered), [(2, 7)]);
    }
}
