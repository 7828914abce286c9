//! The sections of a sweep's page, and their tables: each plot has one behind it that says the same in words. Never a
//! section without anything in it.

use serde::Serialize;
use sweep_search::importance::Pair;

use crate::render::status::number;
use crate::report::page::{Influence, Sheet, Top};

/// A section.
#[derive(Debug, Serialize)]
pub struct Section {
    key: &'static str,
    title: &'static str,
    /// What it shows and how to read it.
    lead: Option<String>,
    /// Whether a plot is drawn in it.
    plot: bool,
    tables: Vec<Table>,
    notes: Vec<String>,
}

/// A table.
#[derive(Debug, Serialize)]
struct Table {
    caption: String,
    heads: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
}

/// A cell: a text, or a number that stands to the right.
#[derive(Debug, Serialize)]
struct Cell {
    text: String,
    n: bool,
    bar: Option<Bar>,
}

/// A bar beside a number, from -100 to 100.
#[derive(Debug, Serialize)]
struct Bar {
    x: f64,
    width: f64,
    side: &'static str,
}

fn text(text: impl Into<String>) -> Cell {
    Cell { text: text.into(), n: false, bar: None }
}

fn right(text: impl Into<String>) -> Cell {
    Cell { text: text.into(), n: true, bar: None }
}

fn value(value: Option<f64>) -> Cell {
    right(value.map(number).unwrap_or_default())
}

/// A share from -1 to 1 with its bar.
fn share(value: Option<f64>, extra: &str) -> Cell {
    let Some(value) = value else { return right("") };
    let length = value.abs().min(1.0) * 100.0;
    let (x, side) = if value < 0.0 { (-length, "less") } else { (0.0, "more") };
    Cell { text: format!("{value:+.3}{extra}"), n: true, bar: Some(Bar { x, width: length, side }) }
}

impl Section {
    fn new(key: &'static str, title: &'static str) -> Self {
        Self { key, title, lead: None, plot: false, tables: Vec::new(), notes: Vec::new() }
    }

    fn lead(mut self, text: impl Into<String>) -> Self {
        self.lead = Some(text.into());
        self
    }

    fn plot(mut self) -> Self {
        self.plot = true;
        self
    }

    fn table(mut self, table: Table) -> Self {
        self.tables.push(table);
        self
    }

    fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }
}

/// The sections of a sweep.
pub fn of(sheet: &Sheet) -> Vec<Section> {
    let mut sections = Vec::new();
    if !sheet.best.is_empty() {
        sections.push(Section::new("best", "Best trials").table(tops(
            "The best trials, the best first",
            sheet,
            &sheet.best,
        )));
    }
    let has_result = !sheet.course.order.is_empty();
    sections.push(
        Section::new("parallel", "Parallel coordinates")
            .lead("A line is a trial. Drag along an axis to choose trials, click it to choose all again; press an axis's name to turn it over. What is chosen here is chosen in every plot and in the table.")
            .plot(),
    );
    if !sheet.influences.parameters.is_empty() {
        sections.push(influence(sheet));
    }
    if has_result {
        sections.push(course(sheet));
    }
    if sheet.curves.is_some() || !sheet.rungs.is_empty() {
        sections.push(curves(sheet));
    }
    if has_result && !sheet.groups.is_empty() {
        sections.push(clouds(sheet));
    }
    if sheet.metrics.len() > 1 && has_result {
        sections.push(front(sheet));
    }
    sections.push(Section::new("table", "All trials").plot());
    if !sheet.failures.is_empty() || has_result {
        sections.push(Section::new("failures", "Failures"));
    }
    sections.push(Section::new("spec", "Spec"));
    sections.push(Section::new("record", "How it was run"));
    sections
}

fn tops(caption: &str, sheet: &Sheet, trials: &[Top]) -> Table {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in trials.iter().flat_map(|trial| &trial.params) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let has_budget = trials.iter().any(|trial| trial.budget.is_some());
    let mut heads = vec![text("trial")];
    heads.extend(sheet.metrics.iter().map(|metric| right(&metric.name)));
    heads.extend(has_budget.then(|| right("budget")));
    heads.extend(names.iter().map(|name| text(*name)));
    let row = |trial: &Top| {
        let mut row = vec![text(trial.trial.to_string())];
        row.extend((0..sheet.metrics.len()).map(|n| value(trial.metrics.get(n).copied().flatten())));
        row.extend(has_budget.then(|| value(trial.budget)));
        row.extend(names.iter().map(|name| {
            text(trial.params.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value.as_str()))
        }));
        row
    };
    Table { caption: caption.into(), heads, rows: trials.iter().map(row).collect() }
}

fn influence(sheet: &Sheet) -> Section {
    let influences = &sheet.influences;
    let metric = influences.metric.as_deref().unwrap_or("the metric");
    let row = |of: &Influence| {
        let level = of.value.as_ref().map(|value| format!(" ({value})")).unwrap_or_default();
        vec![
            text(&of.name),
            part(of.fanova),
            part(of.impurity),
            share(of.correlation, &level),
            right(of.total.map(|total| format!("{total:.3}")).unwrap_or_default()),
            right(format!("{:.0} %", of.coverage * 100.0)),
        ]
    };
    let heads = vec![
        text("parameter"),
        right("fANOVA"),
        right("importance (W&B)"),
        right("correlation (W&B)"),
        right("with others"),
        right("trials that have it"),
    ];
    let caption = format!(
        "What parameters have to do with {metric}, from {} trials{}",
        influences.trials,
        of_budget(sheet)
    );
    let rows = influences.parameters.iter().map(row).collect();
    let mut section = Section::new("influence", "What matters").table(Table { caption, heads, rows });
    if !influences.pairs.is_empty() {
        let row = |pair: &Pair| {
            vec![
                text(pair.parameters.join(" and ")),
                right(format!("{:.3}", pair.importance)),
                right(pair.trials.to_string()),
            ]
        };
        let heads = vec![text("parameters"), right("fANOVA"), right("trials that have both")];
        let caption = "What two parameters explain together, and neither alone".into();
        section = section.table(Table { caption, heads, rows: influences.pairs.iter().map(row).collect() });
    }
    if let Some(explained) = influences.explained {
        let doubt = if explained < TRUSTED { ": too little to trust what stands above" } else { "" };
        let all = explained.max(0.0) * 100.0;
        section = section.note(format!(
            "The forest explains {all:.0} % of the variance of trials that it has not seen{doubt}."
        ));
    }
    section.note(
        "fANOVA (Hutter, Hoos and Leyton-Brown, ICML 2014) is the share of the metric's variance over the whole space that \
         a parameter explains alone, by a random forest; \u{201c}with others\u{201d} adds what it explains together with \
         others. Importance, as W&B has it, is the share of a random forest's splits, by the error that each takes away \
         (Breiman, 1984): it sees what is not linear, and favours parameters with many values. Correlation, as W&B has \
         it, is Pearson's: from -1 to 1, and only what is linear shows; of a parameter that is not a number it is that of \
         the value that is farthest from 0. A parameter that not all trials have is judged among those that do.",
    )
}

/// A share of the variance below which a forest has learnt next to nothing.
const TRUSTED: f64 = 0.2;

/// A share from 0 to 1 with its bar.
fn part(value: Option<f64>) -> Cell {
    let mut cell = share(value, "");
    cell.text = value.map(|value| format!("{value:.3}")).unwrap_or_default();
    if let Some(bar) = &mut cell.bar {
        *bar = Bar { x: -100.0, width: bar.width * 2.0, side: "part" };
    }
    cell
}

/// Which trials parameters are judged by, where budgets differ.
fn of_budget(sheet: &Sheet) -> String {
    sheet.course.judged_budget.map(|budget| format!(" of budget {}", number(budget))).unwrap_or_default()
}

fn course(sheet: &Sheet) -> Section {
    let metric = sheet.metrics.first().map_or("metric", |metric| metric.name.as_str());
    let has_budget = sheet.course.judged_budget.is_some();
    let rows = sheet.course.improvements.iter().map(|step| {
        let hours = step.ended_s.map(|seconds| seconds / 3600.0);
        let mut row = vec![text(step.trial.to_string()), right(step.nth.to_string()), value(hours)];
        row.extend(has_budget.then(|| value(step.budget)));
        row.push(value(Some(step.value)));
        row
    });
    let mut heads = vec![text("trial"), right("of all ends the"), right("hours")];
    heads.extend(has_budget.then(|| right("budget")));
    heads.push(right(metric));
    let caption =
        format!("Each trial that was the best when it ended ({} trials ended)", sheet.course.order.len());
    let lead = match has_budget {
        true => {
            "The line is the best so far: of the trials with the largest budget until then the best. A point is a trial that completed. Drag to zoom, double-click to see all."
        }
        false => {
            "The line is the best value so far, a point a trial that completed. Drag to zoom, double-click to see all."
        }
    };
    let table = Table { caption, heads, rows: rows.collect() };
    Section::new("course", "Best so far").lead(lead).plot().table(table)
}

fn curves(sheet: &Sheet) -> Section {
    let mut section = Section::new("curves", "Learning curves");
    if let Some(curves) = &sheet.curves {
        let along = match curves.along {
            crate::report::page::Along::Step => "What trials reported while they ran.",
            crate::report::page::Along::Budget => {
                "Trials reported once each; a curve is a configuration over the budgets of its trials."
            }
        };
        section = section.lead(format!("{along} Drag to zoom, double-click to see all.")).plot();
        if curves.thinned > 0 {
            section = section.note(format!(
                "{} points between the first and the last of long curves are left out.",
                curves.thinned
            ));
        }
    }
    if sheet.rungs.is_empty() {
        return section;
    }
    let count = |count: usize| right(count.to_string());
    let row = |rung: &crate::report::page::Rung| {
        vec![
            text(rung.bracket.map(|bracket| bracket.to_string()).unwrap_or_default()),
            right(rung.rung.to_string()),
            value(rung.budget),
            count(rung.trials),
            count(rung.completed),
            count(rung.failed),
            value(rung.best),
            text(rung.best_trial.map(|trial| trial.to_string()).unwrap_or_default()),
            value(rung.median),
        ]
    };
    let heads = vec![
        text("bracket"),
        right("rung"),
        right("budget"),
        right("trials"),
        right("done"),
        right("failed"),
        right("best"),
        text("of"),
        right("in the middle"),
    ];
    let caption = "What became of each rung".into();
    section.table(Table { caption, heads, rows: sheet.rungs.iter().map(row).collect() })
}

fn clouds(sheet: &Sheet) -> Section {
    let row = |group: &crate::report::page::Group| {
        vec![
            text(&group.parameter),
            text(&group.values),
            right(group.trials.to_string()),
            value(Some(group.best)),
            value(Some(group.median)),
        ]
    };
    let heads =
        vec![text("parameter"), text("values"), right("trials"), right("best"), right("in the middle")];
    let caption =
        "The metric by the values of each parameter, numbers cut into quarters of the trials".into();
    Section::new("clouds", "By parameter")
        .lead("A point is a trial. Drag over a part of a plot to choose the trials in it.")
        .plot()
        .table(Table { caption, heads, rows: sheet.groups.iter().map(row).collect() })
}

fn front(sheet: &Sheet) -> Section {
    Section::new("front", "Metrics against each other")
        .lead("Marked are the trials that no other is better than in every metric: the Pareto front.")
        .plot()
        .table(tops("The Pareto front", sheet, &sheet.front))
}
