//! What a trial runs: `command`, `program`, `script`, `shell`, `setup`, `workdir`, `env`. Never a shell where the
//! spec does not ask for one.

use std::collections::BTreeMap;

use sweep_core::manifest::Command;
use sweep_core::name::check_variable;

use super::macros;
use super::mistake::{Mistakes, Position, shown};
use super::read;
use super::template::Template;
use super::yaml::{Entry, Kind, Node};

const LIST_HINT: &str = "write a list, such as [python3, train.py], or use `shell:` for a text";

/// What a trial runs, and what is to be looked at in the file system.
#[derive(Default)]
pub(super) struct Run {
    pub(super) command: Option<Command>,
    pub(super) setup: Vec<String>,
    pub(super) workdir: String,
    pub(super) env: BTreeMap<String, String>,
    pub(super) env_at: Vec<(String, Position)>,
    pub(super) templates: Vec<Template>,
    pub(super) script: Option<(String, Position)>,
    pub(super) program: Option<(String, Position)>,
    pub(super) workdir_at: Position,
}

/// The nodes of the keys that say what a trial runs.
pub(super) struct Nodes<'a> {
    pub(super) command: Option<&'a Node>,
    pub(super) program: Option<&'a Node>,
    pub(super) script: Option<&'a Node>,
    pub(super) shell: Option<&'a Node>,
    pub(super) setup: Option<&'a Node>,
    pub(super) workdir: Option<&'a Node>,
    pub(super) env: Option<&'a Node>,
}

/// Reads them.
pub(super) fn read(nodes: &Nodes<'_>, mistakes: &mut Mistakes) -> Run {
    let mut run = Run { workdir: ".".into(), ..Run::default() };
    check_one(nodes, mistakes);
    command(nodes, &mut run, mistakes);
    if let Some(node) = nodes.setup {
        setup(node, &mut run, mistakes);
    }
    if let Some(node) = nodes.workdir {
        run.workdir_at = node.at;
        if let Some(text) = read::line(node, "`workdir`", mistakes) {
            run.templates.push(Template::new(text, node.at, "`workdir`"));
            run.workdir = if text.is_empty() { ".".into() } else { text.to_owned() };
        }
    }
    if let Some(node) = nodes.env {
        env(node, &mut run, mistakes);
    }
    run
}

/// At most one way to say what runs; `program` may stand with `command`, whose macro it fills.
fn check_one(nodes: &Nodes<'_>, mistakes: &mut Mistakes) {
    let ways = [("command", nodes.command), ("script", nodes.script), ("shell", nodes.shell)];
    let given: Vec<_> = ways.into_iter().filter_map(|(key, node)| Some((key, node?))).collect();
    let Some((first, _)) = given.first() else { return };
    for (key, node) in &given[1..] {
        mistakes.hint(
            node.at,
            format!("`{key}` beside `{first}`: a trial runs one thing"),
            "keep one of them",
        );
    }
    if let (Some(node), true) = (nodes.program, *first != "command") {
        mistakes.hint(
            node.at,
            format!("`program` beside `{first}`: a trial runs one thing"),
            "keep one of them; `program` goes with `command` alone",
        );
    }
}

fn command(nodes: &Nodes<'_>, run: &mut Run, mistakes: &mut Mistakes) {
    let program = nodes.program.and_then(|node| {
        let text = read::line(node, "`program`", mistakes).filter(|text| !text.is_empty())?;
        Some((text.to_owned(), node.at))
    });
    if let Some(node) = nodes.command {
        run.command = argv(node, nodes.program.is_some(), program.as_ref(), run, mistakes);
    } else if let Some(node) = nodes.script {
        let script = read::line(node, "`script`", mistakes);
        if let Some(script) = script.filter(|script| !script.is_empty()) {
            run.script = Some((script.to_owned(), node.at));
            run.command = Some(Command::Argv(vec![script.replace('$', "$$")]));
        } else if script.is_some() {
            mistakes.add(node.at, "`script` is empty");
        }
    } else if let Some(node) = nodes.shell {
        if let Some(text) = read::text(node, "`shell`", mistakes) {
            if text.trim().is_empty() {
                mistakes.add(node.at, "`shell` is empty");
            }
            run.templates.push(Template::shell(text, node.at, "`shell`"));
            run.command = Some(Command::Shell(text.to_owned()));
        }
    } else if let Some((text, at)) = program {
        run.command = Some(Command::Argv(macros::DEFAULT_COMMAND.map(|e| fill(e, &text)).into()));
        run.program = Some((text, at));
    } else if let Some(node) = nodes.program {
        mistakes.add(node.at, "`program` is empty");
    }
}

fn argv(
    node: &Node,
    program_given: bool,
    program: Option<&(String, Position)>,
    run: &mut Run,
    mistakes: &mut Mistakes,
) -> Option<Command> {
    let elements = read::texts(node, "`command`", LIST_HINT, mistakes)?;
    let Kind::List(items) = &node.kind else { return None };
    match elements.first() {
        None => mistakes.hint(node.at, "`command` is empty", LIST_HINT),
        Some(first) if first.trim().is_empty() => {
            mistakes.hint(
                items[0].at,
                "`command` begins with an empty text",
                "the first element is the program to run",
            );
        }
        Some(_) => {}
    }
    let mut argv = Vec::with_capacity(elements.len());
    for (element, item) in elements.iter().zip(items) {
        if element == "${program}" && !program_given {
            mistakes.hint(
                item.at,
                "`${program}` without `program:`",
                "add `program: train.py`, or write the name here",
            );
        }
        if let Some(inside) = macros::inside(element) {
            mistakes.hint(
                item.at,
                format!("`{inside}` inside `{}`: a macro must be a whole element", shown(element)),
                format!("make `{inside}` an element of its own, or write `$${}`", &inside[1..]),
            );
        } else if !macros::is_macro(element) {
            run.templates.push(Template::new(element, item.at, "`command`"));
        }
        let program = program.map(|(text, _)| text.as_str()).unwrap_or_default();
        argv.push(fill(element, program));
    }
    Some(Command::Argv(argv))
}

/// `${program}` becomes the program; its own dollars are kept from being read as `${name}`.
fn fill(element: &str, program: &str) -> String {
    if element == "${program}" { program.replace('$', "$$") } else { element.to_owned() }
}

fn setup(node: &Node, run: &mut Run, mistakes: &mut Mistakes) {
    let lines: Vec<&Node> = match &node.kind {
        Kind::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    for line in lines {
        if let Some(text) = read::text(line, "a line of `setup`", mistakes) {
            run.templates.push(Template::shell(text, line.at, "`setup`"));
            run.setup.push(text.to_owned());
        }
    }
}

fn env(node: &Node, run: &mut Run, mistakes: &mut Mistakes) {
    for Entry { key, at, value } in read::entries(node, "`env`", mistakes).unwrap_or_default() {
        let name = shown(key);
        let what = format!("`env` variable `{name}`");
        let identifier = !matches!(check_variable(key), Err(reason) if reason.contains("shell variable"));
        if !identifier {
            mistakes.hint(
                *at,
                format!("`{name}` is not the name of a variable"),
                "use letters, digits and `_`",
            );
        } else if ["SWEEP_", "SLURM_", "_SLURM_", "SPANK_"].iter().any(|prefix| key.starts_with(prefix)) {
            mistakes.add(*at, format!("{what} belongs to Slurm or to sweep itself"));
        }
        if value.is_null() {
            mistakes.hint(value.at, format!("{what} has no value"), "an empty text is written \"\"");
        } else if let Some(text) = read::text(value, &what, mistakes) {
            run.templates.push(Template::new(text, value.at, &what));
            run.env.insert(key.clone(), text.to_owned());
            run.env_at.push((key.clone(), *at));
        }
    }
}
