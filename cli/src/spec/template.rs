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
    reader: Reader,
}

/// Who reads a text once its names are filled in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// The program, on the node.
    Program,
    /// A shell, on the node.
    Shell,
    /// sbatch, before the trial has anything but its parameters.
    Submission,
}

/// The variables that every trial has on its node besides its parameters.
const TRIAL_VARIABLES: [&str; 13] = [
    "SWEEP_ID",
    "SWEEP_NAME",
    "SWEEP_DIR",
    "SWEEP_TRIAL",
    "SWEEP_TRIAL_INDEX",
    "SWEEP_TRIAL_DIR",
    "SWEEP_ATTEMPT",
    "SWEEP_REPLICATE",
    "SWEEP_SEED",
    "SWEEP_METRICS",
    "SWEEP_RESULT",
    "SWEEP_CHECKPOINT_OUT",
    "SWEEP_PARAMS",
];

impl Template {
    pub(super) fn new(text: &str, at: Position, what: &str) -> Self {
        let needed = interpolate::names(text).into_iter().filter(|(_, default)| !default);
        let needed = needed.map(|(name, _)| name.to_owned()).collect();
        Self { at, what: what.to_owned(), needed, reader: Reader::Program }
    }

    /// The value of an sbatch option.
    pub(super) fn submission(text: &str, at: Position, option: &str) -> Self {
        let what = format!("sbatch option `{}`", shown(option));
        Self { reader: Reader::Submission, ..Self::new(text, at, &what) }
    }

    /// A text that is filled in before the trial has anything but its parameters.
    pub(super) fn before_start(text: &str, at: Position, what: &str) -> Self {
        Self { reader: Reader::Submission, ..Self::new(text, at, what) }
    }

    /// A text that a shell reads afterwards.
    pub(super) fn shell(text: &str, at: Position, what: &str) -> Self {
        Self { reader: Reader::Shell, ..Self::new(text, at, what) }
    }

    fn has_by_itself(&self, name: &str) -> bool {
        self.reader != Reader::Submission && TRIAL_VARIABLES.contains(&name)
    }

    /// Whether a text is the same for all trials.
    pub(super) fn is_fixed(text: &str) -> bool {
        interpolate::names(text).is_empty()
    }
}

/// The parameters that a group of trials has, and the first trial of the group.
pub(super) struct Group<'a> {
    pub(super) first: TrialIndex,
    pub(super) names: HashSet<&'a str>,
    /// Those that some trials have: parameters with conditions.
    pub(super) sometimes: HashSet<&'a str>,
}

/// Reports each name that a text needs and that a trial does not have, once, with the first such trial.
pub(super) fn check(templates: &[Template], groups: &[Group<'_>], mistakes: &mut Mistakes) {
    for template in templates {
        let mut told = BTreeSet::new();
        for name in template.needed.iter().filter(|name| told.insert(name.as_str())) {
            if template.has_by_itself(name) {
                continue;
            }
            let lacking = groups.iter().find(|group| !group.names.contains(name.as_str()));
            let Some(group) = lacking else { continue };
            let sometimes = group.sometimes.contains(name.as_str());
            let name = shown(name);
            if sometimes {
                mistakes.hint(
                    template.at,
                    format!(
                        "`${{{name}}}` in {} has no value where the conditions on `{name}` fail",
                        template.what
                    ),
                    format!("write `${{{name}:-DEFAULT}}`, or `${{args}}` for all that a trial has"),
                );
                continue;
            }
            let message = format!(
                "`${{{name}}}` in {} has no value and no default in {}",
                template.what,
                group.first.label()
            );
            mistakes.hint(template.at, message, advice(&name, template.reader, group));
        }
    }
}

fn advice(name: &str, reader: Reader, group: &Group<'_>) -> String {
    let mut known: Vec<&str> = group.names.iter().copied().collect();
    known.sort_unstable();
    if let Some(near) = nearest(name, known) {
        return format!("did you mean `${{{near}}}`?");
    }
    if reader == Reader::Shell {
        return format!("write `$${{{name}}}` for a variable of the shell, or `${{{name}:-DEFAULT}}`");
    }
    format!("give the parameter a value, or write `${{{name}:-DEFAULT}}`")
}
