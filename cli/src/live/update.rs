//! What a key or a piece of news does to the state, and what it makes the view wish for. Pure: it asks and starts
//! nothing itself.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::state::TrialState;

use super::rows::{parameters, rows};
use super::source::Order;
use super::state::{Message, Overlay, Question, Sort, State, View};
use crate::report::status::Status;

/// What somebody else has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Leave the view.
    Leave,
    /// Look elsewhere, or now.
    Order(Order),
    /// Stop the sweep.
    Stop(SweepDir),
    /// Run trials of the sweep again; all that failed where none is named.
    Retry(SweepDir, Vec<TrialIndex>),
    /// Show a file in the person's pager.
    Open(PathBuf),
}

/// Takes note of a message.
pub fn update(state: &mut State, message: Message) -> Vec<Wish> {
    match message {
        Message::Key(key) => {
            if key.kind == KeyEventKind::Release {
                return Vec::new();
            }
            return pressed(state, key);
        }
        // A look at a sweep that was left meanwhile is late.
        Message::Looked { dir, status, seen } => {
            if state.dir.as_ref() == Some(&dir) {
                see(state, status, seen);
            }
        }
        Message::Sweeps(list) => {
            state.sweep_cursor = state.sweep_cursor.min(list.sweeps.len().saturating_sub(1));
            state.sweeps = Some(list);
        }
        Message::Detail(trial, detail) => {
            if state.view == View::Trial(trial) {
                state.curve = state.curve.min(detail.curves.len().saturating_sub(1));
                state.detail = Some(detail);
            }
        }
        Message::Said(text) => state.said = Some(text),
    }
    Vec::new()
}

/// Takes over what was seen; the cursor stays on its trial.
fn see(state: &mut State, status: Box<Status>, seen: String) {
    let chosen = state.chosen().map(|trial| trial.index);
    state.status = Some(status);
    state.seen = seen;
    arrange(state);
    if let Some(chosen) = chosen {
        let place = state.rows.iter().position(|row| *row == chosen.0 as usize);
        state.cursor = place.unwrap_or(state.cursor);
    }
}

/// Filters and sorts again.
fn arrange(state: &mut State) {
    if let Some(status) = &state.status {
        state.rows = rows(status, &state.filter, state.sort, state.reverse);
    }
    state.cursor = state.cursor.min(state.rows.len().saturating_sub(1));
}

fn pressed(state: &mut State, key: KeyEvent) -> Vec<Wish> {
    state.said = None;
    let is_interrupt = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
    if is_interrupt {
        return vec![Wish::Leave];
    }
    match std::mem::replace(&mut state.overlay, Overlay::None) {
        Overlay::Help => return Vec::new(),
        Overlay::Filter(text) => {
            write_filter(state, text, key.code);
            return Vec::new();
        }
        Overlay::Ask(question) => return answered(state, &question, key.code),
        Overlay::None => {}
    }
    match key.code {
        KeyCode::Char('?' | 'h') => state.overlay = Overlay::Help,
        KeyCode::Char('q') => return vec![Wish::Leave],
        KeyCode::Char('u') => return vec![Wish::Order(Order::Look)],
        code => {
            return match state.view {
                View::Sweeps => in_sweeps(state, code),
                View::Sweep => in_sweep(state, code),
                View::Trial(index) => in_trial(state, index, code),
            };
        }
    }
    Vec::new()
}

/// Writes the filter: it counts from the first letter on, and Esc takes it back.
fn write_filter(state: &mut State, mut text: String, code: KeyCode) {
    match code {
        KeyCode::Enter => return,
        KeyCode::Esc => text.clear(),
        KeyCode::Backspace => {
            text.pop();
        }
        KeyCode::Char(letter) => text.push(letter),
        _ => {}
    }
    state.filter.clone_from(&text);
    arrange(state);
    if code != KeyCode::Esc {
        state.overlay = Overlay::Filter(text);
    }
}

fn answered(state: &mut State, question: &Question, code: KeyCode) -> Vec<Wish> {
    let Some(dir) = state.dir.clone().filter(|_| matches!(code, KeyCode::Char('y' | 'Y'))) else {
        state.said = Some("left as it is".into());
        return Vec::new();
    };
    match question {
        Question::Stop => {
            state.said = Some("stopping the sweep …".into());
            vec![Wish::Stop(dir)]
        }
        Question::Retry(trial) => {
            state.said = Some(format!("submitting {} again …", trial.label()));
            vec![Wish::Retry(dir, vec![*trial])]
        }
        Question::RetryFailed(_) => {
            state.said = Some("submitting the failed trials again …".into());
            vec![Wish::Retry(dir, Vec::new())]
        }
    }
}

fn in_sweeps(state: &mut State, code: KeyCode) -> Vec<Wish> {
    let Some(list) = &state.sweeps else { return Vec::new() };
    match code {
        KeyCode::Enter => {
            let Some(entry) = list.sweeps.get(state.sweep_cursor) else { return Vec::new() };
            let dir = SweepDir::new(list.home.join(entry.manifest.id.as_str()));
            state.dir = Some(dir.clone());
            (state.view, state.status, state.cursor) = (View::Sweep, None, 0);
            state.rows.clear();
            state.filter.clear();
            state.sort = Sort::default();
            return vec![Wish::Order(Order::Sweep(dir))];
        }
        KeyCode::Esc | KeyCode::Backspace => {
            let Some(dir) = state.dir.clone() else { return Vec::new() };
            state.view = View::Sweep;
            return vec![Wish::Order(Order::Sweep(dir))];
        }
        code => state.sweep_cursor = moved(state.sweep_cursor, list.sweeps.len(), state.page, code),
    }
    Vec::new()
}

fn in_sweep(state: &mut State, code: KeyCode) -> Vec<Wish> {
    match code {
        KeyCode::Enter => return open(state),
        KeyCode::Esc | KeyCode::Backspace | KeyCode::Char('l') => {
            state.view = View::Sweeps;
            return vec![Wish::Order(Order::Home)];
        }
        KeyCode::Char('/') => state.overlay = Overlay::Filter(state.filter.clone()),
        KeyCode::Char('s') => {
            state.sort = next_sort(state);
            arrange(state);
        }
        KeyCode::Char('S') => {
            state.reverse = !state.reverse;
            arrange(state);
        }
        KeyCode::Char('x') => ask_stop(state),
        KeyCode::Char('r') => ask_retry(state),
        KeyCode::Char('R') => ask_retry_failed(state),
        KeyCode::Char('o') => return page(state),
        code => state.cursor = moved(state.cursor, state.rows.len(), state.page, code),
    }
    Vec::new()
}

fn in_trial(state: &mut State, index: TrialIndex, code: KeyCode) -> Vec<Wish> {
    match code {
        KeyCode::Esc | KeyCode::Backspace => {
            (state.view, state.detail) = (View::Sweep, None);
            return vec![Wish::Order(Order::Trial(None))];
        }
        KeyCode::Down | KeyCode::Char('j') | KeyCode::Right => return step(state, index, 1),
        KeyCode::Up | KeyCode::Char('k') | KeyCode::Left => return step(state, index, -1),
        KeyCode::Char('m') => {
            let curves = state.detail.as_ref().map_or(0, |detail| detail.curves.len());
            state.curve = (state.curve + 1) % curves.max(1);
        }
        KeyCode::Char('r') => ask_retry(state),
        KeyCode::Char('x') => ask_stop(state),
        KeyCode::Char('o') => return page(state),
        _ => {}
    }
    Vec::new()
}

fn open(state: &mut State) -> Vec<Wish> {
    let Some(index) = state.chosen().map(|trial| trial.index) else { return Vec::new() };
    (state.view, state.detail, state.curve) = (View::Trial(index), None, 0);
    vec![Wish::Order(Order::Trial(Some(index)))]
}

/// To the trial before or after this one in the table.
fn step(state: &mut State, index: TrialIndex, by: isize) -> Vec<Wish> {
    let place = state.rows.iter().position(|row| *row == index.0 as usize).unwrap_or(0);
    let place = place.saturating_add_signed(by).min(state.rows.len().saturating_sub(1));
    let Some(status) = &state.status else { return Vec::new() };
    let Some(trial) = state.rows.get(place).and_then(|row| status.trials.get(*row)) else {
        return Vec::new();
    };
    if trial.index == index {
        return Vec::new();
    }
    let index = trial.index;
    (state.view, state.detail, state.cursor) = (View::Trial(index), None, place);
    vec![Wish::Order(Order::Trial(Some(index)))]
}

fn page(state: &mut State) -> Vec<Wish> {
    let Some((dir, trial)) = state.dir.as_ref().zip(state.chosen()) else { return Vec::new() };
    let path = dir.trial(trial.index).output();
    vec![Wish::Open(path)]
}

fn ask_stop(state: &mut State) {
    let Some(status) = &state.status else { return };
    match &status.stopped {
        Some(reason) => state.said = Some(format!("stopped already: {reason}")),
        None => state.overlay = Overlay::Ask(Question::Stop),
    }
}

fn ask_retry(state: &mut State) {
    let Some(trial) = state.chosen() else { return };
    if trial.state.is_final() && trial.state != TrialState::Pruned {
        state.overlay = Overlay::Ask(Question::Retry(trial.index));
    } else {
        state.said = Some(format!("{} is {}: only what has ended runs again", trial.trial, trial.state));
    }
}

fn ask_retry_failed(state: &mut State) {
    let Some(status) = &state.status else { return };
    match status.failures.iter().map(|kind| kind.count).sum() {
        0 => state.said = Some("nothing has failed".into()),
        failed => state.overlay = Overlay::Ask(Question::RetryFailed(failed)),
    }
}

fn next_sort(state: &State) -> Sort {
    let count = state.status.as_ref().map_or(0, |status| parameters(status).count());
    match state.sort {
        Sort::Trial => Sort::State,
        Sort::State => Sort::Metric,
        Sort::Metric => Sort::Time,
        Sort::Time if count > 0 => Sort::Parameter(0),
        Sort::Parameter(place) if place + 1 < count => Sort::Parameter(place + 1),
        Sort::Time | Sort::Parameter(_) => Sort::Trial,
    }
}

fn moved(cursor: usize, lines: usize, page: usize, code: KeyCode) -> usize {
    let last = lines.saturating_sub(1);
    match code {
        KeyCode::Down | KeyCode::Char('j') => (cursor + 1).min(last),
        KeyCode::Up | KeyCode::Char('k') => cursor.saturating_sub(1),
        KeyCode::PageDown | KeyCode::Char(' ') => (cursor + page).min(last),
        KeyCode::PageUp => cursor.saturating_sub(page),
        KeyCode::Home | KeyCode::Char('g') => 0,
        KeyCode::End | KeyCode::Char('G') => last,
        _ => cursor,
    }
}
