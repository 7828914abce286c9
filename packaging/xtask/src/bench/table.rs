//! Results as data, and the one place that makes text of them. It never decides whether a bar is met.

use std::fmt;

use crate::bench::statistics::Estimate;

/// What one benchmark found.
pub struct Table {
    pub title: &'static str,
    pub rows: Vec<Row>,
    /// How it was measured, a sentence or two each.
    pub notes: Vec<String>,
}

/// One thing that was measured.
pub struct Row {
    pub what: String,
    pub value: Quantity,
    /// More than what it is compared with, in the unit of `value`.
    pub beyond: Option<Estimate>,
    /// Times what it is compared with.
    pub ratio: Option<Estimate>,
    pub bar: Bar,
}

/// A number with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    pub number: f64,
    pub unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Milliseconds,
    Mebibytes,
    Instructions,
    SystemCalls,
}

/// What was promised.
pub enum Bar {
    /// Nothing; it stands here to be compared with.
    None,
    /// A figure of somebody else's, from another machine.
    Quoted,
    /// Something, and whether it was kept.
    Judged { promise: &'static str, met: bool },
}

impl Row {
    /// A value that nothing was promised of.
    pub fn plain(what: impl Into<String>, number: f64, unit: Unit) -> Self {
        Self {
            what: what.into(),
            value: Quantity { number, unit },
            beyond: None,
            ratio: None,
            bar: Bar::None,
        }
    }

    pub fn beyond(mut self, beyond: Estimate) -> Self {
        self.beyond = Some(beyond);
        self
    }

    pub fn ratio(mut self, ratio: Estimate) -> Self {
        self.ratio = Some(ratio);
        self
    }

    pub fn bar(mut self, bar: Bar) -> Self {
        self.bar = bar;
        self
    }
}

impl Table {
    /// As a section of RESULTS.md.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("### {}\n\n", self.title);
        text.push_str(
            "| what | median | beyond it (95 %) | times it | bar | met |\n|---|--:|--:|--:|---|---|\n",
        );
        for row in &self.rows {
            let unit = row.value.unit;
            let beyond =
                row.beyond.map(|beyond| interval(beyond, |number| Quantity { number, unit }.to_string()));
            let ratio = row.ratio.map(|ratio| number(ratio.median, if ratio.median < 10.0 { 3 } else { 1 }));
            let (bar, met) = match &row.bar {
                Bar::None => ("", ""),
                Bar::Quoted => ("quoted, measured elsewhere", ""),
                Bar::Judged { promise, met } => (*promise, if *met { "yes" } else { "**no**" }),
            };
            let cells =
                [&row.what, &row.value.to_string(), &beyond.unwrap_or_default(), &ratio.unwrap_or_default()];
            text.push_str(&format!(
                "| {} | {} | {} | {} | {bar} | {met} |\n",
                cells[0], cells[1], cells[2], cells[3]
            ));
        }
        for note in &self.notes {
            text.push_str(&format!("\n{note}\n"));
        }
        text
    }
}

fn interval(estimate: Estimate, shown: impl Fn(f64) -> String) -> String {
    match estimate.interval {
        Some((low, high)) => format!("{} ({} … {})", shown(estimate.median), shown(low), shown(high)),
        None => shown(estimate.median),
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (decimals, unit) = match self.unit {
            Unit::Milliseconds if self.number.abs() >= 1000.0 => (0, " ms"),
            Unit::Milliseconds => (1, " ms"),
            Unit::Mebibytes => (1, " MiB"),
            Unit::Instructions | Unit::SystemCalls => (0, ""),
        };
        write!(formatter, "{}{unit}", number(self.number, decimals))
    }
}

/// With a comma between thousands.
fn number(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let fraction = fraction.map(|fraction| format!(".{fraction}")).unwrap_or_default();
    format!("{sign}{grouped}{fraction}")
}

#[cfg(test)]
mod tests {
    //! A table as a person reads it.
    use super::*;

    #[test]
    fn a_row_says_what_was_promised_and_whether_it_was_kept() {
        let beyond = Estimate { median: 12.34, interval: Some((11.0, 13.0)) };
        let ratio = Estimate { median: 3.5, interval: None };
        let row = Row::plain("submit", 20.0, Unit::Milliseconds)
            .beyond(beyond)
            .ratio(ratio)
            .bar(Bar::Judged { promise: "≤ 10 ms beyond", met: false });
        let table = Table { title: "T", rows: vec![row], notes: vec!["A note.".to_owned()] };
        let text = table.to_markdown();
        let line = "| submit | 20.0 ms | 12.3 ms (11.0 ms … 13.0 ms) | 3.500 | ≤ 10 ms beyond | **no** |";
        assert!(text.lines().any(|found| found == line), "{text}");
        assert!(text.ends_with("\nA note.\n"), "{text}");
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(number(1_234_567.0, 0), "1,234,567");
        assert_eq!(number(-1234.56, 1), "-1,234.6");
        assert_eq!(number(999.0, 0), "999");
    }
}
