//! A YAML file as a tree that remembers where each node stands and how each scalar was written. Never a guess at
//! a scalar's type: that is for who knows what belongs there.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::mistake::{Mistakes, Position, shown};

/// Deepest nesting.
const DEPTH: usize = 32;
/// Most nodes, aliases expanded.
const NODES: usize = 2_000_000;
/// Most bytes of text, aliases expanded.
const TEXT: usize = 64 * 1024 * 1024;

/// A node and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) at: Position,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Text as written; `plain` without quotes, so that it may be a number.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Position,
    pub(crate) value: Node,
}

impl Node {
    /// Nothing, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        match &self.kind {
            Kind::Scalar { text, plain: true } => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// What it is, for messages.
    pub(crate) fn word(&self) -> &'static str {
        match &self.kind {
            _ if self.is_null() => "nothing",
            Kind::Scalar { .. } => "a single value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// Nodes and bytes of text below and with it.
    fn weight(&self) -> (usize, usize) {
        let add = |a: (usize, usize), b: (usize, usize)| (a.0 + b.0, a.1 + b.1);
        match &self.kind {
            Kind::Scalar { text, .. } => (1, text.len()),
            Kind::List(items) => items.iter().map(Self::weight).fold((1, 0), add),
            Kind::Map(entries) => {
                entries.iter().map(|e| add(e.value.weight(), (1, e.key.len()))).fold((1, 0), add)
            }
        }
    }
}

/// Reads one document. `None` where it could not be read to its end, which is among the mistakes.
pub(crate) fn read(bytes: &[u8], mistakes: &mut Mistakes) -> Option<Node> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => {
            let before = String::from_utf8_lossy(&bytes[..e.valid_up_to()]);
            mistakes.add(end_of(&before), "the file is not UTF-8 from here on");
            return None;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The scanner takes NUL for the end of the file; YAML allows none of these.
    let forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    if let Some(at) = text.find(forbidden) {
        mistakes.add(end_of(&text[..at]), "a control character, which YAML does not allow");
        return None;
    }
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(e) => {
                mistakes.add(position(e.marker()), format!("not YAML: {}", shown(e.info())));
                return None;
            }
        };
        if let Err(Refused { at, message }) = tree.take(event, span, mistakes) {
            mistakes.add(at, message);
            return None;
        }
    }
    if tree.root.is_none() {
        mistakes.whole("the file is empty", Some("a spec has at least a command and parameters".into()));
    }
    tree.root
}

/// Why reading cannot go on.
struct Refused {
    at: Position,
    message: String,
}

/// A collection that is still open.
struct Open {
    at: Position,
    anchor: usize,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, keys: HashSet<String>, key: Option<(String, Position)> },
}

#[derive(Default)]
struct Tree {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    documents: usize,
    nodes: usize,
    text: usize,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, span: Span, mistakes: &mut Mistakes) -> Result<(), Refused> {
        let at = position(&span.start);
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(refused(at, "a second document: a spec is one"));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !is_string_tag(tag.as_deref());
                check_tag(tag.as_deref(), at, mistakes);
                let kind = Kind::Scalar { text: text.into_owned(), plain };
                self.close(Node { kind, at }, anchor, mistakes)?;
            }
            Event::SequenceStart(anchor, tag) => {
                check_tag(tag.as_deref(), at, mistakes);
                self.push(Open { at, anchor, items: Items::List(Vec::new()) })?;
            }
            Event::MappingStart(anchor, tag) => {
                check_tag(tag.as_deref(), at, mistakes);
                let items = Items::Map { entries: Vec::new(), keys: HashSet::new(), key: None };
                self.push(Open { at, anchor, items })?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { at, anchor, items }) = self.open.pop() else { return Ok(()) };
                let kind = match items {
                    Items::List(items) => Kind::List(items),
                    Items::Map { entries, .. } => Kind::Map(entries),
                };
                self.close(Node { kind, at }, anchor, mistakes)?;
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(refused(at, "an alias inside the node that it stands for"));
                };
                let (nodes, text) = node.weight();
                // What is in the tree once was counted once; only the copies are added here.
                self.count(nodes.saturating_sub(1), text, at)?;
                self.close(node, 0, mistakes)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn push(&mut self, open: Open) -> Result<(), Refused> {
        if self.open.len() >= DEPTH {
            return Err(refused(open.at, format!("nested deeper than {DEPTH} levels")));
        }
        self.open.push(open);
        Ok(())
    }

    fn count(&mut self, nodes: usize, text: usize, at: Position) -> Result<(), Refused> {
        self.nodes += nodes;
        self.text += text;
        if self.nodes > NODES || self.text > TEXT {
            return Err(refused(at, format!("more than {NODES} nodes or {TEXT} bytes, aliases expanded")));
        }
        Ok(())
    }

    /// A node is complete: it goes where it belongs.
    fn close(&mut self, node: Node, anchor: usize, mistakes: &mut Mistakes) -> Result<(), Refused> {
        let text = if let Kind::Scalar { text, .. } = &node.kind { text.len() } else { 0 };
        self.count(1, text, node.at)?;
        if anchor > 0 {
            // The copy that an anchor keeps counts as well, or nested anchors would multiply in silence.
            let (nodes, text) = node.weight();
            self.count(nodes, text, node.at)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.root = Some(node),
            Some(Items::List(items)) => items.push(node),
            Some(Items::Map { entries, keys, key }) => match key.take() {
                None => *key = Some(key_of(node, mistakes)?),
                Some((name, at)) => {
                    if name == "<<" {
                        mistakes.hint(
                            at,
                            "merge keys (`<<`) are not read",
                            "write the keys out, or alias one value at a time",
                        );
                    } else if keys.insert(name.clone()) {
                        entries.push(Entry { key: name, at, value: node });
                    } else {
                        mistakes.add(at, format!("key `{}` is given twice", shown(&name)));
                    }
                }
            },
        }
        Ok(())
    }
}

fn key_of(node: Node, mistakes: &mut Mistakes) -> Result<(String, Position), Refused> {
    if node.is_null() {
        mistakes.add(node.at, "a key is empty");
    }
    match node.kind {
        Kind::Scalar { text, .. } => Ok((text, node.at)),
        Kind::List(_) | Kind::Map(_) => Err(refused(node.at, "a key must be a single word")),
    }
}

fn is_string_tag(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str")
}

fn check_tag(tag: Option<&Tag>, at: Position, mistakes: &mut Mistakes) {
    let Some(tag) = tag else { return };
    let known = ["str", "int", "float", "bool", "null", "seq", "map"];
    if !(tag.is_yaml_core_schema() && known.contains(&tag.suffix.as_str())) {
        let tag = shown(&tag.to_string());
        mistakes.hint(at, format!("the tag `{tag}` means nothing here"), "take it out, or quote the text");
    }
}

fn refused(at: Position, message: impl Into<String>) -> Refused {
    Refused { at, message: message.into() }
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

/// The place right after a text.
fn end_of(text: &str) -> Position {
    let line = text.matches('\n').count() + 1;
    let last = text.rsplit('\n').next().unwrap_or(text);
    Position { line, column: last.chars().count() + 1 }
}

/// Trees and what is refused.
#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes_of(bytes: &[u8]) -> Vec<String> {
        let mut mistakes = Mistakes::default();
        read(bytes, &mut mistakes);
        let errors = mistakes.finish(std::path::Path::new("s")).err();
        errors.map(|e| e.to_string().lines().map(str::to_owned).collect()).unwrap_or_default()
    }

    fn tree(text: &str) -> Node {
        let mut mistakes = Mistakes::default();
        let node = read(text.as_bytes(), &mut mistakes);
        assert_eq!(mistakes.finish(std::path::Path::new("s")), Ok(()), "{text}");
        node.unwrap()
    }

    /// A node in one line: plain scalars bare, others quoted.
    fn line(node: &Node) -> String {
        match &node.kind {
            Kind::Scalar { text, plain: true } => text.clone(),
            Kind::Scalar { text, plain: false } => format!("{text:?}"),
            Kind::List(items) => format!("[{}]", items.iter().map(line).collect::<Vec<_>>().join(" ")),
            Kind::Map(entries) => {
                let entries: Vec<_> =
                    entries.iter().map(|e| format!("{}:{}", e.key, line(&e.value))).collect();
                format!("{{{}}}", entries.join(" "))
            }
        }
    }

    #[test]
    fn scalars_keep_how_they_were_written() {
        assert_eq!(
            line(&tree("a: [1e-4, 0.10, \"0.10\", '1', no, 0x1F]")),
            r#"{a:[1e-4 0.10 "0.10" "1" no 0x1F]}"#
        );
        assert_eq!(line(&tree("a: |\n  one\n  two\nb: !!str 5\n")), r#"{a:"one\ntwo\n" b:"5"}"#);
    }

    #[test]
    fn json_is_yaml() {
        assert_eq!(line(&tree(r#"{"a": [1, 2.5, "x"], "b": {"c": true}}"#)), r#"{a:[1 2.5 "x"] b:{c:true}}"#);
        assert_eq!(line(&tree("\u{feff}{\n\t\"a\": [\n\t\t1\n\t]\n}")), "{a:[1]}");
    }

    #[test]
    fn aliases_stand_for_their_anchors() {
        assert_eq!(line(&tree("a: &x [1, 2]\nb: *x\n")), "{a:[1 2] b:[1 2]}");
    }

    #[test]
    fn nodes_know_where_they_stand() {
        let Kind::Map(entries) = tree("a: 1\nbé:\n  - x\n  - y\n").kind else { panic!() };
        assert_eq!(entries[1].at, Position { line: 2, column: 1 });
        let Kind::List(items) = &entries[1].value.kind else { panic!() };
        assert_eq!(items[1].at, Position { line: 4, column: 5 });
    }

    #[test]
    fn what_is_not_one_plain_document_is_refused_with_its_place() {
        let check = |text: &str, expected: &str| {
            let lines = mistakes_of(text.as_bytes());
            assert!(lines[0].contains(expected), "{text:.80?}: {lines:?}");
        };
        check("a: 1\na: 2\n", "s:2:1: key `a` is given twice");
        check("a: &x 1\n<<: {b: 2}\n", "s:2:1: merge keys");
        check("a: 1\n---\nb: 2\n", "second document");
        check("[a]: 1", "a key must be a single word");
        check("a: !env HOME", "tag `!env`");
        check("a: [1", "not YAML");
        check("", "the file is empty");
        check("a: \u{1}", "s:1:4: a control character");
        check("a: 1\0\nb: 2", "s:1:5: a control character");
        check("a: &x [*x]", "alias inside");
        check(&"[".repeat(100), "deeper than");
        check(&"[".repeat(5000), "recursion limit");
        assert!(mistakes_of(b"a: 1\nb: \xff")[0].contains("s:2:4: the file is not UTF-8"));
    }

    #[test]
    fn aliases_cannot_multiply_without_end() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..20 {
            let ten = vec![format!("*a{}", n - 1); 10].join(", ");
            text.push_str(&format!("a{n}: &a{n} [{ten}]\n"));
        }
        assert!(mistakes_of(text.as_bytes())[0].contains("aliases expanded"));
        let long = format!("a: &a {}\nb: [{}]", "x".repeat(1 << 20), vec!["*a"; 1000].join(", "));
        assert!(mistakes_of(long.as_bytes())[0].contains("aliases expanded"));
    }
}
