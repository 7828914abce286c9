//! W&B's command macros: which there are, and where they may stand. What they become is known when a trial runs,
//! except `${program}`, which the spec itself says. Never a macro inside a larger text, except `${envvar:…}`.

/// The macros that stand for the trial's arguments or for where it runs, each a whole element of `command:`.
pub const MACROS: [&str; 11] = [
    "${env}",
    "${interpreter}",
    "${program}",
    "${args}",
    "${args_no_equals}",
    "${args_no_hyphens}",
    "${args_no_boolean_flags}",
    "${args_json}",
    "${args_json_file}",
    "${args_append_hydra}",
    "${args_override_hydra}",
];

/// How the macro begins that stands for a variable of the job's environment; it may be a part of an element.
pub const ENVVAR: &str = "${envvar:";

/// W&B's command where there is only a program.
pub const DEFAULT_COMMAND: [&str; 4] = ["${env}", "${interpreter}", "${program}", "${args}"];

/// Whether an element of a command is a macro as a whole.
#[must_use]
pub fn is_macro(element: &str) -> bool {
    MACROS.contains(&element)
}

/// The macro that stands inside a larger element, where it would not be replaced.
#[must_use]
pub fn inside(element: &str) -> Option<&'static str> {
    if is_macro(element) {
        return None;
    }
    MACROS.into_iter().find(|name| element.contains(name))
}
