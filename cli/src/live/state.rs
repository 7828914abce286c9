//! What the live view shows: plain data, so that a test can make any screen. It reads and asks nothing.

use crossterm::event::KeyEvent;
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;

use crate::report::detail::Detail;
use crate::report::list::List;
use crate::report::status::{Status, TrialStatus};

/// All that is shown.
#[derive(Debug)]
pub struct State {
    /// Which view.
    pub view: View,
    /// What lies over it.
    pub overlay: Overlay,
    /// The sweeps of the folder, where somebody has looked.
    pub sweeps: Option<List>,
    /// The chosen line of the list of sweeps.
    pub sweep_cursor: usize,
    /// The sweep that is looked at.
    pub dir: Option<SweepDir>,
    /// What was seen of it last.
    pub status: Option<Box<Status>>,
    /// When, as a clock shows it.
    pub seen: String,
    /// The trials that the filter lets through, in their order: places in the status's list.
    pub rows: Vec<usize>,
    /// The chosen line of the table.
    pub cursor: usize,
    /// What trials must hold to be shown.
    pub filter: String,
    /// By what they are sorted.
    pub sort: Sort,
    /// Whether the order is turned round.
    pub reverse: bool,
    /// What is known of the open trial.
    pub detail: Option<Detail>,
    /// Which of its curves is shown.
    pub curve: usize,
    /// The last thing that was said.
    pub said: Option<String>,
    /// Whether colours are wanted.
    pub colour: bool,
    /// Lines of the table that fit, as it was drawn last.
    pub page: usize,
}

/// Which view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The list of sweeps.
    Sweeps,
    /// One sweep: its grid and its trials.
    Sweep,
    /// One trial.
    Trial(TrialIndex),
}

/// What lies over a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// Nothing.
    None,
    /// The keys.
    Help,
    /// The filter is being written.
    Filter(String),
    /// A question that is answered with y or n.
    Ask(Question),
}

/// What is asked before something is done that cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether to stop the sweep.
    Stop,
    /// Whether to run a trial again.
    Retry(TrialIndex),
    /// Whether to run all failed trials again.
    RetryFailed(u32),
}

/// By what trials are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Their indexes.
    #[default]
    Trial,
    /// Their states, those first that need a look.
    State,
    /// The metric, the best first.
    Metric,
    /// How long they took, the longest first.
    Time,
    /// A parameter, by its place.
    Parameter(usize),
}

/// What changes the state.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// A sweep was looked at.
    Looked {
        /// Which.
        dir: SweepDir,
        /// What was seen.
        status: Box<Status>,
        /// When, as a clock shows it.
        seen: String,
    },
    /// The sweeps of the folder were read.
    Sweeps(List),
    /// A trial's files were read.
    Detail(TrialIndex, Detail),
    /// Something is to be said.
    Said(String),
}

impl State {
    /// Before anything was seen.
    #[must_use]
    pub fn new(dir: Option<SweepDir>, colour: bool) -> Self {
        Self {
            view: if dir.is_some() { View::Sweep } else { View::Sweeps },
            overlay: Overlay::None,
            sweeps: None,
            sweep_cursor: 0,
            dir,
            status: None,
            seen: String::new(),
            rows: Vec::new(),
            cursor: 0,
            filter: String::new(),
            sort: Sort::default(),
            reverse: false,
            detail: None,
            curve: 0,
            said: None,
            colour,
            page: 1,
        }
    }

    /// The trial under the cursor, or the open one.
    #[must_use]
    pub fn chosen(&self) -> Option<&TrialStatus> {
        let status = self.status.as_ref()?;
        match self.view {
            View::Sweeps => None,
            View::Sweep => status.trials.get(*self.rows.get(self.cursor)?),
            View::Trial(index) => status.trials.get(index.0 as usize),
        }
    }
}
