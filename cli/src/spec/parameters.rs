//! `parameters:` and `env_names:`: the axes of the space. Never a guess at what an ambiguous range means: whole
//! limits give whole numbers, as W&B has it, and everything else must be said.

use std::collections::HashSet;

use sweep_core::name::EnvNames;
use sweep_core::value::{Scalar, Value};
use sweep_search::{Axis, Domain, Space};

use super::keys;
use super::mistake::{Mistakes, Position, shown};
use super::read;
use super::yaml::{Entry, Kind, Node};

/// A parameter and where it stands.
pub(super) struct Parameter {
    pub(super) name: String,
    /// Its values; none where they were written wrongly, which is among the mistakes.
    pub(super) domain: Option<Domain>,
    pub(super) at: Position,
}

/// The space of the parameters; none where a domain is missing.
pub(super) fn space(parameters: &[Parameter]) -> Option<Space> {
    let axis = |p: &Parameter| Some(Axis { name: p.name.clone(), domain: p.domain.clone()? });
    Some(Space::new(parameters.iter().map(axis).collect::<Option<_>>()?))
}

/// Reads `parameters:`.
pub(super) fn read(node: &Node, mistakes: &mut Mistakes) -> Vec<Parameter> {
    let entries = read::entries(node, "`parameters`", mistakes);
    if entries.is_some_and(<[Entry]>::is_empty) {
        mistakes.hint(node.at, "`parameters` is empty", "give at least one, such as `lr: [0.1, 0.01]`");
    }
    let read = |Entry { key, at, value }: &Entry| {
        let domain = domain(key, value, mistakes);
        Parameter { name: key.clone(), domain, at: *at }
    };
    entries.unwrap_or_default().iter().map(read).collect()
}

/// Reads `env_names:`.
pub(super) fn env_names(node: &Node, mistakes: &mut Mistakes) -> EnvNames {
    const HINT: &str = "known: `as_is`, `upper`, `{prefix: PARAM_}`";
    match &node.kind {
        Kind::Scalar { text, .. } => match text.as_str() {
            "as_is" => return EnvNames::AsIs,
            "upper" => return EnvNames::Upper,
            word => {
                let near = keys::nearest(word, ["as_is", "upper"]);
                let hint = near.map_or(HINT.to_owned(), |near| format!("did you mean `{near}`?"));
                mistakes.hint(node.at, format!("unknown `env_names` `{}`", shown(word)), hint);
            }
        },
        Kind::Map(entries) => {
            for Entry { key, at, value } in entries {
                if !keys::check(keys::ENV_NAMES, "key", key, *at, mistakes) {
                    continue;
                }
                let Some(prefix) = read::line(value, "`prefix`", mistakes) else { continue };
                let names = EnvNames::Prefix(prefix.to_owned());
                match names.check("x") {
                    Ok(()) => return names,
                    Err(_) => mistakes.hint(
                        value.at,
                        format!("the prefix `{}` gives no variables that a trial may have", shown(prefix)),
                        "use letters, digits and `_`, such as `PARAM_`; SWEEP_, SLURM_, SPANK_ and LD_ are taken",
                    ),
                }
            }
            if entries.is_empty() {
                mistakes.hint(node.at, "`env_names` is empty", HINT);
            }
        }
        Kind::List(_) => mistakes.hint(node.at, "`env_names` must be a word, not a list", HINT),
    }
    EnvNames::AsIs
}

fn domain(name: &str, node: &Node, mistakes: &mut Mistakes) -> Option<Domain> {
    let name = shown(name);
    match &node.kind {
        Kind::List(items) => categorical(&name, node.at, items, mistakes),
        Kind::Map(entries) => Keyed::read(&name, entries, mistakes)?.domain(&name, node, mistakes),
        Kind::Scalar { text, .. } => {
            let text = if node.is_null() { "VALUE".to_owned() } else { shown(text) };
            let message = format!("parameter `{name}` must be a list or a mapping, not {}", node.word());
            mistakes.hint(node.at, message, format!("a fixed value is written `{name}: {{value: {text}}}`"));
            None
        }
    }
}

fn categorical(name: &str, at: Position, items: &[Node], mistakes: &mut Mistakes) -> Option<Domain> {
    if items.is_empty() {
        mistakes.hint(at, format!("parameter `{name}` has no values"), "give at least one");
        return None;
    }
    let what = format!("a value of `{name}`");
    let mut seen = HashSet::new();
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        let Some(value) = read::value(item, &what, mistakes) else { continue };
        if seen.insert(identity(&value)) {
            values.push(value);
        } else {
            mistakes.add(item.at, format!("`{}` is listed twice for `{name}`", shown(&value.text())));
        }
    }
    (values.len() == items.len()).then_some(Domain::Categorical(values))
}

/// The same text for equal values and no others.
fn identity(value: &Value) -> String {
    match value.scalar() {
        Scalar::Bool(b) => format!("b{b}"),
        Scalar::Int(n) => format!("i{n}"),
        Scalar::Float(x) => format!("f{}", (x + 0.0).to_bits()),
        Scalar::Text(text) => format!("t{text}"),
    }
}

/// A parameter written as a mapping.
#[derive(Default)]
struct Keyed<'a> {
    values: Option<&'a Node>,
    value: Option<&'a Node>,
    min: Option<&'a Node>,
    max: Option<&'a Node>,
    distribution: Option<(&'a str, Position)>,
}

impl<'a> Keyed<'a> {
    /// `None` where a key is not read, since what is left would be told wrongly.
    fn read(name: &str, entries: &'a [Entry], mistakes: &mut Mistakes) -> Option<Self> {
        let mut keyed = Self::default();
        let mut whole = true;
        for Entry { key, at, value } in entries {
            if !keys::check(keys::PARAMETER, "key", key, *at, mistakes) {
                whole = false;
                continue;
            }
            match key.as_str() {
                "values" => keyed.values = Some(value),
                "value" => keyed.value = Some(value),
                "min" => keyed.min = Some(value),
                "max" => keyed.max = Some(value),
                _ => {
                    let what = format!("the distribution of `{name}`");
                    match read::line(value, &what, mistakes) {
                        Some(word)
                            if keys::check(keys::DISTRIBUTIONS, "distribution", word, value.at, mistakes) =>
                        {
                            keyed.distribution = Some((word, value.at));
                        }
                        _ => whole = false,
                    }
                }
            }
        }
        whole.then_some(keyed)
    }

    fn domain(self, name: &str, node: &Node, mistakes: &mut Mistakes) -> Option<Domain> {
        let forms = [self.values.is_some(), self.value.is_some(), self.min.is_some() || self.max.is_some()];
        if forms.iter().filter(|form| **form).count() != 1 {
            mistakes.hint(
                node.at,
                format!("parameter `{name}` needs either `values`, `value`, or `min` and `max`"),
                "for example `{min: 0.1, max: 1.0}`",
            );
            return None;
        }
        let word = self.distribution.map(|(word, _)| word);
        if let Some(values) = self.values {
            self.check_form(name, "values", &["categorical"], mistakes)?;
            let Kind::List(items) = &values.kind else {
                mistakes
                    .add(values.at, format!("`values` of `{name}` must be a list, not {}", values.word()));
                return None;
            };
            return categorical(name, values.at, items, mistakes);
        }
        if let Some(value) = self.value {
            self.check_form(name, "value", &["constant"], mistakes)?;
            let value = read::value(value, &format!("the value of `{name}`"), mistakes)?;
            return Some(Domain::Categorical(vec![value]));
        }
        self.check_form(name, "min` and `max", &["int_uniform", "uniform", "log_uniform_values"], mistakes)?;
        let (Some(min), Some(max)) = (self.min, self.max) else {
            let missing = if self.min.is_none() { "min" } else { "max" };
            mistakes.add(node.at, format!("parameter `{name}` has no `{missing}`"));
            return None;
        };
        range(name, word, [min, max], mistakes)
    }

    fn check_form(&self, name: &str, form: &str, words: &[&str], mistakes: &mut Mistakes) -> Option<()> {
        match self.distribution {
            Some((word, at)) if !words.contains(&word) => {
                let message = format!("distribution `{word}` of `{name}` does not go with `{form}`");
                mistakes.hint(at, message, format!("leave it out, or write `{}`", words[0]));
                None
            }
            _ => Some(()),
        }
    }
}

fn range(name: &str, word: Option<&str>, ends: [&Node; 2], mistakes: &mut Mistakes) -> Option<Domain> {
    let limits = ends.map(|node| {
        let number = match &node.kind {
            Kind::Scalar { text, plain: true } => {
                Some(Value::from_word(text)).filter(|value| value.as_f64().is_some())
            }
            _ => None,
        };
        if number.is_none() {
            mistakes
                .add(node.at, format!("a limit of `{name}` must be a finite number{}", read::found(node)));
        }
        number
    });
    let [Some(min), Some(max)] = limits else { return None };
    let (Some(low), Some(high)) = (min.as_f64(), max.as_f64()) else { return None };
    let reversed = match (min.scalar(), max.scalar()) {
        (Scalar::Int(min), Scalar::Int(max)) => min >= max,
        _ => low >= high,
    };
    if reversed {
        let message = format!("`min` of `{name}` must be below its `max`: {min} is not below {max}");
        mistakes.hint(ends[0].at, message, format!("a fixed value is written `{name}: {{value: {max}}}`"));
        return None;
    }
    match (word, min.scalar(), max.scalar()) {
        (None | Some("int_uniform"), Scalar::Int(min), Scalar::Int(max)) => {
            Some(Domain::IntUniform { min: *min, max: *max })
        }
        (Some("int_uniform"), min, _) => {
            let at = if matches!(min, Scalar::Int(_)) { ends[1].at } else { ends[0].at };
            let message = format!("`int_uniform` of `{name}` needs whole limits that fit 64 bits");
            mistakes.hint(at, message, "use `uniform` for real numbers");
            None
        }
        (Some("log_uniform_values"), ..) if low <= 0.0 => {
            let message = format!("`min` of `{name}` must be above 0 for a logarithm, not {min}");
            mistakes.hint(ends[0].at, message, "use `uniform`, or a small `min` such as 1e-6");
            None
        }
        (Some("log_uniform_values"), ..) => Some(Domain::LogUniform { min: low, max: high }),
        _ => Some(Domain::Uniform { min: low, max: high }),
    }
}
