//! `notify`: telling a command of the user's of moments of the sweep. Which moments are due is a pure function of the
//! look and the events; a command that fails or hangs never harms the sweep.
//!
//! Each telling has a number. `telling` is written down before the command runs and `told` after it: a driver that
//! finds the first without the second tells it once more, under the same number and marked as a repetition. So no
//! moment that was written down is lost, and one is told twice only where its driver was killed while it was telling.

mod command;

use std::collections::HashSet;

use serde::Serialize;
use sweep_core::event::Event;
use sweep_core::id::{TrialIndex, TrialLabel};
use sweep_core::layout::SweepDir;
use sweep_core::manifest::{Moment, Notify};
use sweep_core::params::Params;
use sweep_core::state::TrialState;

use crate::driver::journal::{self, Journal};
use crate::driver::look::{Look, TrialLook};
use crate::driver::{best, budget};
use crate::error::Result;
use crate::task::now_ns;

/// The version of what the command reads.
const SCHEMA_VERSION: u32 = 1;
/// Most trials that one telling describes; `count` says how many there are.
const TRIALS: usize = 1000;

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Notice {
    number: u32,
    moment: Moment,
    trials: Vec<TrialIndex>,
    repeated: bool,
}

/// What the command reads of a moment.
#[derive(Serialize)]
struct Told<'a> {
    /// The version of this object.
    schema_version: u32,
    /// The same for a telling and its repetition.
    id: String,
    /// What has happened.
    moment: Moment,
    /// Whether a driver that died may have told it before.
    repeated: bool,
    /// When it is told, RFC 3339 in UTC.
    time: String,
    /// The sweep.
    sweep_id: &'a str,
    /// The spec's `name`.
    name: &'a str,
    /// The sweep's directory.
    dir: String,
    /// Why the sweep is done, where that is told.
    reason: Option<&'a str>,
    /// How many trials are in each state.
    states: std::collections::BTreeMap<TrialState, u32>,
    /// How many trials the moment is about.
    count: usize,
    /// The first thousand of them.
    trials: Vec<Trial<'a>>,
    /// The best trial so far.
    best: Option<Trial<'a>>,
    /// What of the budget is spent, where the spec has one.
    spent: Option<budget::Account>,
}

/// A trial that a moment is about.
#[derive(Serialize)]
struct Trial<'a> {
    /// Its label.
    trial: TrialLabel,
    /// Its index.
    index: TrialIndex,
    /// The user's name for it.
    name: Option<&'a str>,
    /// How it stands.
    state: TrialState,
    /// Its metric.
    metric: Option<f64>,
    /// Its budget, where the method gives one.
    budget: Option<f64>,
    /// Its exit code, where it has ended by itself.
    exit: Option<i32>,
    /// Its values.
    params: &'a Params,
}

/// Whether there is anything to tell.
#[must_use]
pub fn has_work(look: &Look) -> bool {
    let notify = look.manifest.driving.notify.as_ref();
    notify.is_some_and(|notify| !due(notify, look, &look.events, false).is_empty())
}

/// Whether there is anything to tell once the sweep was stopped.
///
/// # Errors
/// Where the events cannot be read.
pub fn hears_of_stop(dir: &SweepDir, look: &Look) -> Result<bool> {
    let Some(notify) = &look.manifest.driving.notify else { return Ok(false) };
    Ok(!due(notify, look, &journal::read(dir)?, true).is_empty())
}

/// Tells what is due; `stopped` says why the sweep was stopped, where it was.
///
/// # Errors
/// Those of the journal. What the command does is no error: `notice` hears of it.
pub fn tell(
    dir: &SweepDir,
    journal: &mut Journal<'_>,
    look: &Look,
    stopped: Option<&str>,
    notice: &dyn Fn(&str),
) -> Result<()> {
    let Some(notify) = &look.manifest.driving.notify else { return Ok(()) };
    let events = journal::read(dir)?;
    let due = due(notify, look, &events, stopped.is_some());
    let finished = events.iter().rev().find_map(|event| match event {
        Event::Finished { reason, .. } => Some(reason.as_str()),
        _ => None,
    });
    for told in due {
        let Notice { number, moment, trials, repeated } = &told;
        if !repeated {
            let (moment, trials) = (*moment, trials.clone());
            journal.append(&Event::Telling { number: *number, moment, trials, time_ns: now_ns() })?;
        }
        let reason = stopped.or(finished).filter(|_| *moment == Moment::SweepDone);
        let json = describe(dir, look, &told, reason);
        let error = command::run(notify, dir, &look.manifest, &json).err().map(|error| error.to_string());
        if let Some(error) = &error {
            notice(&format!("`notify` was not told of {}: {error}", moment.name()));
        }
        journal.append(&Event::Told { number: *number, error, time_ns: now_ns() })?;
    }
    Ok(())
}

/// What events say that was told, and what there is to tell.
#[derive(Default)]
struct Heard {
    next: u32,
    open: Vec<Notice>,
    ended: Vec<(TrialIndex, TrialState)>,
    trials: HashSet<TrialIndex>,
    failure: bool,
    best: Option<TrialIndex>,
    budget: bool,
    /// The search is done, and nobody was told.
    done: bool,
    /// Somebody was told that the sweep is done.
    told_done: bool,
}

impl Heard {
    fn of(events: &[Event]) -> Self {
        let mut heard = Self::default();
        for event in events {
            match event {
                Event::Ended { trial, state, .. } | Event::Withdrawn { trial, state, .. } => {
                    heard.ended.push((*trial, *state));
                }
                Event::Finished { .. } => heard.done = true,
                Event::Extended { .. } => (heard.done, heard.told_done) = (false, false),
                Event::Telling { number, moment, trials, .. } => heard.telling(*number, *moment, trials),
                Event::Told { number, .. } => heard.open.retain(|notice| notice.number != *number),
                _ => {}
            }
        }
        heard
    }

    fn telling(&mut self, number: u32, moment: Moment, trials: &[TrialIndex]) {
        self.next = self.next.max(number + 1);
        self.open.push(Notice { number, moment, trials: trials.to_vec(), repeated: true });
        match moment {
            Moment::TrialEnded => self.trials.extend(trials),
            Moment::FirstFailure => self.failure = true,
            Moment::NewBest => self.best = trials.first().copied(),
            Moment::BudgetNear => self.budget = true,
            Moment::SweepDone => (self.done, self.told_done) = (false, true),
        }
    }
}

/// What is to be told, in the order of [`Moment::ALL`] after what an earlier driver has begun to tell.
fn due(notify: &Notify, look: &Look, events: &[Event], stopped: bool) -> Vec<Notice> {
    let mut heard = Heard::of(events);
    let mut notices = std::mem::take(&mut heard.open);
    for moment in Moment::ALL.into_iter().filter(|moment| notify.on.contains(moment)) {
        let trials = match moment {
            Moment::TrialEnded => {
                let ended = heard.ended.iter().map(|(trial, _)| *trial);
                let new: Vec<TrialIndex> = ended.filter(|trial| !heard.trials.contains(trial)).collect();
                Some(new).filter(|new| !new.is_empty())
            }
            Moment::FirstFailure => {
                let first =
                    heard.ended.iter().find(|(_, state)| is_failure(*state)).filter(|_| !heard.failure);
                first.map(|(trial, _)| vec![*trial])
            }
            Moment::NewBest => {
                let best =
                    best::of(&look.trials, look.manifest.metric.as_ref()).map(|trial| trial.trial.index);
                best.filter(|best| heard.best != Some(*best)).map(|best| vec![best])
            }
            Moment::BudgetNear => {
                let near = || budget::account(look).is_some_and(|spent| spent.share() >= notify.budget_share);
                (!heard.budget && near()).then(Vec::new)
            }
            Moment::SweepDone => (heard.done || (stopped && !heard.told_done)).then(Vec::new),
        };
        if let Some(trials) = trials {
            notices.push(Notice { number: heard.next, moment, trials, repeated: false });
            heard.next += 1;
        }
    }
    notices
}

/// Whether a trial that ended so has failed by its own doing.
fn is_failure(state: TrialState) -> bool {
    matches!(state, TrialState::Failed | TrialState::Timeout | TrialState::OutOfMemory)
}

fn describe(dir: &SweepDir, look: &Look, notice: &Notice, reason: Option<&str>) -> Vec<u8> {
    let manifest = &look.manifest;
    let mut states = std::collections::BTreeMap::new();
    look.trials.iter().for_each(|trial| *states.entry(trial.status.state).or_default() += 1);
    let named = notice.trials.iter().filter_map(|index| look.trials.get(index.0 as usize));
    let mut json = serde_json::to_vec(&Told {
        schema_version: SCHEMA_VERSION,
        id: format!("{}/{}", manifest.id, notice.number),
        moment: notice.moment,
        repeated: notice.repeated,
        time: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        sweep_id: manifest.id.as_str(),
        name: &manifest.name,
        dir: dir.path().display().to_string(),
        reason,
        states,
        count: notice.trials.len(),
        trials: named.take(TRIALS).map(of_trial).collect(),
        best: best::of(&look.trials, manifest.metric.as_ref()).map(of_trial),
        spent: budget::account(look),
    })
    .expect("texts and numbers always serialize");
    json.push(b'\n');
    json
}

fn of_trial(look: &TrialLook) -> Trial<'_> {
    Trial {
        trial: look.trial.index.label(),
        index: look.trial.index,
        name: look.trial.name.as_deref(),
        state: look.status.state,
        metric: look.metric,
        budget: look.trial.budget,
        exit: look.end().and_then(|end| end.exit),
        params: &look.trial.params,
    }
}

/// What is told, as drivers come and go.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::look::Batches;
    use sweep_core::manifest::Command;

    fn look() -> Look {
        let json = serde_json::json!({
            "schema": "1.0", "id": "s", "name": "s", "created": "", "spec_digest": "", "method": "random",
            "matrix": "none", "seed": "1", "workdir": ".", "replicates": 1, "versions": {},
        });
        let manifest = serde_json::from_value(json).unwrap();
        Look {
            manifest,
            stopped: None,
            unanswered: None,
            driver: None,
            finished: false,
            full: None,
            open_jobs: None,
            events: Vec::new(),
            batches: Batches::default(),
            trials: Vec::new(),
        }
    }

    fn notices(events: &[Event]) -> Vec<Notice> {
        let command = Command::Argv(vec!["true".into()]);
        let notify = Notify { command, on: Moment::ALL.to_vec(), limit_s: 1, budget_share: 0.8 };
        due(&notify, &look(), events, false)
    }

    fn notices_once_stopped(events: &[Event]) -> Vec<Notice> {
        let command = Command::Argv(vec!["true".into()]);
        let notify = Notify { command, on: vec![Moment::SweepDone], limit_s: 1, budget_share: 0.8 };
        due(&notify, &look(), events, true)
    }

    fn ended(trial: u32, state: TrialState) -> Event {
        Event::Ended { trial: TrialIndex(trial), state, metric: None, objectives: Vec::new(), time_ns: 1 }
    }

    fn telling(number: u32, moment: Moment, trials: &[u32]) -> Event {
        let trials = trials.iter().copied().map(TrialIndex).collect();
        Event::Telling { number, moment, trials, time_ns: 1 }
    }

    fn told(number: u32) -> Event {
        Event::Told { number, error: None, time_ns: 1 }
    }

    #[test]
    fn each_moment_is_due_once() {
        let mut events = vec![ended(0, TrialState::Completed), ended(1, TrialState::Failed)];
        let due = notices(&events);
        let told_of: Vec<_> = due.iter().map(|n| (n.number, n.moment, n.trials.len(), n.repeated)).collect();
        assert_eq!(told_of, [(0, Moment::TrialEnded, 2, false), (1, Moment::FirstFailure, 1, false)]);
        events.extend([telling(0, Moment::TrialEnded, &[0, 1]), told(0)]);
        events.extend([telling(1, Moment::FirstFailure, &[1]), told(1)]);
        assert_eq!(notices(&events), []);
        events.push(ended(2, TrialState::Failed));
        assert_eq!(notices(&events)[0].trials, [TrialIndex(2)]);
        assert_eq!(notices(&events).len(), 1);
    }

    #[test]
    fn what_a_driver_was_telling_when_it_was_killed_is_told_again_under_its_number() {
        let events = [
            ended(0, TrialState::Failed),
            telling(0, Moment::TrialEnded, &[0]),
            told(0),
            telling(1, Moment::FirstFailure, &[0]),
        ];
        let due = notices(&events);
        assert_eq!(
            (due.len(), due[0].number, due[0].moment, due[0].repeated),
            (1, 1, Moment::FirstFailure, true)
        );
    }

    #[test]
    fn a_sweep_that_is_stopped_is_done_once_also_where_it_was_done_before() {
        assert_eq!(notices_once_stopped(&[])[0].moment, Moment::SweepDone);
        let mut events = vec![telling(0, Moment::SweepDone, &[])];
        assert!(notices_once_stopped(&events)[0].repeated);
        events.push(told(0));
        assert_eq!(notices_once_stopped(&events), []);
    }

    #[test]
    fn a_sweep_that_was_extended_is_done_once_more() {
        let finished = || Event::Finished { reason: "r".into(), time_ns: 1 };
        let mut events = vec![finished()];
        assert_eq!(notices(&events)[0].moment, Moment::SweepDone);
        events.extend([telling(0, Moment::SweepDone, &[]), told(0)]);
        assert_eq!(notices(&events), []);
        events.extend([Event::Extended { trials: Some(9), concurrency: None, time_ns: 1 }, finished()]);
        assert_eq!((notices(&events).len(), notices(&events)[0].number), (1, 1));
    }
}
