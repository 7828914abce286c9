//! Rules of the repository that no compiler checks: where imports may go, how long a file may be, what may not be
//! named. It reads files and runs nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot read its repository has nothing to say")]

use std::fs;
use std::path::{Path, PathBuf};

/// The command's layers, each of which may import those behind it.
const LAYERS: [&str; 16] = [
    "command",
    "ask_tell",
    "live",
    "render",
    "doctor",
    "plugin_file",
    "audit",
    "export",
    "import",
    "report",
    "agent",
    "driver",
    "executor",
    "task",
    "spec",
    "error",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !matches!(name, "target" | "corpus" | "artifacts") && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no {ending} in {folder}");
    found.sort();
    found
}

fn sources() -> Vec<PathBuf> {
    ["core", "search", "plugin", "cli", "tests", "packaging"].iter().flat_map(|f| files(f, ".rs")).collect()
}

/// Whether a file is there for tests alone, by its parent's word.
fn is_test(path: &Path) -> bool {
    let parent = path.parent().unwrap().with_extension("rs");
    let module = format!("#[cfg(test)]\nmod {};", path.file_stem().unwrap().to_str().unwrap());
    fs::read_to_string(parent).is_ok_and(|text| text.contains(&module))
}

#[test]
fn imports_of_the_command_go_down_only() {
    let base = root().join("cli/src");
    let mut wrong = Vec::new();
    for path in files("cli/src", ".rs") {
        let below = path.strip_prefix(&base).unwrap().to_str().unwrap();
        let module = below.split('/').next().unwrap().trim_end_matches(".rs");
        let Some(layer) = LAYERS.iter().position(|name| *name == module) else { continue };
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            for part in line.split("crate::").skip(1) {
                let target: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if LAYERS.iter().position(|name| *name == target).is_some_and(|to| to < layer) {
                    wrong.push(format!("{}:{}: {module} imports {target}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn core_and_search_do_nothing_but_think() {
    let mut wrong = Vec::new();
    for path in files("core/src", ".rs").into_iter().chain(files("search/src", ".rs")) {
        if is_test(&path) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for word in
            ["std::process", "SystemTime", "Instant::now", "println!", "eprintln!", "env::var", "thread_rng"]
        {
            if text.contains(word) {
                wrong.push(format!("{}: {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_is_about_one_thing() {
    // Tests stand in the file that they test and do not count.
    const LINES: usize = 420;
    let long = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let code = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
        let is_test = is_test(path)
            || path.components().any(|part| part.as_os_str() == "tests") && !path.ends_with("lib.rs");
        (code > LINES && !is_test).then(|| format!("{}: {code} lines", path.display()))
    };
    let long: Vec<_> = sources().iter().filter_map(long).collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = |path: &PathBuf| !fs::read_to_string(path).unwrap().starts_with("//!");
    let silent: Vec<_> = sources().into_iter().filter(silent).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    let empty = |path: &PathBuf| {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        ["util", "utils", "helper", "helpers", "common", "manager", "misc"].contains(&stem)
    };
    let named: Vec<_> = sources().into_iter().filter(empty).collect();
    assert!(named.is_empty(), "{named:?}");
}

#[test]
fn nobody_ends_the_process_that_the_plugin_lives_in() {
    for path in files(".", "Cargo.toml") {
        let text = fs::read_to_string(&path).unwrap();
        let aborts =
            text.lines().any(|line| line.trim_start().starts_with("panic") && line.contains("abort"));
        assert!(!aborts, "{}", path.display());
    }
}

#[test]
fn paths_of_a_sweep_are_joined_in_one_place() {
    let names = ["\"sweep.json\"", "\"trials.jsonl\"", "\"trials.idx\"", "\"metrics.jsonl\"", "\"out.log\""];
    let mut wrong = Vec::new();
    for path in ["cli/src", "plugin/src", "search/src"].iter().flat_map(|folder| files(folder, ".rs")) {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let joins = |name: &&&str| code.contains(&format!("join({name})"));
        wrong.extend(names.iter().filter(joins).map(|name| format!("{}: {name}", path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
