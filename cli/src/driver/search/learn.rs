//! What a look at one trial tells the search: reports while it runs, and its end once that is certain. Never an end
//! that a retry will take back.

use std::fs::File;
use std::io::Read;

use sweep_core::event::Event;
use sweep_core::layout::{SweepDir, TrialDir};
use sweep_core::manifest::{Manifest, Metric};
use sweep_core::state::TrialState;

use super::Search;
use crate::driver::advance::is_due;
use crate::driver::look::TrialLook;
use crate::task::now_ns;

/// How long a trial that ended well may take to show its metric, where the spec does not say: a network file system
/// shows a file that another node wrote after up to so long.
const RESULT_WAIT_S: u32 = 30;
/// Most bytes of a trial's metrics that are read for its reports.
const METRICS_LEN: u64 = 16 * 1024 * 1024;

/// The events that a look at a trial gives cause for.
pub(super) fn news(look: &TrialLook, manifest: &Manifest, dir: &SweepDir, search: &Search) -> Vec<Event> {
    let mut events = Vec::new();
    if search.listens()
        && let Some(metric) = &manifest.metric
        && look.record.is_some()
    {
        events = reports(look, metric, &dir.trial(look.trial.index), search);
    }
    events.extend(end(look, manifest, search));
    events
}

/// What a trial reported past the step that was heard of last.
fn reports(look: &TrialLook, metric: &Metric, folder: &TrialDir, search: &Search) -> Vec<Event> {
    let trial = look.trial.index;
    let last = search.last_step(trial);
    let mut bytes = Vec::new();
    let read = File::open(folder.metrics()).and_then(|file| file.take(METRICS_LEN).read_to_end(&mut bytes));
    if read.is_err() {
        return Vec::new();
    }
    let mut newest = last;
    let mut events = Vec::new();
    for (step, value) in metric.series(&bytes) {
        if newest.is_none_or(|newest| step > newest) {
            newest = Some(step);
            events.push(Event::Reported { trial, step, metric: value });
        }
    }
    events
}

/// The end of a trial, where it is certain.
fn end(look: &TrialLook, manifest: &Manifest, search: &Search) -> Option<Event> {
    let (trial, state, time_ns) = (look.trial.index, look.status.state, now_ns());
    if !state.is_final() || is_due(manifest, &look.status) {
        return None;
    }
    let ended = |metric: Option<f64>, objectives: Vec<Option<f64>>| {
        Some(Event::Ended { trial, state, metric, objectives, time_ns })
    };
    if search.course.is_pruned(trial) {
        return ended(look.metric, look.others.clone());
    }
    match state {
        TrialState::Completed | TrialState::Pruned => match look.metric {
            _ if search.lacks_metric(look) && waits_for_result(look, manifest, time_ns) => None,
            metric => ended(metric, look.others.clone()),
        },
        TrialState::Failed | TrialState::Timeout | TrialState::OutOfMemory => ended(None, Vec::new()),
        TrialState::Cancelled | TrialState::Preempted | TrialState::NodeFail | TrialState::Lost => {
            Some(Event::Withdrawn { trial, state, time_ns })
        }
        // Nobody ran it: it waits for somebody to submit it again.
        TrialState::SubmitFailed => None,
        TrialState::Planned | TrialState::Submitted | TrialState::Pending | TrialState::Running => None,
    }
}

/// Whether an ended trial's result may not be visible yet.
fn waits_for_result(look: &TrialLook, manifest: &Manifest, now_ns: u64) -> bool {
    let wait = u64::from(manifest.driving.result_wait_s.unwrap_or(RESULT_WAIT_S)) * 1_000_000_000;
    look.end().is_some_and(|end| end.time_ns.saturating_add(wait) > now_ns)
}
