//! YAML as a spec has it: what is short on one line, what is long in blocks, scalars as they were written. Never a
//! text that would read back as something else.

use crate::spec::yaml::{Entry, Kind, Node};

/// Longest value that stands on one line.
const LINE: usize = 90;

/// `key: value` with its newline; a value that begins with a newline is a block.
pub(super) fn entry(key: &str, yaml: &str) -> String {
    let space = if yaml.starts_with('\n') { "" } else { " " };
    format!("{}:{space}{}\n", word(key, true), yaml.trim_end_matches('\n'))
}

/// A scalar: plain where it was and can be, else in double quotes.
pub(super) fn word(text: &str, plain: bool) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_.+-/".contains(c);
    if plain && !text.is_empty() && text != "-" && text.chars().all(safe) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// A text in double quotes: JSON's are YAML's.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text always serializes")
}

/// A text of one or more lines; lines stand in a block where they can.
pub(super) fn text(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end_matches('\n').split('\n').collect();
    let plain = |line: &&str| !line.ends_with([' ', '\t']) && !line.contains(['\t', '\r']);
    if lines.len() == 1 || lines[0].starts_with(' ') || lines[0].is_empty() || !lines.iter().all(plain) {
        return quoted(text);
    }
    let lines: String =
        lines.iter().map(|l| if l.is_empty() { "\n".into() } else { format!("  {l}\n") }).collect();
    format!("|\n{lines}")
}

/// Any node on one line.
pub(super) fn flow(node: &Node) -> String {
    match &node.kind {
        _ if node.is_null() => "null".into(),
        Kind::Scalar { text, plain } => word(text, *plain),
        Kind::List(items) => list(items.iter().map(flow)),
        Kind::Map(entries) => map(entries.iter().map(|entry| (entry.key.as_str(), flow(&entry.value)))),
    }
}

/// A list of values that are YAML already.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

/// A mapping of values that are YAML already.
pub(super) fn map<'a>(entries: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let entries: Vec<String> =
        entries.into_iter().map(|(key, value)| format!("{}: {value}", word(key, true))).collect();
    format!("{{{}}}", entries.join(", "))
}

/// A mapping in a block, for [`entry`].
pub(super) fn block<'a>(entries: impl IntoIterator<Item = (&'a str, String)>) -> String {
    entries
        .into_iter()
        .fold(String::new(), |out, (key, value)| format!("{out}\n  {}: {value}", word(key, true)))
}

/// A list in a block, for [`entry`].
pub(super) fn lines(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().fold(String::new(), |out, item| format!("{out}\n  - {item}"))
}

/// Any node, in a block where it is long.
pub(super) fn node(node: &Node) -> String {
    let short = flow(node);
    match &node.kind {
        Kind::Scalar { text: lines, plain: false } if lines.contains('\n') => text(lines),
        Kind::Map(entries) if short.len() > LINE || entries.len() > 3 => {
            block(entries.iter().map(|Entry { key, value, .. }| (key.as_str(), flow(value))))
        }
        Kind::List(items)
            if short.len() > LINE && !items.iter().all(|item| matches!(item.kind, Kind::Scalar { .. })) =>
        {
            lines(items.iter().map(flow))
        }
        _ => short,
    }
}

/// What is written reads back as it was.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::mistake::Mistakes;
    use crate::spec::yaml;

    #[test]
    fn what_is_written_reads_back() {
        let read = |text: &str| yaml::read(text.as_bytes(), &mut Mistakes::default()).unwrap();
        for text in [
            "a: 1e-4",
            "a: '1'",
            "a: \"x: y, [z]\"",
            "a: [no, 0x1F, '~', ~]",
            "a: {b: [c, {d: e}]}",
            "a: |\n  one\n\n    two\n",
            "a: 'it''s # 5'",
            "a: ''",
            "'a b': 1",
        ] {
            let before = read(text);
            let Kind::Map(entries) = &before.kind else { panic!() };
            let again = read(&entry(&entries[0].key, &node(&entries[0].value)));
            assert_eq!(flow(&before), flow(&again), "{text}");
        }
    }
}
