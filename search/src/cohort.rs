//! One generation on its way: places, who was proposed for each, and how they ended. Never the next generation:
//! what it is made of is the search's own affair.

use std::collections::{HashMap, VecDeque};

use sweep_core::params::Params;

use crate::leaders::Score;

/// Proposals for one place, the lost ones included; a place that loses them all counts as failed.
const PROPOSALS: u32 = 4;

/// A member of a generation that ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Individual {
    /// Its configuration's number.
    pub(crate) trial: u32,
    pub(crate) params: Params,
    pub(crate) score: Score,
}

impl Individual {
    /// What generations are sorted by: ties go to the lower number.
    pub(crate) fn rank(&self) -> (Score, u32) {
        (self.score, self.trial)
    }

    pub(crate) fn failed(&self) -> bool {
        self.score == Score::WORST
    }
}

/// A generation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cohort {
    places: Vec<Place>,
    vacant: VecDeque<usize>,
    running: HashMap<u32, usize>,
    /// The number of the next configuration, over all generations.
    next: u32,
}

#[derive(Clone, Debug, Default)]
struct Place {
    individual: Option<Individual>,
    lost: u32,
}

impl Cohort {
    /// Begins a generation of so many places.
    pub(crate) fn begin(&mut self, places: usize) {
        self.places = vec![Place::default(); places];
        self.vacant = (0..places).collect();
        self.running.clear();
    }

    /// The place that a proposal is due for, and how many were lost on it.
    pub(crate) fn vacancy(&self) -> Option<(usize, u32)> {
        let place = *self.vacant.front()?;
        Some((place, self.places[place].lost))
    }

    /// Whether anybody runs.
    pub(crate) fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// How many configurations were proposed in all generations.
    pub(crate) fn proposals(&self) -> u32 {
        self.next
    }

    /// Somebody was proposed for the place that was due. Whether that was news.
    pub(crate) fn proposed(&mut self, trial: u32, params: &Params) -> bool {
        if trial != self.next {
            return false;
        }
        self.next += 1;
        let Some(place) = self.vacant.pop_front() else { return false };
        self.places[place].individual =
            Some(Individual { trial, params: params.clone(), score: Score::WORST });
        self.running.insert(trial, place);
        true
    }

    /// Somebody ended. Whether that completed the generation.
    pub(crate) fn ended(&mut self, trial: u32, metric: Option<f64>) -> bool {
        let Some(place) = self.running.remove(&trial) else { return false };
        if let Some(individual) = &mut self.places[place].individual {
            individual.score = Score::of(metric);
        }
        self.is_complete()
    }

    /// Somebody was lost. Whether that completed the generation, since too many were lost before.
    pub(crate) fn withdrawn(&mut self, trial: u32) -> bool {
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

    /// The members by place, all of which have ended.
    pub(crate) fn take(&mut self) -> Vec<Individual> {
        std::mem::take(&mut self.places).into_iter().filter_map(|place| place.individual).collect()
    }
}
