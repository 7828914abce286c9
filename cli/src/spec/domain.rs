//! The values of one parameter: a list, a value, a range, or one of W&B's distributions. Never a guess at what an
//! ambiguous form means: whole limits give whole numbers, as W&B has it, and everything else must be said.

use std::collections::{BTreeMap, HashSet};

use sweep_core::value::{Scalar, Value};
use sweep_search::Domain;

use super::distribution::{self, Form};
use super::keys;
use super::mistake::{Mistakes, Position, shown};
use super::read;
use super::yaml::{Entry, Kind, Node};

/// Keys that stand beside any kind of values.
const BESIDE: [&str; 4] = ["default", "distribution", "then", "when"];

/// Reads the values of a parameter; a coupled one may repeat them.
pub(super) fn read(name: &str, node: &Node, coupled: bool, mistakes: &mut Mistakes) -> Option<Domain> {
    match &node.kind {
        Kind::List(items) => categorical(name, node.at, items, coupled, mistakes),
        Kind::Map(entries) => keyed(name, node, entries, coupled, mistakes),
        Kind::Scalar { .. } if node.is_null() => {
            mistakes.hint(
                node.at,
                format!("parameter `{name}` has no values"),
                format!("a list is written `{name}: [0.1, 0.01]`, a fixed value `{name}: {{value: 0.1}}`"),
            );
            None
        }
        Kind::Scalar { .. } => {
            Some(Domain::Categorical(vec![read::value(node, &format!("the value of `{name}`"), mistakes)?]))
        }
    }
}

/// A value as the domain has it: a whole number is a real one where only those are. `None` where it is outside.
pub(super) fn fit(domain: &Domain, value: &Value) -> Option<Value> {
    if domain.contains(value) {
        return Some(value.clone());
    }
    let Scalar::Int(_) = value.scalar() else { return None };
    let real = Value::written(Scalar::Float(value.as_f64()?), &value.text());
    (domain.size().is_none() && domain.contains(&real)).then_some(real)
}

/// The values of a list.
pub(super) fn categorical(
    name: &str,
    at: Position,
    items: &[Node],
    coupled: bool,
    mistakes: &mut Mistakes,
) -> Option<Domain> {
    if items.is_empty() {
        mistakes.hint(at, format!("parameter `{name}` has no values"), "give at least one");
        return None;
    }
    let what = format!("a value of `{name}`");
    let mut seen = HashSet::new();
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        let Some(value) = read::value(item, &what, mistakes) else { continue };
        if seen.insert(identity(&value)) || coupled {
            values.push(value);
        } else {
            mistakes.add(item.at, format!("`{}` is listed twice for `{name}`", shown(&value.text())));
        }
    }
    (values.len() == items.len()).then_some(Domain::Categorical(values))
}

/// The same text for equal values and no others.
pub(super) fn identity(value: &Value) -> String {
    match value.scalar() {
        Scalar::Bool(b) => format!("b{b}"),
        Scalar::Int(n) => format!("i{n}"),
        Scalar::Float(x) => format!("f{}", (x + 0.0).to_bits()),
        Scalar::Text(text) => format!("t{text}"),
    }
}

/// The keys of a parameter that say its values.
pub(super) type Keyed<'a> = BTreeMap<&'a str, &'a Node>;

fn keyed(
    name: &str,
    node: &Node,
    entries: &[Entry],
    coupled: bool,
    mistakes: &mut Mistakes,
) -> Option<Domain> {
    let mut keyed = Keyed::new();
    let mut word = None;
    // Where a key is not read, what is left would be told wrongly.
    let mut whole = true;
    for Entry { key, at, value } in entries {
        if !keys::check(keys::PARAMETER, "key", key, *at, mistakes) {
            whole = false;
        } else if key == "distribution" {
            word = read::line(value, &format!("the distribution of `{name}`"), mistakes)
                .filter(|word| keys::check(keys::DISTRIBUTIONS, "distribution", word, value.at, mistakes))
                .map(|word| (word, value.at));
            whole &= word.is_some();
        } else if !BESIDE.contains(&key.as_str()) {
            keyed.insert(key, value);
        }
    }
    if !whole {
        return None;
    }
    let form = match word {
        Some((word, _)) => Form::of(word)?,
        None => inferred(name, node, &keyed, mistakes)?,
    };
    check_keys(name, node, form, word, &keyed, mistakes)?;
    if let (Form { word: "categorical" | "categorical_w_probabilities", .. }, Some(values)) =
        (form, keyed.get("values"))
    {
        let Kind::List(items) = &values.kind else {
            mistakes.add(values.at, format!("`values` of `{name}` must be a list, not {}", values.word()));
            return None;
        };
        let domain = categorical(name, values.at, items, coupled, mistakes);
        return match keyed.get("probabilities") {
            Some(weights) => distribution::weighted(name, domain?, weights, mistakes),
            None => domain,
        };
    }
    if let Some(value) = keyed.get("value") {
        let value = read::value(value, &format!("the value of `{name}`"), mistakes)?;
        return Some(Domain::Categorical(vec![value]));
    }
    distribution::read(name, form, &keyed, mistakes)
}

/// The form that the keys have where no distribution is named.
fn inferred(name: &str, node: &Node, keyed: &Keyed<'_>, mistakes: &mut Mistakes) -> Option<&'static Form> {
    let has = |key: &str| keyed.contains_key(key);
    let forms = [has("values"), has("value"), has("min") || has("max")];
    if forms.iter().filter(|form| **form).count() != 1 {
        let hint = if has("mu") || has("sigma") {
            "the normal distribution is written `{distribution: normal, mu: 0, sigma: 1}`"
        } else if has("a") || has("b") {
            "the beta distribution is written `{distribution: beta, a: 2, b: 5}`"
        } else {
            "for example `{min: 0.1, max: 1.0}`"
        };
        mistakes.hint(
            node.at,
            format!("parameter `{name}` needs either `values`, `value`, or `min` and `max`"),
            hint,
        );
        return None;
    }
    match forms {
        [true, ..] if has("probabilities") => Form::of("categorical_w_probabilities"),
        [true, ..] => Form::of("categorical"),
        [_, true, _] => Form::of("constant"),
        _ => Some(&distribution::RANGE),
    }
}

/// That the form has all the keys that it needs and no others.
fn check_keys(
    name: &str,
    node: &Node,
    form: &Form,
    word: Option<(&str, Position)>,
    keyed: &Keyed<'_>,
    mistakes: &mut Mistakes,
) -> Option<()> {
    let strange: Vec<&str> = keyed.keys().copied().filter(|key| !form.takes(key)).collect();
    if let Some(first) = strange.first() {
        let keys = order(&strange).join("` and `");
        let better = distribution::word_for(first);
        match word {
            Some((word, at)) => mistakes.hint(
                at,
                format!("distribution `{word}` of `{name}` does not go with `{keys}`"),
                format!("leave it out, or write `{better}`"),
            ),
            None => mistakes.hint(
                keyed[first].at,
                format!("`{keys}` of `{name}` is for another distribution"),
                format!("write `distribution: {better}`, or take it out"),
            ),
        }
        return None;
    }
    let missing = form.needs.iter().find(|key| !keyed.contains_key(**key));
    if let Some(missing) = missing {
        mistakes.add(node.at, format!("parameter `{name}` has no `{missing}`"));
        return None;
    }
    Some(())
}

/// `min` before `max`, as people say it.
fn order<'a>(keys: &[&'a str]) -> Vec<&'a str> {
    let mut keys = keys.to_vec();
    keys.sort_by_key(|key| (*key == "max", *key));
    keys
}
