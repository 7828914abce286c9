//! `sweep import`: what another tool would have run is what a spec made of its files plans, and what is lost is said.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::fs;
use std::path::{Path, PathBuf};

use command_site::Site;
use sweep_cli::import::{self, Kind};
use sweep_cli::spec::Spec;

fn original(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/imports").join(name)
}

/// The spec that becomes of a file, and what was left, a line each.
fn imported(name: &str, kind: Kind) -> (Spec, Vec<String>) {
    let made = import::read(&original(name), None).unwrap();
    assert_eq!(made.kind, kind, "{name}");
    let spec = Spec::parse(Path::new("sweep.yaml"), made.text.clone().into_bytes());
    let spec = spec.unwrap_or_else(|errors| panic!("{errors}\n{}", made.text));
    let left = made.left.into_iter().map(|left| match left.at {
        Some(at) => format!("{}: {}", at.line, left.what),
        None => left.what,
    });
    (spec, left.collect())
}

/// The trials that a spec plans, a line each.
fn trials(spec: &Spec) -> Vec<String> {
    let trials = spec.trials("seed").unwrap();
    trials
        .map(|trial| {
            let trial = trial.unwrap();
            let params: Vec<String> =
                trial.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} {}", trial.name.as_deref().unwrap_or("-"), params.join(" "))
        })
        .collect()
}

fn says(left: &[String], words: &[&str]) {
    for word in words {
        assert!(left.iter().any(|line| line.contains(word)), "nothing says {word:?}: {left:#?}");
    }
}

#[test]
fn hpc_composes_matrix_is_the_same_trials_in_the_same_order() {
    let (spec, left) = imported("hpc-compose.yaml", Kind::HpcCompose);
    assert_eq!(
        trials(&spec),
        [
            "- batch_size=32 lr=0.001",
            "- batch_size=32 lr=0.01",
            "- batch_size=32 lr=0.1",
            "- batch_size=64 lr=0.001",
            "- batch_size=64 lr=0.01",
            "- batch_size=64 lr=0.1"
        ]
    );
    assert_eq!(spec.name, "training-sweep");
    assert_eq!(spec.env["LR"], "${lr:-0.001}");
    assert_eq!(spec.env["LABEL"], "${SWEEP_TRIAL}");
    assert_eq!((spec.sbatch["time"].as_str(), spec.sbatch["cpus-per-task"].as_str()), ("00:20:00", "4"));
    assert_eq!(spec.metric.as_ref().unwrap().name, "objective");
    says(
        &left,
        &["6: `cache_dir`", "19: `image`: trials run without a container", "23: `HPC_COMPOSE_SWEEP_TRIAL`"],
    );
    assert_eq!(left.len(), 3, "{left:#?}");
}

#[test]
fn spawns_rows_come_before_its_grid_and_keep_what_they_say() {
    let (spec, left) = imported("spawn.yaml", Kind::Spawn);
    assert_eq!(
        trials(&spec),
        [
            "coarse learning_rate=0.0001 epochs=10",
            "fine learning_rate=1e-2 epochs=50",
            "- dropout=0.0 epochs=10 learning_rate=0.1",
            "- dropout=0.0 epochs=10 learning_rate=0.2",
            "- dropout=0.5 epochs=10 learning_rate=0.1",
            "- dropout=0.5 epochs=10 learning_rate=0.2"
        ]
    );
    assert_eq!(spec.sbatch["time"], "06:00:00");
    assert_eq!(spec.rows[0].sbatch["time"], "01:30:00");
    assert_eq!(spec.env_names.variable("learning_rate"), "LEARNING_RATE");
    says(
        &left,
        &[
            "2: `instance_type`",
            "3: `region`",
            "4: `ttl: 6h`",
            "10: `aws` needs a cloud",
            "`spored complete",
            "`$NAME`",
            "16: `ttl: 90m`",
            "20: `spot`",
        ],
    );
}

#[test]
fn spawns_three_notations_say_the_same() {
    let (of_json, _) = imported("spawn.json", Kind::Spawn);
    let (of_csv, left) = imported("spawn.csv", Kind::Spawn);
    assert_eq!(trials(&of_json), ["coarse learning_rate=0.0001", "fine learning_rate=1e-2 dropout=0.5"]);
    assert_eq!(trials(&of_json), trials(&of_csv));
    says(&left, &["2: `instance_type`", "3: `instance_type`", "no command", "`PARAM_<name>`"]);
}

#[test]
fn a_shell_text_of_spawns_runs_with_the_trials_values() {
    let site = Site::new("");
    fs::remove_file(site.path("sweep.yaml")).unwrap();
    site.write(
        "rows.yaml",
        "defaults: {user_data: \"echo $NAME ${X:-none} $$ > /dev/null; echo $NAME ${X:-none}; spored complete --status success\\n\"}\n\
         params: [{name: one, x: 1}, {name: two, x: 2}]\n",
    );
    let ran = site.sweep(&["import", "rows.yaml", "-o", "sweep.yaml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("rows.yaml:1:") && ran.stderr.contains("sweep plan sweep.yaml"),
        "{}",
        ran.stderr
    );
    let dir = site.run(0);
    assert!(site.output(&dir, 1).starts_with("two 2\n"), "{}", site.output(&dir, 1));
    let ran = site.sweep(&["import", "rows.yaml", "-o", "sweep.yaml"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("is there already"), "{}", ran.stderr);
}

#[test]
fn crayais_parameters_keep_bounds_defaults_conditions_and_optimizer() {
    let (spec, left) = imported("crayai.py", Kind::CrayAi);
    let axes: Vec<String> = spec.space.axes().iter().map(|axis| axis.name.clone()).collect();
    assert_eq!(axes.len(), 3, "{axes:?}");
    assert_eq!(spec.method.as_str(), "genetic");
    assert_eq!(spec.concurrency, Some(4));
    assert_eq!(spec.retries.as_ref().unwrap().max, 1);
    assert_eq!(spec.count().unwrap(), 24);
    says(&left, &["7: a comma is missing", "4: `workload_manager='pbs'`"]);
    // What stands first in their search stands first here.
    let text = import::read(&original("crayai.py"), None).unwrap().text;
    for line in [
        "learning_rate: {min: 1e-6, max: 1, default: 1e-4}",
        "dropout_rate: {min: 0.1, max: 1, when: {optimizer: {in: [\"sgd\"]}}}",
        "optimizer: {values: [\"sgd\", \"gd\", \"adam\"], default: \"sgd\"}",
        "command: [\"python3\", \"source/train.py\", \"${args_no_equals}\"]",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn crayais_single_letters_reach_the_program_where_they_count() {
    let (spec, left) = imported("crayai-conditions.py", Kind::CrayAi);
    assert_eq!(spec.limit, Some(40));
    let drawn = trials(&spec);
    assert!(drawn.iter().any(|line| line.contains("b=")) && drawn.iter().any(|line| !line.contains("b=")));
    for line in &drawn {
        let value = |name: &str| {
            let word = line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            word.map(|word| word.parse::<f64>().unwrap())
        };
        let counts = value("a").unwrap() > 2.0 && value("c").unwrap() < 3.0;
        assert_eq!(value("b").is_some(), counts, "{line}");
    }
    assert_eq!(spec.metric.as_ref().unwrap().name, "loss");
    says(&left, &["`alloc_args`"]);
    let text = import::read(&original("crayai-conditions.py"), None).unwrap().text;
    assert!(text.contains("python source/sin.py $${a:+-a \\\"$a\\\"}"), "{text}");
}

#[test]
fn wandbs_file_stays_as_it_is_where_it_is_a_spec() {
    let made = import::read(&original("wandb.yaml"), None).unwrap();
    assert!(made.text.ends_with(&fs::read_to_string(original("wandb.yaml")).unwrap()), "{}", made.text);
    let (spec, left) = imported("wandb.yaml", Kind::Wandb);
    assert_eq!(trials(&spec), ["- learning_rate=0.1", "- learning_rate=0.01"]);
    says(&left, &["3: `project` has no effect"]);
}

#[test]
fn what_only_wandbs_server_could_do_is_taken_out_and_named() {
    let (spec, left) = imported("wandb-server.yaml", Kind::Wandb);
    assert_eq!(trials(&spec).len(), 20);
    let solvers: Vec<String> =
        trials(&spec).iter().map(|line| line.rsplit('=').next().unwrap().to_owned()).collect();
    assert!(solvers.iter().all(|solver| ["saga", "1", "no"].contains(&solver.as_str())), "{solvers:?}");
    says(&left, &["2: `entity`", "3: `image_uri`", "5: `impute_while_running`", "it is 20 now"]);
}

#[test]
fn hyperband_snakemakes_directory_runs_the_same_configurations_in_the_same_brackets() {
    let site = Site::new("");
    fs::remove_file(site.path("sweep.yaml")).unwrap();
    let counts = [9, 5, 3];
    for (bracket, count) in counts.iter().enumerate() {
        for config in 0..*count {
            let folder = site.path(&format!("my-search/bracket-{bracket}/stage-0/config-{config}"));
            fs::create_dir_all(&folder).unwrap();
            let lr = bracket * 100 + config;
            fs::write(folder.join("config"), format!("folds: 10\nlearning_rate: {lr}\npenalty: l1\n"))
                .unwrap();
        }
    }
    site.write(
        "my-search/run.sh",
        "python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[\"learning_rate\"] + 1000.0 / float(sys.argv[2]))' \
         \"$1/config\" \"$2\" > \"$1/result\"\n",
    );
    let ran = site.sweep(&["import", "my-search", "-o", "sweep.yaml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("--guaranteed-budget"), "{}", ran.stderr);
    site.run(0);
    let csv = site.good(&["export"]);
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    for (bracket, count) in counts.iter().enumerate() {
        let of = |rung: &str| -> Vec<usize> {
            let here = rows
                .iter()
                .filter(|row| row[place("bracket")] == bracket.to_string() && row[place("rung")] == rung);
            here.map(|row| row[place("learning_rate")].parse().unwrap()).collect()
        };
        assert_eq!(of("0"), (0..*count).map(|config| bracket * 100 + config).collect::<Vec<_>>());
        if bracket == 0 {
            assert_eq!(of("1"), [0, 1, 2]);
        }
    }
    assert_eq!(rows.len(), 9 + 3 + 1 + 5 + 1 + 3);
    // What was exported for their tools comes back too.
    site.good(&["export", "--as", "hyperband-snakemake", "-o", "again"]);
    let made = import::read(&site.path("again"), None).unwrap();
    assert!(made.text.contains("hyperband: {s_max: 2, eta: 3}"), "{}", made.text);
}

#[test]
fn what_is_no_search_is_refused_with_its_place() {
    let site = Site::new("command: [true]\n");
    let refuses = |arguments: &[&str], words: &[&str]| {
        let ran = site.sweep(&[&["import"], arguments].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{words:?}: {}", ran.stderr);
    };
    site.write("broken.yaml", "params: [\n");
    site.write("rows.csv", "a,b\n1\n");
    site.write("empty.py", "hpo.Params(rows())\n");
    site.write("row.py", "hpo.Params([['--lr', 1, 2, 3]])\n");
    site.write("reserved.yaml", "params: [{name: x, a b: 1}]\ndefaults: {command: 'true'}\n");
    site.write("list.json", "[1, 2]");
    site.write("ours.yaml", "shell: 'true'\nparameters: {lr: [1]}\n");
    site.write("rows.yaml", "shell: 'true'\nparams: [{lr: 1}]\n");
    fs::create_dir(site.path("folder")).unwrap();
    fs::create_dir_all(site.path("few/bracket-0/stage-0")).unwrap();
    refuses(&["sweep.yaml"], &["no search of a tool", "spawn's"]);
    refuses(&["ours.yaml"], &["is a spec already", "sweep plan ours.yaml"]);
    refuses(&["rows.yaml"], &["is a spec already"]);
    refuses(&["list.json"], &["no search of a tool"]);
    refuses(&["broken.yaml"], &["broken.yaml:", "not YAML"]);
    refuses(&["rows.csv"], &["rows.csv:2:1", "row 1 has 1 columns"]);
    refuses(&["empty.py"], &["no parameters of CrayAI's"]);
    refuses(&["row.py"], &["row.py:1:13", "a parameter must be"]);
    refuses(&["reserved.yaml"], &["says what no spec can", "`a b`"]);
    refuses(&["sweep.yaml", "--from", "hpc-compose"], &["no `sweep` block"]);
    refuses(&["folder"], &["no directory of hyperband-snakemake's"]);
    refuses(&["few"], &["begins its brackets with 0"]);
    refuses(&["folder", "--from", "spawn"], &["is a folder"]);
}

#[test]
fn an_original_that_is_cut_or_changed_anywhere_is_read_or_refused() {
    for entry in fs::read_dir(original("")).unwrap() {
        let path = entry.unwrap().path();
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(7) {
            let mut other = whole.clone();
            other[at] = b"[{(\"$:\n"[at / 7 % 7];
            for bytes in [&whole[..at], other.as_slice()] {
                // Whatever is made of it is a spec.
                if let Ok(made) = import::parse(&path, bytes, None) {
                    Spec::parse(Path::new("s"), made.text.into_bytes()).unwrap();
                }
            }
        }
    }
}
