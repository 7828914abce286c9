//! What to do about failures: the first of the most frequent kind, what it printed last, and the commands that go on
//! from there.

use serde::Serialize;
use sweep_core::id::TrialLabel;
use sweep_core::layout::SweepDir;
use sweep_core::state::TrialState;

use crate::report::output;
use crate::report::progress::Failures;
use crate::report::status::Status;

/// Lines of output that are shown.
const LINES: usize = 5;

/// A failure that stands for the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// The trial.
    pub trial: TrialLabel,
    /// Why an executor refused it, or a task could not start.
    pub reason: Option<String>,
    /// The last lines that it printed.
    pub output: Vec<String>,
    /// The command that shows all of it.
    pub show: String,
    /// The command that runs the failed trials again; none where the sweep was stopped.
    pub retry: Option<String>,
}

impl Failure {
    /// The failure to begin with; `reference` is how a person named the sweep, with a blank before it.
    #[must_use]
    pub fn of(dir: &SweepDir, status: &Status, reference: &str) -> Option<Self> {
        let first = status.trial(status.failures.first()?.first)?;
        let reason = first.refusal.as_ref().or(first.task_error.as_ref());
        let output = output::tail(&dir.trial(first.index)).unwrap_or_default();
        let refused = status.failures.iter().all(|kind| kind.state == TrialState::SubmitFailed);
        let again = if refused { "resume" } else { "retry" };
        Some(Self {
            trial: first.trial,
            reason: reason.map(|text| text.trim_end().to_owned()),
            output: output::last_lines(&output, LINES),
            show: format!("sweep show {}{reference}", first.trial),
            retry: status.stopped.is_none().then(|| format!("sweep {again}{reference}")),
        })
    }

    /// A kind of failures in a few words.
    #[must_use]
    pub fn of_kind(kind: &Failures) -> String {
        let how = match (kind.state, kind.exit, kind.signal) {
            (TrialState::Failed, _, Some(signal)) => format!("signal {signal}"),
            (TrialState::Failed, Some(code), None) => format!("exit code {code}"),
            (state, ..) => state.name().replace('_', " "),
        };
        format!("{} × {how}", kind.count)
    }
}
