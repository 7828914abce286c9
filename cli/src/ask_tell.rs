//! A strategy by itself, for other programs: configurations asked for and results told, line by line. A strategy that
//! is done begins anew, and one that waits for its last trials has the next round begin beside it, so that no worker
//! is idle.

pub mod wire;

use std::collections::{BTreeMap, HashMap};

use sweep_core::id::TrialIndex;
use sweep_core::params::Params;
use sweep_core::trial::Trial;
use sweep_search::importance::{self, Better, Depth, Method, Study};
use sweep_search::{Course, End, Experiment, Next, pareto};

use crate::error::{Error, Result};
use wire::{Found, Reply, Values, place};

/// A search over the protocol.
#[derive(Debug)]
pub struct Session {
    experiment: Experiment,
    /// For each metric whether results are given as they are, or with the other sign.
    signs: Vec<f64>,
    pool: bool,
    rounds: Vec<Course>,
    /// What a configuration is called, by round and the trial that it began as.
    numbers: HashMap<(usize, u32), u32>,
    /// What runs under a number.
    running: HashMap<u32, Running>,
    /// Every configuration and its last metrics, as they were told; none yet, or one for each sign.
    told: BTreeMap<u32, (Params, Vec<Option<f64>>)>,
    next: u32,
}

/// A configuration that runs.
#[derive(Clone, Copy, Debug)]
struct Running {
    round: usize,
    trial: TrialIndex,
    until: Option<u64>,
}

/// Most rounds that are open side by side: of a strategy that never proposes anything, none would be enough.
const ROUNDS: usize = 10_000;

impl Session {
    /// A session of an experiment; for each of its metrics a sign, which is -1 to maximize.
    #[must_use]
    pub fn new(experiment: Experiment, signs: Vec<f64>, pool: bool) -> Self {
        let (rounds, numbers, running) = (Vec::new(), HashMap::new(), HashMap::new());
        Self { experiment, signs, pool, rounds, numbers, running, told: BTreeMap::new(), next: 0 }
    }

    /// What to run next.
    ///
    /// # Errors
    /// Where the strategy cannot be made.
    pub fn ask(&mut self) -> Result<Reply> {
        for round in 0..ROUNDS {
            if round == self.rounds.len() {
                let round = self.round(round)?;
                self.rounds.push(round);
            }
            if let Next::Run(trials) = self.rounds[round].next()
                && let Some(trial) = trials.into_iter().next()
            {
                self.rounds[round].proposed(&trial);
                return Ok(self.give(round, trial));
            }
            // A round that has proposed nothing will not do so in the next either.
            if self.rounds[round].proposals() == 0 {
                break;
            }
        }
        Ok(Reply::Wait { wait: true })
    }

    fn round(&self, number: usize) -> Result<Course> {
        let seed = if number == 0 {
            self.experiment.seed.clone()
        } else {
            format!("{}:{number}", self.experiment.seed)
        };
        let experiment = Experiment { seed: seed.clone(), ..self.experiment.clone() };
        let strategy = experiment.strategy().map_err(|error| Error::user(error.to_string()))?;
        Ok(Course::new(strategy, seed, 1))
    }

    fn give(&mut self, round: usize, trial: Trial) -> Reply {
        let number = match trial.parent.and_then(|parent| self.numbers.get(&(round, parent.0))) {
            Some(number) => *number,
            None => {
                self.next += 1;
                self.next
            }
        };
        self.numbers.insert((round, trial.index.0), number);
        self.told.entry(number).or_insert_with(|| (trial.params.clone(), Vec::new()));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "budgets are whole")]
        let until = trial.budget.map(|budget| budget as u64);
        self.running.insert(number, Running { round, trial: trial.index, until });
        match until {
            None => Reply::Trial { id: number, params: trial.params },
            Some(until) => {
                let pool = if self.pool { place(&trial.params) } else { None };
                let params: Option<Params> = pool.is_none().then_some(trial.params);
                Reply::Epochs { id: number, params, pool, until }
            }
        }
    }

    /// Takes note of how a configuration did.
    ///
    /// # Errors
    /// Where it does not run, or what was told is not a value for each metric.
    pub fn tell(&mut self, number: u32, values: &Values) -> Result<Reply> {
        let values = self.each(values)?;
        let Running { round, trial, .. } = self.take(number)?;
        let end = self.end(&values);
        self.note(number, values);
        self.rounds[round].ended(trial, end);
        Ok(Reply::Done { ok: true })
    }

    /// A value for each metric.
    fn each(&self, values: &Values) -> Result<Vec<Option<f64>>> {
        let metrics = self.signs.len();
        match (&values.values, values.value) {
            (None, None) => Ok(vec![None; metrics]),
            (None, Some(value)) if metrics == 1 => Ok(vec![Some(value)]),
            (Some(values), None) if values.len() == metrics => Ok(values.clone()),
            (Some(_), Some(_)) => Err(Error::user("both `value` and `values` were told: one is enough")),
            _ => Err(Error::user(format!(
                "`values` must be a list of {metrics}, one for each of `directions`, with null for what is missing"
            ))),
        }
    }

    /// The end of a configuration with these values.
    fn end(&self, values: &[Option<f64>]) -> End {
        let mut costs = values.iter().zip(&self.signs).map(|(value, sign)| value.map(|value| sign * value));
        End::Ended { metric: costs.next().flatten(), others: costs.collect() }
    }

    /// Takes note of how a configuration did after an epoch, and says whether to go on.
    ///
    /// # Errors
    /// Where it does not run, or what was told is not a value for each metric.
    pub fn report(&mut self, number: u32, epoch: u64, values: &Values) -> Result<Reply> {
        let values = self.each(values)?;
        let running @ Running { round, trial, until } = self.take(number)?;
        let end = self.end(&values);
        // Rungs go by the first metric.
        let metric = values[0].map(|value| self.signs[0] * value).filter(|value| value.is_finite());
        self.note(number, values);
        let course = &mut self.rounds[round];
        if let Some(metric) = metric {
            course.reported(trial, epoch, metric);
        }
        if metric.is_none() || until.is_none_or(|until| epoch >= until) {
            course.ended(trial, end);
            return Ok(Reply::Action { action: if metric.is_none() { "stop" } else { "continue" } });
        }
        if let Next::Prune(trials) = course.next()
            && trials.contains(&trial)
        {
            course.pruned(trial);
            course.ended(trial, end);
            return Ok(Reply::Action { action: "stop" });
        }
        self.running.insert(number, running);
        Ok(Reply::Action { action: "continue" })
    }

    /// The configurations so far that no other is better than in every metric: the best one, where there is one
    /// metric, and those that are as good.
    #[must_use]
    pub fn best(&self) -> Reply {
        let cost = |values: &Vec<Option<f64>>| -> Vec<Option<f64>> {
            let costs = values.iter().zip(&self.signs).map(|(value, sign)| value.map(|value| sign * value));
            // Nothing was told of what runs.
            costs.chain(std::iter::repeat(None)).take(self.signs.len()).collect()
        };
        let costs: Vec<Vec<Option<f64>>> = self.told.values().map(|(_, values)| cost(values)).collect();
        let ranked = self.told.iter().zip(pareto::ranks(&costs)).filter(|(_, rank)| *rank == Some(0));
        let found = ranked.map(|((id, (params, values)), _)| Found {
            id: *id,
            params: params.clone(),
            values: values.clone(),
        });
        Reply::Best { best: found.collect() }
    }

    /// Which parameters mattered to the first metric in what was told so far.
    #[must_use]
    pub fn importance(&self, depth: Depth) -> Reply {
        let told =
            self.told.values().filter_map(|(params, values)| Some((params, Some((*values.first()?)?))));
        let study = Study::new(&self.experiment.space, told);
        let better = if self.signs[0] < 0.0 { Better::High } else { Better::Low };
        Reply::Importance(Box::new(importance::judge(&study, Method::Fanova, better, depth)))
    }

    fn note(&mut self, number: u32, values: Vec<Option<f64>>) {
        if let Some((_, last)) = self.told.get_mut(&number) {
            *last = values;
        }
    }

    fn take(&mut self, number: u32) -> Result<Running> {
        self.running.remove(&number).ok_or_else(|| Error::user(format!("nothing runs under number {number}")))
    }
}
