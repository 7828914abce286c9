//! Every rule about `spread`: a spec and the mistakes that it has, as `line:column: what | hint`.

mod spec_check;

use spec_check::check;

const BEFORE: &str = "command: [a]\nparameters: {lr: [1, 2]}\n";

fn mistakes(spread: &str, expected: &[&str]) {
    check(&format!("{BEFORE}{spread}"), expected);
}

#[test]
fn places_are_read() {
    mistakes("spread: {over: [{partition: a, weight: 3}, {qos: b}, {account: c}], delay_s: 600}", &[]);
    mistakes("spread: {over: [{cluster: a}, {cluster: b, partition: p, qos: q}], how: opportunistic}", &[]);
    mistakes("spread: {over: [{reservation: a}, {constraint: \"b&c\"}], how: balanced}", &[]);
}

#[test]
fn keys_and_words_of_a_spread_are_known_or_named() {
    mistakes(
        "spread: {over: [{partion: a}], howw: balanced, delay_s: 601}",
        &[
            "3:18: unknown key `partion` | did you mean `partition`?",
            "3:32: unknown key `howw` | did you mean `how`?",
            "3:57: `delay_s` of `spread` must be a whole number from 0 to 600, not `601`",
        ],
    );
    mistakes(
        "spread: {over: [{partition: a, weight: 0}, {clusters: b}], how: oportunistic}",
        &[
            "3:40: `weight` of a place must be a whole number from 1 to 1000000, not `0`",
            "3:45: key `clusters` means nothing here | write `cluster`, and a place for each",
            "3:65: unknown `how` of `spread` `oportunistic` | did you mean `opportunistic`?",
        ],
    );
}

#[test]
fn a_spread_names_places() {
    let over = "write `over: [{partition: short, weight: 3}, {partition: long}]`";
    mistakes(
        "spread: {how: balanced}",
        &[&format!("3:9: `spread` without `over`: nobody knows where | {over}")],
    );
    mistakes("spread: a", &["3:9: `spread` must be a mapping, not a single value"]);
    mistakes(
        "spread: {over: {partition: a}}",
        &[&format!("3:16: `over` of `spread` must be a list, not a mapping | {over}")],
    );
    mistakes(
        "spread: {over: []}",
        &[&format!("3:16: `over` of `spread` must name from 1 to 64 places, not 0 | {over}")],
    );
    mistakes(
        "spread: {over: [{weight: 2}, {partition: \"\"}, {cluster: 'a,b'}]}",
        &[
            "3:17: a place of `spread` says nothing of where | name a `cluster`, a `partition`, a `qos` or an `account`",
            "3:42: `partition` of a place must be a name, not the text ``",
            "3:57: `cluster` of a place names several: `a,b` | make each a place of its own",
        ],
    );
}

#[test]
fn places_are_different_and_all_on_clusters_or_none() {
    mistakes(
        "spread: {over: [{partition: a}, {partition: a, weight: 2}]}",
        &["3:33: this place stands in line 3 already | give that one a `weight` instead"],
    );
    mistakes(
        "spread: {over: [{cluster: a}, {partition: b}]}",
        &[
            "3:31: this place has no `cluster` and others have | name it, also where it is this one: `sacctmgr show clusters` lists their names",
        ],
    );
}

#[test]
fn trials_do_not_overrule_places() {
    let hint = "take it out: the places say where trials run";
    mistakes(
        "sbatch: {partition: x, mem: 1G}\nspread: {over: [{partition: a}, {qos: b}]}",
        &[&format!("3:21: `partition` in `sbatch` beside that of `spread` | {hint}")],
    );
    mistakes(
        "spread: {over: [{partition: \"${lr}\"}]}",
        &[
            "3:29: `partition` of a place must be the same for all trials | for what a parameter decides there is `sbatch:`",
        ],
    );
    check(
        "command: [a]\nparams: [{lr: 1, sbatch: {qos: x}}]\nspread: {over: [{partition: a}, {qos: b}]}",
        &[&format!("2:26: `qos` in `sbatch` of a trial beside that of `spread` | {hint}")],
    );
}
