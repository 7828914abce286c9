//! What becomes of a spec's parameters: domains, conditions, coupled lists, nesting, defaults and the base
//! configuration.

use std::collections::BTreeSet;
use std::path::Path;

use sweep_cli::spec::{Spec, nested};
use sweep_core::trial::Trial;
use sweep_search::{Combinations, Domain};

fn parse(text: &str) -> Spec {
    match Spec::parse(Path::new("sweep.yaml"), format!("command: [a]\n{text}").into_bytes()) {
        Ok(spec) => spec,
        Err(errors) => panic!("{errors}"),
    }
}

fn trials(spec: &Spec) -> Vec<Trial> {
    let trials = spec.trials("the-id").expect("few enough");
    trials.collect::<Result<_, _>>().expect("every name has a value")
}

fn keys(spec: &Spec) -> Vec<String> {
    trials(spec).iter().map(|trial| trial.params.config_key()).collect()
}

/// The domain of parameter `x`, searched at random.
fn domain(x: &str) -> Domain {
    let spec = parse(&format!("method: random\ntrials: 1\nparameters: {{x: {x}}}"));
    spec.space.axes()[0].domain.clone()
}

fn rounded(of: Domain, step: f64, whole: bool) -> Domain {
    Domain::Rounded { of: Box::new(of), step, whole }
}

#[test]
fn every_distribution_of_wandb_has_its_domain() {
    let uniform = Domain::Uniform { min: 0.0, max: 1.0 };
    let log = Domain::LogUniform { min: 0.5, max: 8.0 };
    let table = [
        ("{distribution: int_uniform, min: 1, max: 3}", Domain::IntUniform { min: 1, max: 3 }),
        ("{distribution: uniform, min: 0, max: 1}", uniform.clone()),
        ("{distribution: q_uniform, min: 0, max: 1, q: 0.25}", rounded(uniform.clone(), 0.25, false)),
        ("{distribution: q_uniform, min: 0, max: 1}", rounded(uniform, 1.0, true)),
        ("{distribution: log_uniform_values, min: 0.5, max: 8}", log.clone()),
        ("{distribution: inv_log_uniform_values, min: 0.5, max: 8}", log.clone()),
        ("{distribution: q_log_uniform_values, min: 0.5, max: 8, q: 2}", rounded(log, 2.0, true)),
        ("{distribution: log_uniform, min: -1, max: 1.5}", Domain::of_exponents(-1.0, 1.5).unwrap()),
        ("{distribution: inv_log_uniform, min: -1, max: 1.5}", Domain::of_exponents(-1.5, 1.0).unwrap()),
        (
            "{distribution: q_log_uniform, min: -1, max: 1.5, q: 1}",
            rounded(Domain::of_exponents(-1.0, 1.5).unwrap(), 1.0, true),
        ),
        ("{distribution: normal}", Domain::Normal { mu: 0.0, sigma: 1.0 }),
        (
            "{distribution: q_normal, mu: 5, sigma: 2.5}",
            rounded(Domain::Normal { mu: 5.0, sigma: 2.5 }, 1.0, true),
        ),
        ("{distribution: log_normal, mu: -1}", Domain::LogNormal { mu: -1.0, sigma: 1.0 }),
        (
            "{distribution: q_log_normal, sigma: 2, q: 0.5}",
            rounded(Domain::LogNormal { mu: 0.0, sigma: 2.0 }, 0.5, false),
        ),
        ("{distribution: beta, a: 2, b: 0.5}", Domain::Beta { a: 2.0, b: 0.5 }),
        ("{distribution: q_beta, q: 0.1}", rounded(Domain::Beta { a: 1.0, b: 1.0 }, 0.1, false)),
    ];
    for (x, expected) in table {
        assert_eq!(domain(x), expected, "{x}");
    }
}

#[test]
fn a_distribution_follows_from_the_keys() {
    let words = |words: &[&str]| words.iter().map(|w| sweep_core::value::Value::from_word(w)).collect();
    let log = Domain::LogUniform { min: 1.0, max: 100.0 };
    let table = [
        ("[a, 1]", Domain::Categorical(words(&["a", "1"]))),
        ("{values: [a, 1]}", Domain::Categorical(words(&["a", "1"]))),
        ("{value: a}", Domain::Categorical(words(&["a"]))),
        ("0.10", Domain::Categorical(words(&["0.10"]))),
        ("{min: 1, max: 3}", Domain::IntUniform { min: 1, max: 3 }),
        ("{min: 1, max: 3.0}", Domain::Uniform { min: 1.0, max: 3.0 }),
        ("{min: 1.0, max: 100, log: true}", log.clone()),
        ("{min: 1, max: 100, log: true}", rounded(log, 1.0, true)),
        ("{min: 1, max: 3, log: false}", Domain::IntUniform { min: 1, max: 3 }),
        (
            "{values: [a, b, c], probabilities: [0.25, 0, 0.75]}",
            Domain::Weighted { values: words(&["a", "c"]), weights: vec![0.25, 0.75] },
        ),
    ];
    for (x, expected) in table {
        assert_eq!(domain(x), expected, "{x}");
    }
}

#[test]
fn a_grid_takes_the_steps_of_a_rounded_range() {
    let spec = parse(
        "parameters: {x: {distribution: q_uniform, min: 0, max: 1, q: 0.25}, n: {distribution: q_uniform, min: 2, max: 10, q: 4}}",
    );
    assert_eq!(keys(&spec)[..5], ["n=2;x=0.0", "n=2;x=0.25", "n=2;x=0.5", "n=2;x=0.75", "n=6;x=0.0"]);
    assert_eq!(spec.count(), Ok(8));
}

#[test]
fn a_grid_over_conditions_has_each_combination_once() {
    let spec = parse(
        "parameters:\n  solver: [saga, lbfgs, sag]\n  l1: {values: [0, 1], when: {solver: saga}}\n  \
         depth: {values: [1, 2], when: {l1: {gt: 0}}}\n  warm: {values: [5, 6], when: {solver: {not: lbfgs}}, then: 9}",
    );
    assert_eq!(
        keys(&spec),
        [
            "l1=0;solver=saga;warm=9",
            "depth=1;l1=1;solver=saga;warm=9",
            "depth=2;l1=1;solver=saga;warm=9",
            "solver=lbfgs;warm=5",
            "solver=lbfgs;warm=6",
            "solver=sag;warm=9"
        ]
    );
    assert_eq!(spec.count(), Ok(6));
    assert_eq!(spec.space.combinations().finite(), Some(6));
}

#[test]
fn several_conditions_must_all_hold() {
    let spec = parse(
        "parameters:\n  n: {min: 1, max: 9}\n  s: [a, b]\n  \
         x: {value: 1, when: {n: {ge: 3, lt: 6, not: 4}, s: [b]}}\n  c: {values: [c], when: {s: {in: [a, b]}}}",
    );
    let with_x: Vec<_> = keys(&spec).into_iter().filter(|key| key.contains("x=1")).collect();
    assert_eq!(with_x, ["c=c;n=3;s=b;x=1", "c=c;n=5;s=b;x=1"]);
}

#[test]
fn a_huge_conditional_space_is_counted_at_once() {
    let pair = |n| {
        format!("  a{n}: {{min: 0, max: 999}}\n  b{n}: {{min: 1, max: 1000, when: {{a{n}: {{lt: 500}}}}}}\n")
    };
    let spec = |pairs: usize| {
        parse(&format!("trials: 3\nparameters:\n{}", (0..pairs).map(pair).collect::<String>()))
    };
    // Half of the first's thousand values leave a thousand of the second, the other half none.
    assert_eq!(spec(6).space.combinations(), Combinations::Finite(500_500_u128.pow(6)));
    assert_eq!(spec(12).space.combinations(), Combinations::Beyond);
    assert_eq!(trials(&spec(12)).len(), 3);
}

#[test]
fn coupled_lists_go_together() {
    let spec =
        parse("parameters: {lr: [0.1, 0.2, 0.1], batch: [32, 64, 128], s: [a, b]}\nzip: [[lr, batch]]");
    assert_eq!(
        keys(&spec),
        [
            "batch=32;lr=0.1;s=a",
            "batch=32;lr=0.1;s=b",
            "batch=64;lr=0.2;s=a",
            "batch=64;lr=0.2;s=b",
            "batch=128;lr=0.1;s=a",
            "batch=128;lr=0.1;s=b"
        ]
    );
}

#[test]
fn nested_parameters_have_dotted_names_and_nest_again_for_the_program() {
    let spec = parse(
        "parameters:\n  seed: 7\n  opt:\n    parameters:\n      name: [sgd, adam]\n      momentum: {value: 0.9, when: {name: sgd}}\n      \
         schedule: {parameters: {warmup: [10]}}\n  head:\n    when: {opt.name: adam}\n    parameters: {width: [8, 16]}",
    );
    assert_eq!(
        keys(&spec),
        [
            "opt.momentum=0.9;opt.name=sgd;opt.schedule.warmup=10;seed=7",
            "head.width=8;opt.name=adam;opt.schedule.warmup=10;seed=7",
            "head.width=16;opt.name=adam;opt.schedule.warmup=10;seed=7",
        ]
    );
    let object = serde_json::Value::Object(nested::object(&trials(&spec)[0].params));
    assert_eq!(
        object.to_string(),
        r#"{"opt":{"momentum":0.9,"name":"sgd","schedule":{"warmup":10}},"seed":7}"#
    );
}

#[test]
fn a_random_search_begins_with_the_defaults() {
    let spec = parse(
        "method: random\ntrials: 20\nseed: 1\nparameters:\n  lr: {min: 1e-4, max: 1.0, log: true, default: 1e-3}\n  \
         n: {min: 1, max: 9, default: 4}\n  s: [a, b]",
    );
    let keys = keys(&spec);
    assert!(keys[0].starts_with("lr=1e-3;n=4;s="), "{}", keys[0]);
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 20);
    assert!(keys[1..].iter().all(|key| !key.starts_with("lr=1e-3")));
}

#[test]
fn a_conditional_random_search_keeps_to_its_conditions() {
    let spec = parse(
        "method: random\ntrials: 300\nseed: 1\nparameters:\n  solver: [saga, lbfgs]\n  \
         l1: {min: 0.0, max: 1.0, when: {solver: saga}}\n  c: {min: 0.0, max: 1.0}",
    );
    let mut with = 0;
    for trial in trials(&spec) {
        assert!(spec.space.admits(&trial.params), "{}", trial.params.config_key());
        with += u32::from(trial.params.get("l1").is_some());
    }
    assert!((100..200).contains(&with), "{with}");
}

#[test]
fn a_base_configuration_fills_in_what_the_sweep_does_not_search() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("sweep.yaml");
    std::fs::write(
        dir.path().join("base.yaml"),
        "wandb_version: 1\nlr: 0.5\nepochs: {desc: how long, value: 10}\nopt: {name: sgd, betas: [0.9, 0.99]}\nresume: ~\n\
         solver: {value: x, more: 1}\nl1: 0.25\n",
    )
    .expect("writable");
    let text = "command: [a]\nconfig: base.yaml\nparameters: {lr: [0.1], s: [a, b], l1: {value: 1, when: {s: a}}}\n\
                defaults: {epochs: 20}\n";
    std::fs::write(&path, text).expect("writable");
    let spec = Spec::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
    let constants = "opt.betas=[0.9,0.99];opt.name=sgd";
    assert_eq!(
        keys(&spec),
        [
            format!("epochs=20;l1=1;lr=0.1;{constants};s=a;solver.more=1;solver.value=x"),
            format!("epochs=20;lr=0.1;{constants};s=b;solver.more=1;solver.value=x"),
        ]
    );
    let base = spec.base.clone().expect("it names one");
    let again = Spec::parse_with_base(&path, spec.bytes.clone(), base.bytes).expect("as before");
    assert_eq!((keys(&again), again.digest.clone()), (keys(&spec), spec.digest.clone()));
    let without = Spec::parse(&path, spec.bytes.clone()).expect("nothing is looked at");
    assert_ne!(without.digest, spec.digest);

    std::fs::write(dir.path().join("base.yaml"), "PATH: 1\nx: [\n").expect("writable");
    let errors = Spec::load(&path).unwrap_err().to_string();
    assert!(errors.contains("sweep.yaml:2:9: config file `base.yaml`:"), "{errors}");
    std::fs::write(dir.path().join("base.yaml"), "PATH: 1\n").expect("writable");
    let errors = Spec::load(&path).unwrap_err().to_string();
    assert!(errors.contains("sweep.yaml:2:9: parameter name `PATH` would shadow"), "{errors}");
    std::fs::remove_file(dir.path().join("base.yaml")).expect("it is there");
    let errors = Spec::load(&path).unwrap_err().to_string();
    assert!(errors.contains("sweep.yaml:2:9: config file `base.yaml` cannot be read"), "{errors}");
}

#[test]
fn what_is_about_the_server_is_noted_once() {
    let spec = parse("project: p\nentity: e\ncontroller: {type: local}\nparameters: {lr: [1]}");
    assert_eq!(spec.notes, ["`entity`, `project`, `controller` are about W&B's server and are not used"]);
    assert!(parse("parameters: {lr: [1]}").notes.is_empty());
}

#[test]
fn every_method_keeps_to_the_space() {
    let space = "parameters:\n  solver: [saga, lbfgs, sag]\n  l1: {min: 0.0, max: 1.0, when: {solver: saga}}\n  \
                 c: {distribution: log_normal, default: 0.5, when: {l1: {gt: 0.3}}, then: 2}\n  lr: [0.1, 0.2, 0.1]\n  \
                 batch: [32, 64, 128]\n  layers: {min: 1, max: 5, default: 2}\n  \
                 act: {values: [relu, gelu], probabilities: [0.9, 0.1]}\n  \
                 width: {distribution: q_uniform, min: 8, max: 64, q: 8}\nzip: [[lr, batch]]\nseed: 3\n\
                 metric: {name: loss, goal: minimize}\n";
    for method in [
        "method: random\ntrials: 50",
        "method: sobol\ntrials: 50",
        "method: latin\ntrials: 50",
        "method: hyperband\nhyperband: {s_max: 3, eta: 3}",
        "method: halving\nhalving: {s_max: 3, eta: 3}",
        "method: asha\ntrials: 50\nasha: {s_max: 3, eta: 3}",
        "method: genetic\ntrials: 50\ngenetic: {num_demes: 2, pop_size: 10}",
        "method: pbt\ntrials: 50\npbt: {population: 10}",
    ] {
        let spec = parse(&format!("{method}\n{space}"));
        let proposed: Vec<Trial> =
            spec.trials("id").expect("few").take(50).collect::<Result<_, _>>().expect("all have values");
        assert!(proposed.len() >= 4, "{method}: {}", proposed.len());
        for trial in &proposed {
            assert!(spec.space.admits(&trial.params), "{method}: {}", trial.params.config_key());
        }
        let with = proposed.iter().filter(|trial| trial.params.get("l1").is_some()).count();
        assert!(0 < with && with < proposed.len(), "{method}: {with} of {}", proposed.len());
    }
}
