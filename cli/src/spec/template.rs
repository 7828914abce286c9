//! Texts with `${name}` in them, checked against the parameters of every trial before anything is submitted.
//! Never an expansion: that happens when a trial runs.

use std::collections::{BTreeSet, HashSet};

use sweep_core::id::TrialIndex;
use sweep_core::interpolate;

use super::keys::nearest;
use super::mistake::{Mistakes, Position, shown};

/// A text and where it stands.
pub(super) struct Template {
    at: Position,
    what: String,
    /// The names that it cannot do without.
    needed: Vec<String>,
    in_shell: bool,
}

impl Template {
    pub(super) fn new(text: &str, at: Position, what: &str) -> Self {
        let needed = interpolate::names(text).into_iter().filter(|(_, default)| !default);
        let needed = needed.map(|(name, _)| name.to_owned()).collect();
        Self { at, what: what.to_owned(), needed, in_shell: false }
    }

    /// A text that a shell reads afterwards.
    pub(super) fn shell(text: &str, at: Position, what: &str) -> Self {
        Self { in_shell: true, ..Self::new(text, at, what) }
    }

    /// Whether a trial's parameters change it.
    pub(super) fn is_fixed(text: &str) -> bool {
        interpolate::names(text).is_empty()
    }
}

/// The parameters that a group of trials has, and the first trial of the group.
pub(super) struct Group<'a> {
    pub(super) first: TrialIndex,
    pub(super) names: HashSet<&'a str>,
}

/// Reports each name that a text needs and that a trial does not have, once, with the first such trial.
pub(super) fn check(templates: &[Template], groups: &[Group<'_>], mistakes: &mut Mistakes) {
    for template in templates {
        let mut told = BTreeSet::new();
        for name in template.needed.iter().filter(|name| told.insert(name.as_str())) {
            let lacking = groups.iter().find(|group| !group.names.contains(name.as_str()));
            let Some(group) = lacking else { continue };
            let name = shown(name);
            let message = format!(
                "`${{{name}}}` in {} has no value and no default in {}",
                template.what,
                group.first.label()
            );
            mistakes.hint(template.at, message, advice(&name, template.in_shell, group));
        }
    }
}

fn advice(name: &str, in_shell: bool, group: &Group<'_>) -> String {
    let mut known: Vec<&str> = group.names.iter().copied().collect();
    known.sort_unstable();
    if let Some(near) = nearest(name, known) {
        return format!("did you mean `${{{near}}}`?");
    }
    if in_shell {
        return format!("write `$${{{name}}}` for a variable of the shell, or `${{{name}:-DEFAULT}}`");
    }
    format!("give the parameter a value, or write `${{{name}:-DEFAULT}}`")
}
