//! When a parameter counts: tests of other parameters' values. Never a test of a value that is not there: a
//! parameter that is inactive passes none.

use std::cmp::Ordering;

use sweep_core::value::{Scalar, Value};

/// A test of one other parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The parameter whose value is tested.
    pub parent: String,
    /// The test.
    pub test: Test,
}

/// What a value must be. Numbers are compared as numbers, `1` and `1.0` are the same; a text is never less or
/// greater.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// One of these.
    OneOf(Vec<Value>),
    /// None of these.
    NoneOf(Vec<Value>),
    /// A number below this one.
    Less(Value),
    /// A number up to this one.
    AtMost(Value),
    /// A number above this one.
    Greater(Value),
    /// A number from this one on.
    AtLeast(Value),
}

/// What depends on others: where all conditions hold the parameter is active, otherwise it is absent.
///
/// With `then` it is never absent: it has that value where they hold, and is drawn from its domain where they do not,
/// also where a parent is absent. This is how CrayAI's `dependent_param_value` is read here: "where the parent is
/// this, the dependent is that". The other reading, a fixed value where the test fails, would leave a range that is
/// drawn only where the test holds; `not`, `ge` and their like say the same by turning the test around.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The parameter.
    pub name: String,
    /// All of them must hold; one that tests an absent parameter does not.
    pub when: Vec<Condition>,
    /// The value that the parameter has where they hold.
    pub then: Option<Value>,
}

impl Test {
    /// Whether a value passes.
    #[must_use]
    pub fn holds(&self, value: &Value) -> bool {
        let ordered = |limit: &Value, wanted: fn(Ordering) -> bool| compare(value, limit).is_some_and(wanted);
        match self {
            Self::OneOf(values) => values.iter().any(|other| same(value, other)),
            Self::NoneOf(values) => !values.iter().any(|other| same(value, other)),
            Self::Less(limit) => ordered(limit, Ordering::is_lt),
            Self::AtMost(limit) => ordered(limit, Ordering::is_le),
            Self::Greater(limit) => ordered(limit, Ordering::is_gt),
            Self::AtLeast(limit) => ordered(limit, Ordering::is_ge),
        }
    }

    /// The values that it compares with.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        match self {
            Self::OneOf(values) | Self::NoneOf(values) => values,
            Self::Less(limit) | Self::AtMost(limit) | Self::Greater(limit) | Self::AtLeast(limit) => {
                std::slice::from_ref(limit)
            }
        }
    }
}

fn same(a: &Value, b: &Value) -> bool {
    a == b || compare(a, b) == Some(Ordering::Equal)
}

/// The order of two numbers, exact also where a double cannot hold the whole one.
fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a.scalar(), b.scalar()) {
        (Scalar::Int(a), Scalar::Int(b)) => Some(a.cmp(b)),
        (Scalar::Float(a), Scalar::Float(b)) => a.partial_cmp(b),
        (Scalar::Int(a), Scalar::Float(b)) => Some(compare_whole(*a, *b)),
        (Scalar::Float(a), Scalar::Int(b)) => Some(compare_whole(*b, *a).reverse()),
        _ => None,
    }
}

fn compare_whole(n: i64, x: f64) -> Ordering {
    let floor = libm::floor(x);
    #[expect(clippy::cast_possible_truncation, reason = "what is larger than an i128 becomes its end")]
    let order = i128::from(n).cmp(&(floor as i128));
    if order.is_eq() && x > floor { Ordering::Less } else { order }
}

/// Tests of values.
#[cfg(test)]
mod tests {
    use super::*;

    fn word(word: &str) -> Value {
        Value::from_word(word)
    }

    #[test]
    fn each_test_holds_where_it_should() {
        let check = |test: Test, passing: &[&str], failing: &[&str]| {
            for value in passing {
                assert!(test.holds(&word(value)), "{test:?} {value}");
            }
            for value in failing {
                assert!(!test.holds(&word(value)), "{test:?} {value}");
            }
        };
        check(Test::OneOf(vec![word("a"), word("1")]), &["a", "1", "1.0", "0x1"], &["b", "true", "1.5"]);
        check(Test::NoneOf(vec![word("a"), word("1")]), &["b", "2"], &["a", "1.0"]);
        check(Test::Less(word("2")), &["1", "1.9", "-1e9"], &["2", "2.0", "3", "a", "true"]);
        check(Test::AtMost(word("2.5")), &["2", "2.5"], &["3", "2.6", "a"]);
        check(Test::Greater(word("2.5")), &["3", "2.6"], &["2", "2.5", "a"]);
        check(Test::AtLeast(word("-1")), &["-1", "0", "-0.5"], &["-2", "-1.1"]);
    }

    #[test]
    fn whole_numbers_that_no_double_holds_are_compared_exactly() {
        assert!(Test::Less(word("9007199254740993")).holds(&word("9007199254740992.0")));
        assert!(Test::Greater(word("9007199254740992.0")).holds(&word("9007199254740993")));
        assert!(!Test::OneOf(vec![word("9007199254740992.0")]).holds(&word("9007199254740993")));
        assert!(Test::Less(word("1e300")).holds(&word("9223372036854775807")));
    }
}
