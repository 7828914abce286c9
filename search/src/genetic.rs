//! Genetic search as CrayAI has it: populations side by side (demes), crossover and mutation of single parameters,
//! and now and then a migrant. Never an individual of the next generation before all of this one have ended, so
//! that the order of results does not matter.
//!
//! CrayAI documents its settings, not its code; what they leave open is decided here. Parents are the better of two
//! drawn from the last generation, the deme's best so far among them. A mutation multiplies a number and moves it
//! along its range, each by a small or by a large amount, as likely. A child that was there before is mutated once
//! more. Where a generation fails as a whole, the search ends.
//!
//! With several metrics the parents of a deme are the best of all that it has had, as many as a generation: by front,
//! then by the room around them (Deb et al. 2002, NSGA-II).

mod breed;
mod log;

use std::sync::Arc;

use sweep_core::id::TrialIndex;
use sweep_core::params::Params;

use crate::cohort::{Change, Cohort, Extent, Individual};
use crate::experiment::Row;
use crate::pareto;
use crate::rng::Rng;
use crate::sample;
use crate::seen::Seen;
use crate::space::Space;
use crate::strategy::{Ask, Event, Proposal, Strategy};
use crate::vary;

pub use log::{Generation, Outcome, generations};

/// How a genetic search breeds. The defaults are CrayAI's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Generations, the first included.
    pub generations: u32,
    /// Populations side by side.
    pub num_demes: u32,
    /// Individuals of each.
    pub pop_size: u32,
    /// How likely a parameter of a child is to change.
    pub mutation_rate: f64,
    /// How likely a parameter of a child is to come from the other parent.
    pub crossover_rate: f64,
    /// Generations from one migration to the next; 0 for none.
    pub migration_interval: u32,
    /// Shares of a value: a small change is at most the first, a large one between the second and the third.
    pub mul_mutation_bounds: [f64; 3],
    /// The same, as shares of the parameter's range.
    pub add_mutation_bounds: [f64; 3],
    /// Whether a child goes on from its parent's checkpoint, which makes it CrayAI's population-based training.
    pub lineage: Lineage,
}

/// What a child has of its parent besides values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lineage {
    /// Nothing.
    #[default]
    Values,
    /// Its checkpoint.
    Checkpoint,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            generations: 1000,
            num_demes: 4,
            pop_size: 64,
            mutation_rate: 0.05,
            crossover_rate: 0.33,
            migration_interval: 5,
            mul_mutation_bounds: [0.01, 0.1, 0.2],
            add_mutation_bounds: [0.03, 0.03, 0.13],
            lineage: Lineage::Values,
        }
    }
}

impl Settings {
    /// How many individuals a generation has.
    #[must_use]
    pub fn individuals(&self) -> u64 {
        u64::from(self.num_demes) * u64::from(self.pop_size)
    }

    /// How many individuals there are in all, if nothing ends the search.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.individuals().saturating_mul(self.generations.into())
    }
}

/// Breeds configurations.
#[derive(Clone, Debug)]
pub struct Genetic {
    settings: Settings,
    space: Space,
    seed: String,
    /// Configurations of the first generation that the spec gives.
    rows: Arc<[Row]>,
    /// The axes that vary, each with those that it brings along.
    axes: Vec<(usize, Vec<usize>)>,
    cohort: Cohort,
    demes: Vec<Deme>,
    /// How many metrics it goes by.
    metrics: usize,
    /// What was proposed.
    seen: Seen,
}

/// What the next generation of a deme comes from.
#[derive(Clone, Debug, Default)]
struct Deme {
    /// Who may be a parent, the best first.
    parents: Vec<Individual>,
    best: Option<Individual>,
}

impl Genetic {
    /// A search of at most `limit` configurations; the first ones are the rows, then that of the defaults.
    #[must_use]
    pub fn new(settings: Settings, space: Space, seed: &str, rows: Arc<[Row]>, limit: u64) -> Self {
        let axes = vary::leaders(&space);
        let demes = vec![Deme::default(); settings.num_demes as usize];
        let (generations, places) = (settings.generations, settings.individuals());
        let cohort = Cohort::new(Extent { generations, places, limit });
        let seen = Seen::default();
        Self { settings, space, seed: seed.to_owned(), rows, axes, cohort, demes, metrics: 1, seen }
    }

    /// By so many metrics.
    #[must_use]
    pub fn by_metrics(mut self, metrics: usize) -> Self {
        self.metrics = metrics.max(1);
        self
    }

    fn deme_of(&self, place: usize) -> usize {
        place / (self.settings.pop_size.max(1) as usize)
    }

    /// The individual for a place; another after each that was lost there.
    fn individual(&self, place: usize, lost: u32) -> Proposal {
        let deme = self.deme_of(place);
        let mut proposal = Proposal {
            bracket: u32::try_from(deme).ok(),
            rung: Some(self.cohort.generation()),
            ..Proposal::default()
        };
        let stream = format!("{}/genetic/{lost}", self.seed);
        let number = u64::from(self.cohort.generation()) * self.settings.individuals() + place as u64;
        let mut rng = Rng::new(&stream, number);
        let parents = self.demes.get(deme).map_or(&[][..], |deme| &deme.parents[..]);
        if parents.is_empty() {
            if let Some(row) = self.rows.get(place).filter(|_| self.cohort.generation() == 0 && lost == 0) {
                proposal.name.clone_from(&row.name);
                proposal.sbatch.clone_from(&row.sbatch);
            }
            proposal.params = self.first(place, lost, &mut rng);
            return proposal;
        }
        let child = breed::child(&self.breeding(), parents, &mut rng, |params| self.is_new(params));
        if self.settings.lineage == Lineage::Checkpoint {
            proposal.parent = Some(TrialIndex(child.parent));
        }
        proposal.params = child.params;
        proposal
    }

    fn breeding(&self) -> breed::Breeding<'_> {
        breed::Breeding { settings: &self.settings, space: &self.space, axes: &self.axes }
    }

    fn is_new(&self, params: &Params) -> bool {
        !self.seen.has(params)
    }

    /// Rows, the defaults, then draws.
    fn first(&self, place: usize, lost: u32, rng: &mut Rng) -> Params {
        let axes = self.space.axes();
        let mut unit = |axis: usize| sample::unit(&self.seed, place as u64, &axes[axis].name);
        if self.cohort.generation() == 0 && lost == 0 {
            if let Some(row) = self.rows.get(place) {
                return self.space.complete(&row.params, unit);
            }
            if place == self.rows.len() && !self.space.defaults().is_empty() {
                return self.space.complete(self.space.defaults(), unit);
            }
            let drawn = self.space.assign(&mut unit);
            if self.is_new(&drawn) {
                return drawn;
            }
        }
        breed::redrawn(&self.space, rng, |params| self.is_new(params))
    }

    /// Takes the generation that ended as the parents of the next.
    fn turn(&mut self) {
        let members = self.cohort.turn();
        let mut by_deme: Vec<Vec<Individual>> = vec![Vec::new(); self.demes.len()];
        for (place, member) in members.into_iter().enumerate() {
            let deme = self.deme_of(place);
            if let Some(deme) = by_deme.get_mut(deme).filter(|_| !member.failed()) {
                deme.push(member);
            }
        }
        for (deme, mut members) in self.demes.iter_mut().zip(by_deme) {
            if self.metrics > 1 {
                // Who was a parent stays one until there are better ones; a migrant of both may stand twice.
                members.append(&mut deme.parents);
                members.sort_by_key(|member| member.trial);
                members.dedup_by_key(|member| member.trial);
            } else {
                members.extend(deme.best.take());
            }
            sort(&mut members, self.metrics);
            if self.metrics > 1 {
                members.truncate(self.settings.pop_size as usize);
            }
            deme.best = members.first().cloned();
            deme.parents = members;
        }
        let interval = self.settings.migration_interval;
        if interval > 0 && self.cohort.generation().is_multiple_of(interval) {
            self.migrate();
        }
    }

    /// The best of each deme moves into the next one, too.
    fn migrate(&mut self) {
        let best: Vec<_> = self.demes.iter().map(|deme| deme.best.clone()).collect();
        for (deme, migrant) in self.demes.iter_mut().skip(1).chain(None).zip(&best) {
            deme.parents.extend(migrant.clone());
        }
        if let (Some(first), Some(last), true) = (self.demes.first_mut(), best.last(), best.len() > 1) {
            first.parents.extend(last.clone());
        }
        for deme in &mut self.demes {
            sort(&mut deme.parents, self.metrics);
        }
    }
}

/// The best first.
fn sort(members: &mut Vec<Individual>, metrics: usize) {
    if metrics < 2 {
        return members.sort_by_key(Individual::rank);
    }
    members.sort_by_key(|member| member.trial);
    let costs: Vec<Vec<Option<f64>>> = members.iter().map(|member| member.costs(metrics)).collect();
    *members = pareto::order(&costs).into_iter().map(|place| members[place].clone()).collect();
}

impl Strategy for Genetic {
    fn ask(&self, _rng: &mut Rng) -> Ask {
        self.cohort.ask(|place, lost| self.individual(place, lost))
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        match (self.cohort.tell(trial, event), event) {
            (Change::Joined, Event::Proposed(proposal)) => self.seen.note(&proposal.params),
            (Change::Complete, _) => self.turn(),
            _ => {}
        }
    }
}

/// Breeding.
#[cfg(test)]
mod tests {
    use sweep_core::value::Value;

    use super::*;
    use crate::space::{Axis, Domain, Links};

    fn space() -> Space {
        let axes =
            (0..4).map(|n| Axis { name: format!("x{n}"), domain: Domain::Uniform { min: -1.0, max: 1.0 } });
        let defaults = (0..4).map(|n| (format!("x{n}"), Value::from_word("0.75"))).collect();
        Space::linked(axes.collect(), &Links { defaults, ..Links::default() }).unwrap()
    }

    /// Far from 0.3 in each axis.
    fn loss(params: &Params) -> f64 {
        params.iter().filter_map(|(_, value)| value.as_f64()).map(|x| (x - 0.3).powi(2)).sum()
    }

    fn small() -> Settings {
        Settings { generations: 30, num_demes: 2, pop_size: 10, ..Settings::default() }
    }

    /// All proposals of a search whose trials end as they come.
    fn run(settings: Settings, seed: &str) -> Vec<Proposal> {
        let mut genetic = Genetic::new(settings, space(), seed, Arc::default(), u64::MAX);
        let mut proposals = Vec::new();
        loop {
            let trial = TrialIndex(u32::try_from(proposals.len()).unwrap());
            let Ask::Run(proposal) = genetic.ask(&mut Rng::new("", 0)) else { return proposals };
            genetic.tell(trial, &Event::Proposed(proposal.clone()));
            genetic.tell(trial, &Event::ended(Some(loss(&proposal.params))));
            proposals.push(proposal);
        }
    }

    fn best(proposals: &[Proposal]) -> f64 {
        proposals.iter().map(|proposal| loss(&proposal.params)).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn the_first_individual_has_the_defaults() {
        let proposals = run(small(), "1");
        assert!(proposals[0].params.iter().all(|(_, value)| value.as_f64() == Some(0.75)));
        assert_ne!(proposals[10].params, proposals[0].params);
        assert_eq!((proposals[10].bracket, proposals[10].rung), (Some(1), Some(0)));
        assert_eq!(proposals.len(), 600);
    }

    #[test]
    fn later_generations_are_better() {
        // The defaults breed from what the first generation has; they are tuned for a thousand generations.
        let quick = Settings { mutation_rate: 0.3, ..small() };
        for seed in ["1", "2", "3", "4", "5"] {
            let proposals = run(quick, seed);
            let (first, all) = (best(&proposals[..20]), best(&proposals));
            assert!(all < first / 4.0, "seed {seed}: {first} became {all}");
        }
    }

    #[test]
    fn without_mutation_and_crossover_children_still_differ() {
        let still = Settings { mutation_rate: 0.0, crossover_rate: 0.0, generations: 5, ..small() };
        let proposals = run(still, "1");
        let mut seen = Seen::default();
        for proposal in &proposals {
            assert!(!seen.has(&proposal.params), "{}", proposal.params.config_key());
            seen.note(&proposal.params);
        }
    }

    #[test]
    fn crossover_takes_values_of_both_parents() {
        let crossed =
            Settings { mutation_rate: 0.0, crossover_rate: 0.5, generations: 2, num_demes: 1, ..small() };
        let proposals = run(crossed, "1");
        let (parents, children) = proposals.split_at(10);
        let from_parents = children.iter().filter(|child| {
            child.params.iter().all(|(name, value)| parents.iter().any(|p| p.params.get(name) == Some(value)))
        });
        // A child that was there before is mutated.
        assert!(from_parents.count() >= 5);
    }

    #[test]
    fn a_migrant_comes_from_the_deme_before() {
        let settings = Settings { migration_interval: 1, num_demes: 3, ..small() };
        let mut genetic = Genetic::new(settings, space(), "1", Arc::default(), u64::MAX);
        for trial in 0..30 {
            let Ask::Run(proposal) = genetic.ask(&mut Rng::new("", 0)) else { panic!("it ended") };
            genetic.tell(TrialIndex(trial), &Event::Proposed(proposal));
        }
        // Later ones are worse, so the best are 0, 10 and 20.
        (0..30).for_each(|trial| {
            genetic.tell(TrialIndex(trial), &Event::ended(Some(f64::from(trial))));
        });
        let migrants: Vec<Vec<u32>> = genetic
            .demes
            .iter()
            .zip(0..)
            .map(|(deme, n)| {
                let foreign = |trial: &u32| trial / 10 != n;
                deme.parents.iter().map(|parent| parent.trial).filter(foreign).collect()
            })
            .collect();
        assert_eq!(migrants, [vec![20], vec![0], vec![10]]);
    }

    #[test]
    fn with_checkpoints_a_child_names_its_parent() {
        let settings = Settings { lineage: Lineage::Checkpoint, generations: 3, ..small() };
        for (trial, proposal) in run(settings, "1").iter().enumerate() {
            assert_eq!(proposal.parent.is_some(), trial >= 20, "{trial}");
        }
        assert!(run(small(), "1").iter().all(|proposal| proposal.parent.is_none()));
    }
}
