//! The search of a driven sweep: replayed from the table and the events, told what a look found, and asked what to do
//! next. What the strategy hears stands in an event first, so whoever comes later hears the same.

mod learn;

use std::collections::HashMap;
use std::fs;

use sweep_core::event::Event;
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::manifest::{Goal, Metric};
use sweep_core::trial::Trial;
use sweep_search::{Course, End, Method, Next};

use crate::driver::journal::Journal;
use crate::driver::look::{Look, TrialLook};
use crate::driver::{start, table};
use crate::error::{At, Error, Result};
use crate::spec::Spec;
use crate::task::now_ns;

/// The search of a sweep, as far as its events tell.
#[derive(Debug)]
pub struct Search {
    spec: Spec,
    course: Course,
    /// What trials report, the one that the search goes by first.
    metrics: Vec<Metric>,
    /// How many of them the strategy looks at.
    heard: usize,
    /// The last step of each running trial that the strategy heard of.
    steps: HashMap<TrialIndex, u64>,
    /// When each trial was told to stop.
    pruned_ns: HashMap<TrialIndex, u64>,
    /// Most trials at once.
    concurrency: Option<u32>,
    finished: bool,
}

/// What the search wants to happen.
#[derive(Debug, Default)]
pub struct Wishes {
    /// Trials that were added to the table, to be submitted.
    pub trials: Vec<Trial>,
    /// Trials that are to end early.
    pub pruned: Vec<TrialIndex>,
}

impl Search {
    /// Replays the search of a sweep from the events of a look; none where nobody needs to drive it.
    ///
    /// # Errors
    /// Where the sweep's own copy of its spec cannot be read.
    pub fn replay(dir: &SweepDir, look: &Look) -> Result<Option<Self>> {
        if !look.manifest.driven {
            return Ok(None);
        }
        let spec = start::of_manifest(read_spec(dir)?, &look.manifest)?;
        let mut experiment = spec.experiment(&look.manifest.seed);
        experiment.limit = limit_of(&spec, &look.events);
        let concurrency = look.manifest.concurrency;
        let strategy = experiment.strategy().map_err(|error| Error::user(error.to_string()))?;
        let course = Course::new(strategy, look.manifest.seed.clone(), look.manifest.replicates);
        let metrics: Vec<Metric> = look.manifest.metrics().cloned().collect();
        let heard = if experiment.goes_by_all_metrics() { metrics.len() } else { metrics.len().min(1) };
        let mut search = Self {
            spec,
            course,
            metrics,
            heard,
            steps: HashMap::new(),
            pruned_ns: HashMap::new(),
            concurrency,
            finished: false,
        };
        let trials: Vec<&Trial> = look.trials.iter().map(|trial| &trial.trial).collect();
        for event in &look.events {
            search.hear(event, &trials);
        }
        Ok(Some(search))
    }

    /// Takes note of an event of the journal.
    fn hear(&mut self, event: &Event, trials: &[&Trial]) {
        match event {
            Event::Proposed { first, count, .. } => {
                let from = first.0 as usize;
                let until = from.saturating_add(*count as usize).min(trials.len());
                for trial in trials.get(from..until).unwrap_or_default() {
                    self.course.proposed(trial);
                }
                self.finished = false;
            }
            Event::Reported { trial, step, metric } => {
                self.steps.insert(*trial, *step);
                self.course.reported(*trial, *step, self.sign(0) * metric);
            }
            Event::Pruned { trial, time_ns } => {
                self.pruned_ns.insert(*trial, *time_ns);
                self.course.pruned(*trial);
            }
            Event::Ended { trial, metric, objectives, .. } => {
                let others =
                    objectives.iter().zip(1..).map(|(value, n)| value.map(|value| self.sign(n) * value));
                let end = End::Ended {
                    metric: metric.map(|metric| self.sign(0) * metric),
                    others: others.collect(),
                };
                self.course.ended(*trial, end);
            }
            Event::Withdrawn { trial, .. } => self.course.ended(*trial, End::Withdrawn),
            Event::Extended { .. } => self.finished = false,
            Event::Finished { .. } => self.finished = true,
            _ => {}
        }
    }

    /// What a metric is multiplied by so that less is better.
    fn sign(&self, metric: usize) -> f64 {
        match self.metrics.get(metric).map(|metric| metric.goal) {
            None | Some(Goal::Minimize) => 1.0,
            Some(Goal::Maximize) => -1.0,
        }
    }

    /// Whether a trial has not shown everything that the strategy looks at.
    fn lacks_metric(&self, look: &TrialLook) -> bool {
        look.values().take(self.heard).any(|value| value.is_none())
    }

    /// Writes events down and takes note of them.
    fn note(&mut self, journal: &mut Journal<'_>, events: &[Event], trials: &[&Trial]) -> Result<()> {
        journal.append_all(events)?;
        events.iter().for_each(|event| self.hear(event, trials));
        Ok(())
    }

    /// Whether there is anything to write down or to do, where no more than `slots` trials may run at once.
    #[must_use]
    pub fn has_work(&self, look: &Look, dir: &SweepDir, slots: Option<u32>) -> bool {
        let is_told = self.course.proposals() as usize >= look.trials.len();
        if !is_told || self.news(look, dir).next().is_some() {
            return true;
        }
        match self.course.next() {
            Next::Run(trials) => self.has_room(trials.len(), slots),
            Next::Prune(_) => true,
            Next::Wait => false,
            Next::Done => !self.finished && self.course.in_flight() == 0,
        }
    }

    /// Writes down what a look found, and tells the strategy.
    ///
    /// # Errors
    /// Those of the file system, or where another driver took over.
    pub fn learn(&mut self, journal: &mut Journal<'_>, look: &Look, dir: &SweepDir) -> Result<()> {
        let trials: Vec<&Trial> = look.trials.iter().map(|trial| &trial.trial).collect();
        // Trials that were written when the sweep was made, or by a driver that died before it said so.
        let known = self.course.proposals();
        let count = u32::try_from(trials.len()).unwrap_or(u32::MAX).saturating_sub(known);
        if count > 0 {
            let event = Event::Proposed { first: TrialIndex(known), count, time_ns: now_ns() };
            self.note(journal, &[event], &trials)?;
        }
        let news: Vec<Event> = self.news(look, dir).collect();
        self.note(journal, &news, &trials)
    }

    /// Tells the strategy what a look found, and gives what it wants then: new trials stand in the table.
    ///
    /// # Errors
    /// Those of the file system, or where another driver took over.
    pub fn step(
        &mut self,
        journal: &mut Journal<'_>,
        look: &Look,
        dir: &SweepDir,
        slots: Option<u32>,
    ) -> Result<Wishes> {
        self.learn(journal, look, dir)?;
        let mut trials: Vec<&Trial> = look.trials.iter().map(|trial| &trial.trial).collect();
        let mut wishes = Wishes::default();
        let mut proposed: Vec<Trial> = Vec::new();
        loop {
            match self.course.next() {
                Next::Run(new) if self.has_room(new.len(), slots) => {
                    for trial in new {
                        let trial = self.spec.fill(trial)?;
                        self.course.proposed(&trial);
                        proposed.push(trial);
                    }
                }
                Next::Prune(pruned) => {
                    self.write_down(journal, dir, &mut proposed, &mut wishes)?;
                    let event = |trial: &TrialIndex| Event::Pruned { trial: *trial, time_ns: now_ns() };
                    let events: Vec<Event> = pruned.iter().map(event).collect();
                    if events.is_empty() {
                        break;
                    }
                    trials.truncate(look.trials.len());
                    self.note(journal, &events, &trials)?;
                    wishes.pruned.extend(pruned);
                }
                Next::Run(_) | Next::Wait | Next::Done => break,
            }
        }
        self.write_down(journal, dir, &mut proposed, &mut wishes)?;
        if self.course.next() == Next::Done && self.course.in_flight() == 0 && !self.finished {
            let reason = "every trial that the search wanted has ended".to_owned();
            self.note(journal, &[Event::Finished { reason, time_ns: now_ns() }], &trials)?;
        }
        Ok(wishes)
    }

    /// Adds what was proposed to the table, then says so. The course has heard of it already.
    fn write_down(
        &mut self,
        journal: &mut Journal<'_>,
        dir: &SweepDir,
        proposed: &mut Vec<Trial>,
        wishes: &mut Wishes,
    ) -> Result<()> {
        let Some(first) = proposed.first().map(|trial| trial.index) else { return Ok(()) };
        table::append(dir, journal, proposed)?;
        let count = u32::try_from(proposed.len()).unwrap_or(u32::MAX);
        journal.append(&Event::Proposed { first, count, time_ns: now_ns() })?;
        wishes.trials.append(proposed);
        Ok(())
    }

    /// How the space is searched.
    #[must_use]
    pub fn method(&self) -> Method {
        self.spec.method
    }

    /// Whether the search is done, as far as its events say.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    fn has_room(&self, more: usize, slots: Option<u32>) -> bool {
        let limit = self.concurrency.into_iter().chain(slots).min();
        // One configuration may always run, however many replicates it has.
        limit.is_none_or(|limit| {
            let in_flight = self.course.in_flight() as usize;
            in_flight == 0 || in_flight + more <= limit as usize
        })
    }

    /// The events that a look gives cause for.
    fn news<'a>(&'a self, look: &'a Look, dir: &'a SweepDir) -> impl Iterator<Item = Event> + 'a {
        let open = look.trials.iter().filter(|trial| self.course.end(trial.trial.index).is_none());
        open.flat_map(move |trial| learn::news(trial, &look.manifest, dir, self))
    }

    /// The last step of a trial that the strategy heard of.
    fn last_step(&self, trial: TrialIndex) -> Option<u64> {
        self.steps.get(&trial).copied()
    }

    /// When each trial that has not ended was told to stop, in nanoseconds since 1970.
    pub fn told_to_stop(&self) -> impl Iterator<Item = (TrialIndex, u64)> + '_ {
        let open = self.pruned_ns.iter().filter(|(trial, _)| self.course.end(**trial).is_none());
        open.map(|(trial, time_ns)| (*trial, *time_ns))
    }

    /// Whether the strategy listens to what running trials report.
    fn listens(&self) -> bool {
        self.spec.listens()
    }
}

/// How many configurations a sweep may have: its spec's word, and what was added since.
#[must_use]
pub fn limit_of(spec: &Spec, events: &[Event]) -> Option<u64> {
    let added = events.iter().rev().find_map(|event| match event {
        Event::Extended { trials, .. } => *trials,
        _ => None,
    });
    added.or(spec.limit)
}

/// How many trials may run at once, where somebody changed that since the sweep was made.
#[must_use]
pub fn concurrency_of(events: &[Event]) -> Option<u32> {
    events.iter().rev().find_map(|event| match event {
        Event::Extended { concurrency, .. } => *concurrency,
        _ => None,
    })
}

/// Whether the events of a sweep say that its search is done.
#[must_use]
pub fn is_finished(events: &[Event]) -> bool {
    let last = events.iter().rev().find(|event| {
        matches!(event, Event::Finished { .. } | Event::Proposed { .. } | Event::Extended { .. })
    });
    matches!(last, Some(Event::Finished { .. }))
}

/// The sweep's own copy of its spec.
///
/// # Errors
/// Where it cannot be read.
pub fn read_spec(dir: &SweepDir) -> Result<Spec> {
    let path = dir.spec();
    let bytes = fs::read(&path).at("read", &path)?;
    let spec = match fs::read(dir.base()) {
        Ok(base) => Spec::parse_with_base(&path, bytes, base),
        Err(_) => Spec::parse(&path, bytes),
    };
    spec.map_err(|errors| Error::user(errors.to_string()))
}
