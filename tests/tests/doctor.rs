//! `sweep doctor` on clusters that are well and clusters that are not.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has nothing to say")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use sweep_testbed::{Cluster, ClusterConfig, Load, PluginSetup, Ran, artifacts, shared};

fn plugin(load: Load) -> PluginSetup {
    PluginSetup { path: artifacts::plugin().unwrap(), arguments: "audit={dir}/audit".to_owned(), load }
}

fn doctor(cluster: &Cluster, arguments: &[&str]) -> Ran {
    let mut command = cluster.command(artifacts::sweep().unwrap());
    command.arg("doctor").args(arguments);
    cluster.run(&mut command).unwrap()
}

#[test]
fn a_cluster_that_is_well_is_called_so() {
    let cluster = shared(&ClusterConfig::default().plugin(plugin(Load::Optional)));
    let ran = doctor(cluster, &["--nodes"]);
    assert!(ran.success(), "{}{}", ran.stdout, ran.stderr);
    assert!(!ran.stdout.contains("BAD") && !ran.stdout.contains("note "), "{}", ran.stdout);
    for node in ["r0", "r1"] {
        let seen = format!("{node} has the plugin, the folder of sweeps, sbatch");
        assert!(ran.stdout.contains(&seen), "{}", ran.stdout);
    }
}

#[test]
fn what_is_wrong_is_named_with_what_to_do() {
    let config = ClusterConfig::default().plugin(plugin(Load::Required)).set("MaxArraySize", "10");
    let cluster = Cluster::start(config).unwrap();
    fs::set_permissions(cluster.audit(), fs::Permissions::from_mode(0o777)).unwrap();
    let ran = doctor(&cluster, &["--nodes", "--dir", "/root/closed/.sweeps"]);
    assert!(!ran.success());
    for text in [
        "the plugin is `required`",
        "can be written by others than root",
        "arrays of up to 10 tasks",
        "100 sbatch calls",
    ] {
        assert!(ran.stdout.contains(text), "{text}: {}", ran.stdout);
    }
}

#[test]
fn without_the_plugin_or_without_slurm_it_says_what_is_left() {
    let cluster = shared(&ClusterConfig::default());
    let ran = doctor(cluster, &["--format", "json"]);
    assert!(ran.success(), "{}", ran.stdout);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let verdict = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap()["verdict"].clone();
    assert_eq!(verdict("slurm"), "good");
    assert_eq!(verdict("plugin"), "warning");

    let mut command = cluster.command(artifacts::sweep().unwrap());
    command.arg("doctor").env("SLURM_CONF", "/no/such/slurm.conf");
    let ran = cluster.run(&mut command).unwrap();
    assert!(!ran.success() && ran.stdout.contains("--executor local"), "{}", ran.stdout);
}
