//! `${name}`, `${name:-default}` and `$$` in a spec's texts. Everything else with a `$` goes through untouched:
//! it is the shell's or the program's own.

use crate::error::{Error, Result};

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Plain(&'a str),
    Dollar,
    Name { name: &'a str, default: Option<&'a str> },
}

/// Replaces every `${name}` by its value or default and `$$` by `$`.
///
/// # Errors
/// [`Error::Unset`] for the first name without either.
pub fn expand(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Plain(plain) => out.push_str(plain),
            Piece::Dollar => out.push('$'),
            Piece::Name { name, default } => match value(name) {
                Some(value) => out.push_str(&value),
                None => out.push_str(default.ok_or_else(|| Error::Unset { name: name.to_owned() })?),
            },
        }
    }
    Ok(out)
}

/// The names that a text asks for, each with whether it has a default, in order.
#[must_use]
pub fn names(text: &str) -> Vec<(&str, bool)> {
    let name = |piece| match piece {
        Piece::Name { name, default } => Some((name, default.is_some())),
        Piece::Plain(_) | Piece::Dollar => None,
    };
    pieces(text).into_iter().filter_map(name).collect()
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (plain, tail) = rest.split_at(at);
        let (piece, len) = piece(tail);
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        pieces.push(piece);
        rest = &tail[len..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Plain(rest));
    }
    pieces
}

/// The piece that a text beginning with `$` begins with, and its length.
fn piece(text: &str) -> (Piece<'_>, usize) {
    if text.starts_with("$$") {
        return (Piece::Dollar, 2);
    }
    let named = text.strip_prefix("${").and_then(|inner| {
        let inner = &inner[..inner.find('}')?];
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        crate::name::check_name(name).ok()?;
        Some((Piece::Name { name, default }, inner.len() + "${}".len()))
    });
    named.unwrap_or((Piece::Plain("$"), 1))
}

/// Texts with dollars.
#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let value = |name: &str| (name == "lr").then(|| "0.1".to_owned());
        assert_eq!(expand(text, value).unwrap(), expected, "{text}");
    }

    #[test]
    fn only_our_forms_are_replaced() {
        check("--lr=${lr}", "--lr=0.1");
        check("${lr:-5} ${no:-5} ${no:-}", "0.1 5 ");
        check("$lr $HOME $(date) ${#x} ${x%.*} ${", "$lr $HOME $(date) ${#x} ${x%.*} ${");
        check("$$ $${lr} $$$$ $", "$ ${lr} $$ $");
        check("é${lr}é", "é0.1é");
    }

    #[test]
    fn a_name_without_value_is_named() {
        let error = expand("${a:-1} ${b}", |_| None).unwrap_err();
        assert_eq!(error.to_string(), "`${b}` has no value and no default");
        assert_eq!(names("${a:-1} ${b} $c"), [("a", true), ("b", false)]);
    }
}
