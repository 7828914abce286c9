//! Reports on a screen: for people in 80 columns, for programs as JSON. Rendering decides nothing; what is not in
//! the report is not on the screen.

pub mod compare;
pub mod cost;
pub mod grid;
pub mod importance;
pub mod list;
pub mod page;
pub mod plan;
pub mod show;
pub mod size;
pub mod status;
pub mod table;
pub mod top;

use serde::Serialize;

/// Who reads a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A person.
    #[default]
    Human,
    /// A program.
    Json,
}

/// A report as one JSON text with a newline.
///
/// # Panics
/// Never: reports are made of texts, numbers and maps with text keys.
#[must_use]
pub fn json(report: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("a report always serializes");
    text.push('\n');
    text
}
