//! Cutting trials into batches: those with the same sbatch options form one array, over consecutive indexes where
//! they are consecutive and over a map where not, no array larger than Slurm allows. Pure.

use std::collections::{BTreeMap, HashMap};

use sweep_core::batch::Trials;
use sweep_core::id::TrialIndex;
use sweep_core::packing::Packing;
use sweep_core::spread::Place;

use crate::driver::spread::{Spot, divide};

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

    /// How many tasks an array may have.
    #[must_use]
    pub fn max_array_size(self) -> u32 {
        match self {
            Self::Arrays { max_array_size } | Self::Packed { max_array_size, .. } => max_array_size,
            Self::Individual | Self::Whole => u32::MAX,
        }
    }

    /// The same with arrays of another size.
    fn with_arrays_of(self, max_array_size: u32) -> Self {
        match self {
            Self::Arrays { .. } => Self::Arrays { max_array_size },
            Self::Packed { per_job, side_by_side, .. } => {
                Self::Packed { max_array_size, per_job, side_by_side }
            }
            Self::Individual | Self::Whole => self,
        }
    }

    /// How many jobs may run at once so that no more than `limit` trials do, at least one.
    #[must_use]
    pub fn at_once(self, limit: u32) -> u32 {
        match self {
            // A task never has more side by side than the sweep may, so one task always fits.
            Self::Packed { side_by_side, .. } => (limit / side_by_side.max(1)).max(1),
            Self::Arrays { .. } | Self::Individual | Self::Whole => limit.max(1),
        }
    }

    /// How many chains jobs form of which so many may run at once.
    #[must_use]
    pub fn chains(self, limit: u32) -> usize {
        match self {
            Self::Arrays { .. } | Self::Packed { .. } | Self::Whole => 1,
            Self::Individual => limit.max(1) as usize,
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
    /// Where it goes, of a sweep that is spread.
    pub place: Option<Place>,
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
        if shape == Shape::Whole {
            return self.whole(concurrency).into_iter().collect();
        }
        let mut batches = Vec::new();
        for (options, runs) in &self.groups {
            cut(options, runs, shape, None, &mut batches);
        }
        if let Some(limit) = concurrency {
            let all: Vec<usize> = (0..batches.len()).collect();
            chain(&mut batches, &all, shape, shape.at_once(limit));
        }
        batches
    }

    /// The batches of all trials over several places, in as few arrays as there are places for each set of options. With
    /// a limit, each place has chains of its own: a job cannot wait for one of another cluster.
    #[must_use]
    pub fn spread(&self, shape: Shape, spots: &[Spot]) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut loads: Vec<(u64, u32)> = spots.iter().map(|spot| (spot.load, spot.weight)).collect();
        let mut of_spot: Vec<Vec<usize>> = vec![Vec::new(); spots.len()];
        for (options, runs) in &self.groups {
            let parts = divide(runs.iter().map(|run| run.count).sum(), &loads);
            let mut rest = runs.clone();
            for (number, (spot, part)) in spots.iter().zip(parts).enumerate() {
                loads[number].0 += u64::from(part);
                let first = batches.len();
                let shape = shape.with_arrays_of(spot.max_array_size);
                cut(options, &take(&mut rest, part), shape, Some(&spot.place), &mut batches);
                of_spot[number].extend(first..batches.len());
            }
        }
        for (spot, own) in spots.iter().zip(&of_spot) {
            if let Some(limit) = spot.limit {
                chain(&mut batches, own, shape, limit.max(1));
            }
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
        Some(Batch { trials, rows, options: Options::new(), after: None, limit, per_job: None, place: None })
    }
}

impl Run {
    fn indexes(&self) -> impl Iterator<Item = TrialIndex> + use<> {
        (self.first..self.first + self.count).map(TrialIndex)
    }
}

/// The first `count` trials of some runs, which are taken out of them.
fn take(runs: &mut Vec<Run>, count: u32) -> Vec<Run> {
    let mut taken = Vec::new();
    let mut missing = count;
    while missing > 0 && !runs.is_empty() {
        let run = runs[0];
        let part = run.count.min(missing);
        taken.push(Run { first: run.first, count: part });
        missing -= part;
        if part == run.count {
            runs.remove(0);
        } else {
            runs[0] = Run { first: run.first + part, count: run.count - part };
        }
    }
    taken
}

/// Adds the batches of trials that have the same options and go to the same place.
fn cut(options: &Options, runs: &[Run], shape: Shape, place: Option<&Place>, batches: &mut Vec<Batch>) {
    let mut add = |trials, rows| {
        batches.push(Batch {
            trials,
            rows,
            options: options.clone(),
            after: None,
            limit: None,
            per_job: shape.per_job(),
            place: place.cloned(),
        });
    };
    if matches!(shape, Shape::Individual | Shape::Whole) {
        for index in runs.iter().flat_map(Run::indexes) {
            add(Trials::Single(index), Vec::new());
        }
        return;
    }
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

/// Lets these batches wait for each other, so that no more than `limit` jobs of theirs run at once.
fn chain(batches: &mut [Batch], these: &[usize], shape: Shape, limit: u32) {
    let chains = shape.chains(limit);
    for (n, number) in these.iter().enumerate() {
        let batch = &mut batches[*number];
        batch.after = n.checked_sub(chains).map(|before| these[before]);
        batch.limit = match shape {
            Shape::Arrays { .. } | Shape::Packed { .. } => Some(limit),
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

    fn spots(loads: &[(u64, u32)], limits: &[Option<u32>]) -> Vec<Spot> {
        let place = |number| Place { number, cluster: None, sbatch: BTreeMap::new() };
        let spot = |(number, ((load, weight), limit)): (u32, (&(u64, u32), &Option<u32>))| Spot {
            place: place(number),
            weight: *weight,
            load: *load,
            max_array_size: 500,
            limit: *limit,
        };
        (0..).zip(loads.iter().zip(limits)).map(spot).collect()
    }

    fn placed(batches: &[Batch]) -> Vec<String> {
        let number = |batch: &Batch| batch.place.as_ref().unwrap().number;
        let limit = |batch: &Batch| batch.limit.map(|limit| format!(" %{limit}")).unwrap_or_default();
        let place = |(batch, text)| format!("{text}{} in {}", limit(batch), number(batch));
        batches.iter().zip(texts(batches)).map(place).collect()
    }

    #[test]
    fn a_thousand_trials_over_two_places_are_as_few_arrays_as_their_sizes_allow() {
        let all = groups(&["1G"; 1000]);
        let two = spots(&[(0, 3), (0, 1)], &[None; 2]);
        assert_eq!(placed(&all.spread(ARRAYS, &two)), ["t000+500 in 0", "t500+250 in 0", "t750+250 in 1"]);
    }

    #[test]
    fn each_place_has_its_part_of_the_concurrency_and_its_own_chain() {
        let options: Vec<&str> = (0..8).map(|n| if n % 2 == 0 { "1G" } else { "2G" }).collect();
        let two = spots(&[(0, 3), (0, 1)], &[Some(3), Some(1)]);
        assert_eq!(
            placed(&groups(&options).spread(ARRAYS, &two)),
            ["[0, 2, 4] %3 in 0", "t006+1 %1 in 1", "[1, 3, 5] after 0 %3 in 0", "t007+1 after 1 %1 in 1"]
        );
        let single = groups(&["1G"; 4]).spread(Shape::Individual, &spots(&[(0, 1), (0, 1)], &[Some(1); 2]));
        assert_eq!(placed(&single), ["t000 in 0", "t001 after 0 in 0", "t002 in 1", "t003 after 2 in 1"]);
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
