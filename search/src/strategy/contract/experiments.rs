//! One experiment of each kind, small enough to be run a hundred times. Never two with one name: the golden file
//! knows them by it.

use std::collections::BTreeMap;

use sweep_core::value::Value;

use crate::band_stop::{self, Strictness};
use crate::experiment::{Experiment, Row};
use crate::genetic;
use crate::ladder::{Ladder, Selection};
use crate::median::Grace;
use crate::method::{AshaMode, Method, Rungs, Stop};
use crate::pbt;
use crate::source::Proposals;
use crate::space::{Axis, Condition, Domain, Links, Rule, Space, Test};

fn words(name: &str, words: &[&str]) -> Axis {
    let values = words.iter().map(|word| Value::from_word(word)).collect();
    Axis { name: name.into(), domain: Domain::Categorical(values) }
}

fn row(name: &str, lr: &str) -> Row {
    let params = [("lr".to_owned(), Value::from_word(lr))].into_iter().collect();
    Row { name: Some(name.into()), params, sbatch: BTreeMap::new() }
}

fn finite() -> Space {
    Space::new(vec![
        words("lr", &["0.1", "0.2", "0.3"]),
        Axis { name: "n".into(), domain: Domain::IntUniform { min: 1, max: 4 } },
    ])
}

fn endless() -> Space {
    Space::new(vec![
        words("solver", &["a", "b"]),
        Axis { name: "lr".into(), domain: Domain::LogUniform { min: 1e-4, max: 0.1 } },
    ])
}

/// Everything that a space may have: conditions, fixed values, coupled lists, defaults, odd distributions.
pub(crate) fn tangled() -> Space {
    let when = |name: &str, parent: &str, test: Test, then: Option<&str>| Rule {
        name: name.into(),
        when: vec![Condition { parent: parent.into(), test }],
        then: then.map(Value::from_word),
    };
    let axes = vec![
        words("solver", &["saga", "lbfgs", "sgd"]),
        words("penalty", &["l1", "l2", "elasticnet"]),
        Axis { name: "l1_ratio".into(), domain: Domain::Uniform { min: 0.0, max: 1.0 } },
        Axis { name: "lr".into(), domain: Domain::LogUniform { min: 1e-5, max: 1.0 } },
        words("batch", &["16", "32", "64", "128"]),
        words("steps", &["800", "400", "200", "100"]),
        Axis { name: "depth".into(), domain: Domain::IntUniform { min: 1, max: 40 } },
        Axis { name: "init".into(), domain: Domain::Normal { mu: 0.0, sigma: 2.0 } },
        Axis {
            name: "width".into(),
            domain: Domain::Rounded {
                of: Box::new(Domain::LogUniform { min: 8.0, max: 1000.0 }),
                step: 8.0,
                whole: true,
            },
        },
        Axis {
            name: "act".into(),
            domain: Domain::Weighted {
                values: ["relu", "tanh"].map(Value::from_word).into(),
                weights: vec![0.9, 0.1],
            },
        },
    ];
    let one = |word: &str| Test::OneOf(vec![Value::from_word(word)]);
    let links = Links {
        rules: vec![
            when("l1_ratio", "penalty", one("elasticnet"), None),
            when("lr", "solver", one("sgd"), None),
            when("init", "depth", Test::Greater(Value::from_word("10")), None),
            when("act", "solver", one("lbfgs"), Some("tanh")),
        ],
        coupled: vec![vec!["batch".into(), "steps".into()]],
        defaults: [("lr".to_owned(), Value::from_word("0.01")), ("depth".to_owned(), Value::from_word("3"))]
            .into_iter()
            .collect(),
    };
    Space::linked(axes, &links).unwrap()
}

fn rungs(ladder: Ladder, proposals: Proposals) -> Rungs {
    Rungs { ladder, proposals }
}

/// All of them, by name.
pub(super) fn experiments() -> Vec<(&'static str, Experiment)> {
    let mut all = proposing();
    all.extend(rationing());
    all.extend(breeding());
    for (_, experiment) in &mut all {
        experiment.seed = "contract".into();
    }
    all
}

/// Those that learn nothing.
fn proposing() -> Vec<(&'static str, Experiment)> {
    let base = Experiment::default();
    let rows = vec![row("warm", "0.5"), row("hot", "0.6")];
    let of = |method, space: Space, limit| Experiment { method, space, limit: Some(limit), ..base.clone() };
    let defaults = [("extra".to_owned(), Value::from_word("7"))].into_iter().collect();
    vec![
        ("grid", Experiment { space: finite(), ..base.clone() }),
        ("grid, the first 5", Experiment { space: finite(), limit: Some(5), ..base.clone() }),
        ("grid after rows", Experiment { space: finite(), rows: rows.clone(), ..base.clone() }),
        ("rows", Experiment { rows: rows.clone(), ..base.clone() }),
        ("random, all", of(Method::Random, finite(), 12)),
        ("random, some", of(Method::Random, finite(), 7)),
        ("random, endless", of(Method::Random, endless(), 20)),
        ("random, tangled", of(Method::Random, tangled(), 30)),
        ("random after rows", Experiment { rows, defaults, ..of(Method::Random, endless(), 20) }),
        ("sobol", of(Method::Sobol, tangled(), 40)),
        ("bayes", of(Method::Bayes, tangled(), 18)),
        ("bayes, all", of(Method::Bayes, finite(), 12)),
        ("bayes, two metrics", Experiment { metrics: 2, ..of(Method::Bayes, tangled(), 18) }),
        ("bayes, three metrics, all", Experiment { metrics: 3, ..of(Method::Bayes, finite(), 12) }),
        ("bayes, four metrics", Experiment { metrics: 4, ..of(Method::Bayes, endless(), 14) }),
        ("latin", of(Method::Latin, tangled(), 40)),
        (
            "random, median",
            Experiment { stop: Some(Stop::Median(Grace::default())), ..of(Method::Random, endless(), 40) },
        ),
        (
            "grid, bands",
            Experiment {
                stop: Some(Stop::Bands {
                    bands: band_stop::from_first(2, 2.0),
                    eta: 2.0,
                    strictness: Strictness::Best,
                }),
                ..of(Method::Grid, finite(), 12)
            },
        ),
    ]
}

/// Those with rungs.
fn rationing() -> Vec<(&'static str, Experiment)> {
    let ladder = Ladder::of_most(27, 3, 1).unwrap();
    let base = Experiment { space: tangled(), ..Experiment::default() };
    let of = |method| Experiment { method, ..base.clone() };
    let random = |ladder| rungs(ladder, Proposals::Random);
    let asha =
        |ladder, mode, limit| Experiment { limit: Some(limit), ..of(Method::Asha(random(ladder), mode)) };
    vec![
        ("hyperband", of(Method::Hyperband(random(ladder)))),
        ("hyperband, sobol", of(Method::Hyperband(rungs(ladder, Proposals::Sobol)))),
        ("hyperband, latin", of(Method::Hyperband(rungs(ladder, Proposals::Latin)))),
        (
            "asha, bayes",
            Experiment {
                limit: Some(20),
                ..of(Method::Asha(
                    rungs(Ladder::of_most(9, 3, 1).unwrap(), Proposals::Bayes),
                    AshaMode::Promote,
                ))
            },
        ),
        (
            "asha, bayes, rungs skipped",
            Experiment {
                limit: Some(54),
                space: endless(),
                ..of(Method::Asha(
                    rungs(Ladder { brackets: Selection::of(&[0]), ..ladder }, Proposals::Bayes),
                    AshaMode::Promote,
                ))
            },
        ),
        (
            "hyperband, bayes",
            of(Method::Hyperband(rungs(Ladder::of_most(9, 3, 1).unwrap(), Proposals::Bayes))),
        ),
        (
            "hyperband, some",
            of(Method::Hyperband(random(Ladder {
                brackets: Selection::of(&[0, 2]),
                last_stage: Some(1),
                guaranteed: 3,
                ..ladder
            }))),
        ),
        (
            "hyperband, few",
            Experiment {
                space: finite(),
                ..of(Method::Hyperband(random(Ladder::of_most(9, 2, 1).unwrap())))
            },
        ),
        ("halving", of(Method::Halving(random(Ladder::of_most(100, 3, 1).unwrap())))),
        (
            "halving rows",
            Experiment {
                space: Space::default(),
                rows: (1..=9).map(|n| row(&format!("r{n}"), &format!("0.{n}"))).collect(),
                ..of(Method::Halving(random(Ladder::of_most(4, 2, 1).unwrap())))
            },
        ),
        ("asha", asha(ladder, AshaMode::Promote, 40)),
        (
            "asha, brackets",
            asha(Ladder { brackets: Selection::of(&[0, 1, 2]), ..ladder }, AshaMode::Promote, 40),
        ),
        ("asha, stop", asha(Ladder { brackets: Selection::of(&[0, 1]), ..ladder }, AshaMode::Stop, 30)),
    ]
}

/// Those with generations.
fn breeding() -> Vec<(&'static str, Experiment)> {
    let settings = genetic::Settings {
        generations: 7,
        num_demes: 3,
        pop_size: 5,
        migration_interval: 2,
        ..genetic::Settings::default()
    };
    let checkpoint = genetic::Settings { lineage: genetic::Lineage::Checkpoint, ..settings };
    let pbt = pbt::Settings { population: 8, generations: 6, interval: 2, ..pbt::Settings::default() };
    let base = Experiment { space: tangled(), ..Experiment::default() };
    let of = |method| Experiment { method, ..base.clone() };
    vec![
        ("genetic", of(Method::Genetic(settings))),
        ("genetic, three metrics", Experiment { metrics: 3, ..of(Method::Genetic(settings)) }),
        ("genetic, finite", Experiment { space: finite(), ..of(Method::Genetic(settings)) }),
        (
            "genetic after rows",
            Experiment { rows: vec![row("warm", "0.5")], limit: Some(50), ..of(Method::Genetic(checkpoint)) },
        ),
        ("pbt", of(Method::Pbt(pbt))),
        ("pbt, cut", Experiment { limit: Some(21), ..of(Method::Pbt(pbt)) }),
    ]
}
