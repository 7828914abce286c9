//! Cutting trials into batches: those with the same sbatch options form one array, over consecutive indexes where
//! they are consecutive and over a map where not, no array larger than Slurm allows. Pure.

use std::collections::{BTreeMap, HashMap};

use sweep_core::batch::Trials;
use sweep_core::id::TrialIndex;
use sweep_core::packing::Packing;

/// sbatch options by their long names.
pub type Options = BTreeMap<String, String>;

/// How trials become jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Arrays of at most so many tasks.
    Arrays {
        /// Slurm's MaxArraySize.
        max_array_size: u32,
    },
    /// Arrays of at most so many tasks, each of which runs several trials.
    Packed {
        /// Slurm's MaxArraySize.
        max_array_size: u32,
        /// How many trials a task runs.
        per_job: u32,
        /// How many of them side by side, at most.
        side_by_side: u32,
    },
    /// One job a trial.
    Individual,
    /// One batch of all trials, whatever their options: of an executor that has none.
    Whole,
}

impl Shape {
    /// How Slurm's jobs are formed; `max_array_size` is what it allows.
    #[must_use]
    pub fn of_slurm(individual: bool, packing: &Packing, max_array_size: u32) -> Self {
        match packing.trials_per_job {
            _ if individual => Self::Individual,
            Some(per_job) => {
                Self::Packed { max_array_size, per_job, side_by_side: packing.side_by_side(per_job) }
            }
            None => Self::Arrays { max_array_size },
        }
    }

    /// Most trials of one array.
    fn trials(self) -> u32 {
        match self {
            Self::Arrays { max_array_size } => max_array_size.max(1),
            Self::Packed { max_array_size, per_job, .. } => {
                max_array_size.max(1).saturating_mul(per_job.max(1))
            }
            Self::Individual | Self::Whole => u32::MAX,
        }
    }

    /// How many trials one task runs, where that is not one.
    fn per_job(self) -> Option<u32> {
        match self {
            Self::Packed { per_job, .. } => Some(per_job.max(1)),
            _ => None,
        }
    }
}

/// One call to an executor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its trials.
    pub trials: Trials,
    /// Their rows, where they are mapped.
    pub rows: Vec<TrialIndex>,
    /// Their options.
    pub options: Options,
    /// The place in this list of the batch that must have ended before.
    pub after: Option<usize>,
    /// Most of its tasks at once.
    pub limit: Option<u32>,
    /// How many trials a task runs, where that is not one.
    pub per_job: Option<u32>,
}

impl Batch {
    /// Its first `count` trials and the others; `count` is above 0 and below what it has.
    #[must_use]
    pub fn split(&self, count: u32) -> (Self, Self) {
        let whole = self.trials.count();
        let cut = |trials, rows: &[TrialIndex]| Self { trials, rows: rows.to_vec(), ..self.clone() };
        match &self.trials {
            Trials::Consecutive { first, .. } => {
                let second = TrialIndex(first.0 + count);
                (
                    cut(Trials::Consecutive { first: *first, count }, &[]),
                    cut(Trials::Consecutive { first: second, count: whole - count }, &[]),
                )
            }
            Trials::Mapped { .. } => {
                let (one, two) = self.rows.split_at(count as usize);
                (cut(Trials::Mapped { count }, one), cut(Trials::Mapped { count: whole - count }, two))
            }
            // One trial has no parts.
            Trials::Single(_) => (self.clone(), self.clone()),
        }
    }
}

/// Trials by their options, in the order in which each set of options first came. Memory grows with the number of
/// runs of consecutive trials, not of trials.
#[derive(Debug, Default)]
pub struct Groups {
    groups: Vec<(Options, Vec<Run>)>,
    places: HashMap<Options, usize>,
}

/// Consecutive trials.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u32,
    count: u32,
}

impl Groups {
    /// Adds the next trial.
    pub fn add(&mut self, index: TrialIndex, options: &Options) {
        let place = match self.places.get(options) {
            Some(place) => *place,
            None => {
                self.groups.push((options.clone(), Vec::new()));
                self.places.insert(options.clone(), self.groups.len() - 1);
                self.groups.len() - 1
            }
        };
        let runs = &mut self.groups[place].1;
        match runs.last_mut() {
            Some(run) if run.first + run.count == index.0 => run.count += 1,
            _ => runs.push(Run { first: index.0, count: 1 }),
        }
    }

    /// The batches of all trials. With a concurrency, arrays form a chain in which each waits for the one before,
    /// and single jobs form as many chains as may run at once: so never more than that many run, without anybody
    /// watching.
    #[must_use]
    pub fn batches(&self, shape: Shape, concurrency: Option<u32>) -> Vec<Batch> {
        let mut batches = Vec::new();
        if shape == Shape::Whole {
            return self.whole(concurrency).into_iter().collect();
        }
        for (options, runs) in &self.groups {
            let mut add = |trials, rows| {
                let options = options.clone();
                batches.push(Batch {
                    trials,
                    rows,
                    options,
                    after: None,
                    limit: None,
                    per_job: shape.per_job(),
                });
            };
            match shape {
                Shape::Individual | Shape::Whole => {
                    for index in runs.iter().flat_map(Run::indexes) {
                        add(Trials::Single(index), Vec::new());
                    }
                }
                Shape::Arrays { .. } | Shape::Packed { .. } => {
                    for chunk in chunks(runs, shape.trials()) {
                        match chunk.as_slice() {
                            [run] => {
                                let first = TrialIndex(run.first);
                                add(Trials::Consecutive { first, count: run.count }, Vec::new());
                            }
                            runs => {
                                let rows: Vec<_> = runs.iter().flat_map(Run::indexes).collect();
                                let count = runs.iter().map(|run| run.count).sum();
                                add(Trials::Mapped { count }, rows);
                            }
                        }
                    }
                }
            }
        }
        if let Some(limit) = concurrency {
            chain(&mut batches, shape, limit);
        }
        batches
    }
}

impl Groups {
    fn whole(&self, limit: Option<u32>) -> Option<Batch> {
        let mut runs: Vec<Run> = self.groups.iter().flat_map(|(_, runs)| runs).copied().collect();
        runs.sort_by_key(|run| run.first);
        let (first, last) = (runs.first()?, runs.last()?);
        let count = runs.iter().map(|run| run.count).sum();
        let (trials, rows) = if last.first + last.count - first.first == count {
            (Trials::Consecutive { first: TrialIndex(first.first), count }, Vec::new())
        } else {
            (Trials::Mapped { count }, runs.iter().flat_map(Run::indexes).collect())
        };
        Some(Batch { trials, rows, options: Options::new(), after: None, limit, per_job: None })
    }
}

impl Run {
    fn indexes(&self) -> impl Iterator<Item = TrialIndex> + use<> {
        (self.first..self.first + self.count).map(TrialIndex)
    }
}

/// Runs cut and gathered so that none has more than `size` trials.
fn chunks(runs: &[Run], size: u32) -> Vec<Vec<Run>> {
    let mut chunks = Vec::new();
    let mut chunk: Vec<Run> = Vec::new();
    let mut room = size;
    for run in runs {
        let mut rest = *run;
        while rest.count > 0 {
            let count = rest.count.min(room);
            chunk.push(Run { first: rest.first, count });
            rest = Run { first: rest.first + count, count: rest.count - count };
            room -= count;
            if room == 0 {
                chunks.push(std::mem::take(&mut chunk));
                room = size;
            }
        }
    }
    if !chunk.is_empty() {
        chunks.push(chunk);
    }
    chunks
}

fn chain(batches: &mut [Batch], shape: Shape, limit: u32) {
    let chains = match shape {
        Shape::Arrays { .. } | Shape::Packed { .. } | Shape::Whole => 1,
        Shape::Individual => limit.max(1) as usize,
    };
    for (n, batch) in batches.iter_mut().enumerate() {
        batch.after = n.checked_sub(chains);
        batch.limit = match shape {
            Shape::Arrays { .. } => Some(limit.max(1)),
            // A task never has more side by side than the sweep may, so one task always fits.
            Shape::Packed { side_by_side, .. } => Some((limit / side_by_side.max(1)).max(1)),
            Shape::Individual | Shape::Whole => None,
        };
    }
}

/// Batches by example.
#[cfg(test)]
mod tests {
    use super::*;

    const ARRAYS: Shape = Shape::Arrays { max_array_size: 4 };

    fn groups(options: &[&str]) -> Groups {
        let mut groups = Groups::default();
        for (index, mem) in (0..).map(TrialIndex).zip(options) {
            groups.add(index, &[("mem".to_owned(), (*mem).to_owned())].into());
        }
        groups
    }

    fn texts(batches: &[Batch]) -> Vec<String> {
        let text = |batch: &Batch| {
            let rows: Vec<_> = batch.rows.iter().map(|index| index.0).collect();
            let after = batch.after.map(|after| format!(" after {after}")).unwrap_or_default();
            match &batch.trials {
                Trials::Single(index) => format!("{}{after}", index.label()),
                Trials::Consecutive { first, count } => format!("{}+{count}{after}", first.label()),
                Trials::Mapped { .. } => format!("{rows:?}{after}"),
            }
        };
        batches.iter().map(text).collect()
    }

    #[test]
    fn trials_of_one_kind_are_cut_by_the_largest_array() {
        let all = groups(&["1G"; 10]);
        assert_eq!(texts(&all.batches(ARRAYS, None)), ["t000+4", "t004+4", "t008+2"]);
        assert_eq!(texts(&all.batches(ARRAYS, Some(2))), ["t000+4", "t004+4 after 0", "t008+2 after 1"]);
        assert!(all.batches(ARRAYS, Some(2)).iter().all(|batch| batch.limit == Some(2)));
    }

    #[test]
    fn a_batch_is_cut_in_two() {
        let all = groups(&["1G"; 4]).batches(ARRAYS, Some(2));
        let (one, two) = all[0].split(3);
        assert_eq!(texts(&[one, two]), ["t000+3", "t003+1"]);
        let mapped = groups(&["1G", "2G", "1G", "1G"]).batches(ARRAYS, None);
        let (one, two) = mapped[0].split(1);
        assert_eq!(texts(&[one, two]), ["[0]", "[2, 3]"]);
    }

    #[test]
    fn an_array_of_jobs_with_several_trials_each_holds_as_many_times_more() {
        let shape = Shape::Packed { max_array_size: 2, per_job: 3, side_by_side: 3 };
        let batches = groups(&["1G"; 10]).batches(shape, Some(7));
        assert_eq!(texts(&batches), ["t000+6", "t006+4 after 0"]);
        assert!(batches.iter().all(|batch| batch.per_job == Some(3) && batch.limit == Some(2)));
        let few = groups(&["1G"; 2]).batches(shape, Some(1));
        assert_eq!(few[0].limit, Some(1));
        let packing = Packing { trials_per_job: Some(3), slots: Some(8), ..Packing::default() };
        assert_eq!(Shape::of_slurm(false, &packing, 2), shape);
        assert_eq!(Shape::of_slurm(true, &packing, 2), Shape::Individual);
    }

    #[test]
    fn trials_of_several_kinds_are_mapped() {
        let all = groups(&["1G", "2G", "1G", "1G", "2G"]);
        assert_eq!(texts(&all.batches(ARRAYS, None)), ["[0, 2, 3]", "[1, 4]"]);
    }

    #[test]
    fn an_executor_without_options_gets_all_trials_at_once() {
        let all = groups(&["1G", "2G", "1G", "1G", "2G"]);
        assert_eq!(texts(&all.batches(Shape::Whole, Some(2))), ["t000+5"]);
        let mut some = groups(&["1G", "2G", "1G"]);
        some.add(TrialIndex(7), &Options::new());
        assert_eq!(texts(&some.batches(Shape::Whole, None)), ["[0, 1, 2, 7]"]);
    }

    #[test]
    fn single_jobs_form_as_many_chains_as_may_run_at_once() {
        let all = groups(&["1G"; 5]);
        assert_eq!(texts(&all.batches(Shape::Individual, None)).len(), 5);
        assert_eq!(
            texts(&all.batches(Shape::Individual, Some(2))),
            ["t000", "t001", "t002 after 0", "t003 after 1", "t004 after 2"]
        );
    }

    #[test]
    fn every_trial_is_in_exactly_one_batch() {
        let options: Vec<&str> = (0..57).map(|n| if n % 7 < 4 { "1G" } else { "2G" }).collect();
        for size in [1, 3, 4, 100] {
            let shape = Shape::Arrays { max_array_size: size };
            let mut seen = Vec::new();
            for batch in groups(&options).batches(shape, None) {
                assert!(batch.trials.count() <= size);
                match batch.trials {
                    Trials::Single(index) => seen.push(index),
                    Trials::Consecutive { first, count } => {
                        seen.extend((first.0..first.0 + count).map(TrialIndex))
                    }
                    Trials::Mapped { count } => {
                        assert_eq!(count as usize, batch.rows.len());
                        seen.extend(batch.rows);
                    }
                }
            }
            seen.sort();
            assert_eq!(seen, (0..57).map(TrialIndex).collect::<Vec<_>>());
        }
    }
}
