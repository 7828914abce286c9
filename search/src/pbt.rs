//! Population-based training (Jaderberg et al. 2017), a generation at a time: those at the bottom go on from the
//! checkpoint of one at the top, with its values a little changed. Never a member that waits for a better moment:
//! each generation has the same budget more.

use std::sync::Arc;

use sweep_core::id::TrialIndex;
use sweep_core::params::Params;

use crate::cohort::{Cohort, Individual};
use crate::experiment::Row;
use crate::rng::Rng;
use crate::sample;
use crate::space::Space;
use crate::strategy::{Ask, Event, Proposal, Strategy};
use crate::vary::{self, Move};

/// How a population trains. The defaults of the rates are those of Ray and Syne Tune.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Its members.
    pub population: u32,
    /// Generations, the first included.
    pub generations: u32,
    /// What a generation may spend; a trial's budget is that of all generations up to its own.
    pub interval: u64,
    /// The part at the bottom that is replaced, and at the top that it is replaced from.
    pub quantile: f64,
    /// How likely a value is drawn anew where it is explored.
    pub resample: f64,
    /// What a number is multiplied by otherwise: the one or the other.
    pub factors: [f64; 2],
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            population: 10,
            generations: 10,
            interval: 1,
            quantile: 0.25,
            resample: 0.25,
            factors: [1.2, 0.8],
        }
    }
}

impl Settings {
    /// How many trials there are, if none is lost.
    #[must_use]
    pub fn total(&self) -> u64 {
        u64::from(self.population) * u64::from(self.generations)
    }

    /// What the trials of a generation may have spent at their end.
    #[must_use]
    pub fn budget(&self, generation: u32) -> u64 {
        self.interval.saturating_mul(u64::from(generation) + 1)
    }

    /// How many are replaced: never more than half.
    fn replaced(&self) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and small"
        )]
        let part = libm::ceil(f64::from(self.population) * self.quantile.clamp(0.0, 0.5)) as usize;
        part.min(self.population as usize / 2)
    }
}

/// Trains a population.
#[derive(Clone, Debug)]
pub struct Pbt {
    settings: Settings,
    space: Space,
    seed: String,
    /// Configurations of the first generation that the spec gives.
    rows: Arc<[Row]>,
    limit: u64,
    axes: Vec<(usize, Vec<usize>)>,
    generation: u32,
    cohort: Cohort,
    /// The members as the last generation left them.
    members: Vec<Individual>,
    /// Whether each goes on by itself.
    goes_on: Vec<bool>,
    /// The places of those at the top.
    top: Vec<usize>,
    finished: bool,
}

impl Pbt {
    /// A population of at most `limit` trials; the first members are the rows, then that of the defaults.
    #[must_use]
    pub fn new(settings: Settings, space: Space, seed: &str, rows: Arc<[Row]>, limit: u64) -> Self {
        let axes = vary::leaders(&space);
        let mut pbt = Self {
            settings,
            space,
            seed: seed.to_owned(),
            rows,
            limit,
            axes,
            generation: 0,
            cohort: Cohort::default(),
            members: Vec::new(),
            goes_on: Vec::new(),
            top: Vec::new(),
            finished: false,
        };
        pbt.begin();
        pbt
    }

    fn begin(&mut self) {
        let left = self.limit.saturating_sub(self.cohort.proposals().into());
        let places = u64::from(self.settings.population).min(left);
        self.cohort.begin(usize::try_from(places).unwrap_or(usize::MAX));
        self.finished = places == 0 || self.generation >= self.settings.generations;
    }

    fn member(&self, place: usize) -> Proposal {
        #[expect(clippy::cast_precision_loss, reason = "budgets are small")]
        let budget = Some(self.settings.budget(self.generation) as f64);
        let (bracket, rung) = (u32::try_from(place).ok(), Some(self.generation));
        let proposal = Proposal { budget, bracket, rung, ..Proposal::default() };
        let Some(own) = self.members.get(place) else {
            let row = self.rows.get(place).cloned().unwrap_or_default();
            return Proposal { name: row.name, sbatch: row.sbatch, params: self.first(place), ..proposal };
        };
        if self.goes_on.get(place).copied().unwrap_or(false) {
            return Proposal { params: own.params.clone(), parent: Some(TrialIndex(own.trial)), ..proposal };
        }
        let number = u64::from(self.generation) * u64::from(self.settings.population) + place as u64;
        let mut rng = Rng::new(&format!("{}/pbt", self.seed), number);
        let donor = self.top[usize::try_from(rng.bits() % self.top.len().max(1) as u64).unwrap_or(0)];
        let donor = &self.members[donor];
        let params = self.explored(&donor.params, &mut rng);
        Proposal { params, parent: Some(TrialIndex(donor.trial)), ..proposal }
    }

    /// Rows, the defaults, then draws.
    fn first(&self, place: usize) -> Params {
        let axes = self.space.axes();
        let unit = |axis: usize| sample::unit(&self.seed, place as u64, &axes[axis].name);
        match self.rows.get(place) {
            Some(row) => self.space.complete(&row.params, unit),
            None if place == self.rows.len() => self.space.complete(self.space.defaults(), unit),
            None => self.space.assign(unit),
        }
    }

    /// Values a little changed: some drawn anew, numbers multiplied, ordered lists moved by one.
    fn explored(&self, params: &Params, rng: &mut Rng) -> Params {
        let mut wanted = vary::wanted(&self.space, params);
        for (axis, led) in &self.axes {
            let domain = &self.space.axes()[*axis].domain;
            let (resampled, up, drawn) = (rng.unit() < self.settings.resample, rng.unit() < 0.5, rng.unit());
            let Some(value) = &wanted[*axis] else { continue };
            let new = if resampled {
                domain.sample(drawn)
            } else if vary::is_ordered(domain) {
                let factor = self.settings.factors[usize::from(!up)];
                vary::moved(domain, value, Move { times: factor - 1.0, by: 0.0 })
            } else {
                continue;
            };
            led.iter().for_each(|member| wanted[*member] = None);
            wanted[*axis] = Some(new);
        }
        vary::completed(&self.space, wanted, |_| rng.unit())
    }

    /// Ranks the generation that ended: who goes on, and from whom the others take over.
    fn turn(&mut self) {
        self.members = self.cohort.take();
        let mut places: Vec<usize> = (0..self.members.len()).collect();
        places.sort_by_key(|place| self.members[*place].rank());
        let good = places.iter().filter(|place| !self.members[**place].failed()).count();
        let replaced = self.settings.replaced().min(self.members.len() / 2);
        self.top = places.iter().copied().take(replaced.max(1).min(good)).collect();
        self.goes_on = vec![false; self.members.len()];
        for place in places.iter().take(self.members.len() - replaced) {
            self.goes_on[*place] = !self.members[*place].failed();
        }
        self.generation += 1;
        self.begin();
        // With nobody to go on from there is nothing to do.
        self.finished |= good == 0;
    }
}

impl Strategy for Pbt {
    fn ask(&self, _rng: &mut Rng) -> Ask {
        if self.finished {
            return Ask::Done;
        }
        match self.cohort.vacancy() {
            // One that was lost is run once more as it was.
            Some((place, _lost)) => Ask::Run(self.member(place)),
            None if self.cohort.is_running() => Ask::Wait,
            None => Ask::Done,
        }
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        let complete = match event {
            Event::Proposed(proposal) => {
                self.cohort.proposed(trial.0, &proposal.params);
                false
            }
            Event::Ended { metric } => self.cohort.ended(trial.0, *metric),
            Event::Withdrawn => self.cohort.withdrawn(trial.0),
            Event::Reported { .. } | Event::Pruned => false,
        };
        if complete {
            self.turn();
        }
    }
}
