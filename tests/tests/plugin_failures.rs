//! The plugin in trouble in a real Slurm: whatever breaks, the job runs, no node drains, and the log has one line
//! that says why. The plugin is loaded as `required` here, where Slurm forgives least.
#![allow(clippy::unwrap_used, reason = "in a test program a panic is the message")]

mod sweep_on_disk;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use sweep_core::layout::SweepDir;
use sweep_on_disk::{Sweep, records};
use sweep_testbed::{Cluster, ClusterConfig, JobId, Load, PluginSetup, artifacts, shared};

/// For a job of a second whose plugin waits twice for five, on a busy machine.
const JOB_LIMIT: Duration = Duration::from_secs(120);

/// One cluster for all: each test has the plugin to itself while it holds this.
static PLUGIN: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn with_plugin<T>(arguments: &str, test: impl FnOnce(&Cluster) -> T) -> T {
    let guard = PLUGIN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let setup = |arguments: &str| PluginSetup {
        path: artifacts::plugin_with_faults().unwrap(),
        arguments: arguments.to_owned(),
        load: Load::Required,
    };
    let cluster = shared(&ClusterConfig { nodes: 1, ..ClusterConfig::default() }.plugin(setup("")));
    cluster.install_plugin(&setup(arguments)).unwrap();
    let result = test(cluster);
    for node in cluster.nodes().unwrap() {
        assert!(!node.state.contains("DRAIN") && !node.state.contains("DOWN"), "{arguments}: {node:?}");
    }
    drop(guard);
    result
}

fn sweep(cluster: &Cluster, name: &str) -> SweepDir {
    let home = cluster.scratch().join(name);
    fs::create_dir_all(&home).unwrap();
    let (uid, gid) = (cluster.user().uid, cluster.user().gid);
    chown(&home, Some(uid), Some(gid)).unwrap();
    Sweep { owner: Some((uid, gid)), ..Sweep::default() }.write(&home)
}

/// Runs a job with trial 1 of a sweep, after `prepare` has done its worst between submission and start; what its
/// script saw, and the plugin's lines in the node's log.
fn run(cluster: &Cluster, dir: &SweepDir, prepare: impl FnOnce()) -> (JobId, String, Vec<String>) {
    let out = dir.path().parent().unwrap().join("out");
    let text = format!("#!/bin/bash\necho \"$lr $SWEEP_TRIAL $SWEEP_ERROR\" > {}\n", out.display());
    let script = cluster.write_script("failure.sh", &text).unwrap().display().to_string();
    let option = format!("--sweep-dir={}", dir.path().display());
    let job =
        cluster.submit(&["--hold", &option, "--sweep-trial=t001", "--output=/dev/null", &script]).unwrap();
    prepare();
    cluster.scontrol(&["release", &job.to_string()]).unwrap().checked().unwrap();
    cluster.wait_job_state(job, &["COMPLETED"], JOB_LIMIT).unwrap();
    let mark = format!("[{job}.batch]");
    let log = cluster.slurmd_log(0);
    // The head of a site's file goes to the log too, which is no failure.
    let says = |line: &&str| line.contains("sweep: ") && !line.contains("sweep: audit: {");
    let lines = log.lines().filter(|line| line.contains(&mark)).filter(says);
    (job, fs::read_to_string(out).unwrap(), lines.map(str::to_owned).collect())
}

fn one_line(lines: &[String], hook: &str, why: &str) {
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(&format!("sweep: {hook}: ")) && lines[0].contains(why), "{lines:?}");
}

#[test]
fn a_panic_in_any_hook_costs_nothing_but_its_own_work() {
    for hook in ["init", "init_post_opt", "user_init", "task_init", "task_post_fork", "task_exit"] {
        with_plugin(&format!("audit={{dir}}/audit fault=panic:{hook}"), |cluster| {
            let dir = sweep(cluster, &format!("panic-{hook}"));
            let (_, seen, lines) = run(cluster, &dir, || {});
            let expected = if hook == "user_init" { "  \n" } else { "0.1 t001 \n" };
            assert_eq!(seen, expected, "{hook}");
            // task_init runs in the task, whose words go to the job's output alone.
            if hook != "task_init" {
                one_line(&lines, hook, "a panic was asked for");
            }
        });
    }
}

#[test]
fn a_sweep_that_is_gone_or_closed_or_damaged_costs_the_job_its_variables_only() {
    with_plugin("", |cluster| {
        let dir = sweep(cluster, "gone");
        let (_, seen, lines) =
            run(cluster, &dir, || fs::rename(dir.path(), dir.path().with_extension("x")).unwrap());
        assert!(seen.starts_with("  ") && seen.contains("No such file"), "{seen}");
        one_line(&lines, "user_init", "No such file");

        let dir = sweep(cluster, "closed");
        let close = || fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o000)).unwrap();
        let (_, seen, lines) = run(cluster, &dir, close);
        assert!(seen.starts_with("  ") && seen.contains("Permission denied"), "{seen}");
        one_line(&lines, "user_init", "Permission denied");

        let dir = sweep(cluster, "damaged");
        let (_, seen, lines) = run(cluster, &dir, || fs::write(dir.trials(), "x").unwrap());
        assert!(seen.starts_with("  ") && seen.contains("damaged"), "{seen}");
        one_line(&lines, "user_init", "damaged");

        let dir = sweep(cluster, "link");
        let swap = || {
            let away = dir.path().with_extension("x");
            fs::rename(dir.path(), &away).unwrap();
            symlink(&away, dir.path()).unwrap();
        };
        let (_, seen, lines) = run(cluster, &dir, swap);
        assert!(seen.starts_with("  ") && seen.contains("Not a directory"), "{seen}");
        one_line(&lines, "user_init", "Not a directory");
    });
}

#[test]
fn a_file_system_that_hangs_holds_a_job_up_for_seconds_only() {
    with_plugin("fault=stop_child", |cluster| {
        let dir = sweep(cluster, "hangs");
        let started = Instant::now();
        let (_, seen, lines) = run(cluster, &dir, || {});
        assert!(seen.starts_with("  ") && seen.contains("no answer within 5 s"), "{seen}");
        one_line(&lines, "user_init", "no answer within 5 s");
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
        assert!(records(&dir, 1).is_empty());
    });
}

/// A name, what makes the directory bad, and what the log says of it.
type Bad = (&'static str, fn(&Path), &'static str);

#[test]
fn a_bad_audit_directory_costs_the_sites_record_only() {
    let bad: [Bad; 4] = [
        ("absent", |_| {}, "No such file"),
        (
            "link",
            |path| {
                fs::create_dir(path.with_extension("target")).unwrap();
                symlink(path.with_extension("target"), path).unwrap();
            },
            "is a symlink",
        ),
        (
            "open",
            |path| {
                fs::create_dir(path).unwrap();
                fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
            },
            "can be written by others than root",
        ),
        ("full", mount_full, "No space left"),
    ];
    for (name, make, why) in bad {
        with_plugin(&format!("audit={{dir}}/audit-{name}"), |cluster| {
            let path = cluster.directory().join(format!("audit-{name}"));
            make(&path);
            let dir = sweep(cluster, &format!("audit-{name}"));
            let (_, seen, lines) = run(cluster, &dir, || {});
            if name == "full" {
                assert!(Command::new("umount").arg(&path).status().unwrap().success());
            }
            assert_eq!(seen, "0.1 t001 \n", "{name}");
            assert_eq!(records(&dir, 1)[0].1.len(), 2, "the user's own copy is whole");
            // One line for the start, one for the end.
            assert_eq!(lines.len(), 2, "{name}: {lines:?}");
            one_line(&lines[..1], "task_post_fork", why);
            one_line(&lines[1..], "task_exit", why);
        });
    }
}

fn mount_full(path: &Path) {
    fs::create_dir(path).unwrap();
    let options = ["-t", "tmpfs", "-o", "size=16k,mode=0755", "tmpfs"];
    assert!(Command::new("mount").args(options).arg(path).status().unwrap().success());
    let filler = fs::write(path.join("filler"), vec![0; 64 * 1024]);
    assert!(filler.is_err(), "the file system is not small");
}

#[test]
fn a_strict_site_fails_a_plain_job_without_its_trial_and_keeps_the_node() {
    with_plugin("strict=yes", |cluster| {
        let dir = sweep(cluster, "strict");
        let option = format!("--sweep-dir={}", dir.path().display());
        let submit = ["--hold", &option, "--sweep-trial=t001", "--output=/dev/null", "--wrap=true"];
        let job = cluster.submit(&submit).unwrap();
        fs::remove_dir_all(dir.path()).unwrap();
        cluster.scontrol(&["release", &job.to_string()]).unwrap().checked().unwrap();
        let show = cluster.wait_job_state(job, &["FAILED"], JOB_LIMIT).unwrap();
        assert_eq!(show.exit_code(), "78:0");
        let plain = cluster.submit_and_complete(&["--output=/dev/null", "--wrap=true"], JOB_LIMIT).unwrap();
        assert_eq!(plain.exit_code(), "0:0");
    });
}

#[test]
fn words_in_plugstack_that_nobody_knows_are_one_warning() {
    with_plugin("color=red audit=relative", |cluster| {
        let dir = sweep(cluster, "words");
        let (_, seen, lines) = run(cluster, &dir, || {});
        assert_eq!(seen, "0.1 t001 \n");
        one_line(&lines, "init", "`color=red`");
    });
}
