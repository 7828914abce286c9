//! The book and the README: every command in them is run as a new user would, page by page, and every link leads
//! somewhere. A command that cannot run here is marked in its page and listed below with what runs it instead: never
//! one that nobody runs.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has nothing to say")]

mod links;
mod page;
mod shell;
mod shown;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sweep_testbed::{Cluster, ClusterConfig, Load, PluginSetup, artifacts, shared};

use page::Page;
use shell::{Laptop, run_on_slurm};

/// Pages that are run on a private Slurm with the plugin; all others are run on a machine without.
const ON_SLURM: [&str; 2] = ["README.md", "docs/tutorial/sbatch-options.md"];

/// Pages with a test of their own. Their commands are not read here.
const BY_ANOTHER_TEST: [(&str, &str); 6] = [
    ("docs/agent.md", "tests/tests/command_journeys/agent.rs"),
    ("docs/export.md", "cli/tests/export_docs.rs"),
    ("docs/python.md", "cli/tests/export_docs.rs"),
    ("docs/admin.md", "tests/tests/packages/main.rs"),
    ("docs/install.md", "tests/tests/plugin_install.rs"),
    ("docs/audit.md", "tests/tests/audit_journey.rs"),
];

/// Commands behind `<!-- elsewhere -->`, the file that runs them, and how it says so.
const ELSEWHERE: [(&str, &str, &str); 7] = [
    ("cargo xtask demo", ".ci/run", "cargo xtask demo"),
    ("cargo xtask test", ".ci/run", "cargo xtask test"),
    ("cargo build --release -p sweep-cli", "packaging/xtask/src/test.rs", "\"sweep-cli\""),
    ("export PATH=\"$PWD/target/release:$PATH\"", "packaging/xtask/src/test.rs", "release/sweep"),
    ("cargo xtask build-plugin --out target/plugin", "packaging/xtask/src/test.rs", "build_plugin::build"),
    ("sweep plugin install ", "tests/tests/plugin_install.rs", "\"install\""),
    ("sweep plugin check", "tests/tests/plugin_install.rs", "\"check\""),
];

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).unwrap()
}

/// Every page, by its path in the repository.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    pages.sort();
    pages
}

fn is_run(name: &String) -> bool {
    BY_ANOTHER_TEST.iter().all(|(page, _)| page != name)
}

#[test]
fn every_page_without_slurm_does_and_says_what_it_shows() {
    let here = pages().into_iter().filter(|name| is_run(name) && !ON_SLURM.contains(&name.as_str()));
    let mut commands = 0;
    let mut wrong = Vec::new();
    std::thread::scope(|scope| {
        let mut running = Vec::new();
        for name in here {
            let page = Page::read(&root().join(&name));
            commands += page.steps.len();
            if !page.steps.is_empty() {
                running.push(scope.spawn(move || Laptop::new().run(&name, &page)));
            }
        }
        let ended = running.into_iter().map(|page| page.join());
        wrong.extend(ended.filter_map(Result::err).map(|panic| panic_text(&*panic)));
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(commands > 20, "{commands} commands in the whole book");
}

#[test]
fn what_is_not_run_here_is_run_by_what_is_named() {
    for (page, test) in BY_ANOTHER_TEST {
        assert!(root().join(page).is_file() && root().join(test).is_file(), "{page}: {test}");
    }
    for name in pages().iter().filter(|name| is_run(name)) {
        for command in Page::read(&root().join(name)).elsewhere {
            let known = |(begin, ..): &&(&str, &str, &str)| command.text.starts_with(begin);
            let Some((_, file, says)) = ELSEWHERE.iter().find(known) else {
                panic!("{name}:{}: nobody runs `{}`", command.line, command.text);
            };
            assert!(fs::read_to_string(root().join(file)).unwrap().contains(says), "{file} has no {says}");
        }
    }
}

#[test]
fn every_link_of_a_page_leads_somewhere_and_every_page_is_in_the_summary() {
    let pages = pages();
    let wrong: Vec<_> = pages.iter().flat_map(|name| links::broken(&root(), name)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let in_summary = |name: &str| summary.contains(&format!("]({name})"));
    let docs = pages.iter().filter_map(|name| name.strip_prefix("docs/"));
    let lost: Vec<_> = docs.filter(|name| *name != "SUMMARY.md" && !in_summary(name)).collect();
    assert!(lost.is_empty(), "not in docs/SUMMARY.md: {lost:?}");
}

fn cluster() -> &'static Cluster {
    let cluster = shared(&ClusterConfig::default().plugin(PluginSetup {
        path: artifacts::plugin().unwrap(),
        arguments: "audit={dir}/audit".to_owned(),
        load: Load::Optional,
    }));
    cluster.install_program(&artifacts::sweep().unwrap(), "sweep").unwrap();
    cluster
}

#[test]
fn the_tour_and_the_pages_about_slurm_work_on_slurm() {
    let cluster = cluster();
    for name in ON_SLURM {
        let (folder, said) = run_on_slurm(cluster, name, &Page::read(&root().join(name)));
        if name == "README.md" {
            check_tour(cluster, &folder.join("examples/iris"), &said);
        }
    }
    cluster.assert_no_drain().unwrap();
}

/// What the tour's jobs left, some of which end after its last command.
fn check_tour(cluster: &Cluster, iris: &Path, said: &str) {
    assert!(said.contains("best: ") && said.contains("nothing was submitted"), "{said}");
    let one = cluster.wait_for(Duration::from_secs(120), "the job of one variable", || {
        fs::read_to_string(iris.join("one.log")).ok().filter(|text| !text.is_empty())
    });
    assert_eq!(one.unwrap(), "lr is 0.1\n");
    cluster
        .wait_for(Duration::from_secs(240), "the twelve trials of the user's own script", || {
            let outputs = fs::read_dir(iris).unwrap().map(|entry| entry.unwrap().path());
            let texts = outputs.filter(|path| path.extension().is_some_and(|ending| ending == "out"));
            let done = texts.filter(|path| fs::read_to_string(path).unwrap().contains("accuracy"));
            (done.count() == 12).then_some(())
        })
        .unwrap();
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}
