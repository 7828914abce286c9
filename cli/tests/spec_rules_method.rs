//! Every rule about methods and their settings: a spec and the mistakes that it has, as `line:column: what | hint`;
//! and what the right ones become.

mod spec_check;

use std::path::Path;

use spec_check::check;
use sweep_cli::spec::Spec;
use sweep_search::ladder::Selection;
use sweep_search::median::Grace;
use sweep_search::source::Proposals;
use sweep_search::{AshaMode, Method, Rungs, Stop, genetic, pbt};

const HEAD: &str = "command: [a]\nparameters: {lr: {min: 0.0, max: 1.0}}\n";

fn spec(rest: &str) -> Spec {
    let text = format!("{HEAD}{rest}");
    Spec::parse(Path::new("sweep.yaml"), text.clone().into_bytes()).unwrap_or_else(|e| panic!("{text}\n{e}"))
}

fn wrong(rest: &str, expected: &[&str]) {
    check(&format!("{HEAD}{rest}"), expected);
}

fn rungs(method: Method) -> Rungs {
    match method {
        Method::Hyperband(rungs) | Method::Halving(rungs) | Method::Asha(rungs, _) => rungs,
        other => panic!("{other:?} has no rungs"),
    }
}

#[test]
fn hyperband_is_read_with_all_its_settings() {
    let seed = spec("method: hyperband\nhyperband: {s_max: 5, eta: 3, guaranteed_budget: 3}");
    let ladder = rungs(seed.method).ladder;
    assert_eq!((ladder.s_max, ladder.eta, ladder.least, ladder.most, ladder.guaranteed), (5, 3, 1, 243, 3));
    assert_eq!(seed.experiment("").configurations(), Ok(611));
    let rest = "method: hyperband\nhyperband:\n  max_budget: 100\n  min_budget: 4\n  eta: 2\n  brackets: [0, 2]\n  last_stage: 1\n  proposals: sobol";
    let some = rungs(spec(rest).method);
    assert_eq!((some.ladder.s_max, some.ladder.most, some.ladder.last_stage), (4, 100, Some(1)));
    assert_eq!((some.ladder.brackets, some.proposals), (Selection::of(&[0, 2]), Proposals::Sobol));
}

#[test]
fn the_other_methods_are_read() {
    let asha = spec("method: asha\ntrials: 50\nasha: {max_budget: 81, mode: stop}").method;
    assert!(matches!(asha, Method::Asha(_, AshaMode::Stop)));
    assert_eq!(rungs(asha).ladder.brackets, Selection::of(&[0]));
    let halving = spec("method: halving\ntrials: 20\nhalving: {max_budget: 9}");
    assert_eq!(halving.experiment("").configurations(), Ok(20 + 6 + 2));
    assert_eq!(spec("method: sobol\ntrials: 8").method, Method::Sobol);
    assert_eq!(spec("method: latin\ntrials: 8").method, Method::Latin);
    let bred = spec(
        "method: genetic\ngenetic: {generations: 5, num_demes: 2, pop_size: 8, mutation_rate: 0.1, add_mutation_bounds: [0.1, 0.2, 0.3], checkpoint: true}",
    );
    let expected = genetic::Settings {
        generations: 5,
        num_demes: 2,
        pop_size: 8,
        mutation_rate: 0.1,
        add_mutation_bounds: [0.1, 0.2, 0.3],
        lineage: genetic::Lineage::Checkpoint,
        ..genetic::Settings::default()
    };
    assert_eq!(bred.method, Method::Genetic(expected));
    assert_eq!(bred.experiment("").configurations(), Ok(80));
    assert_eq!(spec("method: genetic\ntrials: 30").experiment("").configurations(), Ok(30));
    let trained = spec("method: pbt\npbt: {population: 4, generations: 3, interval: 2, factors: [1.5, 0.5]}");
    let expected = pbt::Settings {
        population: 4,
        generations: 3,
        interval: 2,
        factors: [1.5, 0.5],
        ..pbt::Settings::default()
    };
    assert_eq!(trained.method, Method::Pbt(expected));
    assert_eq!(spec("method: pbt").method, Method::Pbt(pbt::Settings::default()));
}

#[test]
fn early_terminate_is_wandbs_or_the_median() {
    let stop =
        |rest: &str| spec(&format!("method: random\ntrials: 9\nearly_terminate: {rest}")).stop.unwrap();
    let bands = |stop: Stop| match stop {
        Stop::Bands { bands, .. } => bands,
        other @ Stop::Median(_) => panic!("{other:?}"),
    };
    assert_eq!(bands(stop("{type: hyperband, max_iter: 27, s: 2}")), [3, 9]);
    assert_eq!(bands(stop("{type: hyperband, min_iter: 3, eta: 2, strict: true}"))[..3], [3, 6, 12]);
    assert_eq!(stop("{type: median}"), Stop::Median(Grace::default()));
    assert_eq!(
        stop("{type: median, grace_steps: 2, grace_trials: 9}"),
        Stop::Median(Grace { steps: 2, completed: 9 })
    );
}

#[test]
fn a_method_with_rungs_needs_budgets() {
    wrong(
        "method: hyperband",
        &[
            "3:9: `method: hyperband` needs `hyperband:` with the budgets | write `hyperband: {max_budget: 81}`, in epochs or what else the program counts",
        ],
    );
    wrong(
        "method: halving\nhalving: {eta: 3}",
        &[
            "4:10: `halving` has neither `max_budget` nor `s_max` | write `halving: {max_budget: 81}`, in epochs or what else the program counts",
        ],
    );
    wrong(
        "method: asha\ntrials: 9\nasha: {s_max: 3, max_budget: 27}",
        &["5:7: `s_max` beside `max_budget` in `asha`: the one follows from the other | keep one of them"],
    );
    wrong(
        "method: asha\ntrials: 9\nasha: {max_budget: 27, min_budget: 28}",
        &["5:7: `min_budget` of 28 is above `max_budget` of 27"],
    );
    wrong(
        "method: hyperband\nhyperband: {s_max: 60, eta: 3}",
        &["4:12: the budget of the last rung would pass 9007199254740992"],
    );
    wrong(
        "method: hyperband\nhyperband: {s_max: 20, eta: 3}",
        &["4:12: the sweep has more than 100000000 trials, the most that one sweep may have"],
    );
}

#[test]
fn settings_are_checked_each_for_itself() {
    wrong(
        "method: hyperband\nhyperband: {max_budget: 0, eta: 1, s_mx: 3, proposals: sobl, last_stage: x}",
        &[
            "4:25: `max_budget` of `hyperband` must be a whole number of at least 1, not `0`",
            "4:33: `eta` of `hyperband` must be a whole number from 2 to 1000, not `1`",
            "4:36: unknown key `s_mx` | did you mean `s_max`?",
            "4:56: unknown `proposals` of `hyperband` `sobl` | did you mean `sobol`?",
            "4:74: `last_stage` of `hyperband` must be a whole number from 0 to 63, not `x`",
        ],
    );
    wrong(
        "method: hyperband\nhyperband: {s_max: 3, brackets: [1, 4]}",
        &["4:33: `hyperband` has no bracket 4: they are numbered from 0 to 3"],
    );
    wrong(
        "method: halving\nhalving: {s_max: 3, brackets: [1]}",
        &["4:21: key `brackets` means nothing here | halving is one bracket: use `method: hyperband`"],
    );
    wrong(
        "method: asha\ntrials: 9\nasha: {s_max: 3, brackets: [], mode: go}",
        &["5:28: `brackets` is empty | name some, such as `[0, 2]`, or take it out for all"],
    );
    wrong(
        "method: genetic\ngenetic: {generations: 0, mutation_rate: 2, mul_mutation_bounds: [1, 2], add_mutation_bounds: [0.1, 0.3, 0.2], checkpoint: 1, verbose: true}",
        &[
            "4:24: `generations` of `genetic` must be a whole number from 1 to 1000000, not `0`",
            "4:42: `mutation_rate` of `genetic` must be a number from 0 to 1, not `2`",
            "4:66: `mul_mutation_bounds` of `genetic` must be a list of three numbers",
            "4:95: `add_mutation_bounds` of `genetic` must be three shares: small, and from and to of large, such as `[0.01, 0.1, 0.2]`",
            "4:124: `checkpoint` of `genetic` must be true or false, not `1`",
            "4:127: key `verbose` means nothing here | see `sweep watch` and `sweep report`: take it out",
        ],
    );
    wrong(
        "method: pbt\npbt: {quantile: 0.6, factors: [0, 1], population: none}",
        &[
            "4:17: `quantile` of `pbt` must be a number from 0 to 0.5, not `0.6`",
            "4:31: `factors` of `pbt` must be two numbers above 0, such as `[1.2, 0.8]`",
            "4:51: `population` of `pbt` must be a whole number from 1 to 1000000, not `none`",
        ],
    );
    wrong(
        "method: random\ntrials: 3\ncost_per_budget: free\nearly_terminate: {type: hyperband, eta: 1, min_iter: 3}",
        &[
            "5:18: `cost_per_budget` must be a number above 0, not `free`",
            "6:41: `eta` of `early_terminate` must be a number above 1, not `1`",
        ],
    );
    wrong(
        "method: random\ntrials: 3\nearly_terminate: {type: median, eta: 3}\n",
        &["5:18: `eta` means nothing to `early_terminate` of type `median`"],
    );
    wrong(
        "method: random\ntrials: 3\nearly_terminate: {type: hyperband, max_iter: 2, s: 3}\n",
        &[
            "5:18: `early_terminate` has no band: `max_iter` divided by `eta` is below 1 | give a greater `max_iter`",
        ],
    );
    wrong(
        "method: random\ntrials: 3\nearly_terminate: {min_iter: 3}\n",
        &["5:18: `early_terminate` has no `type` | write `type: hyperband` or `type: median`"],
    );
}

#[test]
fn settings_of_another_method_are_refused() {
    wrong(
        "method: random\ntrials: 3\nhyperband: {s_max: 2}",
        &[
            "5:12: `hyperband` has settings, but the method is `random` | take it out, or write `method: hyperband`",
        ],
    );
    wrong(
        "method: hyperband\ntrials: 7\nhyperband: {s_max: 2}",
        &[
            "4:9: `trials` beside `method: hyperband`, whose brackets say how many there are | take it out: `sweep plan` shows how many; or use `method: asha`",
        ],
    );
    wrong(
        "method: pbt\nearly_terminate: {type: median}",
        &["4:18: `early_terminate` beside `method: pbt`, which ends trials itself | take it out"],
    );
}

#[test]
fn a_search_without_an_end_is_refused() {
    wrong("method: sobol", &["3:9: `method: sobol` has no end | say how many trials with `trials:`"]);
    wrong(
        "method: asha\nasha: {max_budget: 9}",
        &["3:9: `method: asha` has no end | say how many trials with `trials:`"],
    );
    wrong(
        "method: genetic",
        &[
            "3:9: genetic search would end after 256000 trials | say when with `genetic: {generations: 20}` or `trials:`",
        ],
    );
}
