//! One parameter's value: what it is, and the exact text that a program gets.
//!
//! A listed value keeps the text that it was written with (`1e-4` stays `1e-4`); a drawn number has the
//! shortest text that reads back the same. Never a value without its text.

use serde::{Serialize, Serializer};

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A finite number.
    Float(f64),
    /// Anything else.
    Text(String),
}

/// A value with the text that is injected.
#[derive(Clone, Debug)]
pub struct Value {
    scalar: Scalar,
    written: Option<String>,
}

impl Value {
    /// A value in its canonical text.
    #[must_use]
    pub fn new(scalar: Scalar) -> Self {
        match scalar {
            // Infinities and NaN have no number in JSON; their names are what every language parses.
            Scalar::Float(x) if !x.is_finite() => Self { scalar: Scalar::Text(x.to_string()), written: None },
            scalar => Self { scalar, written: None },
        }
    }

    /// A value that keeps the text it was written with.
    #[must_use]
    pub fn written(scalar: Scalar, text: &str) -> Self {
        let value = Self::new(scalar);
        if value.text() == text { value } else { Self { written: Some(text.to_owned()), ..value } }
    }

    /// Reads an unquoted word by the core schema of YAML 1.2: `true`, `12`, `0x1f`, `1e-4`; all else is text.
    /// `no`, `off`, `1_000` and `.nan` are text.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::written(scalar_of_word(word), word)
    }

    /// Plain text, never read as a number.
    #[must_use]
    pub fn from_text(text: impl Into<String>) -> Self {
        Self::new(Scalar::Text(text.into()))
    }

    /// What it is.
    #[must_use]
    pub fn scalar(&self) -> &Scalar {
        &self.scalar
    }

    /// The text that a program gets.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        use std::borrow::Cow;
        if let Some(text) = &self.written {
            return Cow::Borrowed(text);
        }
        match &self.scalar {
            Scalar::Bool(b) => Cow::Borrowed(if *b { "true" } else { "false" }),
            Scalar::Int(n) => Cow::Owned(n.to_string()),
            // serde_json prints the shortest digits that read back the same, with an exponent where that is shorter.
            Scalar::Float(x) => Cow::Owned(serde_json::to_string(x).unwrap_or_else(|_| x.to_string())),
            Scalar::Text(s) => Cow::Borrowed(s),
        }
    }

    /// The text where it differs from the canonical one: what a file must keep besides the JSON value.
    #[must_use]
    pub fn written_text(&self) -> Option<&str> {
        self.written.as_deref()
    }

    /// The number, where it is one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self.scalar {
            #[expect(clippy::cast_precision_loss, reason = "a comparison of sizes, not of identity")]
            Scalar::Int(n) => Some(n as f64),
            Scalar::Float(x) => Some(x),
            Scalar::Bool(_) | Scalar::Text(_) => None,
        }
    }

    /// From a JSON scalar.
    #[must_use]
    pub fn from_json(json: &serde_json::Value) -> Option<Self> {
        use serde_json::Value as Json;
        let scalar = match json {
            Json::Bool(b) => Scalar::Bool(*b),
            Json::Number(n) => match n.as_i64() {
                Some(n) => Scalar::Int(n),
                None => Scalar::Float(n.as_f64()?),
            },
            Json::String(s) => Scalar::Text(s.clone()),
            Json::Null | Json::Array(_) | Json::Object(_) => return None,
        };
        Some(Self::new(scalar))
    }
}

/// Two values are the same where they are the same thing, however written.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.scalar == other.scalar
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.scalar {
            Scalar::Bool(b) => serializer.serialize_bool(*b),
            Scalar::Int(n) => serializer.serialize_i64(*n),
            Scalar::Float(x) => serializer.serialize_f64(*x),
            Scalar::Text(s) => serializer.serialize_str(s),
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

fn scalar_of_word(word: &str) -> Scalar {
    match word {
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        _ => {}
    }
    if let Some(n) = integer_of(word) {
        return Scalar::Int(n);
    }
    if is_float(word)
        && let Ok(x) = word.parse::<f64>()
        && x.is_finite()
    {
        return Scalar::Float(x);
    }
    Scalar::Text(word.to_owned())
}

fn integer_of(word: &str) -> Option<i64> {
    let radix = |digits: &str, radix| {
        let plain = digits.bytes().all(|b| b.is_ascii_alphanumeric());
        plain.then(|| i64::from_str_radix(digits, radix).ok()).flatten()
    };
    if let Some(digits) = word.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = word.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    word.parse().ok()
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, YAML 1.2.2 section 10.3.2.
fn is_float(word: &str) -> bool {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_ok = digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    mantissa_ok && exponent_ok
}

/// Values and their texts.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_value_keeps_its_text() {
        for word in ["0.001", "1e-4", "08", "+1", ".5", "5.", "0x1F", "True", "no", "1_000", "a b"] {
            assert_eq!(Value::from_word(word).text(), word);
        }
    }

    #[test]
    fn words_are_read_by_yaml_1_2() {
        let scalar = |word| Value::from_word(word).scalar().clone();
        assert_eq!(scalar("08"), Scalar::Int(8));
        assert_eq!(scalar("0x1F"), Scalar::Int(31));
        assert_eq!(scalar("0o17"), Scalar::Int(15));
        assert_eq!(scalar("-12"), Scalar::Int(-12));
        assert_eq!(scalar("1e-4"), Scalar::Float(1e-4));
        assert_eq!(scalar(".5"), Scalar::Float(0.5));
        assert_eq!(scalar("TRUE"), Scalar::Bool(true));
        for text in
            ["no", "off", "1_000", ".nan", "inf", "NaN", "1e999", "0x", "0x-1", "e5", ".", "-", "1.2.3"]
        {
            assert_eq!(scalar(text), Scalar::Text(text.into()), "{text}");
        }
    }

    #[test]
    fn a_drawn_float_reads_back_the_same() {
        for x in [0.1, 1.0 / 3.0, 1e-7, 1e300, 5e-324, 123_456.0] {
            let value = Value::new(Scalar::Float(x));
            assert_eq!(value.text().parse::<f64>().unwrap().to_bits(), x.to_bits());
            assert!(value.text().len() < 26, "{}", value.text());
        }
    }

    #[test]
    fn values_are_compared_by_what_they_are() {
        assert_eq!(Value::from_word("0.1"), Value::from_word("0.10"));
        assert_ne!(Value::from_word("1"), Value::from_text("1"));
    }
}
