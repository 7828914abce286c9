//! The README's commands, run as a new user would: in order, in one shell, on a real Slurm with the plugin. Commands of
//! cargo are checked against what the build machine runs; everything else is run here.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has nothing to say")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use sweep_testbed::{Cluster, ClusterConfig, Load, PluginSetup, artifacts, run, shared};

/// Lines that `.ci/run` and `cargo xtask test` run themselves.
const RUN_ELSEWHERE: [&str; 5] = [
    "cargo xtask demo",
    "cargo xtask test",
    "cargo build --release -p sweep-cli",
    "export PATH=\"$PWD/target/release:$PATH\"",
    "cargo xtask build-plugin --out target/plugin",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The lines of the README's shell blocks, comments behind commands taken off.
fn commands() -> Vec<String> {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines =
        blocks.flat_map(str::lines).map(|line| line.split("    #").next().unwrap().trim_end().to_owned());
    lines.collect()
}

#[test]
fn every_command_of_the_readme_works() {
    let cluster = shared(&ClusterConfig::default().plugin(PluginSetup {
        path: artifacts::plugin().unwrap(),
        arguments: "audit={dir}/audit".to_owned(),
        load: Load::Optional,
    }));
    cluster.install_program(&artifacts::sweep().unwrap(), "sweep").unwrap();
    let (elsewhere, here): (Vec<_>, Vec<_>) =
        commands().into_iter().partition(|line| line.contains("cargo") || line.starts_with("export PATH"));
    for line in &elsewhere {
        assert!(RUN_ELSEWHERE.contains(&line.as_str()), "nobody runs `{line}`");
    }
    assert!(here.len() > 10, "{here:?}");

    let home = cluster.scratch().join("readme");
    let copied = cluster.run(cluster.command("mkdir").arg(&home)).unwrap();
    assert!(copied.success(), "{copied:?}");
    copy_examples(cluster, &home);
    // What a person does between two commands that is not in the README: nothing.
    let script = format!("set -eux\ncd {}\n{}\n", home.display(), here.join("\n"));
    let mut shell = cluster.command("bash");
    shell.arg("-c").arg(&script);
    let ran = run(&mut shell, Duration::from_secs(240)).unwrap();
    assert!(ran.success(), "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("best: "), "{}", ran.stdout);
    assert!(ran.stdout.contains("nothing was submitted"), "{}", ran.stdout);

    let iris = home.join("examples/iris");
    let one = cluster.wait_for(Duration::from_secs(120), "the job of one variable", || {
        fs::read_to_string(iris.join("one.log")).ok().filter(|text| !text.is_empty())
    });
    assert_eq!(one.unwrap(), "lr is 0.1\n");
    cluster
        .wait_for(Duration::from_secs(240), "the twelve trials of the user's own script", || {
            let outputs = fs::read_dir(&iris).unwrap().map(|entry| entry.unwrap().path());
            let texts = outputs.filter(|path| path.extension().is_some_and(|ending| ending == "out"));
            let done = texts.filter(|path| fs::read_to_string(path).unwrap().contains("accuracy"));
            (done.count() == 12).then_some(())
        })
        .unwrap();
    cluster.assert_no_drain().unwrap();
}

fn copy_examples(cluster: &Cluster, home: &Path) {
    let mut copy = cluster.command_as_root("cp");
    copy.arg("-r").arg(root().join("examples")).arg(home);
    assert!(cluster.run(&mut copy).unwrap().success());
    let owner = format!("{}:{}", cluster.user().uid, cluster.user().gid);
    let mut own = cluster.command_as_root("chown");
    own.args(["-R", &owner]).arg(home);
    assert!(cluster.run(&mut own).unwrap().success());
}
