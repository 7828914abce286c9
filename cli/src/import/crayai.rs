//! CrayAI's parameter lists with evaluator, conditions and optimizer, as they stand in a Python file. Never a value
//! that the file computes: what is not written out is named.

use std::path::Path;

use crate::error::{Error, Result};

use super::python::{self, Call, Item, Value};
use super::{Draft, write};

/// What an optimizer of theirs has and `genetic:` too.
const GENETIC: [&str; 8] = [
    "generations",
    "num_demes",
    "pop_size",
    "mutation_rate",
    "crossover_rate",
    "migration_interval",
    "mul_mutation_bounds",
    "add_mutation_bounds",
];
/// Their conditions, and the test that each becomes.
const CONDITIONS: [(&str, &str); 5] =
    [("equals", "in"), ("not_equals", "not"), ("greater_than", "gt"), ("less_than", "lt"), ("inside", "in")];
/// What an evaluator says that has no place in a spec, and why.
const EVALUATOR: [(&str, &str); 10] = [
    ("alloc_args", "options of an allocation go under `sbatch:` by their names"),
    ("alloc_jobid", "trials are jobs of their own; inside an allocation use `--executor local`"),
    ("alloc_timeout", "it was the time of the one allocation; a trial's own is `sbatch: {time: …}`"),
    ("flag", "give the program's flag in `command:`"),
    ("launch_args", "they are options of srun: put them into the command"),
    ("launcher", "put `srun` into the command where it is needed"),
    ("run_path", "each trial has a folder of its own, `$SWEEP_TRIAL_DIR`"),
    ("verbose", "see `sweep status`"),
    ("workload_image", "trials run without a container of Kubernetes"),
    ("name", "see `name:`"),
];

/// A parent, the test that it must pass, and the value in that test, as YAML.
type Test = (String, &'static str, String);

/// A parameter with its flag.
struct Parameter {
    name: String,
    flag: String,
    /// Its keys with their values, as YAML.
    keys: Vec<(&'static str, String)>,
}

/// Reads the file's text.
pub(super) fn read(path: &Path, name: &str, text: &str) -> Result<Draft> {
    let mut draft = Draft::default();
    let source = python::read(text);
    for at in &source.missing_commas {
        draft.leave(*at, "a comma is missing before this row: it is taken for a row of its own");
    }
    let call = |names: &[&str]| source.calls.iter().find(|call| names.contains(&call.name.as_str()));
    let rows = call(&["Params"]).and_then(|call| call.arguments.first()).or(source.list.as_ref());
    let Some(Item { value: Value::List(rows), .. }) = rows else {
        return Err(Error::user(format!(
            "`{}` has no parameters of CrayAI's that are written out",
            path.display()
        ))
        .hint("a list such as `hpo.Params([['--lr', 1e-3, (1e-6, 1)]])` is looked for"));
    };
    let mut parameters = Vec::new();
    for row in rows {
        parameters.push(parameter(path, row)?);
    }
    conditions(&source.calls, &mut parameters, &mut draft);
    draft.set("name", write::word(&name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"), true));
    match call(&["Evaluator"]) {
        Some(evaluator) => evaluate(evaluator, &parameters, &mut draft),
        None => {
            draft.note("no `Evaluator`, so nothing to run: add `command:`");
            draft.set("metric", "{name: FoM, goal: minimize, from: {stdout: 'FoM: (\\S+)'}}");
        }
    }
    optimizer(&source.calls, call(&["Evaluator"]), &mut draft);
    let block =
        parameters.iter().map(|p| (p.name.as_str(), write::map(p.keys.iter().map(|(k, v)| (*k, v.clone())))));
    draft.set("parameters", write::block(block));
    Ok(draft)
}

/// `[flag, default, values]` or `[flag, values]`, values a tuple of bounds or a list.
fn parameter(path: &Path, row: &Item) -> Result<Parameter> {
    let wrong = || {
        super::misplaced(
            path,
            row.at,
            "a parameter must be `[flag, default, (low, high)]`, `[flag, default, [values]]`, or without the default",
        )
    };
    let Value::List(items) = &row.value else { return Err(wrong()) };
    let (flag, default, values) = match items.as_slice() {
        [flag, values] => (flag, None, values),
        [flag, default, values] => (flag, Some(default), values),
        _ => return Err(wrong()),
    };
    let Value::Text(flag) = &flag.value else { return Err(wrong()) };
    let name = flag.trim_start_matches('-').to_owned();
    let mut keys = match &values.value {
        Value::Tuple(bounds) => match bounds.as_slice() {
            [low, high] => {
                vec![("min", yaml(low).ok_or_else(wrong)?), ("max", yaml(high).ok_or_else(wrong)?)]
            }
            _ => return Err(wrong()),
        },
        Value::List(values) => {
            let values: Option<Vec<String>> = values.iter().map(yaml).collect();
            vec![("values", write::list(values.ok_or_else(wrong)?))]
        }
        _ => return Err(wrong()),
    };
    if let Some(default) = default {
        keys.push(("default", yaml(default).ok_or_else(wrong)?));
    }
    Ok(Parameter { name, flag: flag.clone(), keys })
}

/// A value that is written out, as YAML.
fn yaml(item: &Item) -> Option<String> {
    match &item.value {
        Value::Text(text) => Some(write::quoted(text)),
        Value::Number(text) => Some(text.clone()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::List(items) | Value::Tuple(items) => {
            Some(write::list(items.iter().map(yaml).collect::<Option<Vec<_>>>()?))
        }
        _ => None,
    }
}

fn conditions(calls: &[Call], parameters: &mut [Parameter], draft: &mut Draft) {
    let mut tests: Vec<(String, Vec<Test>)> = Vec::new();
    for call in calls {
        let Some((_, test)) = CONDITIONS.iter().find(|(name, _)| *name == call.name) else { continue };
        let of = |place: usize, name: &str| {
            let named = call.named.iter().find(|(known, _)| known == name).map(|(_, item)| item);
            call.arguments.get(place).or(named)
        };
        let flag = |item: Option<&Item>| match item.map(|item| &item.value) {
            Some(Value::Text(flag)) => Some(flag.trim_start_matches('-').to_owned()),
            _ => None,
        };
        let value = of(2, "parent_param_value").and_then(yaml);
        let (Some(dependent), Some(parent), Some(value)) =
            (flag(of(0, "dependent_param")), flag(of(1, "parent_param")), value)
        else {
            draft.leave(call.at, format!("`{}` with values that are not written out", call.name));
            continue;
        };
        if of(3, "dependent_param_value").is_some_and(|item| item.value != Value::None) {
            draft.leave(call.at, format!("the value that `{}` gives `{dependent}`: see `then:`", call.name));
        }
        let value = if *test == "in" && !value.starts_with('[') { format!("[{value}]") } else { value };
        match tests.iter_mut().find(|(name, _)| *name == dependent) {
            Some((_, tests)) => tests.push((parent, *test, value)),
            None => tests.push((dependent, vec![(parent, *test, value)])),
        }
    }
    for (dependent, tests) in tests {
        let Some(parameter) = parameters.iter_mut().find(|parameter| parameter.name == dependent) else {
            draft.note(format!("a condition on `{dependent}`, which is no parameter"));
            continue;
        };
        let mut parents: Vec<&str> = tests.iter().map(|(parent, ..)| parent.as_str()).collect();
        parents.dedup();
        let when = parents.iter().map(|parent| {
            let of = tests.iter().filter(|(name, ..)| name == parent);
            (*parent, write::map(of.map(|(_, test, value)| (*test, value.clone()))))
        });
        parameter.keys.push(("when", write::map(when)));
    }
}

/// What runs a trial, and what it is judged by.
fn evaluate(call: &Call, parameters: &[Parameter], draft: &mut Draft) {
    let named = |name: &str| call.named.iter().find(|(known, _)| known == name).map(|(_, item)| item);
    let number = |name: &str| match named(name).map(|item| &item.value) {
        Some(Value::Number(text)) => text.parse::<f64>().ok(),
        _ => None,
    };
    match call.arguments.first().or(named("cmd")).map(|item| &item.value) {
        Some(Value::Text(line)) => command(line, parameters, draft),
        _ => draft.leave(call.at, "the command is not written out: add `command:`"),
    }
    metric(named("metric"), draft);
    for (name, item) in &call.named {
        let why = EVALUATOR.iter().find(|(known, _)| known == name).map(|(_, why)| *why);
        if let Some(why) = why {
            draft.leave(item.at, format!("`{name}`: {why}"));
        }
        match (name.as_str(), &item.value) {
            ("src_path", Value::Text(folder)) => draft.set("workdir", write::quoted(folder)),
            ("workload_manager", Value::Text(word)) if ["pbs", "k8s"].contains(&word.as_str()) => {
                draft.leave(
                    item.at,
                    format!("`workload_manager='{word}'`: trials run by Slurm or on this machine"),
                );
            }
            ("num_retries", Value::Number(times)) if times != "0" => {
                draft
                    .set("retries", format!("{{max: {times}, on: [failed, node_fail, preempted, timeout]}}"));
            }
            ("timeout", Value::Number(_)) => {
                let hours = number("timeout").unwrap_or_default() / 60.0;
                if hours > 0.0 {
                    draft.set("budget", format!("{{hours: {hours}}}"));
                }
            }
            _ => {}
        }
    }
    let each = number("nodes_per_eval").filter(|nodes| *nodes > 1.0).unwrap_or(1.0);
    if each > 1.0 {
        draft.set("sbatch", format!("{{nodes: {each}}}"));
    }
    let at_once = number("num_parallel_evals")
        .filter(|n| *n > 0.0)
        .or(number("nodes").map(|nodes| (nodes / each).floor()));
    if let Some(at_once) = at_once.filter(|n| *n >= 1.0) {
        draft.set("concurrency", format!("{at_once}"));
    }
}

/// The command with the flags behind it, each only where its parameter counts.
fn command(line: &str, parameters: &[Parameter], draft: &mut Draft) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_plain = |word: &&str| word.chars().all(|c| c.is_ascii_alphanumeric() || "_./-=+:,@%".contains(c));
    let long = |parameter: &Parameter| parameter.flag.starts_with("--");
    if words.iter().all(is_plain) && parameters.iter().all(long) {
        let words = words.iter().map(|word| write::quoted(word));
        draft.set("command", write::list(words.chain(["\"${args_no_equals}\"".to_owned()])));
        return;
    }
    let flags = parameters.iter().map(|Parameter { name, flag, .. }| {
        let variable: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        format!(" $${{{variable}:+{flag} \"${variable}\"}}")
    });
    let flags: String = flags.collect();
    draft.set("shell", write::quoted(&format!("{}{flags}", super::for_shell(line))));
}

/// What is looked for in the output; their metric is minimized.
fn metric(item: Option<&Item>, draft: &mut Draft) {
    let one = |name: &str| {
        let bare = name.trim().trim_end_matches(':');
        let pattern = format!("{}: *(\\S+)", regex::escape(bare));
        format!(
            "{{name: {}, goal: minimize, from: {{stdout: {}}}}}",
            write::word(bare, true),
            write::quoted(&pattern)
        )
    };
    match item.map(|item| &item.value) {
        Some(Value::Text(name)) => draft.set("metric", one(name)),
        Some(Value::Dict(pairs)) if pairs.len() > 1 => {
            let weights: Vec<(String, String)> = pairs
                .iter()
                .filter_map(|(key, weight)| match &key.value {
                    Value::Text(name) => Some((name.clone(), yaml(weight)?)),
                    _ => None,
                })
                .collect();
            draft.set(
                "metric",
                write::map([("weights", write::map(weights.iter().map(|(k, v)| (k.as_str(), v.clone()))))]),
            );
            let at = item.map(|item| item.at).unwrap_or_default();
            draft.leave(
                at,
                "several metrics were looked for in the output: report each by `sweep log NAME=VALUE`",
            );
        }
        Some(Value::Dict(pairs)) => match pairs.first().map(|(key, _)| &key.value) {
            Some(Value::Text(name)) => draft.set("metric", one(name)),
            _ => draft.set("metric", one("FoM")),
        },
        _ => draft.set("metric", one("FoM")),
    }
}

/// How it is searched.
fn optimizer(calls: &[Call], evaluator: Option<&Call>, draft: &mut Draft) {
    let found = calls.iter().find(|call| call.name.ends_with("Optimizer"));
    let checkpoint = evaluator.and_then(|call| call.named.iter().find(|(name, _)| name == "checkpoint"));
    let Some(call) = found else {
        draft.note("no optimizer: the search is `method: random` with 20 trials; choose your own");
        draft.set("method", "random");
        draft.set("trials", "20");
        return;
    };
    let number =
        |name: &str| match call.named.iter().find(|(known, _)| known == name).map(|(_, item)| &item.value) {
            Some(Value::Number(text)) => Some(text.clone()),
            _ => None,
        };
    if call.name.starts_with("Random") {
        draft.set("method", "random");
        draft.set("trials", number("num_iters").unwrap_or_else(|| "20".into()));
        return;
    }
    if call.name.starts_with("Grid") {
        draft.set("method", "grid");
        draft.leave(
            call.at,
            format!("`{}` cut ranges into steps: write those as `values:` or with `q:`", call.name),
        );
        return;
    }
    draft.set("method", "genetic");
    let mut settings: Vec<(&str, String)> = Vec::new();
    for (name, item) in &call.named {
        match GENETIC.iter().find(|known| *known == name) {
            Some(known) => match yaml(item) {
                Some(value) => settings.push((known, value)),
                None => draft.leave(item.at, format!("`{name}` is not written out")),
            },
            None if ["evaluator", "verbose"].contains(&name.as_str()) => {}
            None => draft.leave(item.at, format!("`{name}` of the optimizer has no place in a spec")),
        }
    }
    if !settings.iter().any(|(name, _)| *name == "generations") {
        // Their default, which a spec wants to see written.
        settings.insert(0, ("generations", "1000".into()));
    }
    if let Some((_, item)) = checkpoint.filter(|(_, item)| item.value != Value::Text(String::new())) {
        settings.push(("checkpoint", "true".into()));
        draft.set("checkpoint", "true");
        draft.leave(
            item.at,
            "`checkpoint`: each trial has a folder of its own, `@checkpoint` or `$SWEEP_CHECKPOINT_OUT`",
        );
    }
    draft.set("genetic", write::map(settings));
}
