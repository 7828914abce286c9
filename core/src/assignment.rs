//! The value of `--sweep-set`: variables without a sweep directory, or overrides of a trial's own. Foreign text
//! in the plugin: sized, plain, and refused whole where any part is wrong.

use crate::error::{Error, Result};
use crate::limits;
use crate::name::{EnvNames, check_name};
use crate::params::Params;
use crate::value::Value;

/// Reads `NAME=VALUE[,NAME=VALUE…]`, where `\,` is a comma and `\\` a backslash, or one JSON object of scalars.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Syntax`], [`Error::Name`] or [`Error::Collision`].
pub fn parse(text: &str) -> Result<Params> {
    if text.len() > limits::ASSIGNMENT_LEN {
        return Err(Error::TooLarge {
            what: "the value of --sweep-set".into(),
            len: text.len(),
            limit: limits::ASSIGNMENT_LEN,
        });
    }
    let params = if text.trim_start().starts_with('{') { from_object(text)? } else { from_list(text)? };
    check(&params)?;
    Ok(params)
}

/// Checks that every parameter can be injected: names, collisions, sizes, no control characters in values.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(params: &Params) -> Result<()> {
    if params.len() > limits::VARIABLES {
        return Err(Error::TooLarge {
            what: "the number of variables".into(),
            len: params.len(),
            limit: limits::VARIABLES,
        });
    }
    for (name, value) in params.iter() {
        EnvNames::AsIs.check(name)?;
        let text = value.text();
        if text.len() > limits::VALUE_LEN {
            return Err(Error::TooLarge {
                what: format!("the value of `{name}`"),
                len: text.len(),
                limit: limits::VALUE_LEN,
            });
        }
        if text.chars().any(char::is_control) {
            return Err(Error::syntax(&text, "a value without control characters"));
        }
    }
    EnvNames::AsIs.check_collisions(params.iter().map(|(name, _)| name))
}

fn from_object(text: &str) -> Result<Params> {
    const EXPECTED: &str = "a JSON object of names and scalars";
    let members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|_| Error::syntax(text, EXPECTED))?;
    Params::from_json(members, &Default::default()).map_err(|_| Error::syntax(text, EXPECTED))
}

fn from_list(text: &str) -> Result<Params> {
    let mut params = Params::new();
    for part in split_commas(text) {
        let (name, value) = part
            .split_once('=')
            .ok_or_else(|| Error::syntax(&part, "NAME=VALUE (a comma in a value is `\\,`)"))?;
        check_name(name)?;
        if params.get(name).is_some() {
            return Err(Error::Name { name: name.to_owned(), reason: "is given twice" });
        }
        params.set(name, Value::from_word(value));
    }
    Ok(params)
}

fn split_commas(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = c == '\\' && matches!(chars.peek(), Some(',' | '\\'));
        let last = parts.len() - 1;
        match c {
            '\\' if escaped => parts[last].extend(chars.next()),
            ',' => parts.push(String::new()),
            c => parts[last].push(c),
        }
    }
    parts
}

/// Assignments as users and attackers write them.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_an_object_are_read() {
        let params = parse(r"lr=0.1,name=a\,b,path=C:\\x,flag=true").unwrap();
        let texts: Vec<_> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(texts, ["lr=0.1", "name=a,b", r"path=C:\x", "flag=true"]);
        let params = parse(r#"{"lr": 0.1, "n": 3, "s": "x,y"}"#).unwrap();
        assert_eq!(params.get("s").unwrap().text(), "x,y");
        assert_eq!(params.get("n").unwrap().as_f64(), Some(3.0));
    }

    #[test]
    fn an_equals_sign_may_stand_in_a_value() {
        assert_eq!(parse("args=--a=1").unwrap().get("args").unwrap().text(), "--a=1");
    }

    #[test]
    fn anything_wrong_refuses_the_whole() {
        for text in [
            "",
            "lr",
            "lr=1,",
            "=1",
            "lr=1,lr=2",
            "PATH=/x",
            "a b=1",
            "lr=1\n2",
            "{\"a\":[1]}",
            "{",
            "a.b=1,a_b=2",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse(&format!("x={}", "y".repeat(limits::VALUE_LEN + 1))).is_err());
        let many: Vec<String> = (0..300).map(|n| format!("p{n}=1")).collect();
        assert!(parse(&many.join(",")).is_err());
    }
}
