//! Environment variables. What each means is said here; that none is missing is checked against the code.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use sweep_core::environment;

use super::root;

/// In every trial, or where the third column says.
const OF_TRIALS: [(&str, &str); 21] = [
    ("SWEEP_ID", "the sweep's id"),
    ("SWEEP_NAME", "the sweep's name"),
    ("SWEEP_DIR", "the sweep's directory, absolute"),
    ("SWEEP_TRIAL", "the trial's label, such as `t003`"),
    ("SWEEP_TRIAL_INDEX", "its index, such as `3`"),
    ("SWEEP_TRIAL_NAME", "its name, where `params` gives it one"),
    ("SWEEP_TRIAL_DIR", "its folder, absolute"),
    ("SWEEP_ATTEMPT", "how many attempts came before this one"),
    ("SWEEP_REPLICATE", "which repetition of its configuration, from 0"),
    ("SWEEP_SEED", "a whole number below 2^31, another for each trial, the same on every machine"),
    ("SWEEP_BUDGET", "how long to train in all, where the method gives budgets"),
    ("SWEEP_PARENT", "the label of the trial that it goes on from, where there is one"),
    ("SWEEP_FOLDS", "`folds` of the spec, where it has them"),
    ("SWEEP_REPETITIONS", "`repetitions` of the spec, where it has them"),
    ("SWEEP_PARAMS", "all parameters as one JSON object"),
    ("SWEEP_METRICS", "the file for metrics: a JSON object a line is added to it"),
    ("SWEEP_RESULT", "the file for one number, of programs that report no more"),
    ("SWEEP_CHECKPOINT_IN", "the parent's checkpoint folder, where there is a parent"),
    ("SWEEP_CHECKPOINT_OUT", "the folder for its own checkpoint; made where the spec says `checkpoint`"),
    ("SWEEP_RECORD", "the file name of the attempt's record in the trial's folder"),
    ("SWEEP_ERROR", "why a job of sbatch's options has no trial; never set with the others"),
];
const AFTER: [(&str, &str); 2] = [
    ("SWEEP_EXIT", "the exit code of the command, where it ended with one"),
    ("SWEEP_SIGNAL", "the number of the signal that ended it, where one did"),
];
const OF_THE_COMMAND: [(&str, &str); 7] = [
    ("SWEEP_HOME", "where sweeps are kept, in place of `.sweeps` beside the spec; `--dir` goes before it"),
    (
        "SWEEP_SITE_CONF",
        "the file in which a site says how often Slurm may be asked, in place of `/etc/slurm-sweep/site.conf`",
    ),
    (
        "SLURM_CONF",
        "Slurm's own: which configuration its commands read. `sweep plugin` and `sweep doctor` read it too",
    ),
    ("NO_COLOR", "no colours, if it is set to anything"),
    ("COLUMNS", "how wide a screen is, where it is no terminal"),
    ("PATH", "where Slurm's commands are looked for"),
    ("SWEEP_COMPLETE", "how the script of `sweep completion` asks for words"),
];

pub fn page() -> String {
    let ours: BTreeSet<_> = environment::OURS.into_iter().collect();
    assert_eq!(
        OF_TRIALS.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(),
        ours,
        "variables of a trial"
    );
    let all = || OF_TRIALS.iter().chain(&AFTER).chain(&OF_THE_COMMAND);
    for (name, place) in named() {
        assert!(all().any(|(known, _)| *known == name), "{place} names `{name}`, and no page tells it");
    }
    let table = |rows: &[(&str, &str)]| {
        rows.iter().fold(String::from("| variable | meaning |\n|---|---|\n"), |mut text, (name, meaning)| {
            writeln!(text, "| `{name}` | {meaning} |").unwrap();
            text
        })
    };
    format!(
        "# Environment variables\n\n\
         ## In a trial\n\n\
         Every parameter is a variable of its own name, with `_` for what a name may not have; `env_names` in the spec \
         changes that. Besides, there are these. They are the same with the plugin and without.\n\n{}\n\
         ## In `after`\n\n\
         The lines of `after` have the trial's variables, and one of these.\n\n{}\n\
         ## Of the command\n\n{}",
        table(&OF_TRIALS),
        table(&AFTER),
        table(&OF_THE_COMMAND)
    )
}

/// Every variable of ours that a literal in the code names, with its file.
fn named() -> BTreeSet<(String, String)> {
    let mut folders: Vec<PathBuf> =
        ["cli/src", "core/src", "plugin/src"].map(|folder| root().join(folder)).into();
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for part in code.split("\"SWEEP_").skip(1) {
                let name = part.split('"').next().unwrap();
                if !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
                    found.insert((format!("SWEEP_{name}"), path.display().to_string()));
                }
            }
        }
    }
    assert!(found.len() > 20, "{found:?}");
    found
}
