//! The end of what a trial printed. It reads a bounded part of a file, however long that is.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use sweep_core::layout::TrialDir;

/// Bytes of output that are read.
const OUTPUT_LEN: u64 = 16 * 1024;

/// The end of a trial's output; none where there is no file.
#[must_use]
pub fn tail(folder: &TrialDir) -> Option<String> {
    let mut file = File::open(folder.output()).ok()?;
    let len = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(OUTPUT_LEN))).ok()?;
    let mut bytes = Vec::new();
    file.take(OUTPUT_LEN).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last lines of a text, without what would move a terminal's cursor.
#[must_use]
pub fn last_lines(text: &str, lines: usize) -> Vec<String> {
    let all: Vec<&str> = text.lines().collect();
    let last = all.iter().skip(all.len().saturating_sub(lines));
    last.map(|line| plain(line)).collect()
}

/// A line as a terminal shows it: what came after the last carriage return, without control characters.
fn plain(line: &str) -> String {
    // A progress bar writes over itself: its last state is what a person would see.
    let line = line.trim_end_matches('\r');
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut text = String::new();
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\t' => text.push_str("    "),
            '\u{1b}' => skip_escape(&mut characters),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    text
}

/// Passes over the rest of an escape sequence such as a colour.
fn skip_escape(characters: &mut std::str::Chars<'_>) {
    if characters.next() == Some('[') {
        characters.find(char::is_ascii_alphabetic);
    }
}

/// Output on a screen.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_trials_output_moves_the_cursor() {
        let text = "a\n10%\r20%\r30%\n\u{1b}[31mred\u{1b}[0m\tx\u{7}\n";
        assert_eq!(last_lines(text, 2), ["30%", "red    x"]);
        assert_eq!(last_lines("one\r\n", 5), ["one"]);
    }
}
