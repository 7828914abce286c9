//! Generations of a search, one at a time: places, who was proposed for each, and how they ended. Never what a member
//! is made of: that is the search's own affair.

use std::collections::{HashMap, VecDeque};

use sweep_core::id::TrialIndex;
use sweep_core::params::Params;

use crate::leaders::Score;
use crate::strategy::{Ask, Event, Proposal};

/// Proposals for one place, the lost ones included; a place that loses them all counts as failed.
const PROPOSALS: u32 = 4;

/// A member of a generation that ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Individual {
    /// Its configuration's number.
    pub(crate) trial: u32,
    pub(crate) params: Params,
    pub(crate) score: Score,
    /// The further metrics of a search by several.
    pub(crate) others: Vec<Option<f64>>,
}

impl Individual {
    /// What generations are sorted by: ties go to the lower number.
    pub(crate) fn rank(&self) -> (Score, u32) {
        (self.score, self.trial)
    }

    pub(crate) fn failed(&self) -> bool {
        self.score == Score::WORST
    }

    /// All metrics, as many as are asked for.
    pub(crate) fn costs(&self, metrics: usize) -> Vec<Option<f64>> {
        let all = std::iter::once(self.score.metric()).chain(self.others.iter().copied());
        all.chain(std::iter::repeat(None)).take(metrics).collect()
    }
}

/// How many generations there are, and how large they may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) generations: u32,
    /// Of one generation.
    pub(crate) places: u64,
    /// Configurations in all.
    pub(crate) limit: u64,
}

/// A search by generations, and the one that is on its way.
#[derive(Clone, Debug)]
pub(crate) struct Cohort {
    extent: Extent,
    /// From 0.
    generation: u32,
    places: Vec<Place>,
    vacant: VecDeque<usize>,
    running: HashMap<u32, usize>,
    /// The number of the next configuration, over all generations.
    next: u32,
    finished: bool,
}

/// What an event changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing that a search has to act upon.
    None,
    /// Somebody joined.
    Joined,
    /// All have ended.
    Complete,
}

#[derive(Clone, Debug, Default)]
struct Place {
    individual: Option<Individual>,
    lost: u32,
}

impl Cohort {
    /// A search that begins with its first generation.
    pub(crate) fn new(extent: Extent) -> Self {
        let mut cohort = Self {
            extent,
            generation: 0,
            places: Vec::new(),
            vacant: VecDeque::new(),
            running: HashMap::new(),
            next: 0,
            finished: false,
        };
        cohort.begin();
        cohort
    }

    fn begin(&mut self) {
        let left = self.extent.limit.saturating_sub(self.proposals().into());
        let places = usize::try_from(self.extent.places.min(left)).unwrap_or(usize::MAX);
        self.places = vec![Place::default(); places];
        self.vacant = (0..places).collect();
        self.running.clear();
        self.finished = places == 0 || self.generation >= self.extent.generations;
    }

    /// What to do next; `member` makes the proposal for a place, given how many were lost on it.
    pub(crate) fn ask(&self, member: impl FnOnce(usize, u32) -> Proposal) -> Ask {
        if self.finished {
            return Ask::Done;
        }
        match self.vacant.front() {
            Some(place) => Ask::Run(member(*place, self.places[*place].lost)),
            None if self.running.is_empty() => Ask::Done,
            None => Ask::Wait,
        }
    }

    /// Takes note of an event. Once all have ended, the search calls [`Self::turn`].
    pub(crate) fn tell(&mut self, trial: TrialIndex, event: &Event) -> Change {
        let complete = match event {
            Event::Proposed(proposal) if self.proposed(trial.0, &proposal.params) => return Change::Joined,
            Event::Proposed(_) | Event::Reported { .. } | Event::Pruned => false,
            Event::Ended { metric, others } => self.ended(trial.0, *metric, others),
            Event::Withdrawn => self.withdrawn(trial.0),
        };
        if complete { Change::Complete } else { Change::None }
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// How many configurations were proposed in all generations.
    pub(crate) fn proposals(&self) -> u32 {
        self.next
    }

    /// Somebody was proposed for the place that was due. Whether that was news.
    fn proposed(&mut self, trial: u32, params: &Params) -> bool {
        if trial != self.next {
            return false;
        }
        self.next += 1;
        let Some(place) = self.vacant.pop_front() else { return false };
        self.places[place].individual =
            Some(Individual { trial, params: params.clone(), score: Score::WORST, others: Vec::new() });
        self.running.insert(trial, place);
        true
    }

    /// Somebody ended. Whether that completed the generation.
    fn ended(&mut self, trial: u32, metric: Option<f64>, others: &[Option<f64>]) -> bool {
        let Some(place) = self.running.remove(&trial) else { return false };
        if let Some(individual) = &mut self.places[place].individual {
            individual.score = Score::of(metric);
            individual.others = others.to_vec();
        }
        self.is_complete()
    }

    /// Somebody was lost. Whether that completed the generation, since too many were lost before.
    fn withdrawn(&mut self, trial: u32) -> bool {
        let Some(place) = self.running.remove(&trial) else { return false };
        self.places[place].lost += 1;
        if self.places[place].lost < PROPOSALS {
            self.vacant.push_back(place);
        }
        self.is_complete()
    }

    fn is_complete(&self) -> bool {
        self.vacant.is_empty() && self.running.is_empty()
    }

    /// The members by place, all of which have ended; the next generation begins. Where all failed, the search ends.
    pub(crate) fn turn(&mut self) -> Vec<Individual> {
        let places = std::mem::take(&mut self.places);
        let members: Vec<Individual> = places.into_iter().filter_map(|place| place.individual).collect();
        self.generation += 1;
        self.begin();
        self.finished |= members.iter().all(Individual::failed);
        members
    }
}
