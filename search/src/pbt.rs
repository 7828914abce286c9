//! Population-based training (Jaderberg et al. 2017), a generation at a time: those at the bottom go on from the
//! checkpoint of one at the top, with its values a little changed. Never a member that waits for a better moment:
//! each generation has the same budget more.

use std::sync::Arc;

use sweep_core::id::TrialIndex;
use sweep_core::params::Params;

use crate::cohort::{Change, Cohort, Extent, Individual};
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
    axes: Vec<(usize, Vec<usize>)>,
    cohort: Cohort,
    /// The members as the last generation left them.
    members: Vec<Individual>,
    /// Whether each goes on by itself.
    goes_on: Vec<bool>,
    /// The places of those at the top.
    top: Vec<usize>,
}

impl Pbt {
    /// A population of at most `limit` trials; the first members are the rows, then that of the defaults.
    #[must_use]
    pub fn new(settings: Settings, space: Space, seed: &str, rows: Arc<[Row]>, limit: u64) -> Self {
        let axes = vary::leaders(&space);
        let (generations, places) = (settings.generations, settings.population.into());
        let cohort = Cohort::new(Extent { generations, places, limit });
        Self {
            settings,
            space,
            seed: seed.to_owned(),
            rows,
            axes,
            cohort,
            members: Vec::new(),
            goes_on: Vec::new(),
            top: Vec::new(),
        }
    }

    fn member(&self, place: usize) -> Proposal {
        let generation = self.cohort.generation();
        #[expect(clippy::cast_precision_loss, reason = "budgets are small")]
        let budget = Some(self.settings.budget(generation) as f64);
        let (bracket, rung) = (u32::try_from(place).ok(), Some(generation));
        let proposal = Proposal { budget, bracket, rung, ..Proposal::default() };
        let Some(own) = self.members.get(place) else {
            let row = self.rows.get(place).cloned().unwrap_or_default();
            return Proposal { name: row.name, sbatch: row.sbatch, params: self.first(place), ..proposal };
        };
        if self.goes_on.get(place).copied().unwrap_or(false) {
            return Proposal { params: own.params.clone(), parent: Some(TrialIndex(own.trial)), ..proposal };
        }
        let number = u64::from(generation) * u64::from(self.settings.population) + place as u64;
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
        self.members = self.cohort.turn();
        let mut places: Vec<usize> = (0..self.members.len()).collect();
        places.sort_by_key(|place| self.members[*place].rank());
        let good = places.iter().filter(|place| !self.members[**place].failed()).count();
        let replaced = self.settings.replaced().min(self.members.len() / 2);
        self.top = places.iter().copied().take(replaced.max(1).min(good)).collect();
        self.goes_on = vec![false; self.members.len()];
        for place in places.iter().take(self.members.len() - replaced) {
            self.goes_on[*place] = !self.members[*place].failed();
        }
    }
}

impl Strategy for Pbt {
    fn ask(&self, _rng: &mut Rng) -> Ask {
        // One that was lost is run once more as it was.
        self.cohort.ask(|place, _lost| self.member(place))
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        if self.cohort.tell(trial, event) == Change::Complete {
            self.turn();
        }
    }
}

/// Generations.
#[cfg(test)]
mod tests {
    use sweep_core::value::Value;

    use super::*;
    use crate::space::{Axis, Domain};

    fn words(name: &str, words: &[&str]) -> Axis {
        let values = words.iter().map(|word| Value::from_word(word)).collect();
        Axis { name: name.into(), domain: Domain::Categorical(values) }
    }

    fn population(settings: Settings) -> Pbt {
        let lr = Axis { name: "lr".into(), domain: Domain::LogUniform { min: 1e-6, max: 1e3 } };
        let space =
            Space::new(vec![lr, words("batch", &["16", "32", "64", "128"]), words("opt", &["adam", "sgd"])]);
        Pbt::new(settings, space, "42", Arc::default(), u64::MAX)
    }

    fn small() -> Settings {
        Settings { population: 8, generations: 3, interval: 5, ..Settings::default() }
    }

    /// Runs a generation; each ends as `metric` says of its place.
    fn generation(pbt: &mut Pbt, metric: impl Fn(u32) -> Option<f64>) -> Vec<Proposal> {
        let first = pbt.cohort.proposals();
        let mut proposals = Vec::new();
        while let Ask::Run(proposal) = pbt.ask(&mut Rng::new("", 0)) {
            let trial = TrialIndex(pbt.cohort.proposals());
            pbt.tell(trial, &Event::Proposed(proposal.clone()));
            proposals.push(proposal);
        }
        for (place, trial) in (first..pbt.cohort.proposals()).enumerate() {
            let metric = metric(u32::try_from(place).unwrap());
            pbt.tell(TrialIndex(trial), &Event::ended(metric));
        }
        proposals
    }

    fn parents(proposals: &[Proposal]) -> Vec<Option<u32>> {
        proposals.iter().map(|proposal| proposal.parent.map(|parent| parent.0)).collect()
    }

    #[test]
    fn the_bottom_quarter_goes_on_from_the_top_quarter() {
        let mut pbt = population(small());
        let first = generation(&mut pbt, |place| Some(f64::from(place)));
        assert!(first.iter().all(|proposal| proposal.budget == Some(5.0) && proposal.parent.is_none()));
        let second = generation(&mut pbt, |place| Some(f64::from(place)));
        assert!(second.iter().all(|proposal| proposal.budget == Some(10.0)));
        let parents = parents(&second);
        assert_eq!(parents[..6], [Some(0), Some(1), Some(2), Some(3), Some(4), Some(5)]);
        assert!(parents[6..].iter().all(|parent| *parent < Some(2)), "{parents:?}");
        for place in 0..6 {
            assert_eq!(second[place].params, first[place].params);
        }
        assert_eq!((second[7].bracket, second[7].rung), (Some(7), Some(1)));
    }

    #[test]
    fn a_failed_member_is_replaced_even_where_more_fail_than_are_replaced() {
        let mut pbt = population(small());
        generation(&mut pbt, |place| (place < 3).then_some(1.0));
        let second = generation(&mut pbt, |_| None);
        let parents = parents(&second);
        assert_eq!(parents[..3], [Some(0), Some(1), Some(2)]);
        assert!(parents[3..].iter().all(|parent| matches!(parent, Some(0 | 1))), "{parents:?}");
        // Nobody is left to go on from.
        assert_eq!(pbt.ask(&mut Rng::new("", 0)), Ask::Done);
    }

    #[test]
    fn values_are_multiplied_moved_or_drawn_anew() {
        let changes = |resample| {
            let settings = Settings { population: 40, resample, quantile: 0.5, ..small() };
            let mut pbt = population(settings);
            let first = generation(&mut pbt, |place| Some(f64::from(place)));
            let second = generation(&mut pbt, |_| Some(0.0));
            let explored = second.into_iter().skip(20);
            explored
                .map(|p| (first[p.parent.unwrap().0 as usize].params.clone(), p.params))
                .collect::<Vec<_>>()
        };
        let number = |params: &Params, name: &str| params.get(name).unwrap().as_f64().unwrap();
        for (old, new) in changes(0.0) {
            let factor = number(&new, "lr") / number(&old, "lr");
            assert!((factor - 1.2).abs() < 1e-9 || (factor - 0.8).abs() < 1e-9, "{factor}");
            let batch = number(&new, "batch") / number(&old, "batch");
            assert!([0.5, 2.0].contains(&batch), "{batch}");
            // Words have no neighbours.
            assert_eq!(new.get("opt"), old.get("opt"));
        }
        let drawn = changes(1.0);
        let factors = drawn.iter().map(|(old, new)| number(new, "lr") / number(old, "lr"));
        assert!(
            factors.filter(|factor| (factor - 1.2).abs() > 1e-9 && (factor - 0.8).abs() > 1e-9).count() == 20
        );
        assert!(drawn.iter().any(|(old, new)| new.get("opt") != old.get("opt")));
    }

    #[test]
    fn a_lost_member_runs_once_more_as_it_was() {
        let mut pbt = population(Settings { population: 2, generations: 1, ..small() });
        let Ask::Run(first) = pbt.ask(&mut Rng::new("", 0)) else { panic!("it ended") };
        pbt.tell(TrialIndex(0), &Event::Proposed(first.clone()));
        pbt.tell(TrialIndex(0), &Event::Withdrawn);
        let second = generation(&mut pbt, |_| Some(0.0));
        assert_eq!(second.len(), 2);
        assert!(second.contains(&first));
        assert_eq!(pbt.ask(&mut Rng::new("", 0)), Ask::Done);
    }

    #[test]
    fn one_member_trains_by_itself() {
        let mut pbt = population(Settings { population: 1, ..small() });
        for parent in [None, Some(0), Some(1)] {
            assert_eq!(parents(&generation(&mut pbt, |_| Some(1.0))), [parent]);
        }
        assert_eq!(pbt.ask(&mut Rng::new("", 0)), Ask::Done);
    }
}
