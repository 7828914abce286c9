//! `when:`: on which other parameters a parameter depends. Never a comparison of texts but for equality.

use sweep_core::limits;
use sweep_core::value::Value;
use sweep_search::space;

use super::mistake::{Mistakes, Position, shown};
use super::yaml::{Entry, Kind, Node};
use super::{keys, read};

/// One test and where it stands.
#[derive(Clone)]
pub(super) struct Test {
    /// The parameter that is tested, as it was written.
    pub(super) parent: String,
    /// The parameter that depends on it, or the block around it: where the parent is looked for first.
    pub(super) of: String,
    pub(super) at: Position,
    pub(super) test: space::Test,
    pub(super) value_at: Position,
}

/// Most tests of one `when`, and most values of one test.
const MOST: usize = limits::VARIABLES;

const HINT: &str = "write `when: {solver: saga}`, or `when: {layers: {gt: 2}}`";

/// Reads the `when` of a parameter or a block.
pub(super) fn read(of: &str, node: &Node, mistakes: &mut Mistakes) -> Vec<Test> {
    let name = shown(of);
    let Kind::Map(entries) = &node.kind else {
        mistakes.hint(node.at, format!("`when` of `{name}` must be a mapping, not {}", node.word()), HINT);
        return Vec::new();
    };
    if entries.is_empty() {
        mistakes.hint(node.at, format!("`when` of `{name}` is empty"), HINT);
    }
    if entries.len() > MOST {
        mistakes.add(node.at, format!("`when` of `{name}` has more than {MOST} tests"));
        return Vec::new();
    }
    let mut tests = Vec::new();
    for Entry { key, at, value } in entries {
        let what = format!("the value of `{}` in `when` of `{name}`", shown(key));
        let mut add = |test: space::Test, value_at: Position| {
            tests.push(Test { parent: key.clone(), of: of.to_owned(), at: *at, test, value_at });
        };
        match &value.kind {
            Kind::Map(tests) if tests.is_empty() => mistakes.hint(value.at, format!("{what} is empty"), HINT),
            Kind::Map(operators) => {
                for Entry { key, at, value } in operators {
                    if keys::check(keys::WHEN, "key", key, *at, mistakes)
                        && let Some(test) = operator(key, value, &what, mistakes)
                    {
                        add(test, value.at);
                    }
                }
            }
            _ => {
                if let Some(values) = values(value, &what, mistakes) {
                    add(space::Test::OneOf(values), value.at);
                }
            }
        }
    }
    tests
}

fn operator(word: &str, node: &Node, what: &str, mistakes: &mut Mistakes) -> Option<space::Test> {
    match word {
        "in" => return values(node, what, mistakes).map(space::Test::OneOf),
        "not" => return values(node, what, mistakes).map(space::Test::NoneOf),
        _ => {}
    }
    let limit = read::value(node, what, mistakes)?;
    if limit.as_f64().is_none() {
        mistakes.add(node.at, format!("`{word}` needs a finite number{}", read::found(node)));
        return None;
    }
    Some(match word {
        "lt" => space::Test::Less(limit),
        "le" => space::Test::AtMost(limit),
        "gt" => space::Test::Greater(limit),
        _ => space::Test::AtLeast(limit),
    })
}

/// One value or a list of them.
fn values(node: &Node, what: &str, mistakes: &mut Mistakes) -> Option<Vec<Value>> {
    let Kind::List(items) = &node.kind else { return Some(vec![read::value(node, what, mistakes)?]) };
    if items.is_empty() {
        mistakes.add(node.at, format!("{what} is an empty list"));
        return None;
    }
    if items.len() > MOST {
        mistakes.add(node.at, format!("{what} has more than {MOST} values"));
        return None;
    }
    let values: Vec<_> = items.iter().filter_map(|item| read::value(item, what, mistakes)).collect();
    (values.len() == items.len()).then_some(values)
}
