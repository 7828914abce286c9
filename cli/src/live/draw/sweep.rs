//! One sweep: what is true of it in three lines, its grid, its trials.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Table};
use sweep_core::state::TrialState;

use super::{chosen, head, of_letter, of_state, page_of};
use crate::live::rows::parameters;
use crate::live::state::{Sort, State};
use crate::render::grid::words;
use crate::render::status::{duration, number, params};
use crate::report::grid::Rung;
use crate::report::status::{Status, TrialStatus};

/// Lines above the grid.
const HEAD: u16 = 3;
/// Columns of a rung's name.
const MARGIN: usize = 14;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &mut State) {
    let Some(status) = state.status.as_deref() else {
        return frame.render_widget(Paragraph::new("looking at the sweep …"), area);
    };
    let room = (area.height.saturating_sub(HEAD) / 3).max(1);
    let grid = grid(status, usize::from(area.width), usize::from(room), state.colour);
    let lines = u16::try_from(grid.len()).unwrap_or(room);
    let heights =
        [Constraint::Length(HEAD), Constraint::Length(lines), Constraint::Length(1), Constraint::Min(2)];
    let [top, middle, between, bottom] = Layout::vertical(heights).areas(area);
    frame.render_widget(Paragraph::new(heading(status, state)), top);
    frame.render_widget(Paragraph::new(grid), middle);
    if !state.filter.is_empty() {
        let text = format!("/{} ({} of {})", state.filter, state.rows.len(), status.trials.len());
        frame.render_widget(Line::styled(text, head()), between);
    }
    let table = trials(status, state, usize::from(bottom.height.saturating_sub(1)));
    frame.render_widget(table, bottom);
    state.page = usize::from(bottom.height.saturating_sub(1)).max(1);
}

fn heading(status: &Status, state: &State) -> Vec<Line<'static>> {
    let mut title = format!("{}  {}, {} trials", status.sweep_id, status.method, status.trials.len());
    let how = match (&status.stopped, &status.driver, status.finished) {
        (Some(reason), ..) => format!("stopped: {reason}"),
        (None, Some(driver), _) => format!("driven by {driver}"),
        (None, None, false) => "nobody is seen to drive it: sweep resume".into(),
        (None, None, true) if status.is_over() => "done".into(),
        (None, None, true) => String::new(),
    };
    if !how.is_empty() {
        title = format!("{title}, {how}");
    }
    let mut counts = vec![Span::raw(format!("{}   ", state.seen))];
    for (name, count) in &status.states {
        counts.push(Span::styled(format!("{name} {count}"), of_state(*name, state.colour)));
        counts.push(Span::raw("   "));
    }
    vec![Line::styled(title, head()), Line::from(counts), Line::raw(facts(status))]
}

/// The best, the time that is left, what was spent.
fn facts(status: &Status) -> String {
    let mut facts = Vec::new();
    if let Some(error) = &status.slurm_unanswered {
        facts.push(format!("Slurm does not answer: {error}"));
    }
    if let Some((best, metric)) = status.best_trial().zip(status.manifest.metric.as_ref()) {
        facts.push(format!(
            "best {} {} {}",
            best.trial,
            metric.name,
            best.metric.map(number).unwrap_or_default()
        ));
    }
    if let Some(left) = status.time_left {
        facts.push(format!("about {} left", duration(left.seconds)));
    }
    if let Some(spent) = status.spent {
        facts.push(format!("{:.0} % of the budget spent", 100.0 * spent.share()));
    } else if status.node_hours >= 0.1 {
        facts.push(format!("{:.1} node-hours", status.node_hours));
    }
    facts.join(", ")
}

/// The grid in at most so many lines: the rungs that are not over before those that are.
fn grid(status: &Status, width: usize, room: usize, colour: bool) -> Vec<Line<'static>> {
    let (bracket_word, rung_word) = words(&status.method);
    let rungs =
        status.brackets.iter().flat_map(|bracket| bracket.rungs.iter().map(move |r| (bracket.bracket, r)));
    let mut rungs: Vec<(Option<u32>, &Rung)> = rungs.collect();
    let each = width.saturating_sub(MARGIN).max(10);
    if let [(None, only)] = rungs.as_slice() {
        let (cells, _) = only.folded(each * room);
        let cells: Vec<char> = cells.chars().collect();
        let rows = cells.chunks(each).enumerate();
        return rows.map(|(n, row)| line(if n == 0 { "trials" } else { "" }, row, colour)).collect();
    }
    if rungs.len() > room {
        let mut places: Vec<usize> = (0..rungs.len()).collect();
        places.sort_by_key(|place| (rungs[*place].1.is_over(), std::cmp::Reverse(*place)));
        places.truncate(room);
        places.sort_unstable();
        rungs = places.into_iter().map(|place| rungs[place]).collect();
    }
    let letter = |word: &str| word.chars().next().unwrap_or(' ');
    let name = |bracket: Option<u32>, rung: &Rung| {
        let bracket = bracket.map_or_else(String::new, |n| format!("{}{n} ", letter(bracket_word)));
        let rung_name = rung.rung.map_or_else(String::new, |n| format!("{}{n}", letter(rung_word)));
        let budget = rung.budget.map_or_else(String::new, |budget| format!(" ×{}", number(budget)));
        format!("{bracket}{rung_name}{budget}")
    };
    let row = |(bracket, rung): (Option<u32>, &Rung)| {
        let (cells, _) = rung.folded(each);
        line(&name(bracket, rung), &cells.chars().collect::<Vec<_>>(), colour)
    };
    rungs.into_iter().map(row).collect()
}

fn line(name: &str, cells: &[char], colour: bool) -> Line<'static> {
    let mut spans = vec![Span::raw(format!("{name:<MARGIN$}"))];
    spans.extend(cells.iter().map(|cell| Span::styled(cell.to_string(), of_letter(*cell, colour))));
    Line::from(spans)
}

fn trials(status: &Status, state: &State, lines: usize) -> Table<'static> {
    let metric = status.manifest.metric.as_ref().map_or("metric", |metric| metric.name.as_str());
    let mark = |sort: Sort, name: &str| {
        let arrow = if state.reverse { "▲" } else { "▼" };
        if state.sort == sort { format!("{name}{arrow}") } else { name.to_owned() }
    };
    let by = match state.sort {
        Sort::Parameter(place) => {
            format!("parameters, by {}", parameters(status).nth(place).unwrap_or_default())
        }
        _ => "parameters".into(),
    };
    let names = Row::new([
        mark(Sort::Trial, "trial"),
        mark(Sort::State, "state"),
        mark(Sort::Metric, metric),
        mark(Sort::Time, "time"),
        by,
    ]);
    let first = page_of(state.cursor, lines);
    let rows = state.rows.iter().enumerate().skip(first).take(lines).filter_map(|(place, row)| {
        let trial = status.trials.get(*row)?;
        let row = of_trial(trial);
        let style = if place == state.cursor { chosen() } else { of_state(trial.state, state.colour) };
        Some(row.style(style))
    });
    let widths = [8, 14, 12, 10].map(Constraint::Length).into_iter().chain([Constraint::Min(10)]);
    Table::new(rows.collect::<Vec<_>>(), widths).header(names.style(head()))
}

fn of_trial(trial: &TrialStatus) -> Row<'static> {
    let state = match (trial.state, trial.attempt) {
        (TrialState::Completed, _) | (_, 0) => trial.state.to_string(),
        (state, attempt) => format!("{state} #{attempt}"),
    };
    let name = trial.name.as_ref().map_or_else(String::new, |name| format!("({name}) "));
    Row::new([
        trial.trial.to_string(),
        state,
        trial.metric.map_or_else(|| "-".into(), number),
        trial.elapsed_s.map_or_else(|| "-".into(), duration),
        format!("{name}{}", params(&trial.params)),
    ])
}
