//! Drawing the state: the same state gives the same screen. It decides nothing and reads nothing else.

mod list;
mod sweep;
mod trial;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};
use sweep_core::state::TrialState;

use super::state::{Overlay, Question, State, View};
use crate::report::progress::is_failure;

/// Draws a state on a frame, and notes how many lines of a table fit.
pub fn draw(frame: &mut Frame<'_>, state: &mut State) {
    let [body, footer] = Layout::vertical([Constraint::Min(1), Constraint::Length(1)]).areas(frame.area());
    match state.view {
        View::Sweeps => list::draw(frame, body, state),
        View::Sweep => sweep::draw(frame, body, state),
        View::Trial(_) => trial::draw(frame, body, state),
    }
    frame.render_widget(Paragraph::new(foot(state)), footer);
    if state.overlay == Overlay::Help {
        help(frame);
    }
}

/// The last line: a question, the filter, what was said, or the keys.
fn foot(state: &State) -> Line<'static> {
    let strong = Style::new().add_modifier(Modifier::BOLD);
    match &state.overlay {
        Overlay::Ask(question) => return Line::styled(asked(question), strong),
        Overlay::Filter(text) => {
            let keys = "   words or lr>0.01 state=failed; Enter keeps, Esc clears";
            return Line::from(vec![Span::styled(format!("/{text}▏"), strong), Span::raw(keys)]);
        }
        Overlay::None | Overlay::Help => {}
    }
    if let Some(said) = &state.said {
        return Line::styled(said.clone(), strong);
    }
    Line::raw(match state.view {
        View::Sweeps => "Enter open   ↑↓ choose   Esc back   ? help   q quit",
        View::Sweep => "Enter trial  / filter  s sort  r retry  x stop  l sweeps  ? help  q quit",
        View::Trial(_) => "↑↓ other trials  m next metric  o all output  r retry  Esc back  ? help  q quit",
    })
}

fn asked(question: &Question) -> String {
    match question {
        Question::Stop => "Stop the sweep for good: cancel what runs and what waits? y/n".into(),
        Question::Retry(trial) => format!("Run {} again? y/n", trial.label()),
        Question::RetryFailed(count) => {
            format!("Run all that ended without success again, {count} failed among them? y/n")
        }
    }
}

const HELP: &str = "\
↑ ↓ j k       choose               PgUp PgDn     a page
g G           first, last          Enter         open a sweep or a trial
Esc           back                 l             the list of sweeps
/             filter: words, or conditions: lr>0.01 state=failed metric<0.5
s             sort by the next column; parameters come after the time
S             turn the order round
m             a trial's next metric
o             all of a trial's output, in $PAGER
r             run this trial again
R             run all again that ended without success
x             stop the sweep
u             look now; else it looks when trials end, and at times
q Ctrl-C      leave: the sweep goes on

C completed  F failed  R running  . to come  P pruned  T timeout
M out of memory  N node failed  X cancelled  E preempted  S refused  ? lost
o some completed, some to come (where a letter is several trials)";

fn help(frame: &mut Frame<'_>) {
    let lines = u16::try_from(HELP.lines().count()).unwrap_or(u16::MAX);
    let area = centred(frame.area(), 78, lines + 2);
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(HELP).block(Block::bordered().title(" keys ")), area);
}

fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect::new(area.x + (area.width - width) / 2, area.y + (area.height - height) / 2, width, height)
}

/// How a state looks; without colours by weight alone.
fn of_state(state: TrialState, colour: bool) -> Style {
    let plain = Style::new();
    match (state, colour) {
        (TrialState::Completed, true) => plain.fg(Color::Green),
        (TrialState::Running, true) => plain.fg(Color::Cyan),
        (state, true) if is_failure(state) => plain.fg(Color::Red),
        (state, false) if is_failure(state) => plain.add_modifier(Modifier::BOLD),
        _ => plain,
    }
}

/// How a letter of the grid looks.
fn of_letter(letter: char, colour: bool) -> Style {
    match letter {
        'C' => of_state(TrialState::Completed, colour),
        'R' => of_state(TrialState::Running, colour),
        'F' | 'T' | 'M' | 'N' | 'S' | '?' => of_state(TrialState::Failed, colour),
        _ => Style::new(),
    }
}

/// The line that is chosen.
fn chosen() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}

fn head() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

/// The first line of the page that the cursor is on.
fn page_of(cursor: usize, lines: usize) -> usize {
    cursor / lines.max(1) * lines.max(1)
}
