//! Bayesian search: a Gaussian process is fitted to the results, and what promises most is tried next (`model/`). Never
//! a configuration twice, as long as the space has others, and never a proposal that depends on anything but the seed
//! and what was told.
//!
//! The first configurations are the rows of the spec, the one of its defaults, and a few that lie far from each other.
//! Failed configurations, and results out of all proportion, say where failures are likely, and nothing of results. One
//! that was lost gives its place to another.

mod choosing;
mod skipping;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use sweep_core::id::TrialIndex;
use sweep_core::params::Params;
use sweep_core::value::{Scalar, Value};

use crate::experiment::{Past, Row};
use crate::model::encoding::{Encoding, Point};
use crate::model::proposing::{Kernels, Observation};
use crate::pareto;
use crate::rng::Rng;
use crate::seen::Seen;
use crate::skips::Skips;
use crate::space::Space;
use crate::strategy::{Ask, Event, Proposal, Strategy};
use choosing::Choice;

/// The least and the most configurations of the first design; as many as run at once, where those are more.
const DESIGN: (usize, usize) = (6, 10);
/// Results that a model needs.
const LEAST: usize = 3;
/// On rungs, of so many proposals one lies far from all others.
const SPREAD: usize = 2;
/// A model is made of budgets that are at least this part of the greatest: what is best after less often only begins
/// faster.
const PART: u64 = 9;
/// Draws for a configuration that is new.
const DRAWS: u32 = 200;

/// The only configurations that there are, where they are given: the axis of the space says which.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// The space that they are of, though it has others.
    pub space: Space,
    /// Each.
    pub configurations: Arc<[Params]>,
}

/// Proposes what promises most.
#[derive(Debug)]
pub struct Bayes {
    space: Space,
    encoding: Encoding,
    /// The points that there are, where there is a list of them.
    listed: Option<Vec<Point>>,
    seed: String,
    rows: Arc<[Row]>,
    /// How many more may be proposed.
    left: u64,
    /// How many may be proposed in the place of lost ones.
    spare: u64,
    /// Whether it proposes for a method with rungs, and the least budget that a model is made of.
    is_on_rungs: bool,
    least: u64,
    /// Which rungs may be skipped, and how often a configuration went on that skipped some.
    skips: Skips,
    resumed: usize,
    trials: Vec<Trial>,
    /// Results in the order in which they were told, by budget; all under 0 without rungs.
    observed: BTreeMap<u64, Vec<Observation>>,
    /// Where there are several metrics, the results of all; else none. Rungs go by the first.
    several: Vec<Vec<Observation>>,
    running: usize,
    /// How many results it began with.
    past: usize,
    seen: Seen,
    /// What was computed: kernels by budget and number of results, and the next proposal.
    cache: RefCell<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    kernels: BTreeMap<u64, Kernels>,
    /// Those of each metric, where there are several.
    several: Vec<Kernels>,
    next: Option<Ask>,
}

#[derive(Debug)]
struct Trial {
    point: Point,
    params: Params,
    runs: bool,
    /// The last step at which it had a result.
    step: Option<u64>,
    /// The budget to which it skipped rungs last; 0 if it never did.
    skipped_to: u64,
    /// Whether it cannot be gone on with: it was promoted and has not come back.
    is_away: bool,
}

impl Bayes {
    /// A search of `limit` configurations; the first ones are the rows, then that of the defaults.
    #[must_use]
    pub fn new(space: Space, seed: &str, rows: Arc<[Row]>, limit: u64) -> Self {
        let encoding = Encoding::new(&space);
        Self {
            encoding,
            listed: None,
            space,
            seed: seed.to_owned(),
            rows,
            left: limit,
            spare: limit,
            is_on_rungs: false,
            least: 0,
            skips: Skips::default(),
            resumed: 0,
            trials: Vec::new(),
            observed: BTreeMap::new(),
            several: Vec::new(),
            running: 0,
            past: 0,
            seen: Seen::default(),
            cache: RefCell::default(),
        }
    }

    /// For a method with rungs up to a budget: it hears of each rung as a report whose step is the budget, and proposes
    /// without an end. The model is that of the greatest budget which has enough results (BOHB's rule: Falkner et al.
    /// 2018), but never of small ones; until there is one, and with every other proposal, configurations lie far from
    /// all others.
    #[must_use]
    pub fn on_rungs(mut self, most: u64) -> Self {
        self.is_on_rungs = true;
        self.least = least_modelled(most);
        self
    }

    /// By so many metrics: it looks for the configurations that are best by all of them together.
    #[must_use]
    pub fn by_metrics(mut self, metrics: usize) -> Self {
        self.several = vec![Vec::new(); if metrics > 1 { metrics } else { 0 }];
        self.cache.get_mut().several = vec![Kernels::default(); self.several.len()];
        self
    }

    /// With the results of another sweep. Without rungs those of its greatest budget count; with rungs those that have
    /// a budget, each with others of that budget.
    #[must_use]
    pub fn knowing(mut self, past: &[Past]) -> Self {
        let most = past.iter().filter_map(|past| past.budget).max_by(f64::total_cmp);
        let counts =
            |past: &&Past| if self.is_on_rungs { past.budget.is_some() } else { past.budget == most };
        let mut past: Vec<&Past> = past.iter().filter(counts).collect();
        let metrics = self.several.len().max(1);
        // The best comes last: a search that has just begun is not one whose best result is long ago.
        let order = pareto::order(&past.iter().map(|past| past.costs(metrics)).collect::<Vec<_>>());
        if let Some(best) = order.first() {
            let best = past.remove(*best);
            past.push(best);
        }
        for past in past {
            let point = self.encoding.encode(&past.params);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "budgets of rungs are whole"
            )]
            let budget = past.budget.filter(|_| self.is_on_rungs).map_or(0, |budget| budget as u64);
            let costs = past.costs(metrics);
            self.observed.entry(budget).or_default().push((point.clone(), costs[0]));
            for (observed, value) in self.several.iter_mut().zip(costs) {
                observed.push((point.clone(), value));
            }
            self.past += 1;
        }
        self
    }

    /// Only these configurations: the places of the only axis.
    #[must_use]
    pub fn described(mut self, described: &Described) -> Self {
        self.encoding = Encoding::new(&described.space);
        self.listed = Some(described.configurations.iter().map(|c| self.encoding.encode(c)).collect());
        self
    }

    /// The next configuration; none where the space has no more.
    fn proposal(&self, cache: &mut Cache) -> Option<Proposal> {
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
        let asked = number + self.resumed;
        let mut rng = Rng::new(&format!("{}/bayes", self.seed), asked as u64);
        let level = self.level().filter(|_| number + self.past >= self.design());
        let level = level.filter(|_| !self.is_on_rungs || !asked.is_multiple_of(SPREAD));
        let skips_to = level.and_then(|(level, _)| self.skips.open(level));
        #[expect(clippy::cast_precision_loss, reason = "budgets of rungs are small")]
        let budget = skips_to.map(|budget| budget as f64);
        let new = match self.modelled(level, skips_to, cache, &mut rng) {
            Some(Choice::Again(trial)) => {
                let (parent, params) = (u32::try_from(trial).ok()?, self.trials[trial].params.clone());
                return Some(Proposal {
                    params,
                    budget,
                    parent: Some(TrialIndex(parent)),
                    ..Proposal::default()
                });
            }
            Some(Choice::New(params)) => Some(params),
            None => self.drawn(&mut rng),
        };
        // Rungs go on where the space is used up.
        let again = || self.is_on_rungs.then(|| self.space.assign(|_| rng.unit()));
        Some(Proposal { params: new.or_else(again)?, budget, ..Proposal::default() })
    }

    /// How many configurations lie far from each other first.
    fn design(&self) -> usize {
        (2 + self.encoding.metrics().len()).clamp(DESIGN.0, DESIGN.1).max(self.running + 1)
    }

    fn completed(&self, wanted: &Params, number: usize) -> Params {
        let axes = self.space.axes();
        self.space.complete(wanted, |axis| crate::sample::unit(&self.seed, number as u64, &axes[axis].name))
    }

    /// The greatest budget with enough results for a model, and these.
    fn level(&self) -> Option<(u64, &[Observation])> {
        let enough = |observed: &[Observation]| {
            let active: usize = observed.iter().map(|(x, _)| x.iter().filter(|x| **x >= 0.0).count()).sum();
            observed.len() >= if self.is_on_rungs { active / observed.len().max(1) + 2 } else { LEAST }
        };
        let levels = self.observed.iter().rev().map(|(budget, observed)| (*budget, observed.as_slice()));
        levels.into_iter().find(|(budget, observed)| *budget >= self.least && enough(observed))
    }

    /// The configuration at a place of the list.
    fn place(&self, place: usize) -> Params {
        let value = Value::new(Scalar::Int(i64::try_from(place).unwrap_or(i64::MAX)));
        self.space.axes().first().map(|axis| (axis.name.clone(), value)).into_iter().collect()
    }

    /// A configuration that is new: drawn, or where draws find none, the first of all that there are.
    fn drawn(&self, rng: &mut Rng) -> Option<Params> {
        let draws = (0..DRAWS).map(|_| self.space.assign(|_| rng.unit()));
        let mut draws = draws.filter(|params| !self.seen.has(params));
        draws.next().or_else(|| self.first_new())
    }

    /// The first combination that is new; none of an infinite space, where that cannot happen.
    fn first_new(&self) -> Option<Params> {
        let all = self.space.combinations().finite()?;
        // More than were proposed need not be looked at.
        let most = all.min(self.seen.count() + 1);
        let combinations = (0..most).filter_map(|number| self.space.combination(number));
        combinations.into_iter().find(|params| !self.seen.has(params))
    }

    fn point(&self, params: &Params) -> Point {
        let Some(points) = &self.listed else { return self.encoding.encode(params) };
        let axis = self.space.axes().first();
        let place = axis.and_then(|axis| axis.domain.place(params.get(&axis.name)?));
        let place = place.and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| points.get(place).cloned()).unwrap_or_else(|| self.encoding.encode(params))
    }

    fn reported(&mut self, number: usize, step: u64, result: Option<f64>) {
        let Some(trial) =
            self.trials.get_mut(number).filter(|trial| trial.step.is_none_or(|last| step > last))
        else {
            return;
        };
        trial.step = Some(step);
        trial.is_away = false;
        self.observed.entry(step).or_default().push((trial.point.clone(), result));
    }

    /// Takes note of all metrics of a search by several. Without the first one the configuration failed.
    fn note_all(&mut self, number: usize, metric: Option<f64>, others: &[Option<f64>]) {
        let Some(trial) = self.trials.get(number) else { return };
        let all = std::iter::once(metric).chain(others.iter().copied()).chain(std::iter::repeat(None));
        for (observed, value) in self.several.iter_mut().zip(all) {
            let value = value.filter(|value| value.is_finite() && metric.is_some());
            observed.push((trial.point.clone(), value));
        }
    }

    /// Whether it ran, which it does no more.
    fn stopped(&mut self, number: usize) -> bool {
        let Some(trial) = self.trials.get_mut(number).filter(|trial| trial.runs) else { return false };
        trial.runs = false;
        self.running -= 1;
        true
    }
}

impl Strategy for Bayes {
    fn ask(&self, _rng: &mut Rng) -> Ask {
        let mut cache = self.cache.borrow_mut();
        if let Some(next) = &cache.next {
            return next.clone();
        }
        let proposal = if self.left > 0 { self.proposal(&mut cache) } else { None };
        let next = match proposal {
            Some(proposal) => Ask::Run(proposal),
            None if self.running > 0 => Ask::Wait,
            None => Ask::Done,
        };
        cache.next = Some(next.clone());
        next
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        let number = trial.0 as usize;
        match event {
            Event::Proposed(proposal) if number == self.trials.len() => {
                let (point, params) = (self.point(&proposal.params), proposal.params.clone());
                let skipped_to = budget(proposal);
                self.skips.take(skipped_to);
                self.trials.push(Trial { point, params, runs: true, step: None, skipped_to, is_away: false });
                self.running += 1;
                self.left = self.left.saturating_sub(1);
                self.seen.note(&proposal.params);
            }
            Event::Proposed(proposal) if proposal.parent.is_some() => self.went_on(number, budget(proposal)),
            Event::Reported { step, metric } if self.is_on_rungs => {
                self.reported(number, *step, Some(*metric).filter(|metric| metric.is_finite()));
            }
            Event::Ended { metric, others } => {
                if !self.stopped(number) {
                    return;
                }
                let metric = metric.filter(|metric| metric.is_finite());
                self.note_all(number, metric, others);
                // With rungs its results were reported, unless it failed on the first.
                if !self.is_on_rungs || metric.is_none() {
                    let least = self.observed.keys().next().copied().unwrap_or(0);
                    let step = self.trials.get(number).map_or(0, |trial| trial.skipped_to.max(least));
                    self.reported(number, if self.is_on_rungs { step } else { 0 }, metric);
                }
            }
            Event::Withdrawn => {
                if !self.stopped(number) {
                    return;
                }
                self.skips.give_back(self.trials[number].skipped_to);
                let was_resumed = self.trials[number].step.is_some();
                self.trials[number].is_away = was_resumed;
                if !was_resumed && self.spare > 0 {
                    self.spare -= 1;
                    self.left = self.left.saturating_add(1);
                }
            }
            _ => return,
        }
        self.cache.get_mut().next = None;
    }
}

/// The least budget of those up to a greatest that a model is made of.
pub(crate) fn least_modelled(most: u64) -> u64 {
    most / PART
}

/// The budget of a rung; 0 for none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "budgets of rungs are whole")]
fn budget(proposal: &Proposal) -> u64 {
    proposal.budget.map_or(0, |budget| budget as u64)
}
