//! The grid of a sweep on a screen, in the manner of hyperband-snakemake: a letter a trial, blocks of five, by bracket
//! and rung. However many trials there are, a rung takes a few lines.

use std::fmt::Write;

use crate::render::status::number;
use crate::report::grid::{Bracket, LETTERS, Rung, meaning};
use crate::report::status::Status;

/// What is shown of a rung of which all trials have ended, while the bracket goes on above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// How many ended how.
    Counted,
    /// That, and the letters.
    Drawn,
}

/// Letters of a block, and blocks of a group.
const BLOCK: usize = 5;
/// Lines of letters that a rung may take.
const LINES: usize = 10;
/// Columns before the letters: the first trial's label.
const MARGIN: usize = 10;

/// The grid of a sweep, with what its letters mean.
#[must_use]
pub fn long(status: &Status, closed: Closed, width: u16) -> String {
    let mut out = String::new();
    let mut drawn = String::new();
    let (bracket_word, rung_word) = words(&status.method);
    let has_rungs = status.brackets.iter().any(|b| b.bracket.is_some() || b.rungs.len() > 1);
    for bracket in &status.brackets {
        if let Some(number) = bracket.bracket {
            let _ = writeln!(out, "{bracket_word} {number}");
        }
        for rung in &bracket.rungs {
            if has_rungs {
                let _ = writeln!(out, "  {}", head(rung, rung_word));
            }
            let is_highest = bracket.rungs.last().is_some_and(|last| last.rung == rung.rung);
            if closed == Closed::Drawn || is_highest || !rung.is_over() {
                drawn.push_str(&letters(&mut out, rung, width));
            }
        }
        if has_rungs {
            top(&mut out, status, bracket);
        }
    }
    out.push_str(&legend(&drawn, width));
    out
}

/// What a method calls its brackets and rungs.
#[must_use]
pub fn words(method: &str) -> (&'static str, &'static str) {
    match method {
        "genetic" => ("deme", "generation"),
        "pbt" => ("member", "generation"),
        _ => ("bracket", "rung"),
    }
}

fn head(rung: &Rung, word: &str) -> String {
    let mut text = rung.rung.map_or_else(String::new, |number| format!("{word} {number}, "));
    if let Some(budget) = rung.budget {
        let _ = write!(text, "budget {}, ", number(budget));
    }
    let counts: Vec<String> = rung.states.iter().map(|(state, count)| format!("{state} {count}")).collect();
    let _ = write!(text, "{} trials: {}", rung.total(), counts.join(", "));
    text
}

/// Draws a rung and gives the letters that it used.
fn letters(out: &mut String, rung: &Rung, width: u16) -> String {
    let room = usize::from(width).saturating_sub(MARGIN).max(BLOCK * 2);
    // A group is five blocks with blanks between them, and three blanks before the next.
    let groups = (room + 3) / (BLOCK * (BLOCK + 1) - 1 + 3);
    let each_line = if groups == 0 { room / (BLOCK + 1) * BLOCK } else { groups * BLOCK * BLOCK };
    let (used, each) = rung.folded(each_line * LINES);
    let cells: Vec<char> = used.chars().collect();
    for (line, row) in cells.chunks(each_line).enumerate() {
        let first = rung.first.0.0.saturating_add(u32::try_from(line * each_line * each).unwrap_or(0));
        // A rung's trials need not be consecutive: only the first label is certain where several rungs mix.
        let label = if line == 0 { rung.first.to_string() } else { label(rung, first) };
        let _ = writeln!(out, "{label:>8}  {}", spaced(row));
    }
    if each > 1 {
        let _ = writeln!(out, "{:>8}  a letter is {each} trials, by the one that most needs a look", "");
    }
    used
}

/// The label of a later line, where a rung's trials are consecutive.
fn label(rung: &Rung, first: u32) -> String {
    let index = sweep_core::id::TrialIndex(first);
    if rung.rung.is_none() { index.label().to_string() } else { String::new() }
}

fn spaced(row: &[char]) -> String {
    let mut text = String::new();
    for (place, letter) in row.iter().enumerate() {
        if place > 0 && place % (BLOCK * BLOCK) == 0 {
            text.push_str("   ");
        } else if place > 0 && place % BLOCK == 0 {
            text.push(' ');
        }
        text.push_str(&painted(*letter));
    }
    text
}

/// A letter in the colour of its kind; where colours are not wanted they are taken out as it is printed.
fn painted(letter: char) -> String {
    let colour = match letter {
        'C' => 32,
        'R' => 36,
        '.' | 'o' | 'P' | 'X' => return letter.to_string(),
        _ => 31,
    };
    format!("\u{1b}[{colour}m{letter}\u{1b}[0m")
}

fn top(out: &mut String, status: &Status, bracket: &Bracket) {
    let named = bracket.top.iter().filter_map(|label| status.trial(*label));
    let named: Vec<String> = named
        .map(|trial| format!("{} {}", trial.trial, trial.metric.map(number).unwrap_or_default()))
        .collect();
    if !named.is_empty() {
        let _ = writeln!(out, "  top: {}", named.join(", "));
    }
}

/// What the letters that were drawn mean.
fn legend(drawn: &str, width: u16) -> String {
    let mut out = String::new();
    let mut columns = 0;
    for letter in LETTERS.chars().filter(|letter| drawn.contains(*letter)) {
        let text = format!("{letter} {}", meaning(letter));
        let length = text.chars().count();
        if columns > 0 && columns + 3 + length > usize::from(width) {
            out.push('\n');
            columns = 0;
        }
        if columns > 0 {
            out.push_str("   ");
            columns += 3;
        }
        columns += length;
        out.push_str(&text);
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}
