//! The space of a spec: `parameters:` and `zip:` put together, with what is wrong between them. Never a condition
//! that cannot hold: it is a slip of the pen.

use std::collections::{BTreeSet, HashMap, HashSet};

use sweep_core::limits;
use sweep_core::params::Params;
use sweep_core::value::Value;
use sweep_search::space::{self, Condition, LinkError, Links, Rule};
use sweep_search::{Axis, Domain, Method, Space};

use super::domain::identity;
use super::keys;
use super::mistake::{Mistakes, Position, shown};
use super::parameters::{self, Parameter};
use super::read;
use super::when::Test;
use super::yaml::{Kind, Node};

/// What was read.
#[derive(Default)]
pub(super) struct Read {
    pub(super) parameters: Vec<Parameter>,
    /// None where something is wrong with it.
    pub(super) space: Option<Space>,
}

/// A list of coupled parameters.
struct Coupling {
    names: Vec<String>,
    at: Position,
}

/// Reads both; `method` decides what a stepped range becomes.
pub(super) fn read(
    parameters: Option<&Node>,
    zip: Option<&Node>,
    method: Method,
    mistakes: &mut Mistakes,
) -> Read {
    let coupled = zip.map(|node| couplings(node, mistakes)).unwrap_or_default();
    let names: HashSet<String> = coupled.iter().flat_map(|coupling| coupling.names.clone()).collect();
    let mut parameters = parameters.map(|node| parameters::read(node, &names, mistakes)).unwrap_or_default();
    if parameters.len() > limits::VARIABLES {
        // Said where names are checked; what is between so many would take long to look at.
        return Read { parameters, space: None };
    }
    let before = mistakes.count();
    twice(&parameters, mistakes);
    if method == Method::Grid {
        for parameter in &mut parameters {
            list(parameter, mistakes);
        }
    }
    let rules = rules(&parameters, mistakes);
    let coupled_names = check_couplings(&coupled, &parameters, mistakes);
    // What is wrong between the axes is told also where some of them have no values.
    let axis = |p: &Parameter| Some(Axis { name: p.name.clone(), domain: p.domain.clone()? });
    let axes: Vec<Axis> = parameters.iter().filter_map(axis).collect();
    let whole = axes.len() == parameters.len() && mistakes.count() == before;
    let defaults: Params = parameters
        .iter()
        .filter_map(|parameter| Some((parameter.name.clone(), parameter.default.clone()?.0)))
        .collect();
    let links = Links { rules, coupled: coupled_names, defaults };
    let space = Space::linked(axes, &links).map_err(|errors| {
        for error in errors {
            report(&error, &parameters, &coupled, mistakes);
        }
    });
    Read { parameters, space: space.ok().filter(|_| whole) }
}

/// Two parameters of one name: nested and written with a dot.
fn twice(parameters: &[Parameter], mistakes: &mut Mistakes) {
    let mut seen = HashSet::new();
    for Parameter { name, at, .. } in parameters.iter().filter(|p| !seen.insert(p.name.as_str())) {
        mistakes.add(*at, format!("parameter `{}` is given twice", shown(name)));
    }
}

/// What a grid makes of a domain.
fn list(parameter: &mut Parameter, mistakes: &mut Mistakes) {
    let name = shown(&parameter.name);
    if let Some(Domain::Weighted { .. }) = parameter.domain {
        mistakes.hint(
            parameter.at,
            format!("`probabilities` of `{name}` mean nothing to a grid, which takes every value once"),
            "leave them out, or use `method: random` with `trials:`",
        );
    }
    let Some(domain) = parameter.domain.take() else { return };
    parameter.domain = domain.listed();
    if parameter.domain.is_none() {
        let message = format!("`q` of `{name}` gives more steps than can be counted");
        mistakes.hint(parameter.at, message, "take a larger step");
    }
}

fn couplings(node: &Node, mistakes: &mut Mistakes) -> Vec<Coupling> {
    const HINT: &str = "write `zip: [[lr, batch_size]]`: a list for each set of parameters that go together";
    let Kind::List(items) = &node.kind else {
        mistakes.hint(node.at, format!("`zip` must be a list of lists, not {}", node.word()), HINT);
        return Vec::new();
    };
    let mut couplings = Vec::new();
    for item in items {
        let Some(names) = read::texts(item, "an element of `zip`", HINT, mistakes) else { continue };
        if names.len() > limits::VARIABLES {
            mistakes.add(item.at, "an element of `zip` names more parameters than a trial may have");
            continue;
        }
        if names.len() < 2 {
            mistakes.hint(item.at, "an element of `zip` needs at least two parameters", HINT);
            continue;
        }
        couplings.push(Coupling { names, at: item.at });
    }
    couplings
}

/// The couplings of parameters that there are; a row must not come twice.
fn check_couplings(
    coupled: &[Coupling],
    parameters: &[Parameter],
    mistakes: &mut Mistakes,
) -> Vec<Vec<String>> {
    for Coupling { names, at } in coupled {
        let mut lists: Vec<&[Value]> = Vec::new();
        for name in names {
            match parameters.iter().find(|parameter| parameter.name == *name) {
                None => {
                    let message = format!("`zip` names `{}`, which is no parameter", shown(name));
                    match keys::nearest(name, parameters.iter().map(|p| p.name.as_str())) {
                        Some(near) => mistakes.hint(*at, message, format!("did you mean `{near}`?")),
                        None => mistakes.add(*at, message),
                    }
                }
                Some(Parameter { domain: Some(Domain::Categorical(values)), .. }) => lists.push(values),
                Some(_) => {}
            }
        }
        let whole = lists.len() == names.len() && lists.iter().all(|list| list.len() == lists[0].len());
        if !whole {
            continue;
        }
        let mut rows = HashMap::new();
        for row in 0..lists[0].len() {
            let key: Vec<String> = lists.iter().map(|list| identity(&list[row])).collect();
            if let Some(first) = rows.insert(key, row) {
                let names = names.join("`, `");
                mistakes.add(
                    *at,
                    format!("rows {} and {} of `{}` are the same", first + 1, row + 1, shown(&names)),
                );
            }
        }
    }
    coupled.iter().map(|coupling| coupling.names.clone()).collect()
}

/// The rules of all conditions, parents by their full names.
fn rules(parameters: &[Parameter], mistakes: &mut Mistakes) -> Vec<Rule> {
    // A condition on a block is one on each parameter in it; a mistake in it is one.
    let mut told = BTreeSet::new();
    let mut rules = Vec::new();
    for parameter in parameters.iter().filter(|parameter| !parameter.when.is_empty()) {
        let mut when = Vec::new();
        for test in &parameter.when {
            match parent(test, parameters) {
                Some(parent) => {
                    if let Some(domain) = parent.domain.as_ref().filter(|_| told.insert(test.value_at)) {
                        check_test(test, &parent.name, domain, mistakes);
                    }
                    when.push(Condition { parent: parent.name.clone(), test: test.test.clone() });
                }
                None if told.insert(test.at) => {
                    let message = format!(
                        "`when` of `{}` names `{}`, which is no parameter",
                        shown(&test.of),
                        shown(&test.parent)
                    );
                    match keys::nearest(&test.parent, parameters.iter().map(|p| p.name.as_str())) {
                        Some(near) => mistakes.hint(test.at, message, format!("did you mean `{near}`?")),
                        None => mistakes.add(test.at, message),
                    }
                }
                None => {}
            }
        }
        let then = parameter.then.clone().map(|(value, _)| value);
        rules.push(Rule { name: parameter.name.clone(), when, then });
    }
    rules
}

/// The parameter that a condition names: the nearest outwards.
fn parent<'a>(test: &Test, parameters: &'a [Parameter]) -> Option<&'a Parameter> {
    let mut scope = test.of.as_str();
    loop {
        scope = scope.rsplit_once('.').map_or("", |(outer, _)| outer);
        let name = if scope.is_empty() { test.parent.clone() } else { format!("{scope}.{}", test.parent) };
        if let Some(found) = parameters.iter().find(|parameter| parameter.name == name) {
            return Some(found);
        }
        if scope.is_empty() {
            return None;
        }
    }
}

/// That a parent can have the values that it is compared with.
fn check_test(test: &Test, parent: &str, domain: &Domain, mistakes: &mut Mistakes) {
    let parent = shown(parent);
    if let space::Test::OneOf(values) | space::Test::NoneOf(values) = &test.test {
        for value in values.iter().filter(|value| !possible(domain, value)) {
            let message = format!("`{parent}` never is `{}`", shown(&value.text()));
            let known = match domain {
                Domain::Categorical(values) | Domain::Weighted { values, .. } => values.as_slice(),
                _ => &[],
            };
            let texts: Vec<_> = known.iter().map(|value| value.text()).collect();
            match keys::nearest(&value.text(), texts.iter().map(AsRef::as_ref)) {
                Some(near) => mistakes.hint(test.value_at, message, format!("did you mean `{near}`?")),
                None => mistakes.add(test.value_at, message),
            }
        }
        return;
    }
    let ever = match domain {
        Domain::Categorical(values) | Domain::Weighted { values, .. } => {
            values.iter().any(|value| test.test.holds(value))
        }
        _ => {
            let ends = domain.limits().map(|(low, high)| [low, high]).unwrap_or_default();
            ends.into_iter().any(|end| test.test.holds(&Value::new(sweep_core::value::Scalar::Float(end))))
        }
    };
    if !ever {
        mistakes.add(test.value_at, format!("no value of `{parent}` passes this test, so it never holds"));
    }
}

fn possible(domain: &Domain, value: &Value) -> bool {
    match domain {
        Domain::Categorical(values) | Domain::Weighted { values, .. } => {
            let same = space::Test::OneOf(vec![value.clone()]);
            values.iter().any(|listed| same.holds(listed))
        }
        _ => {
            let (low, high) = domain.limits().unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
            value.as_f64().is_some_and(|number| low <= number && number <= high)
        }
    }
}

fn report(error: &LinkError, parameters: &[Parameter], coupled: &[Coupling], mistakes: &mut Mistakes) {
    let of = |name: &str| parameters.iter().find(|parameter| parameter.name == name);
    let zip = |name: &str| {
        coupled.iter().find(|coupling| coupling.names.iter().any(|n| n == name)).map(|coupling| coupling.at)
    };
    let parameter_at = of(error.name()).map(|parameter| parameter.at);
    let text = shown_error(error);
    match error {
        LinkError::Cycle { .. } => {
            mistakes.hint(
                parameter_at.unwrap_or_default(),
                text,
                "take one of their `when` out: the first of them must stand alone",
            );
        }
        LinkError::CoupledThen { name } => {
            let at = of(name).and_then(|p| p.then.as_ref()).map(|(_, at)| *at).or(parameter_at);
            mistakes.add(at.unwrap_or_default(), text);
        }
        LinkError::NotAList { name } | LinkError::CoupledTwice { name } => {
            mistakes.add(zip(name).unwrap_or_default(), text);
        }
        LinkError::Lengths { first, .. } => mistakes.hint(
            zip(first).unwrap_or_default(),
            text,
            "coupled lists have one value for each of the other's",
        ),
        // Names of what is no parameter, or none with values, are among the mistakes already.
        LinkError::Unknown { .. } => {}
        _ => mistakes.add(parameter_at.unwrap_or_default(), text),
    }
}

fn shown_error(error: &LinkError) -> String {
    sweep_core::error::printable(&error.to_string(), ERROR_SHOWN)
}

/// Characters of a mistake that names many parameters.
const ERROR_SHOWN: usize = 1000;
