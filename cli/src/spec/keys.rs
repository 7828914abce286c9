//! Which keys a spec knows. Never a key that is ignored: each is read, or refused by name.

use super::mistake::{Mistakes, Position, shown};

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is read.
    Read,
    /// It belongs to the grammar, but not to this version.
    Later,
    /// It cannot mean anything here; what to do instead.
    Refused(&'static str),
}

use Standing::{Later, Read, Refused};

const SERVER: &str = "it names something on W&B's server, and there is none here: take it out";
const SBATCH: &str = "it is an option of sbatch: put it under `sbatch:`";
const CUSTOM: &str = "it belongs to W&B's `method: custom`, which runs on their server: take it out";

/// The keys at the top of a spec.
pub(super) const TOP: &[(&str, Standing)] = &[
    ("name", Read),
    ("description", Read),
    ("command", Read),
    ("program", Read),
    ("script", Read),
    ("shell", Read),
    ("setup", Read),
    ("workdir", Read),
    ("env", Read),
    ("env_names", Read),
    ("sbatch", Read),
    ("method", Read),
    ("trials", Read),
    ("run_cap", Read),
    ("metric", Read),
    ("parameters", Read),
    ("matrix", Read),
    ("params", Read),
    ("defaults", Read),
    ("seed", Read),
    ("replicates", Read),
    ("retries", Read),
    ("concurrency", Read),
    ("after", Read),
    ("agent", Read),
    ("asha", Read),
    ("bayes", Refused("Bayesian search has no settings: take it out, `method: bayes` is enough")),
    ("budget", Read),
    ("checkpoint", Read),
    ("config", Read),
    ("cost_per_budget", Read),
    ("early_terminate", Read),
    ("folds", Read),
    ("from", Read),
    ("genetic", Read),
    ("halving", Read),
    ("hyperband", Read),
    ("launch_args", Read),
    ("nodes_per_trial", Read),
    ("pbt", Read),
    ("rates", Read),
    ("repetitions", Read),
    ("requeue_on_signal", Read),
    ("rungs", Read),
    ("result_wait_s", Read),
    ("canary", Read),
    ("driver", Read),
    ("grace_s", Read),
    ("max_failures", Read),
    ("notify", Read),
    ("signal", Read),
    ("source", Read),
    ("spread", Read),
    ("templates", Read),
    ("trials_per_job", Read),
    (
        "weights",
        Refused("it belongs to the metric: write `metric: {weights: {precision: 0.5, recall: 0.5}}`"),
    ),
    ("zip", Read),
    ("apiVersion", Read),
    ("kind", Read),
    ("controller", Read),
    ("project", Read),
    ("entity", Read),
    ("job", Refused(SERVER)),
    ("image_uri", Refused(SERVER)),
    ("scheduler", Refused(CUSTOM)),
    ("metrics", Refused(CUSTOM)),
    ("account", Refused(SBATCH)),
    ("cpus-per-task", Refused(SBATCH)),
    ("cpus_per_task", Refused(SBATCH)),
    ("gpus", Refused(SBATCH)),
    ("gres", Refused(SBATCH)),
    ("mem", Refused(SBATCH)),
    ("nodes", Refused(SBATCH)),
    ("ntasks", Refused(SBATCH)),
    ("partition", Refused(SBATCH)),
    ("qos", Refused(SBATCH)),
    ("time", Refused(SBATCH)),
    ("grid", Refused("use `parameters:`; its combinations come after the rows of `params:`")),
    ("sweep", Refused("put what is in it at the top of the file")),
];

/// The keys of one parameter.
pub(super) const PARAMETER: &[(&str, Standing)] = &[
    ("values", Read),
    ("value", Read),
    ("min", Read),
    ("max", Read),
    ("distribution", Read),
    ("a", Read),
    ("b", Read),
    ("log", Read),
    ("default", Read),
    ("mu", Read),
    ("parameters", Read),
    ("probabilities", Read),
    ("q", Read),
    ("sigma", Read),
    ("then", Read),
    ("when", Read),
];

/// The keys of a test in `when`.
pub(super) const WHEN: &[(&str, Standing)] = &[
    ("not", Read),
    ("lt", Read),
    ("le", Read),
    ("gt", Read),
    ("ge", Read),
    ("in", Read),
    ("equals", Refused("write the value itself, such as `when: {solver: saga}`")),
    ("not_equals", Refused("write `not`")),
    ("less_than", Refused("write `lt`")),
    ("greater_than", Refused("write `gt`")),
    ("inside", Refused("write `in`")),
];

/// The keys of `controller`.
pub(super) const CONTROLLER: &[(&str, Standing)] = &[("type", Read)];

/// The keys of `retries`.
pub(super) const RETRIES: &[(&str, Standing)] = &[("max", Read), ("on", Read)];

/// The keys of `metric`.
pub(super) const METRIC: &[(&str, Standing)] = &[
    ("name", Read),
    ("goal", Read),
    ("from", Read),
    ("impute", Later),
    ("impute_while_running", Refused("it fills in for trials that W&B's server sees running: take it out")),
    ("target", Read),
    ("weights", Read),
];

/// The keys of `from` of `metric`.
pub(super) const METRIC_FROM: &[(&str, Standing)] =
    &[("stdout", Read), ("take", Read), ("json", Read), ("field", Read)];

/// The keys of `checkpoint`.
pub(super) const CHECKPOINT: &[(&str, Standing)] = &[("keep", Read)];

/// The keys of `agent`.
pub(super) const AGENT: &[(&str, Standing)] =
    &[("slots", Read), ("launch", Read), ("cpus", Read), ("mem", Read), ("gpus", Read), ("wait_s", Read)];

/// The keys of `spread`.
pub(super) const SPREAD: &[(&str, Standing)] = &[("over", Read), ("how", Read), ("delay_s", Read)];

/// The keys of a place of `spread`.
pub(super) const PLACE: &[(&str, Standing)] = &[
    ("cluster", Read),
    ("partition", Read),
    ("qos", Read),
    ("account", Read),
    ("reservation", Read),
    ("constraint", Read),
    ("weight", Read),
    ("clusters", Refused("write `cluster`, and a place for each")),
];

/// The keys of `source`.
pub(super) const SOURCE: &[(&str, Standing)] = &[("copy", Read)];

/// The keys of `budget`.
pub(super) const BUDGET: &[(&str, Standing)] = &[("node_hours", Read), ("hours", Read), ("price", Read)];

/// The keys of `notify`.
pub(super) const NOTIFY: &[(&str, Standing)] =
    &[("command", Read), ("on", Read), ("limit_s", Read), ("budget_share", Read)];

/// The moments of `notify`.
pub(super) const MOMENTS: &[(&str, Standing)] = &[
    ("trial_ended", Read),
    ("first_failure", Read),
    ("new_best", Read),
    ("budget_near", Read),
    ("sweep_done", Read),
];

/// The keys of `matrix`.
pub(super) const MATRIX: &[(&str, Standing)] = &[("random", Read), ("seed", Read)];

/// The keys of `env_names`.
pub(super) const ENV_NAMES: &[(&str, Standing)] = &[("prefix", Read)];

/// Search methods.
pub(super) const METHODS: &[(&str, Standing)] = &[
    ("grid", Read),
    ("random", Read),
    ("asha", Read),
    ("bayes", Read),
    ("genetic", Read),
    ("hyperband", Read),
    ("pbt", Read),
    ("sobol", Read),
    ("halving", Read),
    ("latin", Read),
    ("custom", Refused("W&B's `custom` runs on their server: use `grid` or `random`")),
];

/// Distributions of a parameter.
pub(super) const DISTRIBUTIONS: &[(&str, Standing)] = &[
    ("categorical", Read),
    ("constant", Read),
    ("int_uniform", Read),
    ("log_uniform_values", Read),
    ("uniform", Read),
    ("beta", Read),
    ("categorical_w_probabilities", Read),
    ("inv_log_uniform_values", Read),
    ("log_normal", Read),
    ("normal", Read),
    ("q_beta", Read),
    ("q_log_normal", Read),
    ("q_log_uniform_values", Read),
    ("q_normal", Read),
    ("q_uniform", Read),
    ("inv_log_uniform", Read),
    ("log_uniform", Read),
    ("q_log_uniform", Read),
];

/// Whether a word stands in a table, however it stands there.
pub(super) fn is_known(table: &[(&str, Standing)], word: &str) -> bool {
    table.iter().any(|(known, _)| *known == word)
}

/// Checks a word against a table; `what` is what it should be, such as "key". Whether it is read.
pub(super) fn check(
    table: &[(&str, Standing)],
    what: &str,
    word: &str,
    at: Position,
    mistakes: &mut Mistakes,
) -> bool {
    match table.iter().find(|(known, _)| *known == word) {
        Some((_, Read)) => return true,
        Some((_, Later)) => mistakes.add(at, format!("{what} `{word}` is not in this version")),
        Some((_, Refused(hint))) => {
            mistakes.hint(at, format!("{what} `{word}` means nothing here"), *hint);
        }
        None => {
            let known = table.iter().filter(|(_, standing)| *standing == Read).map(|(known, _)| *known);
            let message = format!("unknown {what} `{}`", shown(word));
            match nearest(word, table.iter().map(|(known, _)| *known)) {
                Some(near) => mistakes.hint(at, message, format!("did you mean `{near}`?")),
                None => {
                    let known: Vec<_> = known.map(|known| format!("`{known}`")).collect();
                    if known.len() <= METHODS.len() {
                        mistakes.hint(at, message, format!("known: {}", known.join(", ")));
                    } else {
                        mistakes.add(at, message);
                    }
                }
            }
        }
    }
    false
}

/// The known word that a person most likely meant.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A word that long is no slip of the finger, and distances cost the product of the lengths.
    if word.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', ' '], "_");
    let given = plain(word);
    let allowed = given.chars().count().div_ceil(2).min(3);
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&given, &plain(known)), known))
        // Of two short words with little in common the distance is small as well; their likeness is not.
        .filter(|(distance, known)| {
            *distance <= allowed && strsim::jaro_winkler(&given, &plain(known)) >= 0.8
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Tables and suggestions.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_table_has_a_word_twice() {
        for table in [TOP, PARAMETER, WHEN, CONTROLLER, METRIC, MATRIX, ENV_NAMES, METHODS, DISTRIBUTIONS] {
            let mut words: Vec<_> = table.iter().map(|(word, _)| *word).collect();
            let count = words.len();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), count);
        }
    }

    #[test]
    fn the_reference_names_every_key_that_is_read() {
        let text = include_str!("../../../docs/spec.md");
        for table in [
            TOP,
            AGENT,
            SPREAD,
            PLACE,
            PARAMETER,
            WHEN,
            METRIC,
            METRIC_FROM,
            BUDGET,
            CHECKPOINT,
            NOTIFY,
            MOMENTS,
            SOURCE,
            METHODS,
        ] {
            for (word, _) in table.iter().filter(|(_, standing)| *standing == Read) {
                let is_named =
                    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|named| named == *word);
                assert!(is_named, "docs/spec.md says nothing of `{word}`");
            }
        }
    }

    #[test]
    fn a_slip_finds_its_word() {
        let near = |word| nearest(word, TOP.iter().map(|(known, _)| *known));
        assert_eq!(near("metod"), Some("method"));
        assert_eq!(near("parameter"), Some("parameters"));
        assert_eq!(near("run-cap"), Some("run_cap"));
        assert_eq!(near("Seed"), Some("seed"));
        assert_eq!(near("metrci"), Some("metric"));
        assert_eq!(near("nam"), Some("name"));
        assert_eq!(near("tree"), None);
        assert_eq!(near("quux"), None);
        assert_eq!(near(&"x".repeat(100_000)), None);
    }
}
