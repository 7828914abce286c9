//! What is wrong with `from`, `rungs` and a list of metrics, each with its place and what to write.

mod spec_check;

use spec_check::check;

fn wrong(rest: &str, expected: &[&str]) {
    check(&format!("command: [a]\nparameters: {{lr: [1, 2]}}\n{rest}"), expected);
}

#[test]
fn another_sweep_is_named_in_full() {
    wrong("from: coarse", &["3:7: `from` must be a mapping, not a single value"]);
    wrong(
        "from: {top: 3}",
        &["3:7: `from` names no `sweep` | write `from: {sweep: coarse, top: 3, around: 0.5}`"],
    );
    wrong(
        "from: {sweep: '', top: 0, arond: 1}",
        &[
            "3:15: `sweep` of `from` is empty | write `from: {sweep: coarse, top: 3, around: 0.5}`",
            "3:24: `top` of `from` must be a whole number from 1 to 100, not `0`",
            "3:27: unknown key `arond` | did you mean `around`?",
        ],
    );
    wrong(
        "from: {sweep: a, around: 1.5}",
        &["3:26: `around` of `from` must be a part of each range, at most 1"],
    );
    wrong("from: {sweep: a, around: 0}", &["3:26: `around` of `from` must be a number above 0, not `0`"]);
    check("command: [a]\nparameters: {lr: [1, 2]}\nfrom: {sweep: a, around: 1, top: 100}", &[]);
}

#[test]
fn rungs_are_options_of_a_method_that_has_some() {
    wrong(
        "rungs: [{mem: 1G}]",
        &[
            "3:8: `rungs` beside `method: grid`, which has none | take it out; it is for hyperband, halving, asha, pbt and genetic",
        ],
    );
    let hyperband = "method: hyperband\nhyperband: {max_budget: 9}\nmetric: {name: a}\n";
    let hint = "write `rungs: [{mem: 1G}, {mem: 4G, time: \"1:00:00\"}]`";
    wrong(
        &format!("{hyperband}rungs: {{mem: 1G}}"),
        &[&format!("6:8: `rungs` must be a list, not a mapping | {hint}")],
    );
    wrong(&format!("{hyperband}rungs: []"), &[&format!("6:8: `rungs` is empty | {hint}")]);
    wrong(
        &format!("{hyperband}rungs: [{{}}, {{}}, {{}}, {{mem: 1G}}]"),
        &["6:8: `rungs` has 4 entries, but `hyperband` has 3 rungs | take the last ones out"],
    );
    wrong(
        &format!("{hyperband}rungs: [{{mem: '${{size}}', array: 3}}]"),
        &[
            "6:15: `${size}` in sbatch option `mem` has no value and no default in t000 | give the parameter a value, or write `${size:-DEFAULT}`",
            "6:26: sbatch option `array` is not for a spec | sweep makes the array from the trials; use `concurrency:` for how many run at once",
        ],
    );
    wrong(
        "method: pbt\npbt: {generations: 2}\nmetric: {name: a}\nrungs: [{}, {}, {}]",
        &["6:8: `rungs` has 3 entries, but `pbt` has 2 generations | take the last ones out"],
    );
}

#[test]
fn several_metrics_have_names_of_their_own() {
    wrong(
        "metric: []",
        &[
            "3:9: `metric` must be one, or a list of 1 to 16, not of 0 | write `metric: [{name: loss}, {name: seconds}]`",
        ],
    );
    wrong(
        "metric: [{name: loss}, {name: loss}]",
        &["3:24: two metrics are named `loss` | give each a `name` of its own"],
    );
    wrong(
        "metric: [{name: loss, target: 1}, {name: mb, target: 1}, {goal: minimize}]",
        &[
            "3:35: `target` of a metric that is not the first | the search goes by the first metric, and ends by its target",
            "3:58: `metric` has no `name` | name the key under which trials report it",
        ],
    );
}
