//! W&B's distributions, each with the keys that it takes. Never limits that may be meant another way: where those of
//! the old exponent forms could be values, the form to use instead is named.

use sweep_core::value::{Scalar, Value};
use sweep_search::{Domain, space};

use super::domain::Keyed;
use super::mistake::{Mistakes, Position, shown};
use super::read;
use super::yaml::{Kind, Node};

/// What a distribution takes.
pub(super) struct Form {
    pub(super) word: &'static str,
    pub(super) needs: &'static [&'static str],
    may: &'static [&'static str],
}

const ENDS: &[&str] = &["min", "max"];
const NORMAL: &[&str] = &["mu", "sigma"];

/// A range without a named distribution: whole numbers where both ends are whole.
pub(super) const RANGE: Form = Form { word: "range", needs: ENDS, may: &["log"] };

const FORMS: &[Form] = &[
    Form { word: "categorical", needs: &["values"], may: &[] },
    Form { word: "categorical_w_probabilities", needs: &["values", "probabilities"], may: &[] },
    Form { word: "constant", needs: &["value"], may: &[] },
    Form { word: "int_uniform", needs: ENDS, may: &[] },
    Form { word: "uniform", needs: ENDS, may: &[] },
    Form { word: "q_uniform", needs: ENDS, may: &["q"] },
    Form { word: "log_uniform", needs: ENDS, may: &[] },
    Form { word: "q_log_uniform", needs: ENDS, may: &["q"] },
    Form { word: "inv_log_uniform", needs: ENDS, may: &[] },
    Form { word: "log_uniform_values", needs: ENDS, may: &[] },
    Form { word: "q_log_uniform_values", needs: ENDS, may: &["q"] },
    Form { word: "inv_log_uniform_values", needs: ENDS, may: &[] },
    Form { word: "normal", needs: &[], may: NORMAL },
    Form { word: "q_normal", needs: &[], may: &["mu", "sigma", "q"] },
    Form { word: "log_normal", needs: &[], may: NORMAL },
    Form { word: "q_log_normal", needs: &[], may: &["mu", "sigma", "q"] },
    Form { word: "beta", needs: &[], may: &["a", "b"] },
    Form { word: "q_beta", needs: &[], may: &["a", "b", "q"] },
];

impl Form {
    /// The form of a distribution.
    pub(super) fn of(word: &str) -> Option<&'static Self> {
        FORMS.iter().find(|form| form.word == word)
    }

    pub(super) fn takes(&self, key: &str) -> bool {
        self.needs.contains(&key) || self.may.contains(&key)
    }
}

/// The plainest distribution that takes a key.
pub(super) fn word_for(key: &str) -> &'static str {
    match key {
        "values" => "categorical",
        "probabilities" => "categorical_w_probabilities",
        "value" => "constant",
        "min" | "max" => "int_uniform",
        "q" => "q_uniform",
        "log" => "log_uniform_values",
        "mu" | "sigma" => "normal",
        _ => "beta",
    }
}

/// A list whose values have probabilities; values that are never drawn are left out.
pub(super) fn weighted(name: &str, list: Domain, node: &Node, mistakes: &mut Mistakes) -> Option<Domain> {
    let Domain::Categorical(values) = list else { return None };
    let Kind::List(items) = &node.kind else {
        mistakes.add(node.at, format!("`probabilities` of `{name}` must be a list, not {}", node.word()));
        return None;
    };
    if items.len() != values.len() {
        let (values, weights) = (values.len(), items.len());
        mistakes.add(node.at, format!("`{name}` has {values} values, but {weights} `probabilities`"));
        return None;
    }
    let mut weights = Vec::with_capacity(items.len());
    for item in items {
        match number(item).and_then(|value| value.as_f64()).filter(|weight| (0.0..=1.0).contains(weight)) {
            Some(weight) => weights.push(weight),
            None => mistakes
                .add(item.at, format!("a probability of `{name}` must be from 0 to 1{}", read::found(item))),
        }
    }
    if weights.len() < items.len() {
        return None;
    }
    let sum: f64 = weights.iter().sum();
    if (sum - 1.0).abs() > SUM_SLACK {
        mistakes.add(node.at, format!("the `probabilities` of `{name}` add up to {sum}, not to 1"));
        return None;
    }
    let drawn: Vec<(Value, f64)> =
        values.into_iter().zip(weights).filter(|(_, weight)| *weight > 0.0).collect();
    let (values, weights) = drawn.into_iter().unzip();
    Some(Domain::Weighted { values, weights })
}

/// What decimals such as 0.3333 lose in a sum.
const SUM_SLACK: f64 = 1e-3;

/// A range or a distribution of numbers.
pub(super) fn read(name: &str, form: &Form, keyed: &Keyed<'_>, mistakes: &mut Mistakes) -> Option<Domain> {
    let (rounded, plain) = match form.word.strip_prefix("q_") {
        Some(plain) => (true, plain),
        None => (false, form.word),
    };
    let step = if rounded { step(name, keyed.get("q").copied(), mistakes) } else { None };
    let domain = match plain {
        "normal" | "log_normal" => normal(name, plain, keyed, mistakes),
        "beta" => beta(name, keyed, mistakes),
        _ => ranged(name, plain, rounded, keyed, mistakes),
    }?;
    if !rounded {
        return Some(domain);
    }
    let (step, whole, at) = step?;
    let furthest = match &domain {
        Domain::Normal { mu, sigma } => mu.abs() + TAIL * sigma,
        Domain::LogNormal { .. } => 0.0,
        _ => domain.limits().map_or(0.0, |(low, high)| low.abs().max(high.abs())),
    };
    if furthest / step > STEPS {
        let message = format!("the step `q` of `{name}` is too small to tell its multiples apart");
        mistakes.hint(at, message, "take a larger one, or the distribution without `q_`");
        return None;
    }
    Some(Domain::Rounded { of: Box::new(domain), step, whole })
}

/// Multiples of a step up to here are told apart by a double.
const STEPS: f64 = 1_125_899_906_842_624.0;
/// No draw of 53 bits lies further from the mean, in standard deviations.
const TAIL: f64 = 9.0;
/// The largest power of e that is a double, rounded down.
const EXPONENT: f64 = 709.0;

/// The step that values are rounded to, whether it is whole, and where it stands.
fn step(name: &str, node: Option<&Node>, mistakes: &mut Mistakes) -> Option<(f64, bool, Position)> {
    let Some(node) = node else { return Some((1.0, true, Position::default())) };
    let value = number(node).filter(|value| value.as_f64().is_some_and(|step| step > 0.0));
    let Some(value) = value else {
        mistakes.add(node.at, format!("`q` of `{name}` must be a number above 0{}", read::found(node)));
        return None;
    };
    Some((value.as_f64()?, matches!(value.scalar(), Scalar::Int(_)), node.at))
}

fn ranged(
    name: &str,
    word: &str,
    rounded: bool,
    keyed: &Keyed<'_>,
    mistakes: &mut Mistakes,
) -> Option<Domain> {
    let (min_node, max_node) = (*keyed.get("min")?, *keyed.get("max")?);
    let [Some(min), Some(max)] = [min_node, max_node].map(|node| finite(name, "a limit", node, mistakes))
    else {
        return None;
    };
    let (low, high) = (min.as_f64()?, max.as_f64()?);
    let reversed = match (min.scalar(), max.scalar()) {
        (Scalar::Int(min), Scalar::Int(max)) => min >= max,
        _ => low >= high,
    };
    if reversed {
        let message = format!("`min` of `{name}` must be below its `max`: {min} is not below {max}");
        mistakes.hint(min_node.at, message, format!("a fixed value is written `{name}: {{value: {max}}}`"));
        return None;
    }
    let whole = match (min.scalar(), max.scalar()) {
        (Scalar::Int(min), Scalar::Int(max)) => Some((*min, *max)),
        _ => None,
    };
    let log = match keyed.get("log") {
        Some(node) => flag(name, node, mistakes)?,
        None => false,
    };
    match (word, whole) {
        ("range", Some(_)) if log => {
            let of = Box::new(logarithmic(name, low, high, min_node, mistakes)?);
            Some(Domain::Rounded { of, step: 1.0, whole: true })
        }
        ("range", None) if log => logarithmic(name, low, high, min_node, mistakes),
        ("range" | "int_uniform", Some((min, max))) => Some(Domain::IntUniform { min, max }),
        ("int_uniform", None) => {
            let at = if matches!(min.scalar(), Scalar::Int(_)) { max_node.at } else { min_node.at };
            let message = format!("`int_uniform` of `{name}` needs whole limits that fit 64 bits");
            mistakes.hint(at, message, "use `uniform` for real numbers");
            None
        }
        ("log_uniform_values" | "inv_log_uniform_values", _) => {
            logarithmic(name, low, high, min_node, mistakes)
        }
        ("log_uniform" | "inv_log_uniform", _) => {
            let word = if rounded { "q_log_uniform" } else { word };
            exponents(name, word, [&min, &max], min_node.at, mistakes)
        }
        _ => Some(Domain::Uniform { min: low, max: high }),
    }
}

fn logarithmic(name: &str, min: f64, max: f64, at: &Node, mistakes: &mut Mistakes) -> Option<Domain> {
    if min <= 0.0 {
        let message = format!("`min` of `{name}` must be above 0 for a logarithm, not {}", as_written(at));
        mistakes.hint(at.at, message, "use `uniform`, or a small `min` such as 1e-6");
        return None;
    }
    Some(Domain::LogUniform { min, max })
}

fn as_written(node: &Node) -> String {
    if let Kind::Scalar { text, .. } = &node.kind { shown(text) } else { String::new() }
}

/// W&B's first forms: the limits are exponents of e. Only a `min` that is not above 0 cannot be
/// meant as a value.
fn exponents(
    name: &str,
    word: &str,
    [min, max]: [&Value; 2],
    at: Position,
    mistakes: &mut Mistakes,
) -> Option<Domain> {
    let (low, high) = (min.as_f64()?, max.as_f64()?);
    let domain = if word == "inv_log_uniform" {
        Domain::of_exponents(-high, -low)
    } else {
        Domain::of_exponents(low, high)
    };
    let Some(Domain::LogUniform { min: least, max: most }) = domain else {
        let message =
            format!("the limits of `{word}` of `{name}` are exponents of e, and these have no number");
        mistakes.hint(at, message, format!("write `{word}_values` with the values themselves"));
        return None;
    };
    if low > 0.0 {
        mistakes.hint(
            at,
            format!(
                "`{word}` of `{name}` is ambiguous: its limits are exponents of e, and these may be values"
            ),
            format!(
                "write `distribution: {word}_values` with `min: {min}, max: {max}` if they are values, with \
                 `min: {}, max: {}` if they are exponents",
                Value::new(Scalar::Float(least)),
                Value::new(Scalar::Float(most))
            ),
        );
        return None;
    }
    domain
}

fn normal(name: &str, word: &str, keyed: &Keyed<'_>, mistakes: &mut Mistakes) -> Option<Domain> {
    let mut of = |key: &str, missing: f64| match keyed.get(key) {
        Some(node) => finite(name, &format!("`{key}`"), node, mistakes)?.as_f64(),
        None => Some(missing),
    };
    let (mu, sigma) = (of("mu", 0.0), of("sigma", 1.0));
    let (mu, sigma) = (mu?, sigma?);
    let at = |key: &str| keyed.get(key).map(|node| node.at).unwrap_or_default();
    if sigma <= 0.0 {
        mistakes.add(at("sigma"), format!("`sigma` of `{name}` must be above 0, not {sigma}"));
        return None;
    }
    if word == "normal" {
        return Some(Domain::Normal { mu, sigma });
    }
    if mu + TAIL * sigma > EXPONENT {
        let at = keyed.get("sigma").or(keyed.get("mu")).map(|node| node.at).unwrap_or_default();
        let message =
            format!("`mu` and `sigma` of `{name}` are those of the logarithm: some draws have no number");
        mistakes.hint(at, message, "take smaller ones");
        return None;
    }
    Some(Domain::LogNormal { mu, sigma })
}

fn beta(name: &str, keyed: &Keyed<'_>, mistakes: &mut Mistakes) -> Option<Domain> {
    let mut of = |key: &str| {
        let Some(node) = keyed.get(key) else { return Some(1.0) };
        let number = finite(name, &format!("`{key}`"), node, mistakes)?.as_f64()?;
        if number <= 0.0 || number > space::BETA_MOST {
            let most = space::BETA_MOST;
            mistakes.add(node.at, format!("`{key}` of `{name}` must be above 0 and at most {most}"));
            return None;
        }
        Some(number)
    };
    let (a, b) = (of("a"), of("b"));
    Some(Domain::Beta { a: a?, b: b? })
}

fn flag(name: &str, node: &Node, mistakes: &mut Mistakes) -> Option<bool> {
    let value = match &node.kind {
        Kind::Scalar { text, plain: true } => Value::from_word(text),
        _ => Value::from_text(""),
    };
    match value.scalar() {
        Scalar::Bool(flag) => Some(*flag),
        _ => {
            mistakes.add(node.at, format!("`log` of `{name}` must be true or false{}", read::found(node)));
            None
        }
    }
}

fn finite(name: &str, what: &str, node: &Node, mistakes: &mut Mistakes) -> Option<Value> {
    let number = number(node);
    if number.is_none() {
        mistakes.add(node.at, format!("{what} of `{name}` must be a finite number{}", read::found(node)));
    }
    number
}

fn number(node: &Node) -> Option<Value> {
    match &node.kind {
        Kind::Scalar { text, plain: true } => {
            Some(Value::from_word(text)).filter(|value| value.as_f64().is_some())
        }
        _ => None,
    }
}
