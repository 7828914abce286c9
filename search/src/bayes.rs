//! Bayesian search: a Gaussian process is fitted to the results, and what promises most is tried next (`model/`). Never
//! a configuration twice, and never a proposal that depends on anything but the seed and what was told.
//!
//! The first configurations are the rows of the spec, the one of its defaults, and a few that lie far from each other.
//! A failed configuration counts as the worst result so far. One that was lost gives its place to another.

use std::cell::RefCell;
use std::sync::Arc;

use sweep_core::id::TrialIndex;
use sweep_core::params::Params;

use crate::experiment::Row;
use crate::model::encoding::{Encoding, Point};
use crate::model::proposing::{self, Kernels, Known, Observation};
use crate::rng::Rng;
use crate::seen::Seen;
use crate::space::Space;
use crate::strategy::{Ask, Event, Proposal, Strategy};

/// The least and the most configurations of the first design, where one runs at a time.
const DESIGN: (usize, usize) = (6, 10);
/// Draws for a configuration that is new.
const DRAWS: u32 = 200;

/// Proposes what promises most.
#[derive(Debug)]
pub struct Bayes {
    space: Space,
    encoding: Encoding,
    seed: String,
    rows: Arc<[Row]>,
    /// How many more may be proposed.
    left: u64,
    /// How many may be proposed in the place of lost ones.
    spare: u64,
    trials: Vec<Trial>,
    /// Results in the order in which they were told.
    observed: Vec<Observation>,
    running: usize,
    seen: Seen,
    /// What was computed: kernels by the number of results, and the next proposal.
    cache: RefCell<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    kernels: Kernels,
    next: Option<Ask>,
}

#[derive(Debug)]
struct Trial {
    point: Point,
    runs: bool,
}

impl Bayes {
    /// A search of `limit` configurations; the first ones are the rows, then that of the defaults.
    #[must_use]
    pub fn new(space: Space, seed: &str, rows: Arc<[Row]>, limit: u64) -> Self {
        Self {
            encoding: Encoding::new(&space),
            space,
            seed: seed.to_owned(),
            rows,
            left: limit,
            spare: limit,
            trials: Vec::new(),
            observed: Vec::new(),
            running: 0,
            seen: Seen::default(),
            cache: RefCell::default(),
        }
    }

    /// The next configuration; none where the space has no more.
    fn proposal(&self, kernels: &mut Kernels) -> Option<Proposal> {
        let number = self.trials.len();
        if let Some(row) = self.rows.get(number) {
            let (name, params) = (row.name.clone(), self.completed(&row.params, number));
            return Some(Proposal { name, params, sbatch: row.sbatch.clone(), ..Proposal::default() });
        }
        if number == self.rows.len() && !self.space.defaults().is_empty() {
            let params = self.completed(self.space.defaults(), number);
            if !self.seen.has(&params) {
                return Some(Proposal { params, ..Proposal::default() });
            }
        }
        let mut rng = Rng::new(&format!("{}/bayes", self.seed), number as u64);
        let params = self.modelled(kernels, &mut rng).or_else(|| self.drawn(&mut rng))?;
        Some(Proposal { params, ..Proposal::default() })
    }

    fn completed(&self, wanted: &Params, number: usize) -> Params {
        let axes = self.space.axes();
        self.space.complete(wanted, |axis| crate::sample::unit(&self.seed, number as u64, &axes[axis].name))
    }

    /// What the model proposes, or the first design; none where all of it was there before.
    fn modelled(&self, kernels: &mut Kernels, rng: &mut Rng) -> Option<Params> {
        let new = |point: Point| Some(self.encoding.decode(&point)).filter(|params| !self.seen.has(params));
        let design =
            (2 + self.encoding.metrics().len()).clamp(DESIGN.0, DESIGN.1).max(2 * (self.running + 1));
        if self.trials.len() < design || self.observed.len() < 3 {
            let others: Vec<&[f64]> = self.trials.iter().map(|trial| trial.point.as_slice()).collect();
            return new(proposing::spread(&self.encoding, &others, rng));
        }
        let running = self.trials.iter().filter(|trial| trial.runs);
        let pending: Vec<Point> = running.map(|trial| trial.point.clone()).collect();
        let known = Known { encoding: &self.encoding, observed: &self.observed, pending: &pending };
        proposing::proposals(&known, kernels, rng).into_iter().find_map(new)
    }

    /// A configuration that is new: drawn, or where draws find none, the first of all that there are.
    fn drawn(&self, rng: &mut Rng) -> Option<Params> {
        let draws = (0..DRAWS).map(|_| self.space.assign(|_| rng.unit()));
        let mut draws = draws.filter(|params| !self.seen.has(params));
        draws.next().or_else(|| self.listed())
    }

    /// The first combination that is new; none of an infinite space, where that cannot happen.
    fn listed(&self) -> Option<Params> {
        let all = self.space.combinations().finite()?;
        // More than were proposed need not be looked at.
        let most = all.min(self.seen.count() + 1);
        (0..most).filter_map(|number| self.space.combination(number)).find(|params| !self.seen.has(params))
    }
}

impl Strategy for Bayes {
    fn ask(&self, _rng: &mut Rng) -> Ask {
        let mut cache = self.cache.borrow_mut();
        let Cache { kernels, next } = &mut *cache;
        let next = next.get_or_insert_with(|| {
            let proposal = if self.left > 0 { self.proposal(kernels) } else { None };
            match proposal {
                Some(proposal) => Ask::Run(proposal),
                None if self.running > 0 => Ask::Wait,
                None => Ask::Done,
            }
        });
        next.clone()
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        let number = trial.0 as usize;
        match event {
            Event::Proposed(proposal) if number == self.trials.len() => {
                let point = self.encoding.encode(&proposal.params);
                self.trials.push(Trial { point, runs: true });
                self.running += 1;
                self.left = self.left.saturating_sub(1);
                self.seen.note(&proposal.params);
            }
            Event::Ended { metric } => {
                let Some(trial) = self.trials.get_mut(number).filter(|trial| trial.runs) else { return };
                trial.runs = false;
                self.running -= 1;
                self.observed.push((trial.point.clone(), metric.filter(|metric| metric.is_finite())));
            }
            Event::Withdrawn => {
                let Some(trial) = self.trials.get_mut(number).filter(|trial| trial.runs) else { return };
                trial.runs = false;
                self.running -= 1;
                if self.spare > 0 {
                    self.spare -= 1;
                    self.left += 1;
                }
            }
            _ => return,
        }
        self.cache.get_mut().next = None;
    }
}
