//! A trial's parameters: names and values in a fixed order. Never a name twice.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::value::Value;

/// Names and values; the order is the spec's or, for expansions, that of the sorted names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params(Vec<(String, Value)>);

impl Params {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a parameter; one that is there keeps its place.
    pub fn set(&mut self, name: &str, value: Value) {
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `a=1;b=2` over the sorted names: one text for one configuration, as hpc-compose has it.
    #[must_use]
    pub fn config_key(&self) -> String {
        let mut pairs: Vec<_> = self.iter().collect();
        pairs.sort_by_key(|(name, _)| *name);
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(";")
    }

    /// The texts that a JSON value alone would lose.
    #[must_use]
    pub fn written_texts(&self) -> std::collections::BTreeMap<String, String> {
        self.iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.written_text()?.to_owned())))
            .collect()
    }

    /// From a JSON object of scalars and the texts that they were written with.
    ///
    /// # Errors
    /// The name of the first member that is not a scalar.
    pub fn from_json(
        members: impl IntoIterator<Item = (String, serde_json::Value)>,
        texts: &std::collections::BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let mut params = Self::new();
        for (name, json) in members {
            let Some(value) = Value::from_json(&json) else { return Err(name) };
            let value = match texts.get(&name) {
                Some(text) => Value::written(value.scalar().clone(), text),
                None => value,
            };
            params.set(&name, value);
        }
        Ok(params)
    }
}

impl FromIterator<(String, Value)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(pairs: I) -> Self {
        let mut params = Self::new();
        for (name, value) in pairs {
            params.set(&name, value);
        }
        params
    }
}

impl Serialize for Params {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
