//! What people see in 80 columns and in 160, of a sweep directory whose every byte is fixed. `UPDATE_GOLDENS=1`
//! writes the files anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;
mod written_sweep;

use std::path::Path;

use command_site::{Ran, Site};
use written_sweep::{check, judged, many, rungs, six};

/// What a command prints for a screen of so many columns.
fn shown(site: &Site, dir: &str, columns: usize, arguments: &[&str]) -> String {
    let ran = Ran::of(site.command(arguments).env("COLUMNS", columns.to_string()));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    ran.stdout.replace(dir, "DIR")
}

#[test]
fn screens_fit_their_width() {
    let site = Site::new("name: screens\n");
    let dir = six().write(&site.path(""));
    let dir = dir.to_str().unwrap();
    let home = Path::new(dir).parent().unwrap().to_str().unwrap();
    for columns in [80, 160] {
        let show = |name: &str, arguments: &[&str]| {
            let text = shown(&site, dir, columns, arguments);
            check(&format!("{name}.{columns}.txt"), &text);
            text
        };
        let status = show("status", &["status", dir]);
        for line in status.lines() {
            assert!(line.chars().count() <= columns || line.starts_with("best: "), "{line}");
        }
        show("list", &["list", "--dir", home]);
        show("show", &["show", "t002", dir]);
        let top = show("top", &["top", dir]);
        assert!(top.lines().all(|line| line.chars().count() <= columns), "{top}");
    }
    check("status.json", &shown(&site, dir, 80, &["status", "--format", "json", dir]));
}

#[test]
fn rungs_are_drawn_by_bracket_with_their_best() {
    let site = Site::new("name: rungs\n");
    let dir = rungs().write(&site.path(""));
    let dir = dir.to_str().unwrap();
    for columns in [80, 160] {
        let text = shown(&site, dir, columns, &["status", dir]);
        for line in text.lines() {
            assert!(line.chars().count() <= columns || line.starts_with("best: "), "{line}");
        }
        check(&format!("status.rungs.{columns}.txt"), &text);
    }
}

#[test]
fn a_hundred_thousand_trials_are_folded_into_one_screen() {
    let site = Site::new("name: many\n");
    let dir = many().write(&site.path(""));
    let dir = dir.to_str().unwrap();
    let text = shown(&site, dir, 80, &["status", dir]);
    check("status.many.txt", &text);
}

#[test]
fn importance_says_what_mattered_and_how_far_to_believe_it() {
    let site = Site::new("name: judged\n");
    let dir = judged().write(&site.path(""));
    let dir = dir.to_str().unwrap();
    let show = |name: &str, arguments: &[&str]| {
        let text = shown(&site, dir, 80, &[&["importance", dir], arguments].concat());
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        check(name, &text);
    };
    show("importance.txt", &["--pairs"]);
    check("importance.160.txt", &shown(&site, dir, 160, &["importance", dir, "--pairs"]));
    for method in ["impurity", "permutation", "correlation", "ped-anova"] {
        show(&format!("importance.{method}.txt"), &["--method", method]);
    }
    show("importance.json", &["--pairs", "--format", "json"]);
    let refused = |arguments: &[&str], hint: &str| {
        let ran = site.sweep(&[&["importance", dir], arguments].concat());
        assert!(ran.code == Some(2) && ran.stderr.contains(hint), "{}", ran.stderr);
    };
    refused(&["--metric", "lossy"], "it has loss");
    refused(&["--method", "correlation", "--pairs"], "only fANOVA judges pairs");
}

#[test]
fn importance_of_a_sweep_that_has_not_begun_says_so() {
    let site = Site::new("name: early\nmetric: {name: loss}\nshell: 'true'\nparameters: {x: [1, 2]}\n");
    site.good(&["init", "sweep.yaml"]);
    let text = site.good(&["importance"]);
    assert!(text.contains("no trial has completed with this metric yet"), "{text}");
    site.write("none.yaml", "name: none\nshell: 'true'\nparameters: {x: [1, 2]}\n");
    site.good(&["init", "none.yaml"]);
    let ran = site.sweep(&["importance", "none"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("names no metric"), "{}", ran.stderr);
}
