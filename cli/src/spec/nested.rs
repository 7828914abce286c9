//! Parameters as a program reads them from a file: those with dots in their names as nested objects. Never a value
//! that is lost: where a name is another's block as well, it keeps its dots.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};
use sweep_core::params::Params;

/// The parameters as a program gets them: nested where their names are, else in their own order.
#[derive(Debug)]
pub struct Nested<'a>(pub &'a Params);

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.iter().any(|(name, _)| name.contains('.')) {
            return object(self.0).serialize(serializer);
        }
        self.0.serialize(serializer)
    }
}

/// The parameters as one object, `opt.lr` as `{"opt": {"lr": …}}`, in the order of the parameters.
#[must_use]
pub fn object(params: &Params) -> Map<String, Json> {
    let mut root = Map::new();
    let names: Vec<&str> = params.iter().map(|(name, _)| name).collect();
    for (name, value) in params.iter() {
        let json = serde_json::to_value(value).unwrap_or(Json::Null);
        let block = |end: usize| names.contains(&&name[..end]);
        let taken = name.match_indices('.').any(|(end, _)| block(end));
        let plain = name.split('.').any(str::is_empty);
        if taken || plain {
            root.insert(name.to_owned(), json);
            continue;
        }
        let mut object = &mut root;
        let mut parts = name.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                object.insert(part.to_owned(), json);
                break;
            }
            let inner = object.entry(part).or_insert_with(|| Json::Object(Map::new()));
            match inner {
                Json::Object(inner) => object = inner,
                _ => unreachable!("no name of a parameter is also a block"),
            }
        }
    }
    root
}

/// Objects and names that stay as they are.
#[cfg(test)]
mod tests {
    use sweep_core::value::Value;

    use super::*;

    fn check(names: &[&str], json: &str) {
        let params = names.iter().map(|name| ((*name).to_owned(), Value::from_word("1"))).collect();
        assert_eq!(Json::Object(object(&params)).to_string(), json);
    }

    #[test]
    fn dots_nest() {
        check(&["lr"], r#"{"lr":1}"#);
        check(&["a.b", "a.c.d", "e"], r#"{"a":{"b":1,"c":{"d":1}},"e":1}"#);
    }

    #[test]
    fn a_name_that_is_also_a_block_keeps_both() {
        check(&["a", "a.b", "a.b.c"], r#"{"a":1,"a.b":1,"a.b.c":1}"#);
        check(&["a.b.c", "a.b", "a.d"], r#"{"a":{"b":1,"d":1},"a.b.c":1}"#);
        check(&["a.", ".", "a..b"], r#"{".":1,"a.":1,"a..b":1}"#);
    }
}
