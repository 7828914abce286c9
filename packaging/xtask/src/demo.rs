//! `cargo xtask demo`: a finished sweep with real training, on a private Slurm, from nothing but Rust. Where Slurm
//! cannot be installed it runs on this machine alone, and must never keep that to itself.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use sweep_testbed::{Cluster, ClusterConfig};

use crate::failure::{Failure, Outcome};
use crate::program::step;
use crate::{cluster, program, set_up, test, workspace};

const EXAMPLE: &str = "examples/iris";

pub fn run() -> Outcome {
    match set_up::run() {
        Ok(()) if nix::unistd::geteuid().is_root() => on_slurm(),
        Ok(()) => {
            step(
                "a private Slurm has to be started as root: without it, the demo runs on the local executor",
            );
            locally()
        }
        Err(failure) => {
            step(format!("Slurm cannot be installed here: {failure}"));
            step("so the demo runs on the local executor, without Slurm");
            locally()
        }
    }
}

fn on_slurm() -> Outcome {
    let sweep = test::build_sweep()?;
    let config = ClusterConfig::default().plugin(cluster::plugin_setup()?);
    step("starting a private Slurm: slurmctld and two nodes");
    let cluster = Cluster::start(config)?;
    cluster.install_program(&sweep, "sweep")?;
    let work = cluster.scratch().join("iris");
    copy_folder(&workspace::root().join(EXAMPLE), &work, Some((cluster.user().uid, cluster.user().gid)))?;
    let shown = show(|arguments| {
        let mut command = cluster.command("sweep");
        command.args(arguments).current_dir(&work);
        command
    });
    // A node that is out of service is a failure of ours even where the sweep got through.
    shown.and_then(|()| cluster.assert_no_drain().map_err(Failure::from))
}

fn locally() -> Outcome {
    let sweep = test::build_sweep()?;
    let work = workspace::target().join("demo/iris");
    let _ = fs::remove_dir_all(&work);
    copy_folder(&workspace::root().join(EXAMPLE), &work, None)?;
    show(|arguments| {
        let mut command = Command::new(&sweep);
        command.args(arguments).current_dir(&work);
        if arguments[0] == "run" {
            command.args(["--executor", "local"]);
        }
        command
    })
}

/// Runs the sweep, then shows its status and its best trial.
fn show(sweep: impl Fn(&[&str]) -> Command) -> Outcome {
    program::run(&mut sweep(&["run", "sweep.yaml"]))?;
    program::run(&mut sweep(&["status"]))?;
    let status = sweep(&["status", "--format", "json"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::doing("run `sweep status`"))?;
    let status: Value =
        serde_json::from_slice(&status.stdout).map_err(Failure::doing("read the status as JSON"))?;
    let best = status["best"]
        .as_str()
        .ok_or_else(|| Failure::new("no trial of the sweep has reported its metric"))?;
    step(format!("the best trial is {best}"));
    program::run(&mut sweep(&["show", best]))
}

/// Copies plain files and folders, given to `owner` where there is one.
fn copy_folder(from: &Path, to: &Path, owner: Option<(u32, u32)>) -> Outcome {
    let failed = |path: &Path| Failure::doing::<std::io::Error>(format!("copy `{}`", path.display()));
    fs::create_dir_all(to).map_err(failed(to))?;
    let give = |path: &Path| match owner {
        Some((uid, gid)) => chown(path, Some(uid), Some(gid)),
        None => Ok(()),
    };
    give(to).map_err(failed(to))?;
    for entry in fs::read_dir(from).map_err(failed(from))? {
        let entry = entry.map_err(failed(from))?;
        // What an earlier run of the example left in the checkout does not belong to it.
        if [".sweeps", "__pycache__"].iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &target, owner)?;
        } else {
            fs::copy(&source, &target).and_then(|_| give(&target)).map_err(failed(&source))?;
        }
    }
    Ok(())
}
