//! Lines of a site's file, one at a time, with where they stand. Never more than one line in memory, and never a
//! line longer than its cap.

use std::io::{self, BufRead, Read};

use sweep_core::chain::LINE_LEN;

/// Reads line after line.
pub struct Lines<R> {
    reader: R,
    number: u64,
    offset: u64,
    text: Vec<u8>,
}

/// A line without its newline.
#[derive(Debug)]
pub struct Line<'a> {
    /// Its number, from 1, as editors count.
    pub number: u64,
    /// Where the next line begins.
    pub end: u64,
    /// What it says; a line over the cap is cut.
    pub text: &'a [u8],
    /// Whether a newline ends it and it is within the cap.
    pub is_whole: bool,
}

impl<R: BufRead> Lines<R> {
    /// From the beginning.
    pub fn new(reader: R) -> Self {
        Self { reader, number: 0, offset: 0, text: Vec::new() }
    }

    /// Reads the next line.
    ///
    /// # Errors
    /// The reader's.
    pub fn read(&mut self) -> io::Result<Option<Line<'_>>> {
        self.text.clear();
        let most = LINE_LEN as u64 + 1;
        let read = (&mut self.reader).take(most).read_until(b'\n', &mut self.text)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.offset += read as u64;
        let is_whole = self.text.last() == Some(&b'\n');
        if is_whole {
            self.text.pop();
        } else if read as u64 == most {
            self.offset += self.reader.skip_until(b'\n')? as u64;
        }
        Ok(Some(Line { number: self.number, end: self.offset, text: &self.text, is_whole }))
    }
}

/// Lines that end, that do not, and that are too long.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_over_the_cap_is_one_line_and_not_whole() {
        let mut bytes = b"a\n".to_vec();
        bytes.extend(std::iter::repeat_n(b'x', LINE_LEN + 10));
        bytes.extend(b"\nb\nc");
        let mut lines = Lines::new(&bytes[..]);
        let mut seen = Vec::new();
        while let Some(line) = lines.read().unwrap() {
            seen.push((line.number, line.end, line.text.len(), line.is_whole));
        }
        let len = LINE_LEN as u64;
        let expected = [
            (1, 2, 1, true),
            (2, len + 13, LINE_LEN + 1, false),
            (3, len + 15, 1, true),
            (4, len + 16, 1, false),
        ];
        assert_eq!(seen, expected);
    }
}
