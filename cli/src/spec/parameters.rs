//! `parameters:` and `env_names:`: names, nesting and what stands beside a parameter's values. Never a guess at what
//! a name inside a nested block means: the nearest parameter outwards of that name, or a mistake.

use std::collections::HashSet;

use sweep_core::name::EnvNames;
use sweep_core::value::Value;
use sweep_search::Domain;

use super::mistake::{Mistakes, Position, shown};
use super::when::{self, Test};
use super::yaml::{Entry, Kind, Node};
use super::{domain, keys, read};

/// A parameter and where it stands.
pub(super) struct Parameter {
    /// Its name; that of a nested one has the names of its blocks before it, with dots between.
    pub(super) name: String,
    /// Its values; none where they were written wrongly, which is among the mistakes.
    pub(super) domain: Option<Domain>,
    pub(super) at: Position,
    /// The value to begin with.
    pub(super) default: Option<(Value, Position)>,
    /// When it counts; all must hold.
    pub(super) when: Vec<Test>,
    /// The value that it has then.
    pub(super) then: Option<(Value, Position)>,
}

/// Reads `parameters:`; `coupled` are the parameters that `zip` names, whose lists may repeat a value.
pub(super) fn read(node: &Node, coupled: &HashSet<String>, mistakes: &mut Mistakes) -> Vec<Parameter> {
    let mut block = Block { coupled, parameters: Vec::new(), mistakes };
    block.read(node, "", &[]);
    block.parameters
}

/// What is read so far.
struct Block<'a> {
    coupled: &'a HashSet<String>,
    parameters: Vec<Parameter>,
    mistakes: &'a mut Mistakes,
}

impl Block<'_> {
    /// One `parameters:` mapping; `prefix` is the block's name and a dot, `outer` the conditions on the block.
    fn read(&mut self, node: &Node, prefix: &str, outer: &[Test]) {
        let Some(entries) = read::entries(node, "`parameters`", self.mistakes) else { return };
        if entries.is_empty() {
            self.mistakes.hint(
                node.at,
                "`parameters` is empty",
                "give at least one, such as `lr: [0.1, 0.01]`",
            );
        }
        for Entry { key, at, value } in entries {
            let name = format!("{prefix}{key}");
            match nested(value) {
                Some(inner) => {
                    let mut when = outer.to_vec();
                    when.extend(self.beside_nested(&name, value));
                    self.read(inner, &format!("{name}."), &when);
                }
                None => {
                    let parameter = self.parameter(name, *at, value, outer);
                    self.parameters.push(parameter);
                }
            }
        }
    }

    /// The conditions beside a nested `parameters:`; nothing else may stand there.
    fn beside_nested(&mut self, name: &str, node: &Node) -> Vec<Test> {
        let Kind::Map(entries) = &node.kind else { return Vec::new() };
        let mut when = Vec::new();
        for Entry { key, at, value } in entries {
            match key.as_str() {
                "parameters" => {}
                "when" => when = when::read(name, value, self.mistakes),
                _ if keys::check(keys::PARAMETER, "key", key, *at, self.mistakes) => {
                    let message = format!("`{key}` beside `parameters` of `{}`", shown(name));
                    self.mistakes.hint(*at, message, "a parameter has values or parameters, not both");
                }
                _ => {}
            }
        }
        when
    }

    fn parameter(&mut self, name: String, at: Position, node: &Node, outer: &[Test]) -> Parameter {
        let mut parameter =
            Parameter { name, domain: None, at, default: None, when: outer.to_vec(), then: None };
        let name = shown(&parameter.name);
        if let Kind::Map(entries) = &node.kind {
            for Entry { key, value, .. } in entries {
                let one = |what: &str, mistakes: &mut Mistakes| {
                    let value_at = value.at;
                    Some((read::value(value, &format!("{what} of `{name}`"), mistakes)?, value_at))
                };
                match key.as_str() {
                    "default" => parameter.default = one("the default", self.mistakes),
                    "then" => parameter.then = one("`then`", self.mistakes),
                    "when" => parameter.when.extend(when::read(&parameter.name, value, self.mistakes)),
                    _ => {}
                }
            }
        }
        let coupled = self.coupled.contains(&parameter.name);
        parameter.domain = domain::read(&name, node, coupled, self.mistakes);
        if let (Some((value, at)), Some(domain)) = (&parameter.default, &parameter.domain) {
            let fitted = domain::fit(domain, value);
            if fitted.is_none() {
                let message =
                    format!("the default `{}` of `{name}` is none of its values", shown(&value.text()));
                match domain.limits() {
                    Some((low, high)) if high < f64::MAX => {
                        self.mistakes.hint(*at, message, format!("they go from {low} to {high}"));
                    }
                    _ => self.mistakes.add(*at, message),
                }
            }
            parameter.default = fitted.map(|value| (value, *at));
        }
        if let (Some((_, at)), true) = (&parameter.then, parameter.when.is_empty()) {
            self.mistakes.hint(
                *at,
                format!("`then` of `{name}` without `when`"),
                format!("a fixed value is written `{name}: {{value: …}}`"),
            );
        }
        parameter
    }
}

/// The nested `parameters:` of a parameter.
fn nested(node: &Node) -> Option<&Node> {
    let Kind::Map(entries) = &node.kind else { return None };
    entries.iter().find(|entry| entry.key == "parameters").map(|entry| &entry.value)
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
