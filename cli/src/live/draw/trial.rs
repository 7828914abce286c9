//! One trial: what is known of it, a metric as a curve, the end of its output.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Block, Borders, Chart, Dataset, GraphType, Paragraph, Wrap};

use super::{head, of_state};
use crate::live::state::State;
use crate::render::status::{duration, number};
use crate::report::detail::Detail;
use crate::report::status::TrialStatus;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &mut State) {
    let Some(trial) = state.chosen() else {
        return frame.render_widget(Paragraph::new("this trial is not there any more"), area);
    };
    let heights = [Constraint::Length(1), Constraint::Percentage(55), Constraint::Min(3)];
    let [title, middle, bottom] = Layout::vertical(heights).areas(area);
    let [left, right] =
        Layout::horizontal([Constraint::Percentage(42), Constraint::Percentage(58)]).areas(middle);
    let name = trial.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    let style = head().patch(of_state(trial.state, state.colour));
    frame.render_widget(Line::styled(format!("{}{name}: {}", trial.trial, trial.state), style), title);
    frame.render_widget(Paragraph::new(facts(trial)).wrap(Wrap { trim: false }), left);
    match &state.detail {
        None => frame.render_widget(Paragraph::new("reading …"), right),
        Some(detail) => {
            curve(frame, right, detail, state);
            output(frame, bottom, trial, detail);
        }
    }
}

fn facts(trial: &TrialStatus) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            lines.push(Line::raw(format!("{name:<9}{value}")));
        }
    };
    fact("metric", trial.metric.map(number));
    fact("time", trial.elapsed_s.map(duration));
    fact("job", trial.job_id.clone());
    fact("node", trial.node.clone());
    fact("attempt", (trial.attempt > 0).then(|| trial.attempt.to_string()));
    fact("exit", trial.exit.filter(|code| *code != 0).map(|code| code.to_string()));
    fact("signal", trial.signal.map(|signal| signal.to_string()));
    fact("budget", trial.budget.map(number));
    fact("bracket", trial.bracket.map(|n| n.to_string()));
    fact("rung", trial.rung.map(|n| n.to_string()));
    fact("parent", trial.parent.map(|parent| parent.to_string()));
    lines.push(Line::raw(""));
    lines.extend(trial.params.iter().map(|(name, value)| Line::raw(format!("{name} = {value}"))));
    lines
}

fn curve(frame: &mut Frame<'_>, area: Rect, detail: &Detail, state: &State) {
    let Some((name, points)) = detail.curves.get(state.curve) else {
        let block = Block::new().borders(Borders::LEFT);
        return frame.render_widget(Paragraph::new(" no metric was reported yet").block(block), area);
    };
    let last = points.last().map(|point| number(point.1)).unwrap_or_default();
    let place = format!("{} of {}", state.curve + 1, detail.curves.len());
    let title = format!(" {name} {last}, {} reports, metric {place} ", points.len());
    let (x, y) = (bounds(points.iter().map(|point| point.0)), bounds(points.iter().map(|point| point.1)));
    let style = if state.colour { Style::new().fg(Color::Cyan) } else { Style::new() };
    let set =
        Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line).style(style).data(points);
    let axis =
        |(low, high): (f64, f64)| Axis::default().bounds([low, high]).labels([number(low), number(high)]);
    let chart = Chart::new(vec![set])
        .block(Block::new().borders(Borders::LEFT).title(title))
        .x_axis(axis(x))
        .y_axis(axis(y))
        .legend_position(None);
    frame.render_widget(chart, area);
}

/// The least and the greatest, apart also where they are the same.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low < high { (low, high) } else { (low - 0.5, low + 0.5) }
}

fn output(frame: &mut Frame<'_>, area: Rect, trial: &TrialStatus, detail: &Detail) {
    let reason = trial.refusal.as_ref().or(trial.task_error.as_ref());
    let mut lines: Vec<Line<'static>> = reason
        .iter()
        .flat_map(|text| text.lines())
        .map(|line| Line::styled(line.to_owned(), head()))
        .collect();
    let room = usize::from(area.height.saturating_sub(1)).saturating_sub(lines.len());
    let last = detail.output.len().saturating_sub(room);
    lines.extend(detail.output[last..].iter().map(|line| Line::raw(line.clone())));
    let title = if detail.output.is_empty() { " no output yet " } else { " the end of its output " };
    frame.render_widget(Paragraph::new(lines).block(Block::new().borders(Borders::TOP).title(title)), area);
}
