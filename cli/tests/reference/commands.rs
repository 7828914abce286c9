//! The commands and their options, from the definitions that the help is made of.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};
use sweep_cli::command::Cli;

pub fn page() -> String {
    let mut page = String::from(
        "# Commands\n\n\
         What `sweep COMMAND --help` says, of every command. SWEEP is an id, the beginning of one, a directory, or nothing \
         for the newest sweep. This page is made of the command's own definitions.\n",
    );
    let mut root = Cli::command();
    root.build();
    for command in root.get_subcommands() {
        section(&mut page, command, "sweep", 2);
    }
    page
}

fn section(page: &mut String, command: &Command, before: &str, level: usize) {
    if command.is_hide_set() || command.get_name() == "help" {
        return;
    }
    let name = format!("{before} {}", command.get_name());
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    writeln!(page, "\n{} {name}\n\n{}", "#".repeat(level), sentence(&about)).unwrap();
    let shown = |arg: &&Arg| !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version");
    let args: Vec<_> = command.get_arguments().filter(shown).collect();
    if !command.has_subcommands() {
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ");
        writeln!(page, "\n```text\n{usage}\n```").unwrap();
    }
    if !args.is_empty() {
        page.push_str("\n| | |\n|---|---|\n");
    }
    for arg in args {
        writeln!(page, "| {} | {} |", written(arg), meaning(arg)).unwrap();
    }
    if let Some(more) = command.get_after_help() {
        writeln!(page, "\n```text\n{}\n```", more.to_string().trim_end()).unwrap();
    }
    for command in command.get_subcommands() {
        section(page, command, &name, level + 1);
    }
}

/// An option or argument as it is typed.
fn written(arg: &Arg) -> String {
    let names: Vec<_> =
        [arg.get_short().map(|short| format!("-{short}")), arg.get_long().map(|long| format!("--{long}"))]
            .into_iter()
            .flatten()
            .collect();
    let takes = arg.get_action().takes_values();
    let values = arg.get_value_names().unwrap_or_default().iter().map(|name| format!("<{name}>"));
    let value = if takes { values.collect::<Vec<_>>().join(" ") } else { String::new() };
    let gap = if names.is_empty() || value.is_empty() { "" } else { " " };
    format!("`{}{gap}{value}`", names.join(", "))
}

/// The help, the words that may be given, and the default.
fn meaning(arg: &Arg) -> String {
    let mut text = sentence(&arg.get_help().map(ToString::to_string).unwrap_or_default());
    if arg.get_action().takes_values() {
        for word in arg.get_possible_values().iter().filter(|word| !word.is_hide_set()) {
            let help = word.get_help().map(|help| format!(": {help}")).unwrap_or_default();
            write!(text, "<br>`{}`{help}", word.get_name()).unwrap();
        }
        let default: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        if !default.is_empty() {
            write!(text, "<br>default: `{}`", default.join(" ")).unwrap();
        }
    }
    text.replace('|', "\\|").replace('\n', " ")
}

/// Help has no full stop, a page has; `<` would begin a tag.
fn sentence(text: &str) -> String {
    let text = text.replace('<', "&lt;");
    if text.is_empty() || text.ends_with(['.', ']']) { text } else { text + "." }
}
