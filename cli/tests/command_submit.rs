//! What `sweep submit` refuses, and what it shows without doing anything: no Slurm is needed for either.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use command_site::Site;

const HUNDRED_AND_ONE: &str = "name: many\nshell: 'true'\nparameters: {x: {values: [RANGE]}}\n";

fn values(count: u32) -> String {
    let list: Vec<_> = (0..count).map(|n| n.to_string()).collect();
    HUNDRED_AND_ONE.replace("RANGE", &list.join(", "))
}

fn made_nothing(site: &Site) {
    assert!(!site.path(".sweeps").exists());
}

#[test]
fn more_trials_than_the_guard_are_refused_before_anything_is_made() {
    let site = Site::new(&values(101));
    let ran = site.sweep(&["submit", "--executor", "local"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        ran.stderr,
        "error: sweep.yaml expands to 101 trials, above the limit of 100 (101 configurations × 1 replicates)\n\n\
         hint: say --max-trials 101 if so many are meant; --dry-run shows them\n"
    );
    made_nothing(&site);
}

#[test]
fn the_guard_counts_replicates_and_can_be_raised_and_lowered() {
    let site = Site::new(&format!("{}replicates: 3\n", values(5)));
    let refused = site.sweep(&["submit", "--executor", "local", "--max-trials", "14"]);
    assert!(
        refused
            .stderr
            .contains("expands to 15 trials, above the limit of 14 (5 configurations × 3 replicates)")
    );
    assert_eq!(refused.code, Some(2));
    made_nothing(&site);
    site.good(&["run", "--executor", "local", "--max-trials", "15"]);
}

#[test]
fn a_dry_run_of_any_size_makes_nothing() {
    let site = Site::new(&values(101));
    let text = site.good(&["submit", "--dry-run", "--executor", "local"]);
    assert!(text.starts_with("many  grid (full), 101 trials\n"), "{text}");
    assert!(
        text.ends_with("\nthey would run as processes of this machine\n\nnothing was submitted\n"),
        "{text}"
    );
    made_nothing(&site);

    let axes: Vec<_> =
        ('a'..='g').map(|name| format!("  {name}: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n")).collect();
    let site = Site::new(&format!("name: huge\nshell: 'true'\nparameters:\n{}", axes.concat()));
    let text = site.good(&["submit", "--dry-run", "--executor", "local"]);
    assert!(text.starts_with("huge  grid (full), 10,000,000 trials\n"), "{text}");
    assert!(text.contains("t009") && !text.contains("t010"), "{text}");
    let json = site.json(&["submit", "--dry-run", "--executor", "local"]);
    assert_eq!((&json["trials"], &json["dry_run"]), (&"10000000".into(), &true.into()));
    assert_eq!(json["dir"], serde_json::Value::Null);
    made_nothing(&site);
}

#[test]
fn sbatch_options_that_are_sweeps_own_are_refused() {
    let site = Site::new(&values(2));
    for option in ["--array=0-3", "-J", "--output=x", "--sweep-dir=x", "--wrap", "--parsable", "-W"] {
        for dry_run in [&[][..], &["--dry-run"][..]] {
            let ran = site.sweep(&[&["submit", "--executor", "local"], dry_run, &["--", option]].concat());
            assert_eq!(ran.code, Some(2), "{option}: {}", ran.stderr);
            let head = format!("error: sbatch option `{option}` cannot be given\n\nhint: ");
            assert!(ran.stderr.starts_with(&head), "{}", ran.stderr);
        }
    }
    made_nothing(&site);
}

#[test]
fn the_local_executor_takes_no_options_of_slurms() {
    let site = Site::new(&values(2));
    for arguments in [&["--individual"][..], &["--", "--comment=x"][..]] {
        let ran = site.sweep(&[&["submit", "--executor", "local"], arguments].concat());
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains("means nothing to the local executor"), "{}", ran.stderr);
    }
    made_nothing(&site);
}

#[test]
fn a_spec_without_a_command_is_planned_but_not_submitted() {
    let site = Site::new("name: bare\nparameters: {x: [1, 2]}\n");
    for command in ["submit", "run"] {
        let ran = site.sweep(&[command, "--executor", "local"]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains("no command") || ran.stderr.contains("no `command`"), "{}", ran.stderr);
    }
    made_nothing(&site);
    assert!(site.good(&["plan"]).starts_with("bare  grid (full), 2 trials\n"));
    assert!(site.good(&["init"]).contains(" --array=0-1 SCRIPT\n"), "a script of one's own needs none");
}

#[test]
fn slurm_where_there_is_none_is_the_worlds_error() {
    let site = Site::new(&values(2));
    let ran = site.sweep(&["submit", "--executor", "slurm"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.starts_with("error: cannot start `scontrol`\ncaused by: No such file"),
        "{}",
        ran.stderr
    );
    made_nothing(&site);
}

#[test]
fn auto_without_slurm_is_this_machine_and_says_so() {
    let site = Site::new(&values(2));
    let ran = site.sweep(&["run"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let said = ran.stderr.lines().next();
    assert_eq!(said, Some("there is no Slurm here: the trials run on this machine"), "{}", ran.stderr);
    assert!(ran.stdout.contains("completed 2\n"), "{}", ran.stdout);
}
