//! The book's reference pages, made of the code: the commands of their definitions, the forms of JSON of the types that
//! are written, variables and exit codes of where they are named. `UPDATE_GOLDENS=1 cargo test -p sweep-cli --test
//! reference` writes them anew; without it a page that is out of date is a failure, never overlooked.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "../command_site/mod.rs"]
mod command_site;
mod commands;
mod exits;
mod forms;
mod schema;
mod source;
mod variables;

use std::fs;
use std::path::{Path, PathBuf};

use command_site::Site;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn check(page: &str, text: &str) {
    let path = root().join("docs/reference").join(page);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let stands = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(stands, text, "docs/reference/{page} is out of date; UPDATE_GOLDENS=1 writes it anew");
}

#[test]
fn the_page_of_commands_is_what_the_help_says() {
    check("commands.md", &commands::page());
}

#[test]
fn the_page_of_json_is_what_the_types_say() {
    check("json.md", &forms::json_page());
    check("files.md", &forms::files_page());
}

/// The schemas lie beside the pages, and the command prints them.
#[test]
fn every_form_has_its_schema_and_the_command_prints_it() {
    let site = Site::new("name: none\n");
    let listed = site.good(&["schema"]);
    for form in forms::all() {
        let (name, ..) = form;
        let text = serde_json::to_string_pretty(&schema::of(form)).unwrap() + "\n";
        check(&format!("schemas/{name}.json"), &text);
        // Written anew, the command has it from its next build on.
        if std::env::var_os("UPDATE_GOLDENS").is_none() {
            assert_eq!(site.good(&["schema", name]), text);
        }
        assert!(listed.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}: {listed}");
    }
    assert_eq!(listed.lines().count(), forms::all().count());
    let ran = site.sweep(&["schema", "stats"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("there is no schema of `stats`") && ran.stderr.contains("status"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_schema_refuses_what_is_not_its_form() {
    let site = Site::new(SPEC);
    site.good(&["init"]);
    let status = site.json(&["status"]);
    let of_status = schema::of(forms::all().find(|(name, ..)| *name == "status").unwrap());
    schema::hold(&of_status, &status);
    let refuses = |wrong: &Value| std::panic::catch_unwind(|| schema::hold(&of_status, wrong)).is_err();
    for (member, value) in [("trials", "all".into()), ("sweep_id", 7.into()), ("states", Value::Null)] {
        let mut wrong = status.clone();
        wrong[member] = value;
        assert!(refuses(&wrong), "{member}");
    }
    let mut wrong = status.clone();
    wrong["trials"][0]["state"] = "sleeping".into();
    assert!(refuses(&wrong));
    let mut wrong = status;
    wrong.as_object_mut().unwrap().remove("trials");
    assert!(refuses(&wrong));
}

#[test]
fn the_page_of_variables_names_every_variable_of_ours() {
    check("environment.md", &variables::page());
}

#[test]
fn the_page_of_exit_codes_has_every_kind_of_error() {
    check("exit-codes.md", &exits::page());
}

const SPEC: &str = "name: shapes
command: [python3, -c, 'import os; open(os.environ[\"SWEEP_RESULT\"], \"w\").write(os.environ[\"lr\"])']
metric: {name: loss, goal: minimize}
parameters: {lr: [0.1, 0.2]}
";

/// What the commands print has the members that the page says, and no others.
#[test]
fn every_json_form_is_as_its_page_says() {
    let site = Site::new(SPEC);
    let json = |arguments: &[&str]| -> Value {
        let text = site.sweep(&[arguments, &["--format", "json"]].concat()).stdout;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{text}"))
    };
    forms::check("plan", &json(&["plan"]));
    forms::check("init", &json(&["init"]));
    forms::check("submit", &json(&["submit", "--dry-run"]));
    forms::check("submit", &json(&["submit", "--executor", "local"]));
    site.good(&["wait", "--timeout", "60"]);
    forms::check("status", &json(&["status"]));
    forms::check("show", &json(&["show", "t001"]));
    forms::check("list", &json(&["list"]));
    forms::check("top", &json(&["top"]));
    forms::check("importance", &json(&["importance"]));
    forms::check("collect", &json(&["collect", "kept"]));
    forms::check("clean", &json(&["clean", "--dry-run"]));
    forms::check("retry", &json(&["retry", "--trial", "t000", "--dry-run"]));
    forms::check("resume", &json(&["resume"]));
    forms::check("doctor", &json(&["doctor"]));
    site.write("sweep.yaml", &SPEC.replace("0.2", "0.2, 0.3"));
    forms::check("extend", &json(&["extend", "--spec", "sweep.yaml"]));
    site.good(&["submit", "--executor", "local"]);
    forms::check("stop", &json(&["stop"]));
    let ids: Vec<_> = json(&["list"])["sweeps"].as_array().unwrap().iter().map(id).collect();
    forms::check("compare", &json(&["compare", &ids[0], &ids[1]]));
    forms::check("archive", &json(&["archive", &ids[1], "--remove"]));
    forms::check("unarchive", &json(&["unarchive", &format!(".sweeps/{}.tar.gz", ids[1])]));
}

fn id(entry: &Value) -> String {
    entry["manifest"]["id"].as_str().unwrap().to_owned()
}

/// The files of a sweep, written by the command that is tested, line by line.
#[test]
fn every_file_of_a_sweep_is_as_its_page_says() {
    let site = Site::new(SPEC);
    site.good(&["submit", "--executor", "local"]);
    site.good(&["wait", "--timeout", "60"]);
    let sweep = fs::canonicalize(site.path(".sweeps/latest")).unwrap();
    let lines = |path: PathBuf| -> Vec<Value> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let manifest = fs::read_to_string(sweep.join("sweep.json")).unwrap();
    forms::check("manifest", &serde_json::from_str(&manifest).unwrap());
    let intent = fs::read_to_string(sweep.join("batches/0.json")).unwrap();
    forms::check("intent", &serde_json::from_str(&intent).unwrap());
    let events = lines(sweep.join("events/1.jsonl"));
    assert!(events.len() >= 2, "{events:?}");
    events.iter().for_each(|event| forms::check("event", event));
    let mut records = 0;
    for entry in fs::read_dir(sweep.join("trials/t000")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("record.") {
            records += 1;
            lines(path).iter().for_each(|record| forms::check("record", record));
        } else if name.starts_with("claim.") {
            lines(path).iter().for_each(|claim| forms::check("claim", claim));
        }
    }
    assert_eq!(records, 1);
}

#[test]
fn what_notify_reads_is_as_its_page_says() {
    let notify = "notify: cat >>told.jsonl\nbudget: {node_hours: 1}\nparameters";
    let site = Site::new(&SPEC.replace("parameters", notify));
    site.good(&["run", "--executor", "local"]);
    let told = fs::read_to_string(site.path("told.jsonl")).unwrap();
    assert!(told.lines().count() >= 1);
    told.lines().for_each(|line| forms::check("told", &serde_json::from_str(line).unwrap()));
}

#[test]
fn the_best_configuration_is_as_its_page_says() {
    let site = Site::new(
        &SPEC.replace("parameters", "method: halving\nhalving: {max_budget: 3}\nseed: 1\nparameters"),
    );
    site.good(&["run", "--executor", "local"]);
    let best = fs::read_to_string(site.path(".sweeps/latest/best.json")).unwrap();
    forms::check("best", &serde_json::from_str(&best).unwrap());
}
