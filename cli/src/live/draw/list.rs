//! The list of sweeps.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::widgets::{Paragraph, Row, Table};

use super::{chosen, head, page_of};
use crate::live::state::State;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &mut State) {
    state.page = usize::from(area.height.saturating_sub(1)).max(1);
    let Some(list) = &state.sweeps else {
        return frame.render_widget(Paragraph::new("reading the sweeps …"), area);
    };
    if list.sweeps.is_empty() {
        let text = format!("no sweeps in {}", list.home.display());
        return frame.render_widget(Paragraph::new(text), area);
    }
    let first = page_of(state.sweep_cursor, state.page);
    let rows = list.sweeps.iter().enumerate().skip(first).take(state.page).map(|(place, entry)| {
        let word = if entry.stopped.is_some() { "stopped" } else { "" };
        let manifest = &entry.manifest;
        let row = Row::new([
            manifest.id.to_string(),
            manifest.method.clone(),
            entry.trials.to_string(),
            entry.started.to_string(),
            word.to_owned(),
        ]);
        if place == state.sweep_cursor { row.style(chosen()) } else { row }
    });
    let widths = [
        Constraint::Min(30),
        Constraint::Length(10),
        Constraint::Length(7),
        Constraint::Length(8),
        Constraint::Length(8),
    ];
    let table =
        Table::new(rows, widths).header(Row::new(["sweep", "method", "trials", "started", ""]).style(head()));
    frame.render_widget(table, area);
}
