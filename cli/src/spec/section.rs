//! A mapping of settings, read key by key: each is there and right, left out, or a mistake that was noted. Never a
//! default of its own.

use std::ops::RangeInclusive;

use sweep_core::value::Value;

use super::keys::{self, Standing};
use super::mistake::{Mistakes, shown};
use super::read;
use super::yaml::{Entry, Kind, Node};

/// A mapping that stands under a key of the spec.
pub(super) struct Section<'a> {
    name: &'a str,
    entries: &'a [Entry],
}

impl<'a> Section<'a> {
    /// Reads it, and notes every key that is not in the table.
    pub(super) fn read(
        node: &'a Node,
        name: &'a str,
        table: &'static [(&'static str, Standing)],
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let entries = read::entries(node, &format!("`{name}`"), mistakes)?;
        for Entry { key, at, .. } in entries {
            keys::check(table, "key", key, *at, mistakes);
        }
        Some(Self { name, entries })
    }

    /// One whose keys were checked before.
    pub(super) fn of(node: &'a Node, name: &'a str) -> Option<Self> {
        match &node.kind {
            Kind::Map(entries) => Some(Self { name, entries }),
            _ => None,
        }
    }

    /// What stands under a key.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    fn what(&self, key: &str) -> String {
        format!("`{key}` of `{}`", self.name)
    }

    /// Notes that what stands under a key is not what it should be.
    pub(super) fn refuse(&self, key: &str, expected: &str, mistakes: &mut Mistakes) {
        if let Some(node) = self.get(key) {
            mistakes.add(node.at, format!("{} must be {expected}", self.what(key)));
        }
    }

    /// A whole number; the outer option is none for a mistake.
    pub(super) fn whole(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
        mistakes: &mut Mistakes,
    ) -> Option<Option<u64>> {
        let Some(node) = self.get(key) else { return Some(None) };
        read::whole(node, &self.what(key), *range.start(), *range.end(), mistakes).map(Some)
    }

    /// A list of whole numbers; empty where it is left out.
    pub(super) fn wholes(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
        mistakes: &mut Mistakes,
    ) -> Option<Vec<u64>> {
        let Some(node) = self.get(key) else { return Some(Vec::new()) };
        let Kind::List(items) = &node.kind else {
            self.refuse(key, "a list of whole numbers", mistakes);
            return None;
        };
        let what = format!("each of {}", self.what(key));
        items.iter().map(|item| read::whole(item, &what, *range.start(), *range.end(), mistakes)).collect()
    }

    /// A number of things, kept where it is given.
    pub(super) fn count(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
        kept: &mut u32,
        mistakes: &mut Mistakes,
    ) {
        if let Some(Some(number)) = self.whole(key, range, mistakes) {
            *kept = u32::try_from(number).unwrap_or(u32::MAX);
        }
    }

    /// A number from 0 to `most`, kept where it is given.
    pub(super) fn share(&self, key: &str, most: f64, kept: &mut f64, mistakes: &mut Mistakes) {
        let Some(node) = self.get(key) else { return };
        match number(node).filter(|number| (0.0..=most).contains(number)) {
            Some(number) => *kept = number,
            None => self.refuse(key, &format!("a number from 0 to {most}{}", read::found(node)), mistakes),
        }
    }

    /// A number above 1.
    pub(super) fn above_one(&self, key: &str, left_out: f64, mistakes: &mut Mistakes) -> Option<f64> {
        let Some(node) = self.get(key) else { return Some(left_out) };
        let number = number(node).filter(|number| *number > 1.0);
        if number.is_none() {
            self.refuse(key, &format!("a number above 1{}", read::found(node)), mistakes);
        }
        number
    }

    /// So many numbers.
    pub(super) fn numbers<const N: usize>(
        &self,
        key: &str,
        count: &str,
        mistakes: &mut Mistakes,
    ) -> Option<[f64; N]> {
        let node = self.get(key)?;
        let numbers = match &node.kind {
            Kind::List(items) => items.iter().map(number).collect::<Option<Vec<f64>>>(),
            _ => None,
        };
        let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
        if numbers.is_none() {
            self.refuse(key, &format!("a list of {count} numbers"), mistakes);
        }
        numbers
    }

    /// `true` or `false`.
    pub(super) fn yes(&self, key: &str, mistakes: &mut Mistakes) -> Option<bool> {
        let node = self.get(key)?;
        read::yes(node, &self.what(key), mistakes)
    }

    /// One of some words; the outer option is none for a mistake.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &str,
        known: &[(&str, T)],
        mistakes: &mut Mistakes,
    ) -> Option<Option<T>> {
        let Some(node) = self.get(key) else { return Some(None) };
        let word = read::line(node, &self.what(key), mistakes)?;
        let found = known.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            let hint = match keys::nearest(word, known.iter().map(|(name, _)| *name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known: {}", words.join(", ")),
            };
            mistakes.hint(node.at, format!("unknown {} `{}`", self.what(key), shown(word)), hint);
        }
        found.map(Some)
    }
}

/// A finite number.
fn number(node: &Node) -> Option<f64> {
    match &node.kind {
        Kind::Scalar { text, plain: true } => {
            Value::from_word(text).as_f64().filter(|number| number.is_finite())
        }
        _ => None,
    }
}
