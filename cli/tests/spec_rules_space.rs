//! Every rule about distributions, conditions, coupled lists, nesting and W&B's server: a spec and the mistakes that
//! it has, as `line:column: what | hint`.

mod spec_check;

use spec_check::check;

/// The mistakes of parameters, searched at random.
fn random(parameters: &str, expected: &[&str]) {
    check(&format!("command: [a]\nmethod: random\ntrials: 1\nparameters:\n{parameters}"), expected);
}

#[test]
fn a_distribution_takes_its_keys_and_no_others() {
    random(
        "  x: {distribution: normal, min: 0, max: 1}",
        &[
            "5:21: distribution `normal` of `x` does not go with `min` and `max` | leave it out, or write `int_uniform`",
        ],
    );
    random(
        "  x: {distribution: beta, mu: 0}",
        &["5:21: distribution `beta` of `x` does not go with `mu` | leave it out, or write `normal`"],
    );
    random(
        "  x: {distribution: uniform, min: 0, max: 1, q: 1}",
        &["5:21: distribution `uniform` of `x` does not go with `q` | leave it out, or write `q_uniform`"],
    );
    random(
        "  x: {min: 0, max: 1, q: 1}",
        &["5:26: `q` of `x` is for another distribution | write `distribution: q_uniform`, or take it out"],
    );
    random(
        "  x: {values: [1, 2], q: 1}",
        &["5:26: `q` of `x` is for another distribution | write `distribution: q_uniform`, or take it out"],
    );
    random(
        "  x: {mu: 0, sigma: 1}",
        &[
            "5:6: parameter `x` needs either `values`, `value`, or `min` and `max` | the normal distribution is written `{distribution: normal, mu: 0, sigma: 1}`",
        ],
    );
    random(
        "  x: {a: 1, b: 2}",
        &[
            "5:6: parameter `x` needs either `values`, `value`, or `min` and `max` | the beta distribution is written `{distribution: beta, a: 2, b: 5}`",
        ],
    );
    random(
        "  x: {distribution: categorical_w_probabilities, values: [1]}",
        &["5:6: parameter `x` has no `probabilities`"],
    );
    random("  x: {distribution: q_uniform, min: 0}", &["5:6: parameter `x` has no `max`"]);
    random(
        "  x: {distribution: log_uniform_values, min: 1, max: 2, log: true}",
        &[
            "5:21: distribution `log_uniform_values` of `x` does not go with `log` | leave it out, or write `log_uniform_values`",
        ],
    );
    random("  x: {min: 1, max: 2, log: yes}", &["5:28: `log` of `x` must be true or false, not `yes`"]);
    random(
        "  x: {min: 0, max: 2, log: true}",
        &[
            "5:12: `min` of `x` must be above 0 for a logarithm, not 0 | use `uniform`, or a small `min` such as 1e-6",
        ],
    );
}

#[test]
fn distributions_have_numbers_that_they_can_use() {
    random("  x: {distribution: normal, sigma: 0}", &["5:36: `sigma` of `x` must be above 0, not 0"]);
    random(
        "  x: {distribution: normal, mu: a, sigma: .inf}",
        &[
            "5:33: `mu` of `x` must be a finite number, not `a`",
            "5:43: `sigma` of `x` must be a finite number, not `.inf`",
        ],
    );
    random(
        "  x: {distribution: log_normal, mu: 700, sigma: 2}",
        &[
            "5:49: `mu` and `sigma` of `x` are those of the logarithm: some draws have no number | take smaller ones",
        ],
    );
    random(
        "  x: {distribution: beta, a: 0, b: 1e9}",
        &[
            "5:30: `a` of `x` must be above 0 and at most 1000000",
            "5:36: `b` of `x` must be above 0 and at most 1000000",
        ],
    );
    random(
        "  x: {distribution: q_uniform, min: 0, max: 1, q: 0}",
        &["5:51: `q` of `x` must be a number above 0, not `0`"],
    );
    random(
        "  x: {distribution: q_uniform, min: 0, max: 1e9, q: 1e-9}",
        &[
            "5:53: the step `q` of `x` is too small to tell its multiples apart | take a larger one, or the distribution without `q_`",
        ],
    );
    random(
        "  x: {values: [1, 2], probabilities: [0.5, 0.4]}",
        &["5:38: the `probabilities` of `x` add up to 0.9, not to 1"],
    );
    random("  x: {values: [1, 2], probabilities: [0.5]}", &["5:38: `x` has 2 values, but 1 `probabilities`"]);
    random(
        "  x: {values: [1, 2], probabilities: [2, -1]}",
        &[
            "5:39: a probability of `x` must be from 0 to 1, not `2`",
            "5:42: a probability of `x` must be from 0 to 1, not `-1`",
        ],
    );
    random(
        "  x: {values: [1, 2], probabilities: 1}",
        &["5:38: `probabilities` of `x` must be a list, not a single value"],
    );
}

#[test]
fn exponents_that_may_be_values_are_ambiguous() {
    random(
        "  x: {distribution: log_uniform, min: 1e-4, max: 0.1}",
        &[
            "5:39: `log_uniform` of `x` is ambiguous: its limits are exponents of e, and these may be values | write `distribution: log_uniform_values` with `min: 1e-4, max: 0.1` if they are values, with `min: 1.0001000050001667, max: 1.1051709180756477` if they are exponents",
        ],
    );
    random(
        "  x: {distribution: q_log_uniform, min: 1, max: 2, q: 1}",
        &[
            "5:41: `q_log_uniform` of `x` is ambiguous: its limits are exponents of e, and these may be values | write `distribution: q_log_uniform_values` with `min: 1, max: 2` if they are values, with `min: 2.7182818284590455, max: 7.38905609893065` if they are exponents",
        ],
    );
    random(
        "  x: {distribution: inv_log_uniform, min: 1, max: 2}\n  y: {distribution: inv_log_uniform, min: 0, max: 1}",
        &[
            "5:43: `inv_log_uniform` of `x` is ambiguous: its limits are exponents of e, and these may be values | write `distribution: inv_log_uniform_values` with `min: 1, max: 2` if they are values, with `min: 0.1353352832366127, max: 0.36787944117144233` if they are exponents",
        ],
    );
    random(
        "  x: {distribution: log_uniform, min: -1, max: 1000}",
        &[
            "5:39: the limits of `log_uniform` of `x` are exponents of e, and these have no number | write `log_uniform_values` with the values themselves",
        ],
    );
}

#[test]
fn a_grid_lists_what_can_be_listed() {
    let grid = |parameters: &str, expected: &[&str]| {
        check(&format!("command: [a]\nparameters:\n{parameters}"), expected);
    };
    grid(
        "  x: {values: [1, 2], probabilities: [0.5, 0.5]}",
        &[
            "3:3: `probabilities` of `x` mean nothing to a grid, which takes every value once | leave them out, or use `method: random` with `trials:`",
        ],
    );
    grid(
        "  x: {distribution: normal}\n  y: {distribution: q_normal}",
        &[
            "3:3: parameter `x` has infinitely many values, which a grid cannot list | list its `values:`, or use `method: random` with `trials:`",
            "4:3: parameter `y` has infinitely many values, which a grid cannot list | list its `values:`, or use `method: random` with `trials:`",
        ],
    );
}

#[test]
fn a_default_is_one_of_the_values() {
    random("  x: {values: [a, b], default: c}", &["5:32: the default `c` of `x` is none of its values"]);
    random(
        "  x: {min: 1, max: 5, default: 6}",
        &["5:32: the default `6` of `x` is none of its values | they go from 1 to 5"],
    );
    random(
        "  x: {min: 1, max: 5, default: 1.5}",
        &["5:32: the default `1.5` of `x` is none of its values | they go from 1 to 5"],
    );
    random(
        "  x: {distribution: log_normal, default: -1}",
        &["5:42: the default `-1` of `x` is none of its values"],
    );
    random(
        "  x: {min: 0.0, max: 1.0, default: [1]}",
        &["5:36: the default of `x` must be a single value, not a list"],
    );
}

#[test]
fn conditions_name_parameters_and_values_that_there_are() {
    let on = |when: &str| {
        format!("  solver: [saga, lbfgs]\n  n: {{min: 1, max: 5}}\n  x: {{values: [1, 2], when: {when}}}")
    };
    random(
        &on("{slover: saga}"),
        &["7:30: `when` of `x` names `slover`, which is no parameter | did you mean `solver`?"],
    );
    random(&on("{other: saga}"), &["7:30: `when` of `x` names `other`, which is no parameter"]);
    random(&on("{solver: sagga}"), &["7:38: `solver` never is `sagga` | did you mean `saga`?"]);
    random(&on("{solver: {not: [saga, adam]}}"), &["7:44: `solver` never is `adam`"]);
    random(&on("{solver: {lt: 1}}"), &["7:43: no value of `solver` passes this test, so it never holds"]);
    random(&on("{solver: {lt: a}}"), &["7:43: `lt` needs a finite number, not `a`"]);
    random(&on("{n: {gt: 5}}"), &["7:38: no value of `n` passes this test, so it never holds"]);
    random(&on("{n: 7}"), &["7:33: `n` never is `7`"]);
    random(&on("{n: {inside: [1, 2]}}"), &["7:34: key `inside` means nothing here | write `in`"]);
    random(
        &on("{n: {above: 3}}"),
        &["7:34: unknown key `above` | known: `not`, `lt`, `le`, `gt`, `ge`, `in`"],
    );
    random(
        &on("{n: {}}"),
        &[
            "7:33: the value of `n` in `when` of `x` is empty | write `when: {solver: saga}`, or `when: {layers: {gt: 2}}`",
        ],
    );
    random(&on("{n: []}"), &["7:33: the value of `n` in `when` of `x` is an empty list"]);
    random(
        &on("{}"),
        &["7:29: `when` of `x` is empty | write `when: {solver: saga}`, or `when: {layers: {gt: 2}}`"],
    );
    random(
        &on("saga"),
        &[
            "7:29: `when` of `x` must be a mapping, not a single value | write `when: {solver: saga}`, or `when: {layers: {gt: 2}}`",
        ],
    );
    random(
        "  x: {values: [1, 2], then: 1}",
        &["5:29: `then` of `x` without `when` | a fixed value is written `x: {value: …}`"],
    );
}

#[test]
fn circles_are_named_whole() {
    random(
        "  a: {values: [1, 2], when: {c: 1}}\n  b: {values: [1, 2], when: {a: 1}}\n  c: {values: [1, 2], when: {b: 1}}",
        &[
            "5:3: parameters depend on each other in a circle: `a` → `c` → `b` → `a` | take one of their `when` out: the first of them must stand alone",
        ],
    );
    random(
        "  a: {values: [1, 2], when: {a: 1}}",
        &[
            "5:3: parameters depend on each other in a circle: `a` → `a` | take one of their `when` out: the first of them must stand alone",
        ],
    );
}

#[test]
fn a_text_cannot_need_what_is_not_always_there() {
    check(
        "command: [a, \"${x}\", \"${x:-0}\"]\nparameters: {s: [1, 2], x: {values: [1, 2], when: {s: 1}}}",
        &[
            "1:14: `${x}` in `command` has no value where the conditions on `x` fail | write `${x:-DEFAULT}`, or `${args}` for all that a trial has",
        ],
    );
    check("command: [a, \"${x}\"]\nparameters: {s: [1, 2], x: {values: [1, 2], when: {s: 1}, then: 3}}", &[]);
    check(
        "command: [a, \"${x}\"]\nparameters: {s: [1, 2], x: {values: [1, 2], when: {s: 1}}}\ndefaults: {x: 0}",
        &[],
    );
}

#[test]
fn coupled_parameters_are_lists_of_one_length() {
    let zip = |zip: &str, expected: &[&str]| {
        check(
            &format!(
                "command: [a]\nparameters: {{a: [1, 2], b: [3, 4, 5], c: {{min: 1, max: 2}}, d: [1, 2], e: [7, 8]}}\nzip: {zip}"
            ),
            expected,
        );
    };
    zip(
        "[[a, b], [e, d]]",
        &[
            "3:7: `a` and `b` are coupled, but have 2 and 3 values | coupled lists have one value for each of the other's",
        ],
    );
    zip("[[a, c], [e, d]]", &["3:7: parameter `c` is not a list of values, so it cannot be coupled"]);
    zip("[[a, x], [e, d]]", &["3:7: `zip` names `x`, which is no parameter"]);
    zip("[[a, d], [e, a]]", &["3:7: parameter `a` is coupled twice"]);
    check(
        "command: [a]\nparameters: {f: [7, 8, 7], g: [1, 2, 1]}\nzip: [[f, g]]",
        &["3:7: rows 1 and 3 of `f`, `g` are the same"],
    );
    check("command: [a]\nparameters: {f: [7, 8, 7], g: [1, 2, 3]}\nzip: [[f, g]]", &[]);
    zip(
        "[a, d]",
        &[
            "3:7: an element of `zip` must be a list, not a single value | write `zip: [[lr, batch_size]]`: a list for each set of parameters that go together",
            "3:10: an element of `zip` must be a list, not a single value | write `zip: [[lr, batch_size]]`: a list for each set of parameters that go together",
        ],
    );
    zip(
        "[[a]]",
        &[
            "3:7: an element of `zip` needs at least two parameters | write `zip: [[lr, batch_size]]`: a list for each set of parameters that go together",
        ],
    );
    zip(
        "a",
        &[
            "3:6: `zip` must be a list of lists, not a single value | write `zip: [[lr, batch_size]]`: a list for each set of parameters that go together",
        ],
    );
    check(
        "command: [a]\nparameters: {s: [1, 2], a: {values: [1, 2], when: {s: 1}, then: 3}, b: [1, 2]}\nzip: [[a, b]]",
        &["2:65: parameter `a` is coupled, so a rule cannot fix its value alone"],
    );
}

#[test]
fn nested_parameters_have_names_of_their_own() {
    random(
        "  opt:\n    parameters: {}\n",
        &["6:17: `parameters` is empty | give at least one, such as `lr: [0.1, 0.01]`"],
    );
    random(
        "  opt:\n    values: [1]\n    parameters: {lr: [1, 2]}\n",
        &["6:5: `values` beside `parameters` of `opt` | a parameter has values or parameters, not both"],
    );
    random(
        "  opt:\n    parameters: {lr: [1, 2]}\n  opt.lr: [3]\n",
        &["7:3: parameter `opt.lr` is given twice"],
    );
    random(
        "  opt:\n    parameters: {lr: [1, 2], x: {values: [3, 4], when: {lr: 5}}}\n",
        &["6:61: `opt.lr` never is `5`"],
    );
    random(
        "  opt:\n    when: {s: 2}\n    parameters: {lr: [1, 2], x: [3, 4]}\n  s: [1]",
        &["6:15: `s` never is `2`"],
    );
    random(
        "  opt:\n    parameters: {\"a b\": [1, 2]}\n",
        &["6:18: parameter name `opt.a b` may have letters, digits, `_`, `.` and `-` only"],
    );
}

#[test]
fn what_needs_the_server_is_refused_by_name() {
    let with = |lines: &str, expected: &[&str]| {
        check(&format!("command: [a]\nparameters: {{lr: [1, 2]}}\n{lines}"), expected);
    };
    with("project: p\nentity: e\napiVersion: v1\nkind: sweep\ncontroller: {type: local}", &[]);
    with(
        "controller: {type: cloud}",
        &[
            "3:20: `controller: {type: cloud}` means nothing here: it runs the search on W&B's server | take it out: the search runs here",
        ],
    );
    with(
        "controller: {type: none, size: 1}",
        &[
            "3:20: unknown type `none` of `controller` | known: `local`",
            "3:26: unknown key `size` | known: `type`",
        ],
    );
    with(
        "kind: job",
        &["3:7: `kind` must be `sweep`, not `job` | W&B's other kinds of files run on their server"],
    );
    with(
        "image_uri: a:b\njob: j\nscheduler: {engine: wandb}\nmetrics: [{name: a}, {name: b}]",
        &[
            "3:1: key `image_uri` means nothing here | it names something on W&B's server, and there is none here: take it out",
            "4:1: key `job` means nothing here | it names something on W&B's server, and there is none here: take it out",
            "5:1: key `scheduler` means nothing here | it belongs to W&B's `method: custom`, which runs on their server: take it out",
            "6:1: key `metrics` means nothing here | it belongs to W&B's `method: custom`, which runs on their server: take it out",
        ],
    );
    with(
        "method: custom",
        &[
            "3:9: method `custom` means nothing here | W&B's `custom` runs on their server: use `grid` or `random`",
        ],
    );
    with(
        "metric: {name: a, impute_while_running: best}",
        &[
            "3:19: key `impute_while_running` means nothing here | it fills in for trials that W&B's server sees running: take it out",
        ],
    );
}

#[test]
fn what_is_too_much_is_refused_before_it_is_looked_at() {
    let many =
        |count: usize, text: &dyn Fn(usize) -> String| (0..count).map(text).collect::<Vec<_>>().join(", ");
    check(
        &format!(
            "command: [a]\nparameters: {{p: [1, 2], x: {{value: 1, when: {{p: [{}]}}}}}}",
            many(10_000, &|n| n.to_string())
        ),
        &["2:49: the value of `p` in `when` of `x` has more than 256 values"],
    );
    check(
        &format!(
            "command: [a]\nparameters: {{p: [1, 2], x: {{value: 1, when: {{{}}}}}}}",
            many(10_000, &|n| format!("q{n}: 1"))
        ),
        &["2:45: `when` of `x` has more than 256 tests"],
    );
    check(
        &format!(
            "command: [a]\nparameters: {{{}}}",
            many(20_000, &|n| format!("p{n}: {{value: 1, when: {{p{}: 1}}}}", n + 1))
        ),
        &["2:14: 20000 parameters, more than the limit of 256"],
    );
    check(
        &format!("command: [a]\nparameters: {{p: [1, 2]}}\nzip: [[{}]]", many(10_000, &|n| format!("p{n}"))),
        &["3:7: an element of `zip` names more parameters than a trial may have"],
    );
}
