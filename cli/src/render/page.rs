//! A page as one HTML file that needs nothing else: its style, its scripts, its data and its plots' library stand in it.
//! What trials and people wrote is data everywhere: never a part of the markup, and nothing runs that is not named by its
//! hash in the page's own policy.

mod assets;
mod section;

use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;

use crate::render::status::number;
use crate::report::page::{Column, Curves, Page, Sheet};

use assets::{LIBRARY, policy, script, style};
use section::Section;

/// The page as HTML.
///
/// # Panics
/// Never: the templates are ours, and tests render them.
#[must_use]
pub fn html(page: &Page) -> String {
    let (script, style) = (script(), style());
    let sheets: Vec<Shown> = page.sweeps.iter().map(Shown::of).collect();
    let names: Vec<&str> = page.sweeps.iter().map(|sheet| sheet.name.as_str()).collect();
    let mut templates = Environment::new();
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    templates.add_template("page.html", assets::TEMPLATE).expect("our own template");
    let values = context! {
        policy => policy(&[LIBRARY, &script], &style),
        version => page.version,
        made => page.made,
        title => format!("{} - sweep report", names.join(", ")),
        sheets => sheets,
        data => data(page),
        library => LIBRARY,
        script => script,
        style => style,
    };
    let page = templates.get_template("page.html").and_then(|template| template.render(values));
    page.expect("our own template renders")
}

/// What the scripts read of a sweep.
#[derive(Serialize)]
struct Data<'a> {
    id: &'a str,
    rows: usize,
    columns: &'a [Column],
    order: &'a [u32],
    /// Places in `order` of the trials that were the best when they ended.
    bests: Vec<usize>,
    curves: Option<&'a Curves>,
    /// Parameters, those first that have most to do with the metric.
    ranked: Vec<&'a str>,
}

/// What the scripts read. No `<` is left in it, so that no text can end the element that it stands in.
fn data(page: &Page) -> String {
    fn of(sheet: &Sheet) -> Data<'_> {
        let Sheet { id, trials, columns, course, curves, influences, .. } = sheet;
        let bests = course.improvements.iter().map(|step| step.nth - 1).collect();
        let ranked = influences.parameters.iter().map(|of| of.name.as_str()).collect();
        Data { id, rows: *trials, columns, order: &course.order, bests, curves: curves.as_ref(), ranked }
    }
    let sweeps: Vec<Data> = page.sweeps.iter().map(of).collect();
    serde_json::to_string(&sweeps).expect("texts and numbers always serialize").replace('<', "\\u003c")
}

/// A sweep as the template takes it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    sheet: Head<'a>,
    best_value: String,
    node_hours: String,
    seed: &'a str,
    tiles: Vec<Tile>,
    states: Vec<Share>,
    failures: Vec<Failed<'a>>,
    spec: &'a str,
    record: &'a [(&'static str, String)],
    sections: Vec<Section>,
}

#[derive(Serialize)]
struct Head<'a> {
    id: &'a str,
    name: &'a str,
    description: Option<&'a str>,
    standing: &'a str,
    stopped: Option<&'a str>,
    unanswered: Option<&'a str>,
    method: &'a str,
    created: &'a str,
    trials: usize,
}

/// A number that is seen at once.
#[derive(Serialize)]
struct Tile {
    name: String,
    value: String,
    more: Option<String>,
}

/// A state's part of the bar, in thousandths.
#[derive(Serialize)]
struct Share {
    state: String,
    bucket: String,
    count: u32,
    from: f64,
    width: f64,
}

/// Trials that failed alike.
#[derive(Serialize)]
struct Failed<'a> {
    state: String,
    how: &'a str,
    last_line: Option<&'a str>,
    output: Option<&'a str>,
    count: usize,
    named: String,
}

impl<'a> Shown<'a> {
    fn of(sheet: &'a Sheet) -> Self {
        let best = sheet.best.first().and_then(|best| best.metrics.first().copied().flatten());
        let seed =
            sheet.record.iter().find(|(name, _)| *name == "Seed").map_or("", |(_, seed)| seed.as_str());
        Self {
            sheet: Head {
                id: &sheet.id,
                name: &sheet.name,
                description: sheet.description.as_deref(),
                standing: sheet.standing,
                stopped: sheet.stopped.as_deref(),
                unanswered: sheet.unanswered.as_deref(),
                method: &sheet.method,
                created: &sheet.created,
                trials: sheet.trials,
            },
            best_value: best.map_or_else(|| "-".into(), number),
            node_hours: hours(sheet.node_hours),
            seed,
            tiles: tiles(sheet),
            states: shares(sheet),
            failures: sheet.failures.iter().map(Failed::of).collect(),
            spec: &sheet.spec,
            record: &sheet.record,
            sections: section::of(sheet),
        }
    }
}

impl<'a> Failed<'a> {
    fn of(failure: &'a crate::report::page::Failure) -> Self {
        let named: Vec<String> = failure.trials.iter().map(ToString::to_string).collect();
        let more = failure.count - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Self {
            state: failure.state.to_string(),
            how: &failure.how,
            last_line: failure.last_line.as_deref(),
            output: failure.output.as_deref(),
            count: failure.count,
            named: named.join(", ") + &more,
        }
    }
}

fn tiles(sheet: &Sheet) -> Vec<Tile> {
    let tile = |name: &str, value: String, more: Option<String>| Tile { name: name.into(), value, more };
    let mut tiles = Vec::new();
    if let (Some(metric), Some(best)) = (sheet.metrics.first(), sheet.best.first()) {
        let value = best.metrics.first().copied().flatten().map_or_else(|| "-".into(), number);
        let budget = best.budget.map(|budget| format!(", budget {}", number(budget))).unwrap_or_default();
        tiles.push(tile(
            &format!("Best {}", metric.name),
            value,
            Some(format!("{}{budget}; {}", best.trial, metric.goal)),
        ));
    }
    let done: u32 =
        sheet.states.iter().filter(|state| state.bucket.to_string() == "completed").map(|s| s.count).sum();
    let failed: usize = sheet.failures.iter().map(|failure| failure.count).sum();
    tiles.push(tile("Trials", sheet.trials.to_string(), Some(format!("{done} done, {failed} failed"))));
    if let Some(wall_s) = sheet.wall_s {
        tiles.push(tile("Time", duration(wall_s), Some("from its making to the last end".into())));
    }
    let most = sheet.node_hours_most.map(|most| format!("of {}", number(most)));
    tiles.push(tile("Node-hours", hours(sheet.node_hours), most));
    tiles
}

/// Node-hours, of which nobody counts thousandths.
fn hours(hours: f64) -> String {
    if hours > 0.0 && hours < 0.001 {
        "under 0.001".into()
    } else {
        number((hours * 1000.0).round() / 1000.0)
    }
}

/// A duration as a person says it, to two units.
fn duration(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a sweep")]
    let whole = seconds.max(0.0).round() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) if seconds < 10.0 => format!("{seconds:.1} s"),
        (0, 0, 0) => format!("{whole} s"),
        (0, 0, _) => format!("{minutes} min {} s", whole % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

fn shares(sheet: &Sheet) -> Vec<Share> {
    let all = f64::from(sheet.states.iter().map(|state| state.count).sum::<u32>().max(1));
    let mut from = 0.0;
    let mut shares = Vec::new();
    for state in &sheet.states {
        let width = f64::from(state.count) / all * 1000.0;
        let (state, bucket, count) = (state.state.to_string(), state.bucket.to_string(), state.count);
        shares.push(Share { state, bucket, count, from, width });
        from += width;
    }
    shares
}

/// Words of the page.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_two_units() {
        let said = [3.25, 42.0, 75.0, 3700.0, 200_000.0].map(duration);
        assert_eq!(said, ["3.2 s", "42 s", "1 min 15 s", "1 h 1 min", "2 d 7 h"]);
    }
}
