//! Reading what belongs at a place of the tree: a word, a number, a value, a list of texts. Each says what it
//! expected where it finds something else. Never a value that was converted on the way.

use sweep_core::limits;
use sweep_core::value::{Scalar, Value};

use super::mistake::{Mistakes, shown};
use super::yaml::{Entry, Kind, Node};

/// The entries of a mapping; `what` names it, such as "`metric`".
pub(super) fn entries<'a>(node: &'a Node, what: &str, mistakes: &mut Mistakes) -> Option<&'a [Entry]> {
    if let Kind::Map(entries) = &node.kind {
        return Some(entries);
    }
    mistakes.add(node.at, format!("{what} must be a mapping, not {}", node.word()));
    None
}

/// A text, quoted or not, without control characters other than newline and tab.
pub(super) fn text<'a>(node: &'a Node, what: &str, mistakes: &mut Mistakes) -> Option<&'a str> {
    match &node.kind {
        Kind::Scalar { text, .. } if !node.is_null() => {
            if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
                mistakes.add(node.at, format!("{what} has control characters in it"));
                return None;
            }
            Some(text)
        }
        _ => {
            mistakes.add(node.at, format!("{what} must be a text, not {}", node.word()));
            None
        }
    }
}

/// A text of one line.
pub(super) fn line<'a>(node: &'a Node, what: &str, mistakes: &mut Mistakes) -> Option<&'a str> {
    let text = text(node, what, mistakes)?;
    if text.contains(['\n', '\t']) {
        mistakes.add(node.at, format!("{what} must be one line, without tabs"));
        return None;
    }
    Some(text)
}

/// A whole number, at least `least`.
pub(super) fn whole(node: &Node, what: &str, least: u64, most: u64, mistakes: &mut Mistakes) -> Option<u64> {
    let number = match &node.kind {
        Kind::Scalar { text, plain: true } => match Value::from_word(text).scalar() {
            Scalar::Int(n) => u64::try_from(*n).ok(),
            _ => None,
        },
        _ => None,
    };
    let number = number.filter(|n| (least..=most).contains(n));
    if number.is_none() {
        let bounds = if most < u64::from(u32::MAX) {
            format!("from {least} to {most}")
        } else {
            format!("of at least {least}")
        };
        mistakes.add(node.at, format!("{what} must be a whole number {bounds}{}", found(node)));
    }
    number
}

/// `true` or `false`.
pub(super) fn yes(node: &Node, what: &str, mistakes: &mut Mistakes) -> Option<bool> {
    let value = match &node.kind {
        Kind::Scalar { text, plain: true } => match Value::from_word(text).scalar() {
            Scalar::Bool(yes) => Some(*yes),
            _ => None,
        },
        _ => None,
    };
    if value.is_none() {
        mistakes.add(node.at, format!("{what} must be true or false{}", found(node)));
    }
    value
}

/// A finite number.
pub(super) fn finite(node: &Node, what: &str, mistakes: &mut Mistakes) -> Option<f64> {
    number(node, what, "a number", |_| true, mistakes)
}

/// A finite number above 0.
pub(super) fn positive(node: &Node, what: &str, mistakes: &mut Mistakes) -> Option<f64> {
    number(node, what, "a number above 0", |number| number > 0.0, mistakes)
}

fn number(
    node: &Node,
    what: &str,
    expected: &str,
    is_allowed: impl Fn(f64) -> bool,
    mistakes: &mut Mistakes,
) -> Option<f64> {
    let number = match &node.kind {
        Kind::Scalar { text, plain: true } => Value::from_word(text).as_f64(),
        _ => None,
    };
    let number = number.filter(|number| number.is_finite() && is_allowed(*number));
    if number.is_none() {
        mistakes.add(node.at, format!("{what} must be {expected}{}", found(node)));
    }
    number
}

/// A parameter's value as it was written.
pub(super) fn value(node: &Node, what: &str, mistakes: &mut Mistakes) -> Option<Value> {
    let Kind::Scalar { text, plain } = &node.kind else {
        mistakes.add(node.at, format!("{what} must be a single value, not {}", node.word()));
        return None;
    };
    if node.is_null() {
        mistakes.hint(node.at, format!("{what} is empty"), "an empty text is written \"\"");
        return None;
    }
    if text.contains('\0') {
        mistakes.add(node.at, format!("{what} has a NUL in it, which no program can be given"));
        return None;
    }
    if text.len() > limits::VALUE_LEN {
        let limit = limits::VALUE_LEN;
        mistakes.add(node.at, format!("{what} has {} bytes, more than the limit of {limit}", text.len()));
        return None;
    }
    Some(if *plain { Value::from_word(text) } else { Value::from_text(text.as_str()) })
}

/// A list of texts; `hint` is what to do about a single text.
pub(super) fn texts(node: &Node, what: &str, hint: &str, mistakes: &mut Mistakes) -> Option<Vec<String>> {
    let Kind::List(items) = &node.kind else {
        mistakes.hint(node.at, format!("{what} must be a list, not {}", node.word()), hint);
        return None;
    };
    let item = format!("an element of {what}");
    let read: Vec<_> = items.iter().filter_map(|n| text(n, &item, mistakes)).map(str::to_owned).collect();
    (read.len() == items.len()).then_some(read)
}

/// `, not …` for a node that is something else.
pub(super) fn found(node: &Node) -> String {
    match &node.kind {
        Kind::Scalar { text, plain: true } if !node.is_null() => format!(", not `{}`", shown(text)),
        Kind::Scalar { text, plain: false } => format!(", not the text `{}`", shown(text)),
        _ => format!(", not {}", node.word()),
    }
}
