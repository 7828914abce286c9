//! One line for Slurm's log, made fit for it. Never a user's bytes as they came, and never a second line.

use sweep_core::error::printable;

/// The longest line, in bytes.
const LINE_LEN: usize = 512;

/// `sweep: <hook>: <message>` with control characters escaped, within [`LINE_LEN`].
pub fn line(hook: &str, message: &str) -> String {
    let mut line = format!("sweep: {hook}: {}", printable(message, LINE_LEN));
    while line.len() > LINE_LEN {
        line.pop();
    }
    line
}

/// An error with its causes, in one line.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Lines for a log.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_short_printable_line() {
        let line = line("user_init", &format!("a\nb\0c\x1b{}", "é".repeat(1000)));
        assert!(line.len() <= LINE_LEN && line.starts_with(r"sweep: user_init: a\nb"), "{line}");
        assert!(!line.chars().any(char::is_control));
    }
}
