//! Every rule about keys, commands, texts and sbatch options: a spec and the mistakes that it has, as `line:column: what | hint`.

mod spec_check;

use spec_check::check;

#[test]
fn keys_are_known_refused_by_name_or_unknown() {
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsede: 1",
        &["3:1: unknown key `sede` | did you mean `seed`?"],
    );
    check("command: [a]\nparameters: {lr: [1, 2]}\nqqq: 1", &["3:1: unknown key `qqq`"]);
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nbayes: {}",
        &[
            "3:1: key `bayes` means nothing here | Bayesian search has no settings: take it out, `method: bayes` is enough",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\njob: me",
        &[
            "3:1: key `job` means nothing here | it names something on W&B's server, and there is none here: take it out",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nmetrics: []",
        &[
            "3:1: key `metrics` means nothing here | it belongs to W&B's `method: custom`, which runs on their server: take it out",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\ngrid: {a: [1]}",
        &[
            "3:1: key `grid` means nothing here | use `parameters:`; its combinations come after the rows of `params:`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nseed:",
        &["3:1: key `seed` has no value | give it one, or take the key out"],
    );
    check("command: [a]\nparameters: {lr: [1, 2]}\nseed: 1\nseed: 2", &["4:1: key `seed` is given twice"]);
    check("[1]", &["1:1: a spec must be a mapping, not a list"]);
    check("text", &["1:1: a spec must be a mapping, not a single value"]);
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\n<<: {a: 1}",
        &["3:1: merge keys (`<<`) are not read | write the keys out, or alias one value at a time"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\ntime: 10",
        &["3:1: key `time` means nothing here | it is an option of sbatch: put it under `sbatch:`"],
    );
}

#[test]
fn a_trial_runs_one_thing() {
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nscript: a.sh",
        &["3:9: `script` beside `command`: a trial runs one thing | keep one of them"],
    );
    check(
        "shell: a\nprogram: b\nparameters: {lr: [1, 2]}\n",
        &[
            "2:10: `program` beside `shell`: a trial runs one thing | keep one of them; `program` goes with `command` alone",
        ],
    );
    check(
        "shell: a\nscript: b\ncommand: [a]\nparameters: {lr: [1, 2]}\n",
        &[
            "1:8: `shell` beside `command`: a trial runs one thing | keep one of them",
            "2:9: `script` beside `command`: a trial runs one thing | keep one of them",
        ],
    );
    check(
        "command: []\nparameters: {lr: [1, 2]}\n",
        &["1:10: `command` is empty | write a list, such as [python3, train.py], or use `shell:` for a text"],
    );
    check(
        "command: [\"\", a]\nparameters: {lr: [1, 2]}\n",
        &["1:11: `command` begins with an empty text | the first element is the program to run"],
    );
    check(
        "command: python x.py\nparameters: {lr: [1, 2]}\n",
        &[
            "1:10: `command` must be a list, not a single value | write a list, such as [python3, train.py], or use `shell:` for a text",
        ],
    );
    check(
        "command: [[a]]\nparameters: {lr: [1, 2]}\n",
        &["1:11: an element of `command` must be a text, not a list"],
    );
    check("shell: [a]\nparameters: {lr: [1, 2]}\n", &["1:8: `shell` must be a text, not a list"]);
    check("shell: \" \"\nparameters: {lr: [1, 2]}\n", &["1:8: `shell` is empty"]);
    check("program: \"\"\nparameters: {lr: [1, 2]}\n", &["1:10: `program` is empty"]);
    check("script: \"\"\nparameters: {lr: [1, 2]}\n", &["1:9: `script` is empty"]);
}

#[test]
fn macros_stand_alone() {
    check(
        "command: [python, \"x${args}\"]\nparameters: {lr: [1, 2]}\n",
        &[
            "1:19: `${args}` inside `x${args}`: a macro must be a whole element | make `${args}` an element of its own, or write `$${args}`",
        ],
    );
    check(
        "command: [python, \"${program}\"]\nparameters: {lr: [1, 2]}\n",
        &["1:19: `${program}` without `program:` | add `program: train.py`, or write the name here"],
    );
    check(
        "program: t.py\ncommand: [python, \"-m ${program}\"]\nparameters: {lr: [1, 2]}\n",
        &[
            "2:19: `${program}` inside `-m ${program}`: a macro must be a whole element | make `${program}` an element of its own, or write `$${program}`",
        ],
    );
}

#[test]
fn every_name_has_a_value_in_every_trial() {
    check(
        "command: [a, \"${rl}\", \"$lr ${x%y} $$ $${no} ${z:-1}\"]\nparameters: {lr: [1, 2]}\n",
        &[
            "1:14: `${rl}` in `command` has no value and no default in t000 | give the parameter a value, or write `${rl:-DEFAULT}`",
        ],
    );
    check(
        "shell: \"echo ${HOME} ${lr}\"\nparameters: {lr: [1, 2]}\n",
        &[
            "1:8: `${HOME}` in `shell` has no value and no default in t000 | write `$${HOME}` for a variable of the shell, or `${HOME:-DEFAULT}`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nworkdir: \"out/${trial}\"",
        &[
            "3:10: `${trial}` in `workdir` has no value and no default in t000 | give the parameter a value, or write `${trial:-DEFAULT}`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nenv: {A: \"${b}\"}",
        &[
            "3:10: `${b}` in `env` variable `A` has no value and no default in t000 | give the parameter a value, or write `${b:-DEFAULT}`",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {comment: \"${SWEEP_TRIAL}\"}",
        &[
            "3:19: `${SWEEP_TRIAL}` in sbatch option `comment` has no value and no default in t000 | give the parameter a value, or write `${SWEEP_TRIAL:-DEFAULT}`",
        ],
    );
    check(
        "command: [a, \"${lr}\", \"${b}\"]\nparams: [{lr: 1, b: 2}, {lr: 1}, {b: 1}]",
        &[
            "1:14: `${lr}` in `command` has no value and no default in t002 | give the parameter a value, or write `${lr:-DEFAULT}`",
            "1:23: `${b}` in `command` has no value and no default in t001 | give the parameter a value, or write `${b:-DEFAULT}`",
        ],
    );
    check(
        "command: [a, \"${b}\"]\nparams: [{b: 1}]\nparameters: {lr: [1, 2]}\nreplicates: 3",
        &[
            "1:14: `${b}` in `command` has no value and no default in t003 | give the parameter a value, or write `${b:-DEFAULT}`",
        ],
    );
    check(
        "command: [a]\nparams: [{lr: 1, sbatch: {mem: \"${m}\"}}]",
        &[
            "2:26: `${m}` in sbatch option `mem` has no value and no default in t000 | give the parameter a value, or write `${m:-DEFAULT}`",
        ],
    );
}

#[test]
fn sbatch_options_are_long_and_not_sweeps_own() {
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {job-name: x}",
        &[
            "3:10: sbatch option `job-name` is not for a spec | use `name:`; the job's name is how a sweep finds its jobs",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {J: x}",
        &[
            "3:10: sbatch option `J` is not for a spec | use `name:`; the job's name is how a sweep finds its jobs",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {array: x}",
        &[
            "3:10: sbatch option `array` is not for a spec | sweep makes the array from the trials; use `concurrency:` for how many run at once",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {-a: x}",
        &[
            "3:10: sbatch option `-a` is not for a spec | sweep makes the array from the trials; use `concurrency:` for how many run at once",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {output: x}",
        &["3:10: sbatch option `output` is not for a spec | each trial's output is `out.log` in its folder"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {o: x}",
        &["3:10: sbatch option `o` is not for a spec | each trial's output is `out.log` in its folder"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {error: x}",
        &["3:10: sbatch option `error` is not for a spec | each trial's output is `out.log` in its folder"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {wrap: x}",
        &["3:10: sbatch option `wrap` is not for a spec | use `shell:`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {parsable: x}",
        &["3:10: sbatch option `parsable` is not for a spec | sweep reads what sbatch prints by itself"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {wait: x}",
        &["3:10: sbatch option `wait` is not for a spec | use `sweep run`, which waits and shows progress"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {clusters: x}",
        &["3:10: sbatch option `clusters` is not for a spec | use `spread: {over: [{cluster: NAME}]}`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {M: x}",
        &["3:10: sbatch option `M` is not for a spec | use `spread: {over: [{cluster: NAME}]}`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {sweep-dir: x}",
        &["3:10: sbatch option `sweep-dir` is not for a spec | sweep gives the trials by itself"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {--sweep_trial: x}",
        &["3:10: sbatch option `--sweep_trial` is not for a spec | sweep gives the trials by itself"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {test-only: x}",
        &["3:10: sbatch option `test-only` is not for a spec | use `sweep submit --dry-run`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {Time: x}",
        &["3:10: sbatch option `Time` must be given by its long name | write `time`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {cpus_per_task: x}",
        &["3:10: sbatch option `cpus_per_task` must be given by its long name | write `cpus-per-task`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {c: x}",
        &["3:10: sbatch option `c` must be given by its long name | write `cpus-per-task`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {--mem: x}",
        &["3:10: sbatch option `--mem` must be given without dashes before it | write `mem`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {time limit: x}",
        &["3:10: `time limit` is not an option of sbatch | give its long name, such as `cpus-per-task`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {x: x}",
        &["3:10: sbatch option `x` must be given by its long name | write `exclude`"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: [a]",
        &["3:9: `sbatch` must be a mapping, not a list"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {mem: [1]}",
        &[
            "3:15: sbatch option `mem` must be a single value, not a list | lists are written with commas, as on sbatch's command line",
        ],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {mem: }",
        &["3:13: sbatch option `mem` has no value | write `true` for an option without one"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {mem: \"\"}",
        &["3:15: sbatch option `mem` has no value | write `true` for an option without one"],
    );
    check(
        "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {comment: \"a\\nb\"}",
        &["3:19: sbatch option `comment` must be one line, without tabs"],
    );
    check(
        "command: [a]\nparams: [{lr: 1, sbatch: {exclusive: false}}]",
        &[
            "2:38: one trial cannot take sbatch option `exclusive` away | leave it out above, and give it to the trials that need it",
        ],
    );
}
