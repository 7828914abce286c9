//! Bad options in a real Slurm: sbatch refuses what it can see. What is smuggled past it is in `hostile_user`. It
//! never looks at what good options do.
#![allow(clippy::unwrap_used, reason = "in a test program a panic is the message")]

mod sweep_on_disk;

use std::fs;
use std::path::{Path, PathBuf};

use sweep_core::layout::SweepDir;
use sweep_on_disk::Sweep;
use sweep_testbed::{Cluster, ClusterConfig, Load, PluginSetup, artifacts, shared};

fn cluster() -> &'static Cluster {
    shared(&ClusterConfig::default().plugin(PluginSetup {
        path: artifacts::plugin().unwrap(),
        arguments: "audit={dir}/audit".to_owned(),
        load: Load::Optional,
    }))
}

fn home(cluster: &Cluster, name: &str) -> PathBuf {
    let path = cluster.scratch().join(name);
    fs::create_dir_all(&path).unwrap();
    std::os::unix::fs::chown(&path, Some(cluster.user().uid), Some(cluster.user().gid)).unwrap();
    path
}

fn sweep(cluster: &Cluster, home: &Path) -> SweepDir {
    let owner = Some((cluster.user().uid, cluster.user().gid));
    Sweep { owner, ..Sweep::default() }.write(home)
}

/// sbatch with these options must fail, say this, and make no job.
fn refused(cluster: &Cluster, name: &str, options: &[String], says: &[&str]) {
    let name = format!("--job-name={name}");
    let mut sbatch = cluster.command("sbatch");
    let ran = cluster.run(sbatch.arg(&name).args(options).arg("--wrap=true")).unwrap();
    assert!(!ran.success(), "{options:?}: {ran:?}");
    for text in says {
        assert!(ran.stderr.contains(text), "{options:?} does not say `{text}`: {}", ran.stderr);
    }
    let queue = cluster
        .run(
            cluster
                .command("squeue")
                .args(["-h", "--states=all", "-o", "%j"])
                .arg(name.replace("--job-name", "--name")),
        )
        .unwrap();
    assert_eq!(queue.stdout, "", "{options:?} made a job");
}

#[test]
fn sbatch_refuses_a_bad_trial_whichever_option_comes_first() {
    let cluster = cluster();
    let home = home(cluster, "order");
    let dir = sweep(cluster, &home);
    let newer = Sweep { id: "newer", schema: "2.0", ..Sweep::default() }.write(&home);
    let link = home.join("latest");
    std::os::unix::fs::symlink(dir.path(), &link).unwrap();
    let closed = Sweep { id: "closed", ..Sweep::default() }.write(&home);
    fs::set_permissions(closed.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let cases: [(&Path, &str, &[&str]); 7] = [
        (dir.path(), "t006", &["sweep: trial 6 is out of range", "trials are t000 to t005"]),
        (dir.path(), "@6", &["out of range"]),
        (dir.path(), "@map:7", &["cannot read", "7.map"]),
        (&home.join("missing"), "t001", &["is not a sweep directory", "sweep init"]),
        (&link, "t001", &["is a symlink", "cannot change sweeps", dir.path().to_str().unwrap()]),
        (newer.path(), "t001", &["has format 2.0", "upgrade"]),
        (closed.path(), "t001", &["cannot read", "Permission denied"]),
    ];
    for (path, trial, says) in cases {
        let options = [format!("--sweep-dir={}", path.display()), format!("--sweep-trial={trial}")];
        let swapped = [options[1].clone(), options[0].clone()];
        refused(cluster, "order", &options, says);
        refused(cluster, "order", &swapped, says);
    }
}

#[test]
fn sbatch_refuses_what_is_not_even_an_option_value() {
    let cluster = cluster();
    for (option, says) in [
        ("--sweep-trial=t1", "is not a trial"),
        ("--sweep-trial=-1", "is not a trial"),
        ("--sweep-trial=t001\nx", "control characters"),
        ("--sweep-dir=", "is not the path of a sweep directory"),
        ("--sweep-set=lr", "is not NAME=VALUE"),
        ("--sweep-set=PATH=/x", "would shadow"),
        ("--sweep-set=a=1,a=2", "given twice"),
        ("--sweep-set={\"a\":[1]}", "is not a JSON object"),
        ("--sweep-set=a=1\n2", "control characters"),
    ] {
        refused(cluster, "syntax", &[option.to_owned()], &["sweep: ", says]);
    }
    refused(
        cluster,
        "syntax",
        &[format!("--sweep-set=a={}", "x".repeat(100_000))],
        &["longer than 65536 bytes"],
    );
}

#[test]
fn sbatch_warns_of_what_it_drops_and_of_a_trial_of_nothing() {
    let cluster = cluster();
    let ran = cluster
        .sbatch(&["--sweep-set=a=1,b=2", "--sweep-set=b=2", "--output=/dev/null", "--wrap=true"])
        .unwrap()
        .checked()
        .unwrap();
    assert!(ran.stderr.contains("the last one counts; dropped: a=1"), "{}", ran.stderr);
    let ran = cluster
        .sbatch(&["--sweep-trial=t001", "--output=/dev/null", "--wrap=true"])
        .unwrap()
        .checked()
        .unwrap();
    assert!(ran.stderr.contains("warning: --sweep-trial without --sweep-dir"), "{}", ran.stderr);
}
