//! The site's records on a real Slurm: six jobs of two users, listed, checked, exported, changed and found out.
#![allow(clippy::unwrap_used, reason = "in a test program a panic is the message")]

mod sweep_on_disk;

use std::fs;
use std::time::Duration;

use serde_json::Value;
use sweep_on_disk::site_files;
use sweep_testbed::{Account, Cluster, ClusterConfig, JobId, Load, PluginSetup, Ran, artifacts};

/// For a job of a second, on a busy machine.
const JOB_LIMIT: Duration = Duration::from_secs(90);

fn submit(cluster: &Cluster, user: &Account, script: &str, set: &str) -> JobId {
    let mut sbatch = cluster.command_as(user, "sbatch");
    sbatch.args(["--parsable", "--output=/dev/null", &format!("--sweep-set={set}"), script]);
    let ran = cluster.run(sbatch.current_dir("/tmp")).unwrap().checked().unwrap();
    JobId(ran.stdout.trim().parse().unwrap())
}

#[test]
fn six_jobs_of_two_users_are_listed_checked_and_guarded() {
    let plugin = PluginSetup {
        path: artifacts::plugin().unwrap(),
        arguments: "audit={dir}/audit".to_owned(),
        load: Load::Optional,
    };
    let cluster = Cluster::start(ClusterConfig::default().plugin(plugin)).unwrap();
    let audit = cluster.audit();
    let dir = audit.to_str().unwrap();
    let sweep = artifacts::sweep().unwrap();
    let run = |arguments: &[&str]| -> Ran {
        cluster.run(cluster.command_as_root(&sweep).arg("audit").args(arguments)).unwrap()
    };
    let script = cluster.write_script("job.sh", "#!/bin/sh\nexit $code\n").unwrap().display().to_string();
    let mut jobs = Vec::new();
    for n in 0..6 {
        let user = if n % 2 == 0 { cluster.user() } else { cluster.other_user() };
        jobs.push((user.uid, submit(&cluster, user, &script, &format!("code={},n={n}", n % 3))));
    }
    for (_, job) in &jobs {
        cluster.wait_array_done(*job, JOB_LIMIT).unwrap();
    }

    // The end is written when the task is gone; Slurm may say so a moment earlier.
    let list = |more: &[&str]| -> Vec<Value> {
        let ran = run(&[&["list", "--dir", dir, "--format", "json"], more].concat()).checked().unwrap();
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        report["attempts"].as_array().unwrap().clone()
    };
    let ended = || {
        let attempts = list(&[]);
        let all = attempts.iter().filter(|attempt| !attempt["slurm"]["end"].is_null()).count() == 6;
        all.then_some(attempts)
    };
    let attempts = cluster.wait_for(JOB_LIMIT, "six ends in the site's records", ended).unwrap();
    for (n, (uid, job)) in jobs.iter().enumerate() {
        let of_job = |attempt: &&Value| attempt["slurm"]["job"] == job.0.to_string().as_str();
        let attempt = attempts.iter().find(of_job).unwrap();
        let state = if n % 3 == 0 { "completed" } else { "failed" };
        let (slurm, claimed) = (&attempt["slurm"], &attempt["claimed"]);
        assert_eq!((&slurm["uid"], &slurm["state"]), (&(*uid).into(), &state.into()), "{attempt:#}");
        assert_eq!((&slurm["exit"], &claimed["values"]["n"]), (&(n % 3).into(), &n.to_string().into()));
    }
    for user in [cluster.user(), cluster.other_user()] {
        let of_user = list(&["--user", &user.name]);
        assert_eq!(of_user.len(), 3);
        assert!(of_user.iter().all(|a| a["slurm"]["user"] == user.name.as_str()), "{of_user:?}");
    }
    assert_eq!(list(&["--state", "failed"]).len(), 4);

    // Root's alone: neither user reads or lists it.
    let mut denied = cluster.command(&sweep);
    let denied = cluster.run(denied.args(["audit", "verify", "--dir", dir])).unwrap();
    let file = site_files(&audit).remove(0);
    let mut read = cluster.command("cat");
    assert!(!cluster.run(read.arg(&file)).unwrap().success(), "a user reads the site's records");
    assert_ne!(denied.code, Some(0), "{denied}");

    let verify = || run(&["verify", "--dir", dir]);
    let clean = verify();
    assert_eq!(clean.code, Some(0), "{clean}");
    assert!(clean.stdout.contains("none broken"), "{clean}");
    let table = audit.join("out.csv");
    run(&["export", "--dir", dir, "--as", "csv", "-o", table.to_str().unwrap()]).checked().unwrap();
    assert_eq!(fs::read_to_string(&table).unwrap().lines().count(), 7);

    let text = fs::read_to_string(&file).unwrap();
    let forged = text.replacen("\"attempt\":0", "\"attempt\":7", 1);
    fs::write(&file, &forged).unwrap();
    let broken = verify();
    assert_eq!(broken.code, Some(1), "{broken}");
    let expected = format!("BROKEN {}:1: edited: ", file.display());
    assert!(broken.stdout.contains(&expected), "{broken}");
    fs::write(&file, &text).unwrap();
    assert_eq!(verify().code, Some(0));
}
