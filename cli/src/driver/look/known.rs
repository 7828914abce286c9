//! What was submitted: every intent of a sweep and what came of it. It knows nothing of what runs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use sweep_core::batch::{self, Executor, Intent, Trials};
use sweep_core::event::Event;
use sweep_core::id::{BatchNumber, TrialIndex};
use sweep_core::layout::SweepDir;
use sweep_core::spread;

use crate::driver::journal;
use crate::driver::submit::Earlier;
use crate::error::{At, Result};
use crate::executor::slurm::clusters::ByCluster;

/// A job that an executor took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenJob {
    /// Which executor.
    pub executor: Executor,
    /// Slurm's job id, or the supervisor's name.
    pub job: String,
    /// Where it went, of a sweep that is spread.
    pub place: Option<spread::Place>,
}

impl TakenJob {
    /// The cluster that has it, where the sweep names one.
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        self.place.as_ref()?.cluster.as_deref()
    }
}

/// Every intent of a sweep and what came of it, by batch number.
#[derive(Debug, Default)]
pub struct Batches {
    pub(super) known: Vec<Option<Known>>,
    /// The number that nobody has taken yet.
    next: u32,
    full: Option<Full>,
}

/// The last time that a limit of Slurm's stood in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full {
    /// What Slurm said.
    pub error: String,
    /// How many jobs and array tasks the user had in the queue then.
    pub open: u32,
    /// When, in nanoseconds since 1970.
    pub time_ns: u64,
    /// When the refusals began of which this is the last, with nothing taken in between.
    pub since_ns: u64,
    /// How many trials were taken after it.
    pub taken: u32,
}

/// Where a trial stands among the batches: which batch, by its number, and which task of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) batch: usize,
    pub(super) task: u32,
}

#[derive(Debug)]
pub(super) struct Known {
    pub(super) intent: Intent,
    pub(super) rows: Vec<TrialIndex>,
    pub(super) outcome: Option<Result<String, String>>,
}

impl Known {
    /// Whether its trials share their jobs with others.
    pub(super) fn shares_jobs(&self) -> bool {
        self.intent.per_job.is_some() || self.intent.executor == Executor::Agent
    }

    /// The job that is noted of it.
    fn job(&self) -> Option<&str> {
        self.outcome.as_ref()?.as_deref().ok()
    }

    /// The trial of a row.
    pub(super) fn trial(&self, row: u32) -> Option<TrialIndex> {
        match &self.intent.trials {
            Trials::Single(index) => (row == 0).then_some(*index),
            Trials::Consecutive { first, count } => {
                (row < *count).then(|| TrialIndex(first.0.saturating_add(row)))
            }
            Trials::Mapped { .. } => self.rows.get(row as usize).copied(),
        }
    }
}

/// Most batches that a directory may name, so that a stray file cannot fill memory.
const BATCHES: u32 = 100_000_000;

impl Batches {
    /// Reads intents, maps and events.
    ///
    /// # Errors
    /// Those of the file system, or of a file of a later release.
    pub fn read(dir: &SweepDir) -> Result<Self> {
        Self::with_events(dir, &journal::read(dir)?)
    }

    /// Reads intents and maps, where the events were read already.
    ///
    /// # Errors
    /// Those of the file system, or of a file of a later release.
    pub fn with_events(dir: &SweepDir, events: &[Event]) -> Result<Self> {
        let mut batches: Vec<Option<Known>> = Vec::new();
        let mut next = 0;
        let folder = dir.batches();
        for entry in fs::read_dir(&folder).at("read", &folder)? {
            let name = entry.at("read", &folder)?.file_name();
            let parts = name.to_str().and_then(|name| name.split_once('.'));
            let Some((number, kind)) = parts else { continue };
            let number = number.parse::<u32>().ok().filter(|number| *number < BATCHES);
            let Some(number) = number else { continue };
            // A map comes before its intent; one whose intent was never written has taken the number all the same.
            next = next.max(number + 1);
            if kind != "json" {
                continue;
            }
            let number = BatchNumber(number);
            let path = dir.batch(number);
            let intent = match Intent::parse(&path, &fs::read(&path).at("read", &path)?) {
                Ok(intent) => intent,
                // A torn intent means that the executor was never asked.
                Err(sweep_core::Error::Damaged { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let rows = match intent.trials {
                Trials::Mapped { .. } => trials_of(dir, &intent)?,
                Trials::Single(_) | Trials::Consecutive { .. } => Vec::new(),
            };
            let place = number.0 as usize;
            if batches.len() <= place {
                batches.resize_with(place + 1, || None);
            }
            batches[place] = Some(Known { intent, rows, outcome: None });
        }
        let mut all = Self { known: batches, next, full: None };
        for event in events {
            match event {
                Event::Submitted { batch, job, .. } => {
                    all.note(batch.0, Ok(job.clone()));
                    let trials = all.intent(*batch).map_or(0, |intent| intent.trials.count());
                    if let Some(full) = &mut all.full {
                        full.taken = full.taken.saturating_add(trials);
                    }
                }
                Event::SubmitFailed { batch, error, .. } => all.note(batch.0, Err(error.clone())),
                // As if it had never been asked for: its trials stand as they stood before.
                Event::Deferred { batch, error, open, time_ns } => {
                    if let Some(known) = all.known.get_mut(batch.0 as usize) {
                        *known = None;
                    }
                    let since = all.full.filter(|full| full.taken == 0).map(|full| full.since_ns);
                    let (open, time_ns) = (*open, *time_ns);
                    let since_ns = since.unwrap_or(time_ns);
                    all.full = Some(Full { error: error.clone(), open, time_ns, since_ns, taken: 0 });
                }
                _ => {}
            }
        }
        Ok(all)
    }

    fn note(&mut self, number: u32, outcome: Result<String, String>) {
        if let Some(Some(known)) = self.known.get_mut(number as usize) {
            known.outcome = Some(outcome);
        }
    }

    /// The job that is noted of a batch, by its number.
    pub(super) fn job_at(&self, number: usize) -> Option<&str> {
        self.known.get(number)?.as_ref()?.job()
    }

    /// Every job that an executor took.
    #[must_use]
    pub fn jobs(&self) -> Vec<TakenJob> {
        let job = |known: &Known| {
            let job = known.outcome.as_ref()?.as_ref().ok()?.clone();
            let Intent { executor, place, .. } = &known.intent;
            Some(TakenJob { executor: *executor, job, place: place.clone() })
        };
        self.known.iter().flatten().filter_map(job).collect()
    }

    /// The jobs of Slurm's that it took, by the cluster that has them.
    #[must_use]
    pub fn slurm_jobs(&self) -> ByCluster<u32> {
        let jobs = self.jobs().into_iter();
        jobs.filter_map(|job| Some((job.cluster().map(str::to_owned), job.job.parse().ok()?))).collect()
    }

    /// How many trials each place has had, by its number; a trial that runs again counts again.
    #[must_use]
    pub fn given(&self) -> BTreeMap<u32, u64> {
        let mut given = BTreeMap::new();
        for known in self.known.iter().flatten().filter(|known| !matches!(known.outcome, Some(Err(_)))) {
            if let Some(place) = &known.intent.place {
                *given.entry(place.number).or_default() += u64::from(known.intent.trials.count());
            }
        }
        given
    }

    /// The newest batch of each trial, and the trial's task in it.
    pub(super) fn by_trial(&self, trials: usize) -> Vec<Option<Place>> {
        let mut places = vec![None; trials];
        for (number, known) in self.known.iter().enumerate() {
            let Some(known) = known else { continue };
            let mut set = |index: u32, task: u32| {
                if let Some(place) = places.get_mut(index as usize) {
                    *place = Some(Place { batch: number, task });
                }
            };
            match &known.intent.trials {
                Trials::Single(index) => set(index.0, 0),
                Trials::Consecutive { first, count } => {
                    (0..*count).for_each(|task| set(first.0.saturating_add(task), task));
                }
                Trials::Mapped { .. } => (0..).zip(&known.rows).for_each(|(task, index)| set(index.0, task)),
            }
        }
        places
    }

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
        self.job_at(number.0 as usize)
    }

    /// The last time that a limit of Slurm's stood in the way, where one did.
    #[must_use]
    pub fn full(&self) -> Option<&Full> {
        self.full.as_ref()
    }

    /// The newest jobs that an executor took of each place, as many as form chains of their own there, as sbatch takes
    /// them for a dependency.
    #[must_use]
    pub fn newest_jobs(&self, chains: usize) -> Earlier {
        let mut newest: BTreeMap<Option<u32>, Vec<&str>> = BTreeMap::new();
        for known in self.known.iter().rev().flatten() {
            let jobs = newest.entry(known.intent.place.as_ref().map(|place| place.number)).or_default();
            jobs.extend(known.job().filter(|_| jobs.len() < chains));
        }
        newest.retain(|_, jobs| !jobs.is_empty());
        newest.into_iter().map(|(place, jobs)| (place, jobs.join(":"))).collect()
    }

    /// The number that no batch has yet, nor a torn intent.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        self.next
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

/// Batches by example.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::schema;

    #[test]
    fn what_comes_later_waits_for_the_newest_job_of_each_chain_of_its_place() {
        let known = |number: u32, place: Option<u32>, job: Option<&str>| {
            let token = format!("s.{number}").parse().unwrap();
            let place = place.map(|number| spread::Place { number, cluster: None, sbatch: BTreeMap::new() });
            let intent = Intent {
                schema: schema::CURRENT,
                token,
                executor: Executor::Slurm,
                trials: Trials::Single(TrialIndex(number)),
                sbatch: BTreeMap::new(),
                extra: Vec::new(),
                after: None,
                limit: None,
                per_job: None,
                place,
            };
            Some(Known { intent, rows: Vec::new(), outcome: job.map(|job| Ok(job.to_owned())) })
        };
        let list = [
            known(0, None, Some("5")),
            known(1, None, Some("6")),
            known(2, Some(0), Some("7")),
            known(3, Some(1), Some("7")),
            known(4, None, None),
            known(5, Some(0), Some("9")),
        ];
        let batches = Batches { known: list.into(), ..Batches::default() };
        let newest =
            |chains| -> Vec<(Option<u32>, String)> { batches.newest_jobs(chains).into_iter().collect() };
        let jobs = |jobs: [&str; 3]| {
            [None, Some(0), Some(1)].into_iter().zip(jobs.map(str::to_owned)).collect::<Vec<_>>()
        };
        assert_eq!(newest(1), jobs(["6", "9", "7"]));
        assert_eq!(newest(2), jobs(["6:5", "9:7", "7"]));
        assert_eq!(batches.given(), [(0, 2), (1, 1)].into());
    }
}
