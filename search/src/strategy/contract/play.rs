//! A driver without a cluster: it runs what a strategy asks for, a few at a time, in an order drawn from a seed.
//! Never an outcome that depends on that order: what becomes of a configuration depends on its values and its place.

use sweep_core::id::TrialIndex;

use crate::experiment::Experiment;
use crate::rng::Rng;
use crate::sample;
use crate::strategy::{Ask, Event, Proposal};

/// Far above what any experiment of the contract needs.
const EVENTS: usize = 100_000;
/// Steps of a program without a budget.
const STEPS: u64 = 9;

/// How the world treats trials.
#[derive(Clone, Copy, Debug)]
pub(super) struct World {
    /// The order in which they end.
    pub(super) order: u64,
    /// How many run at once.
    pub(super) width: usize,
    /// Which part fails.
    pub(super) failing: f64,
    /// Which part is lost.
    pub(super) lost: f64,
}

impl Default for World {
    fn default() -> Self {
        Self { order: 0, width: usize::MAX, failing: 0.0, lost: 0.0 }
    }
}

/// What happened.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub(super) proposals: Vec<Proposal>,
    pub(super) log: Vec<(TrialIndex, Event)>,
    /// What the strategy answered before each event, and at the end.
    pub(super) asks: Vec<Ask>,
}

struct Running {
    trial: usize,
    step: u64,
    last: Option<f64>,
}

/// Runs an experiment to its end.
pub(super) fn play(experiment: &Experiment, world: World) -> Played {
    let mut strategy = experiment.strategy().unwrap();
    let mut played = Played::default();
    let mut running: Vec<Running> = Vec::new();
    let mut rng = Rng::new("world", world.order);
    while played.log.len() < EVENTS {
        let ask = strategy.ask(&mut Rng::new(&experiment.seed, played.proposals.len() as u64));
        played.asks.push(ask.clone());
        let event = match ask {
            Ask::Run(proposal) if running.len() < world.width => {
                let trial = played.proposals.len();
                running.push(Running { trial, step: 0, last: None });
                played.proposals.push(proposal.clone());
                (index(trial), Event::Proposed(proposal))
            }
            Ask::Prune(trial) => {
                assert!(running.iter().any(|running| index(running.trial) == trial), "it does not run");
                (trial, Event::Pruned)
            }
            Ask::Wait if running.is_empty() => panic!("nothing runs that could end: {experiment:?}"),
            Ask::Done if running.is_empty() => return played,
            Ask::Run(_) | Ask::Wait | Ask::Done => {
                let at = usize::try_from(rng.bits() % running.len() as u64).unwrap();
                next_event(experiment, world, &played, &mut running, at)
            }
        };
        strategy.tell(event.0, &event.1);
        let pruned = event.1 == Event::Pruned;
        played.log.push(event.clone());
        if pruned {
            // It obeys at once, and ends with what it reported last.
            let at = running.iter().position(|running| index(running.trial) == event.0).unwrap();
            let event = (event.0, Event::ended(running.remove(at).last));
            played.asks.push(strategy.ask(&mut Rng::new(&experiment.seed, played.proposals.len() as u64)));
            strategy.tell(event.0, &event.1);
            played.log.push(event);
        }
    }
    panic!("it does not end: {experiment:?}");
}

fn next_event(
    experiment: &Experiment,
    world: World,
    played: &Played,
    running: &mut Vec<Running>,
    at: usize,
) -> (TrialIndex, Event) {
    let trial = running[at].trial;
    let proposal = &played.proposals[trial];
    let place = format!("{:?} {:?} {}", proposal.bracket, proposal.rung, proposal.params.config_key());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small budget")]
    let steps = proposal.budget.map_or(STEPS, |budget| budget as u64);
    if sample::unit("lost", trial as u64, "") < world.lost {
        running.remove(at);
        return (index(trial), Event::Withdrawn);
    }
    if sample::unit("failing", 0, &place) < world.failing {
        running.remove(at);
        return (index(trial), Event::ended(None));
    }
    if experiment.listens() && running[at].step < steps {
        running[at].step += 1;
        let metric = metric(proposal, running[at].step);
        running[at].last = Some(metric);
        return (index(trial), Event::Reported { step: running[at].step, metric });
    }
    running.remove(at);
    let others = others(proposal, experiment.metrics);
    (index(trial), Event::Ended { metric: Some(metric(proposal, steps)), others })
}

/// A learning curve: where it goes depends on the values, how fast as well.
pub(super) fn metric(proposal: &Proposal, step: u64) -> f64 {
    let key = proposal.params.config_key();
    let (level, slope) = (sample::unit("level", 0, &key), sample::unit("slope", 0, &key));
    level + slope / step as f64
}

/// The further metrics; now and then one is missing.
fn others(proposal: &Proposal, metrics: usize) -> Vec<Option<f64>> {
    let key = proposal.params.config_key();
    let other = |metric: usize| Some(sample::unit("other", metric as u64, &key)).filter(|value| *value < 0.9);
    (1..metrics).map(other).collect()
}

pub(super) fn index(number: usize) -> TrialIndex {
    TrialIndex(u32::try_from(number).unwrap())
}
