//! What becomes of specs without mistakes, and of the files that they name.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sweep_cli::spec::{Origin, Spec};
use sweep_core::manifest::{Command, Goal};
use sweep_core::trial::Trial;

fn parse(text: &str) -> Spec {
    match Spec::parse(Path::new("sweep.yaml"), text.as_bytes().to_vec()) {
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

fn argv(spec: &Spec) -> Vec<&str> {
    match &spec.command {
        Some(Command::Argv(words)) => words.iter().map(String::as_str).collect(),
        other => panic!("{other:?}"),
    }
}

/// A folder with a spec in it.
fn folder(spec: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("sweep.yaml");
    std::fs::write(&path, spec).expect("writable");
    (dir, path)
}

fn errors(path: &Path) -> String {
    Spec::load(path).expect_err("it has mistakes").to_string()
}

#[test]
fn the_examples_are_without_mistakes() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for (file, count) in [
        ("iris/sweep.yaml", 12),
        ("iris/sweep-random.yaml", 20),
        ("quickstart/sweep.yaml", 6),
        ("quickstart/sweep-random.yaml", 5),
    ] {
        let spec = Spec::load(&examples.join(file)).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(spec.count(), Ok(count), "{file}");
        assert_eq!(trials(&spec).len() as u128, count, "{file}");
    }
}

#[test]
fn listed_values_are_given_as_they_were_written() {
    let spec = parse("command: [a]\nparameters: {lr: [1e-4, 0.10, \"1e-4\", no, 0x1F, 08, True]}");
    let texts: Vec<_> =
        trials(&spec).iter().map(|t| t.params.get("lr").unwrap().text().into_owned()).collect();
    assert_eq!(texts, ["1e-4", "0.10", "1e-4", "no", "0x1F", "08", "True"]);
}

#[test]
fn a_drawn_float_comes_back_from_the_table_to_the_last_bit() {
    let spec = parse("command: [a]\nmethod: random\ntrials: 2000\nparameters: {x: {min: -1, max: 2.5}}");
    for trial in trials(&spec) {
        let back = Trial::parse(Path::new("t"), trial.index, &trial.to_line()).expect("our own line");
        let bits = |trial: &Trial| trial.params.get("x").and_then(|x| x.as_f64()).map(f64::to_bits);
        assert_eq!(bits(&back), bits(&trial));
    }
}

#[test]
fn the_quickstart_draws_what_hpc_compose_draws() {
    let spec = parse(
        "command: [a]\nparameters: {lr: [0.001, 0.01, 0.1], batch_size: [32, 64]}\n\
         matrix: {random: 5, seed: paper-table-2}",
    );
    // Combinations 4, 3, 1, 0, 2 of six.
    assert_eq!(
        keys(&spec),
        [
            "batch_size=64;lr=0.01",
            "batch_size=64;lr=0.001",
            "batch_size=32;lr=0.01",
            "batch_size=32;lr=0.001",
            "batch_size=32;lr=0.1"
        ]
    );
    assert_eq!((spec.matrix(), spec.seed.as_deref()), ("random", Some("paper-table-2")));
}

#[test]
fn a_sweep_of_wandb_runs_as_it_is() {
    let spec = parse(
        "program: train.py\nmethod: random\nrun_cap: 7\nname: resnet\ndescription: two lines\n\
         metric: {goal: maximize, name: Validation Accuracy}\n\
         parameters:\n  lr: {distribution: log_uniform_values, min: 1e-5, max: 0.1}\n  opt.name: {values: [adam, sgd]}\n  \
         epochs: {value: 10}\n  layers: {min: 1, max: 4}\n  dropout: {min: 0.0, max: 1}\n",
    );
    assert_eq!(argv(&spec), ["${env}", "${interpreter}", "train.py", "${args}"]);
    let metric = spec.metric.as_ref().unwrap();
    assert_eq!((metric.name.as_str(), metric.goal), ("Validation Accuracy", Goal::Maximize));
    assert_eq!(spec.count(), Ok(7));
    for trial in trials(&spec) {
        let get = |name: &str| trial.params.get(name).unwrap().as_f64();
        assert!((1e-5..=0.1).contains(&get("lr").unwrap()));
        assert!((0.0..=1.0).contains(&get("dropout").unwrap()));
        assert!([1.0, 2.0, 3.0, 4.0].contains(&get("layers").unwrap()));
        assert_eq!(get("epochs"), Some(10.0));
    }
}

#[test]
fn macros_and_a_program_with_dollars_reach_the_manifest() {
    let spec = parse(
        "program: ${x}.py\ncommand: [\"${env}\", python3, \"${program}\", \"${args_no_hyphens}\", \"a${envvar:HOME}\"]\n\
         parameters: {lr: [1]}",
    );
    assert_eq!(argv(&spec), ["${env}", "python3", "$${x}.py", "${args_no_hyphens}", "a${envvar:HOME}"]);
}

#[test]
fn rows_come_before_combinations_and_have_their_own_options() {
    let spec = parse(
        "command: [a, \"${lr} ${z:-0} ${SWEEP_SEED}\"]\n\
         sbatch: {time: 10, mem: \"${m}G\", exclusive: true, requeue: false, comment: \"a $$5\"}\n\
         params: [{name: warm, lr: 0.5, sbatch: {mem: 9G, nice: \"${z}\"}, z: 3}, {lr: 0.6, m: 4}]\n\
         defaults: {m: 2}\nparameters: {lr: [0.1]}\nreplicates: 2",
    );
    let trials = trials(&spec);
    let lines: Vec<String> = trials
        .iter()
        .map(|t| {
            let options: Vec<_> = t.sbatch.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} {} r{} {}", t.index.label(), t.params.config_key(), t.replicate, options.join(" "))
        })
        .collect();
    assert_eq!(
        lines,
        [
            "t000 lr=0.5;m=2;z=3 r0 mem=9G nice=3",
            "t001 lr=0.5;m=2;z=3 r1 mem=9G nice=3",
            "t002 lr=0.6;m=4 r0 mem=4G",
            "t003 lr=0.6;m=4 r1 mem=4G",
            "t004 lr=0.1;m=2 r0 mem=2G",
            "t005 lr=0.1;m=2 r1 mem=2G"
        ]
    );
    assert_eq!(trials[0].name.as_deref(), Some("warm"));
    let shared: Vec<_> = spec.shared_sbatch().into_iter().collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(shared, [pair("comment", "a $5"), pair("exclusive", ""), pair("time", "10")]);
    assert_eq!(spec.sbatch_of(&trials[0]).unwrap().len(), 5);
}

#[test]
fn json_is_a_spec_as_well() {
    let spec = parse(r#"{"command": ["a"], "parameters": {"lr": [0.1, 2], "s": ["x"]}, "seed": 7}"#);
    assert_eq!(keys(&spec), ["lr=0.1;s=x", "lr=2;s=x"]);
    assert_eq!(spec.seed.as_deref(), Some("7"));
}

#[test]
fn ten_million_trials_are_counted_at_once_and_begin_at_once() {
    let ten = "{min: 0, max: 9}";
    let axes: Vec<_> = ('a'..='g').map(|name| format!("{name}: {ten}")).collect();
    let spec = parse(&format!("command: [a]\nparameters: {{{}}}", axes.join(", ")));
    assert_eq!(spec.count(), Ok(10_000_000));
    let first = spec.trials("id").unwrap().next().unwrap().unwrap();
    assert_eq!(first.params.config_key(), "a=0;b=0;c=0;d=0;e=0;f=0;g=0");
}

#[test]
fn without_a_seed_the_sweeps_id_is_one() {
    let spec = parse("command: [a]\nparameters: {n: {min: 1, max: 1000}}\nmatrix: {random: 5}");
    let keys = |seed: &str| -> Vec<String> {
        spec.trials(seed).unwrap().map(|trial| trial.unwrap().params.config_key()).collect()
    };
    assert_eq!(keys("a"), keys("a"));
    assert_ne!(keys("a"), keys("b"));
    let origin = Origin {
        id: "s-20260102-030405-abcd".parse().unwrap(),
        created: "2026-01-02T03:04:05Z".into(),
        workdir: "../..".into(),
        versions: Default::default(),
        git_commit: None,
    };
    let manifest = spec.manifest(origin);
    assert_eq!(manifest.seed, "s-20260102-030405-abcd");
    assert_eq!((manifest.combinations.as_deref(), manifest.matrix.as_str()), (Some("1000"), "random"));
}

#[test]
fn a_spec_without_a_command_serves_batch_scripts_alone() {
    let spec = parse("parameters: {lr: [1]}");
    let error = spec.require_command().unwrap_err().to_string();
    assert!(error.starts_with("error: sweep.yaml: nothing to run"), "{error}");
    assert!(parse("shell: a\nparameters: {lr: [1]}").require_command().is_ok());
}

#[test]
fn a_spec_is_named_after_its_file_or_folder() {
    let name = |path: &str| {
        let bytes = b"command: [a]\nparameters: {lr: [1]}".to_vec();
        Spec::parse(Path::new(path), bytes).unwrap().name
    };
    assert_eq!(name("/x/iris/sweep.yaml"), "iris");
    assert_eq!(name("/x/iris/my spec (2).yaml"), "my-spec--2-");
    assert_eq!(name("/sweep.yaml"), "sweep");
    assert_eq!(name("/x/é/sweep.yaml"), "sweep");
    assert_eq!(name(&format!("/x/{}.yml", "y".repeat(100))).len(), sweep_core::limits::SWEEP_NAME_LEN);
}

#[test]
fn a_script_is_found_beside_the_spec_and_must_be_executable() {
    let (dir, path) = folder("script: train.sh\nworkdir: .\nparameters: {lr: [1]}\n");
    assert!(errors(&path).contains("sweep.yaml:1:9: script `train.sh` cannot be found"), "{}", errors(&path));
    let script = dir.path().join("train.sh");
    std::fs::write(&script, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o644)).unwrap();
    assert!(errors(&path).ends_with("is not executable\nhint: run `chmod +x train.sh`"), "{}", errors(&path));
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(argv(&Spec::load(&path).unwrap()), ["./train.sh"]);

    std::fs::create_dir(dir.path().join("run")).unwrap();
    std::fs::write(&path, "script: train.sh\nworkdir: run\nparameters: {lr: [1]}\n").unwrap();
    assert_eq!(argv(&Spec::load(&path).unwrap()), [script.to_str().unwrap()]);
}

#[test]
fn a_working_directory_and_a_program_must_be_there() {
    let (dir, path) = folder("program: train.py\nworkdir: run\nparameters: {lr: [1]}\n");
    let found = errors(&path);
    assert!(found.contains("sweep.yaml:2:10: `workdir`"), "{found}");
    assert!(found.contains("sweep.yaml:1:10: program `train.py` cannot be found"), "{found}");
    std::fs::create_dir(dir.path().join("run")).unwrap();
    std::fs::write(dir.path().join("run/train.py"), "").unwrap();
    assert!(Spec::load(&path).is_ok());
}

#[test]
fn what_cannot_be_a_spec_is_named() {
    let (dir, path) = folder("");
    assert!(errors(&path).ends_with("the file is empty\nhint: a spec has at least a command and parameters"));
    assert!(errors(dir.path()).contains("it is a folder"));
    assert!(errors(&dir.path().join("no.yaml")).contains("no.yaml: the file cannot be read"));
    let large = vec![b'#'; usize::try_from(sweep_core::limits::SPEC_LEN).unwrap() + 1];
    std::fs::write(&path, large).unwrap();
    assert!(errors(&path).contains("larger than"));
}

#[test]
fn thousands_of_mistakes_are_counted_not_printed() {
    let lines: String = (0..5000).map(|n| format!("nokey{n}: 1\n")).collect();
    let errors = Spec::parse(Path::new("s"), lines.into_bytes()).unwrap_err();
    assert!(errors.mistakes.len() <= 200);
    assert_eq!(errors.mistakes.len() + errors.more, 5001);
    assert!(errors.to_string().lines().count() < 500);
}

#[test]
fn a_trial_that_no_environment_holds_is_refused() {
    let value = "x".repeat(30_000);
    let names: Vec<_> = (0..5).map(|n| format!("p{n}: [{value}]")).collect();
    let check = |text: String, expected: &str| {
        let errors = Spec::parse(Path::new("s"), text.into_bytes()).unwrap_err().to_string();
        assert!(errors.contains(expected), "{errors:.300}");
    };
    check(format!("command: [a]\nparameters: {{{}}}", names.join(", ")), "pass the limit of 131072 bytes");
    // Each quote is two bytes in a line of JSON.
    let quotes = "\"".repeat(31_000);
    check(
        format!(
            "command: [a]
params: [{{a: '{quotes}'}}]"
        ),
        "need more than the limit",
    );
    check(
        format!("command: [a]\nparameters: {{a: [{}]}}", "x".repeat(40_000)),
        "more than the limit of 32768",
    );
    let many: Vec<_> = (0..300).map(|n| format!("p{n}: [1]")).collect();
    check(
        format!("command: [a]\nparameters: {{{}}}", many.join(", ")),
        "300 parameters, more than the limit of 256",
    );
}
