//! Checks that need the whole spec: names that collide, texts without values, environments that are too large,
//! searches without an end. Never a trial for each combination: one stands for all of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use sweep_core::environment;
use sweep_core::error::Error;
use sweep_core::id::TrialIndex;
use sweep_core::limits;
use sweep_core::name::EnvNames;
use sweep_core::params::Params;
use sweep_core::trial::Trial;
use sweep_core::value::Value;
use sweep_search::{Combinations, Domain, Method, Space};

use super::mistake::{Mistakes, Position, shown};
use super::parameters::Parameter;
use super::plan::Plan;
use super::rows::PlacedRow;
use super::template::{self, Group, Template};

/// What was read of a spec, with places.
pub(super) struct Whole<'a> {
    pub(super) parameters: &'a [Parameter],
    /// Their space; none where a domain is missing, and then what depends on all values is not checked.
    pub(super) space: Option<&'a Space>,
    /// Where `parameters:` stands.
    pub(super) parameters_at: Position,
    pub(super) rows: &'a [PlacedRow],
    pub(super) defaults: &'a Params,
    pub(super) defaults_at: &'a [Position],
    pub(super) env_names: &'a EnvNames,
    pub(super) env_at: &'a [(String, Position)],
    pub(super) plan: &'a Plan,
    pub(super) templates: &'a [Template],
}

/// Runs all of them.
pub(super) fn whole(spec: &Whole<'_>, mistakes: &mut Mistakes) {
    names(spec, mistakes);
    templates(spec, mistakes);
    if let Some(space) = spec.space {
        sizes(spec, space, mistakes);
        search(spec, space, mistakes);
    }
}

/// Every name with a place where it stands, the first of each.
fn names(spec: &Whole<'_>, mistakes: &mut Mistakes) {
    let parameters = spec.parameters.iter().map(|p| (p.name.as_str(), p.at));
    let defaults = spec.defaults.iter().map(|(name, _)| name).zip(spec.defaults_at.iter().copied());
    let rows = spec
        .rows
        .iter()
        .flat_map(|placed| placed.row.params.iter().map(|(name, _)| name).zip(placed.names.iter().copied()));
    let mut seen = HashSet::new();
    let mut variables: HashMap<String, &str> = HashMap::new();
    for (name, at) in parameters.chain(defaults).chain(rows) {
        if !seen.insert(name) {
            continue;
        }
        if let Err(error) = spec.env_names.check(name) {
            match error {
                Error::Name { reason, .. } if reason.contains("shadow") => mistakes.hint(
                    at,
                    format!("parameter name `{}` {reason}", shown(name)),
                    "choose another name, or `env_names: {prefix: PARAM_}`",
                ),
                error => mistakes.add(at, error.to_string()),
            }
            continue;
        }
        let variable = spec.env_names.variable(name);
        match variables.get(&variable) {
            None => drop(variables.insert(variable, name)),
            Some(first) => mistakes.hint(
                at,
                format!("parameters `{first}` and `{name}` both become the variable `{variable}`"),
                "rename one of them",
            ),
        }
    }
    for (variable, at) in spec.env_at {
        if let Some(name) = variables.get(variable) {
            mistakes.hint(
                *at,
                format!("`env` sets `{variable}`, which parameter `{name}` sets"),
                format!("take it out: each trial has `{variable}` by itself"),
            );
        }
    }
    if seen.len() > limits::VARIABLES {
        let at = spec.parameters.first().map_or(spec.parameters_at, |parameter| parameter.at);
        let message = format!("{} parameters, more than the limit of {}", seen.len(), limits::VARIABLES);
        mistakes.add(at, message);
    }
}

fn templates(spec: &Whole<'_>, mistakes: &mut Mistakes) {
    let shared: Vec<&str> = spec.defaults.iter().map(|(name, _)| name).collect();
    let replicates = u64::from(spec.plan.replicates);
    let index = |row: usize| TrialIndex(u32::try_from(row as u64 * replicates).unwrap_or(u32::MAX));
    let mut groups = Vec::new();
    // Rows with the same names are one group; of thousands, a handful is left.
    let mut known: HashSet<Vec<&str>> = HashSet::new();
    for (n, placed) in spec.rows.iter().enumerate() {
        let names: HashSet<&str> =
            placed.row.params.iter().map(|(name, _)| name).chain(shared.iter().copied()).collect();
        let own: Vec<Template> = placed
            .row
            .sbatch
            .iter()
            .map(|(key, text)| Template::submission(text, placed.sbatch_at, key))
            .collect();
        let mut sorted: Vec<&str> = names.iter().copied().collect();
        sorted.sort_unstable();
        let group = Group { first: index(n), names, sometimes: HashSet::new() };
        if !own.is_empty() {
            template::check(&own, std::slice::from_ref(&group), mistakes);
        }
        if known.insert(sorted) {
            groups.push(group);
        }
    }
    if !spec.parameters.is_empty() {
        let absent = |p: &&Parameter| !p.when.is_empty() && p.then.is_none();
        let names = spec.parameters.iter().filter(|p| !absent(p)).map(|p| p.name.as_str());
        groups.push(Group {
            first: index(spec.rows.len()),
            names: names.chain(shared).collect(),
            sometimes: spec.parameters.iter().filter(absent).map(|p| p.name.as_str()).collect(),
        });
    }
    template::check(spec.templates, &groups, mistakes);
}

/// A trial's environment and its line of the table have limits.
fn sizes(spec: &Whole<'_>, space: &Space, mistakes: &mut Mistakes) {
    let with_defaults = |params: &Params| {
        let mut all = params.clone();
        for (name, value) in spec.defaults.iter().filter(|(name, _)| params.get(name).is_none()) {
            all.set(name, value.clone());
        }
        all
    };
    let mut check = |params: &Params, at: Position| {
        let trial = Trial {
            index: TrialIndex(limits::TRIALS),
            name: None,
            params: params.clone(),
            replicate: u32::MAX,
            budget: None,
            parent: None,
            bracket: None,
            rung: None,
            seed: u32::MAX,
            sbatch: BTreeMap::new(),
        };
        let variables = environment::of_params(spec.env_names, params);
        let line = trial.to_line().len() + LINE_SPARE;
        if let Err(Error::TooLarge { .. }) = variables {
            let limit = limits::ENVIRONMENT_LEN;
            mistakes.add(at, format!("a trial's names and values together pass the limit of {limit} bytes"));
        } else if line > limits::TRIAL_LINE_LEN {
            let limit = limits::TRIAL_LINE_LEN;
            mistakes.add(at, format!("a trial's values need more than the limit of {limit} bytes"));
        }
    };
    for placed in spec.rows.iter().filter(|placed| placed.row.params.len() <= limits::VARIABLES) {
        check(&with_defaults(&placed.row.params), placed.at);
    }
    if space.axes().len() <= limits::VARIABLES {
        let longest = |axis: &sweep_search::Axis| {
            let then = spec.parameters.iter().find(|p| p.name == axis.name).and_then(|p| p.then.as_ref());
            let values = [Some(longest(&axis.domain)), then.map(|(value, _)| value.clone())];
            (axis.name.clone(), roomiest(values.into_iter().flatten()))
        };
        let longest = space.axes().iter().map(longest);
        check(&with_defaults(&longest.collect()), spec.parameters_at);
    }
}

/// Bytes of a line besides parameters: a name, sbatch options.
const LINE_SPARE: usize = 4096;

/// The value of a domain that takes most room as JSON.
fn longest(domain: &Domain) -> Value {
    match domain {
        Domain::Categorical(values) | Domain::Weighted { values, .. } => roomiest(values.iter().cloned()),
        _ => domain.sample(0.123_456_789),
    }
}

fn roomiest(values: impl Iterator<Item = Value>) -> Value {
    let room = |value: &Value| {
        let json = serde_json::to_string(value).map_or(0, |json| json.len());
        json + value.written_text().map_or(0, str::len)
    };
    values.max_by_key(room).unwrap_or_else(|| Value::from_text(""))
}

/// Whether the search has trials and an end.
fn search(spec: &Whole<'_>, space: &Space, mistakes: &mut Mistakes) {
    let Plan { method, method_at, trials, random, .. } = spec.plan;
    let at = method_at.unwrap_or(spec.parameters_at);
    if space.axes().is_empty() || !spec.plan.whole {
        return;
    }
    let combinations = space.combinations();
    match method {
        Method::Grid => {
            let continuous = |p: &&Parameter| p.domain.as_ref().is_some_and(|domain| domain.size().is_none());
            for Parameter { name, at, .. } in spec.parameters.iter().filter(continuous) {
                mistakes.hint(
                    *at,
                    format!(
                        "parameter `{}` has infinitely many values, which a grid cannot list",
                        shown(name)
                    ),
                    "list its `values:`, or use `method: random` with `trials:`",
                );
            }
            if combinations == Combinations::Beyond && trials.is_none() {
                mistakes.hint(
                    at,
                    "the parameters have 2^128 combinations or more",
                    "use `method: random` with `trials:`",
                );
            }
        }
        // They say themselves how many trials they have.
        Method::Hyperband(_) | Method::Halving(_) | Method::Genetic(_) | Method::Pbt(_) => {}
        Method::Sobol | Method::Latin | Method::Bayes | Method::Asha(..) => {
            if trials.is_none() {
                let message = format!("`method: {}` has no end", method.as_str());
                mistakes.hint(at, message, "say how many trials with `trials:`");
            }
        }
        Method::Random => {
            let rows = spec.rows.len() as u64;
            let (asked, at, form) = match (random, trials) {
                (Some((draws, at)), _) => (*draws, *at, format!("`random: {draws}`")),
                (None, Some((trials, at))) => {
                    (trials.saturating_sub(rows), *at, format!("`trials: {trials}`"))
                }
                (None, None) => {
                    mistakes.hint(at, "random search has no end", "say how many trials with `trials:`");
                    return;
                }
            };
            if let Combinations::Finite(count) = combinations
                && u128::from(asked) > count
            {
                mistakes.hint(
                    at,
                    format!("{form} asks for {asked} draws, but there are only {count} combinations"),
                    format!("ask for at most {count}, or use `method: grid` for all of them"),
                );
            }
        }
    }
}
