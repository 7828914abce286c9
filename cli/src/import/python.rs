//! As much of Python as CrayAI's parameter lists are written in: literals, names and calls. Never an expression that
//! is computed: what is none of these is passed over, and nothing is run.

use std::collections::HashMap;

use crate::spec::Position;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// As it was written.
    Number(String),
    Bool(bool),
    None,
    List(Vec<Item>),
    Tuple(Vec<Item>),
    Dict(Vec<(Item, Item)>),
    /// A name, or a call whose value nobody knows.
    Unknown(String),
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) value: Value,
    pub(super) at: Position,
}

/// A call of a function by the last part of its name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) at: Position,
    pub(super) arguments: Vec<Item>,
    pub(super) named: Vec<(String, Item)>,
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// Its calls, in their order; one inside another stands behind it.
    pub(super) calls: Vec<Call>,
    /// A list that stands alone.
    pub(super) list: Option<Item>,
    /// Rows of lists that no comma parts.
    pub(super) missing_commas: Vec<Position>,
}

/// Deepest nesting.
const DEPTH: usize = 32;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Text(String),
    Number(String),
    Name(String),
    Sign(char),
}

/// Reads a file.
pub(super) fn read(text: &str) -> Source {
    let tokens = tokens(text);
    let mut source = Source::default();
    let mut known: HashMap<String, Item> = HashMap::new();
    let mut reader = Reader { tokens: &tokens, at: 0, missing: Vec::new() };
    if let Some((Token::Sign('['), at)) = tokens.first() {
        source.list = reader.value(0).map(|value| Item { value, at: *at });
    }
    for start in 0..tokens.len() {
        let Token::Name(name) = &tokens[start].0 else { continue };
        reader.at = start + 1;
        let follows = |sign| tokens.get(start + 1).is_some_and(|(token, _)| *token == Token::Sign(sign));
        if follows('=') {
            reader.at += 1;
            let at = tokens.get(start + 2).map_or(tokens[start].1, |(_, at)| *at);
            if let Some(value) = reader.value(0).filter(|value| !matches!(value, Value::Unknown(_))) {
                known.insert(name.clone(), Item { value, at });
            }
        } else if follows('(') {
            reader.at += 1;
            if let Some((arguments, named)) = reader.arguments(0) {
                let known = |item: Item| match &item.value {
                    Value::Unknown(name) => known.get(name).cloned().unwrap_or(item),
                    _ => item,
                };
                source.calls.push(Call {
                    name: name.clone(),
                    at: tokens[start].1,
                    arguments: arguments.into_iter().map(known).collect(),
                    named: named.into_iter().map(|(name, item)| (name, known(item))).collect(),
                });
            }
        }
    }
    reader.missing.sort_unstable();
    reader.missing.dedup();
    source.missing_commas = reader.missing;
    source
}

struct Reader<'a> {
    tokens: &'a [(Token, Position)],
    at: usize,
    missing: Vec<Position>,
}

type Arguments = (Vec<Item>, Vec<(String, Item)>);

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn is(&self, sign: char) -> bool {
        self.peek() == Some(&Token::Sign(sign))
    }

    fn take(&mut self, sign: char) -> bool {
        let is = self.is(sign);
        self.at += usize::from(is);
        is
    }

    fn place(&self) -> Position {
        self.tokens.get(self.at).or(self.tokens.last()).map(|(_, at)| *at).unwrap_or_default()
    }

    fn item(&mut self, depth: usize) -> Option<Item> {
        let at = self.place();
        Some(Item { value: self.value(depth)?, at })
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        let token = self.peek()?.clone();
        self.at += 1;
        let value = match token {
            Token::Text(mut text) => {
                // Texts side by side are one.
                while let Some(Token::Text(more)) = self.peek().cloned() {
                    text.push_str(&more);
                    self.at += 1;
                }
                Value::Text(text)
            }
            Token::Number(text) => Value::Number(text),
            Token::Sign('-') => match self.value(depth + 1)? {
                Value::Number(text) => Value::Number(format!("-{text}")),
                _ => return None,
            },
            Token::Sign('[') => Value::List(self.items(']', depth)?),
            Token::Sign('(') => {
                let mut items = self.items(')', depth)?;
                let is_tuple =
                    items.len() != 1 || self.at >= 2 && self.tokens[self.at - 2].0 == Token::Sign(',');
                if is_tuple { Value::Tuple(items) } else { items.remove(0).value }
            }
            Token::Sign('{') => Value::Dict(self.pairs(depth)?),
            Token::Sign(_) => return None,
            Token::Name(name) => match name.as_str() {
                "True" => Value::Bool(true),
                "False" => Value::Bool(false),
                "None" => Value::None,
                _ if self.take('(') => {
                    self.arguments(depth + 1)?;
                    Value::Unknown(format!("{name}(…)"))
                }
                _ => Value::Unknown(name),
            },
        };
        Some(value)
    }

    fn items(&mut self, end: char, depth: usize) -> Option<Vec<Item>> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.item(depth + 1)?);
            if !self.take(',') && !self.is(end) {
                // Two rows with nothing between them can only be two rows.
                if !self.is('[') {
                    return None;
                }
                self.missing.push(self.place());
            }
        }
        Some(items)
    }

    fn pairs(&mut self, depth: usize) -> Option<Vec<(Item, Item)>> {
        let mut pairs = Vec::new();
        while !self.take('}') {
            let key = self.item(depth + 1)?;
            if !self.take(':') {
                return None;
            }
            pairs.push((key, self.item(depth + 1)?));
            if !self.take(',') && !self.is('}') {
                return None;
            }
        }
        Some(pairs)
    }

    fn arguments(&mut self, depth: usize) -> Option<Arguments> {
        let (mut arguments, mut named) = (Vec::new(), Vec::new());
        while !self.take(')') {
            let is_named = matches!(self.tokens.get(self.at + 1), Some((Token::Sign('='), _)));
            match self.peek()?.clone() {
                Token::Name(name) if is_named => {
                    self.at += 2;
                    named.push((name, self.item(depth + 1)?));
                }
                _ => arguments.push(self.item(depth + 1)?),
            }
            if !self.take(',') && !self.is(')') {
                return None;
            }
        }
        Some((arguments, named))
    }
}

fn tokens(text: &str) -> Vec<(Token, Position)> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut place) = (0, Position { line: 1, column: 1 });
    while at < chars.len() {
        let start = at;
        let c = chars[at];
        let token = match c {
            '#' => {
                at += chars[at..].iter().take_while(|c| **c != '\n').count();
                None
            }
            '"' | '\'' => Some(Token::Text(string(&chars, &mut at))),
            c if c.is_ascii_digit() || c == '.' && chars.get(at + 1).is_some_and(char::is_ascii_digit) => {
                Some(Token::Number(number(&chars, &mut at)))
            }
            c if c.is_alphabetic() || c == '_' => {
                let long = chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
                at += long;
                let name: String = chars[start..at].iter().collect();
                let opens = matches!(chars.get(at), Some('"' | '\''));
                // A prefix such as r or f is no name.
                (!(opens && long <= 2)).then_some(Token::Name(name))
            }
            c => {
                at += 1;
                (!c.is_whitespace()).then_some(Token::Sign(c))
            }
        };
        tokens.extend(token.map(|token| (token, place)));
        for c in &chars[start..at] {
            place = match c {
                '\n' => Position { line: place.line + 1, column: 1 },
                _ => Position { column: place.column + 1, ..place },
            };
        }
    }
    tokens
}

/// A number as written, without the `_` between its digits.
fn number(chars: &[char], at: &mut usize) -> String {
    let start = *at;
    while let Some(c) = chars.get(*at) {
        let signs = matches!(c, '+' | '-') && matches!(chars[*at - 1], 'e' | 'E') && *at > start;
        if !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || signs) {
            break;
        }
        *at += 1;
    }
    chars[start..*at].iter().filter(|c| **c != '_').collect()
}

/// The text of a string; one that never ends goes to the end of the file.
fn string(chars: &[char], at: &mut usize) -> String {
    let quote = chars[*at];
    let triple = chars[*at..].starts_with(&[quote; 3]);
    let width = if triple { 3 } else { 1 };
    *at += width;
    let mut text = String::new();
    while let Some(c) = chars.get(*at) {
        if chars[*at..].starts_with(&[quote; 3][..width]) {
            *at += width;
            return text;
        }
        *at += 1;
        match (c, chars.get(*at)) {
            ('\\', Some(next)) => {
                text.push(match next {
                    'n' => '\n',
                    't' => '\t',
                    other => *other,
                });
                *at += 1;
            }
            _ => text.push(*c),
        }
    }
    text
}

/// What is read, and what is not.
#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Value {
        Value::Number(text.into())
    }

    #[test]
    fn calls_have_their_arguments_by_place_and_name() {
        let source = read("rows = [1]  # x\nhpc.f(rows, 'a' \"b\", k=-1e-3, t=(1, 2.0), d={'x': True,})\n");
        let call = &source.calls[0];
        assert_eq!((call.name.as_str(), call.at.line, call.arguments.len()), ("f", 2, 2));
        assert!(matches!(&call.arguments[0].value, Value::List(items) if items[0].value == number("1")));
        assert_eq!(call.arguments[1].value, Value::Text("ab".into()));
        assert_eq!(call.named[0].1.value, number("-1e-3"));
        assert!(matches!(&call.named[1].1.value, Value::Tuple(items) if items.len() == 2));
        assert!(
            matches!(&call.named[2].1.value, Value::Dict(pairs) if pairs[0].1.value == Value::Bool(true))
        );
    }

    #[test]
    fn rows_without_a_comma_are_rows_and_said_to_be_so() {
        let source = read("Params([['--a', 1]\n  ['--b', 2]])");
        assert!(matches!(&source.calls[0].arguments[0].value, Value::List(rows) if rows.len() == 2));
        assert_eq!(source.missing_commas, [Position { line: 2, column: 3 }]);
    }

    #[test]
    fn what_is_computed_is_unknown_and_what_is_broken_is_no_call() {
        assert!(matches!(&read("f(g(1))").calls[0].arguments[0].value, Value::Unknown(_)));
        for text in ["f(1 + 2)", "f(", "f('", "f([1)", "f({1})", &"f((".repeat(500), "x = ]"] {
            assert!(read(text).calls.iter().all(|call| call.name != "f"), "{text:.20}");
        }
    }
}
