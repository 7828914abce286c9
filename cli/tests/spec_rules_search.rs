//! Every rule about names, parameters and the search: a spec and the mistakes that it has, as `line:column: what | hint`.

mod spec_check;

use spec_check::check;

#[test]
fn names_are_plain_free_and_their_own() {
    check("command: [a]\nparameters: {\"\": [1]}", &["2:14: parameter name `` is empty"]);
    check(
        "command: [a]\nparameters: {\"a b\": [1]}",
        &["2:14: parameter name `a b` may have letters, digits, `_`, `.` and `-` only"],
    );
    check(
        "command: [a]\nparameters: {SLURM_JOB_ID: [1], HOME: [1], LD_X: [2]}",
        &[
            "2:14: parameter name `SLURM_JOB_ID` would shadow a variable that Slurm, the shell or sweep needs | choose another name, or `env_names: {prefix: PARAM_}`",
            "2:33: parameter name `HOME` would shadow a variable that Slurm, the shell or sweep needs | choose another name, or `env_names: {prefix: PARAM_}`",
            "2:44: parameter name `LD_X` would shadow a variable that Slurm, the shell or sweep needs | choose another name, or `env_names: {prefix: PARAM_}`",
        ],
    );
    check(
        "command: [a]\nparameters: {a.b: [1], a-b: [1]}",
        &["2:24: parameters `a.b` and `a-b` both become the variable `a_b` | rename one of them"],
    );
    check(
        "command: [a]\nenv_names: upper\nparameters: {a: [1], A: [1], path: [1]}",
        &[
            "3:22: parameters `a` and `A` both become the variable `A` | rename one of them",
            "3:30: parameter name `path` would shadow a variable that Slurm, the shell or sweep needs | choose another name, or `env_names: {prefix: PARAM_}`",
        ],
    );
    check(
        "command: [a]\nenv_names: {prefix: SWEEP_}\nparameters: {lr: [1, 2]}\n",
        &[
            "2:21: the prefix `SWEEP_` gives no variables that a trial may have | use letters, digits and `_`, such as `PARAM_`; SWEEP_, SLURM_, SPANK_ and LD_ are taken",
        ],
    );
    check(
        "command: [a]\nenv_names: {prefix: 1}\nparameters: {lr: [1, 2]}\n",
        &[
            "2:21: the prefix `1` gives no variables that a trial may have | use letters, digits and `_`, such as `PARAM_`; SWEEP_, SLURM_, SPANK_ and LD_ are taken",
        ],
    );
    check(
        "command: [a]\nenv_names: {suffix: a}\nparameters: {lr: [1, 2]}\n",
        &["2:13: unknown key `suffix` | known: `prefix`"],
    );
    check(
        "command: [a]\nenv_names: {}\nparameters: {lr: [1, 2]}\n",
        &["2:12: `env_names` is empty | known: `as_is`, `upper`, `{prefix: PARAM_}`"],
    );
    check(
        "command: [a]\nenv_names: [a]\nparameters: {lr: [1, 2]}\n",
        &["2:12: `env_names` must be a word, not a list | known: `as_is`, `upper`, `{prefix: PARAM_}`"],
    );
    check(
        "command: [a]\nenv_names: {prefix: P_}\nenv: {P_lr: 1}\nparameters: {lr: [1, 2]}\n",
        &["3:7: `env` sets `P_lr`, which parameter `lr` sets | take it out: each trial has `P_lr` by itself"],
    );
    check(
        "command: [a]\nparams: [{a.b: 1}, {a_b: 1}]",
        &["2:21: parameters `a.b` and `a_b` both become the variable `a_b` | rename one of them"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\ndefaults: {USER: me}",
        &[
            "3:12: parameter name `USER` would shadow a variable that Slurm, the shell or sweep needs | choose another name, or `env_names: {prefix: PARAM_}`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nenv: {\"A=B\": 1}",
        &["3:7: `A=B` is not the name of a variable | use letters, digits and `_`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nenv: {SWEEP_ID: 1}",
        &["3:7: `env` variable `SWEEP_ID` belongs to Slurm or to sweep itself"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nenv: {A: }",
        &["3:8: `env` variable `A` has no value | an empty text is written \"\""],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nname: \"a/b\"",
        &[
            "3:7: `a/b` cannot be a sweep's name: 1 to 43 of A-Z a-z 0-9 . _ -, the first a letter or digit | write `name: a-b`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nname: \"\"",
        &[
            "3:7: `` cannot be a sweep's name: 1 to 43 of A-Z a-z 0-9 . _ -, the first a letter or digit | write `name: sweep`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nname: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        &[
            "3:7: `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx` cannot be a sweep's name: 1 to 43 of A-Z a-z 0-9 . _ -, the first a letter or digit | write `name: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`",
        ],
    );
}

#[test]
fn parameters_have_values() {
    check(
        "command: [a]\n",
        &[
            "nothing to search: the spec has no `parameters` | add `parameters: {lr: [0.1, 0.01]}`, or explicit trials in `params:`",
        ],
    );
    check(
        "command: [a]\nparameters: {}",
        &["2:13: `parameters` is empty | give at least one, such as `lr: [0.1, 0.01]`"],
    );
    check("command: [a]\nparameters: []", &["2:13: `parameters` must be a mapping, not a list"]);
    check("command: [a]\nparameters: {lr: []}", &["2:18: parameter `lr` has no values | give at least one"]);
    check(
        "command: [a]\nparameters: {lr: }",
        &[
            "2:16: parameter `lr` has no values | a list is written `lr: [0.1, 0.01]`, a fixed value `lr: {value: 0.1}`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: {}}",
        &[
            "2:18: parameter `lr` needs either `values`, `value`, or `min` and `max` | for example `{min: 0.1, max: 1.0}`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, [2]]}",
        &["2:22: a value of `lr` must be a single value, not a list"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, ~]}",
        &["2:22: a value of `lr` is empty | an empty text is written \"\""],
    );
    check("command: [a]\nparameters: {lr: [1, 2, 1.0, \"1\", 1]}", &["2:35: `1` is listed twice for `lr`"]);
    check(
        "command: [a]\nparameters: {lr: {values: 1}}",
        &["2:27: `values` of `lr` must be a list, not a single value"],
    );
    check(
        "command: [a]\nparameters: {lr: {values: [1], value: 2}}",
        &[
            "2:18: parameter `lr` needs either `values`, `value`, or `min` and `max` | for example `{min: 0.1, max: 1.0}`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: {value: [2]}}",
        &["2:26: the value of `lr` must be a single value, not a list"],
    );
    check(
        "command: [a]\nparameters: {lr: {vals: [2]}}",
        &["2:19: unknown key `vals` | did you mean `values`?"],
    );
    check(
        "command: [a]\nparameters: {lr: [\"a\\0b\"]}",
        &["2:19: a value of `lr` has a NUL in it, which no program can be given"],
    );
}

#[test]
fn ranges_have_two_ends() {
    check("command: [a]\nparameters: {lr: {min: 1}}", &["2:18: parameter `lr` has no `max`"]);
    check(
        "command: [a]\nparameters: {lr: {min: 2, max: 1}}",
        &[
            "2:24: `min` of `lr` must be below its `max`: 2 is not below 1 | a fixed value is written `lr: {value: 1}`",
        ],
    );
    check(
        "command: [a]\nparameters: {n: {min: 1, max: 1.0}}",
        &[
            "2:23: `min` of `n` must be below its `max`: 1 is not below 1.0 | a fixed value is written `n: {value: 1.0}`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: {min: a, max: .inf}}",
        &[
            "2:24: a limit of `lr` must be a finite number, not `a`",
            "2:32: a limit of `lr` must be a finite number, not `.inf`",
        ],
    );
    check(
        "command: [a]\nparameters: {n: {distribution: int_uniform, min: 1, max: 2.5}}",
        &["2:58: `int_uniform` of `n` needs whole limits that fit 64 bits | use `uniform` for real numbers"],
    );
    check(
        "command: [a]\nparameters: {n: {distribution: int_uniform, min: 1, max: 99999999999999999999}}",
        &["2:58: `int_uniform` of `n` needs whole limits that fit 64 bits | use `uniform` for real numbers"],
    );
    check(
        "command: [a]\nmethod: random\ntrials: 1\nparameters: {n: {distribution: log_uniform_values, min: -1, max: 1}}",
        &[
            "4:57: `min` of `n` must be above 0 for a logarithm, not -1 | use `uniform`, or a small `min` such as 1e-6",
        ],
    );
    check(
        "command: [a]\nparameters: {n: {distribution: categorical, min: 0, max: 1}}",
        &[
            "2:32: distribution `categorical` of `n` does not go with `min` and `max` | leave it out, or write `int_uniform`",
        ],
    );
    check(
        "command: [a]\nparameters: {n: {distribution: uniform, values: [1]}}",
        &[
            "2:32: distribution `uniform` of `n` does not go with `values` | leave it out, or write `categorical`",
        ],
    );
    check(
        "command: [a]\nparameters: {n: {distribution: gauss, min: 0, max: 1}}",
        &["2:32: unknown distribution `gauss`"],
    );
}

#[test]
fn a_search_has_an_end() {
    check(
        "command: [a]\nparameters: {lr: {min: 0.0, max: 1.0}}\n",
        &[
            "2:14: parameter `lr` has infinitely many values, which a grid cannot list | list its `values:`, or use `method: random` with `trials:`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: {min: 0.0, max: 1.0}}\nmethod: grid\ntrials: 5",
        &[
            "2:14: parameter `lr` has infinitely many values, which a grid cannot list | list its `values:`, or use `method: random` with `trials:`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: {min: 0.0, max: 1.0}}\nmethod: random",
        &["3:9: random search has no end | say how many trials with `trials:`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmethod: random",
        &["3:9: random search has no end | say how many trials with `trials:`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmethod: random\ntrials: 3",
        &[
            "4:9: `trials: 3` asks for 3 draws, but there are only 2 combinations | ask for at most 2, or use `method: grid` for all of them",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmatrix: {random: 3}",
        &[
            "3:18: `random: 3` asks for 3 draws, but there are only 2 combinations | ask for at most 2, or use `method: grid` for all of them",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmatrix: {random: 0}",
        &["3:18: `random` must be a whole number of at least 1, not `0`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmatrix: {seed: 3}",
        &["3:9: `matrix` has no `random` | known: `full`, `{random: 5}`, `{random: 5, seed: \"a\"}`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmatrix: half",
        &[
            "3:9: `matrix` must be `full` or a mapping, not `half` | known: `full`, `{random: 5}`, `{random: 5, seed: \"a\"}`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmatrix: {random: 1}\ntrials: 1",
        &["4:9: `trials` beside `matrix: {random: …}`: both say how many | keep one of them"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmatrix: {random: 1}\nmethod: grid",
        &["3:9: `matrix: {random: …}` means `method: random`, not `grid` | keep one of them"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmatrix: full\nmethod: random\ntrials: 1",
        &["3:9: `matrix: full` means `method: grid`, not `random` | keep one of them"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmethod: rondom",
        &["3:9: unknown method `rondom` | did you mean `random`?"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmethod: custom",
        &[
            "3:9: method `custom` means nothing here | W&B's `custom` runs on their server: use `grid` or `random`",
        ],
    );
    check(
        "command: [a]\nmetric: {name: a}\nparameters: {lr: [1, 2]}\nmethod: bayes",
        &["4:9: `method: bayes` has no end | say how many trials with `trials:`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\ntrials: 1\nrun_cap: 1",
        &["4:10: `run_cap` beside `trials`: they mean the same | keep one of them"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nrun_cap: 0",
        &["3:10: `run_cap` must be a whole number of at least 1, not `0`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nrun_cap: 1.5",
        &["3:10: `run_cap` must be a whole number of at least 1, not `1.5`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nseed: 1\nmatrix: {random: 1, seed: 2}",
        &["4:21: `matrix` has another `seed` than the spec | keep one of them"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nreplicates: 0",
        &["3:13: `replicates` must be a whole number of at least 1, not `0`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nconcurrency: 0",
        &["3:14: `concurrency` must be a whole number of at least 1, not `0`"],
    );
    check("command: [a]\nparameters: {lr: [1, 2]}\nseed: \"\"", &["3:7: `seed` must have 1 to 256 bytes"]);
    check(
        "command: [a]\nparams: [{lr: 1}]\nmethod: random\ntrials: 4\nparameters: {lr: [1, 2]}\n",
        &[
            "4:9: `trials: 4` asks for 3 draws, but there are only 2 combinations | ask for at most 2, or use `method: grid` for all of them",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: {min: 0.0, max: 1.0}}\nmethod: random\ntrials: many",
        &["4:9: `trials` must be a whole number of at least 1, not `many`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nparameters2: 1",
        &["3:1: unknown key `parameters2` | did you mean `parameters`?"],
    );
}

#[test]
fn explicit_trials_are_flat() {
    check("command: [a]\nparams: []", &["2:9: `params` is empty"]);
    check(
        "command: [a]\nparams: {lr: 1}",
        &[
            "2:9: `params` must be a list of trials, not a mapping | write `- {lr: 0.1}` for each; ranges and lists go into `parameters:`",
        ],
    );
    check("command: [a]\nparams: [lr]", &["2:10: a trial of `params` must be a mapping, not a single value"]);
    check(
        "command: [a]\nparams: [{lr: [1]}]",
        &[
            "2:15: `lr` must be a single value here, not a list | what is to be varied goes into `parameters:`",
        ],
    );
    check(
        "command: [a]\nparams: [{lr: }]",
        &["2:13: the value of `lr` is empty | an empty text is written \"\""],
    );
    check("command: [a]\nparams: [{name: [a], lr: 1}]", &["2:17: a trial's name must be a text, not a list"]);
    check(
        "command: [a]\nparams: [{lr: 1}]\ndefaults: {name: a}",
        &["3:12: `name` has no default | put `name:` at the top of the spec"],
    );
    check(
        "command: [a]\nparams: [{lr: 1}]\ndefaults: [a]",
        &["3:11: `defaults` must be a mapping, not a list"],
    );
}

#[test]
fn a_metric_has_a_name_and_a_goal() {
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmetric: loss",
        &[
            "3:9: `metric` must be a mapping, not a single value | write `metric: {name: loss, goal: maximize}`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmetric: {goal: minimize}",
        &["3:9: `metric` has no `name` | name the key under which trials report it"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmetric: {name: loss, goal: maximise}",
        &["3:28: unknown goal `maximise` | did you mean `maximize`?"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmetric: {name: loss, goal: best}",
        &["3:28: unknown goal `best` | known: `minimize`, `maximize`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmetric: {name: loss, target: low}",
        &["3:30: `target` of `metric` must be a number, not `low`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmetric: {nam: loss}",
        &["3:10: unknown key `nam` | did you mean `name`?"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmetric: {name: \"\"}",
        &["3:16: the metric's name is empty"],
    );
}

#[test]
fn retries_name_their_ends() {
    check("command: [a]\nparameters: {lr: [1, 2]}\nretries: {max: 2, on: [node_fail, timeout]}", &[]);
    check("command: [a]\nparameters: {lr: [1, 2]}\nretries: {max: 1}", &[]);
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nretries: {max: 0, on: [nodefail], often: 1}",
        &[
            "3:16: `max` of `retries` must be a whole number from 1 to 1000, not `0`",
            "3:23: `nodefail` is no end that is tried again | did you mean `node_fail`?",
            "3:35: unknown key `often` | known: `max`, `on`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nretries: {on: [failed]}",
        &["3:10: `retries` has no `max` | write `retries: {max: 2}`"],
    );
}
