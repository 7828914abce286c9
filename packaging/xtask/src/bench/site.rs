//! A private Slurm to measure on, with room for large sweeps, and the sweeps themselves. It must never let a job of one
//! round wait in the queue of the next.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use sweep_testbed::{Cluster, ClusterConfig, Load, PluginSetup};

use crate::bench::{Artifacts, measure};
use crate::failure::{Failure, Outcome};
use crate::program::{self, step};

/// The largest array and the most jobs of the site; Slurm's own defaults are 1,001 and 10,000.
const ARRAY_MAX: &str = "100001";
const JOBS_MAX: &str = "300000";
/// For slurmctld to take all jobs out of its queue.
const CANCEL_LIMIT: Duration = Duration::from_secs(300);

/// A private Slurm with the plugin and the command.
pub struct Site {
    pub cluster: Cluster,
    pub sweep: PathBuf,
}

impl Site {
    /// Starts it; the plugin is there as a site would load it.
    pub fn start(config: ClusterConfig, artifacts: &Artifacts) -> Outcome<Self> {
        step("starting a private Slurm");
        let config = config
            .set("MaxArraySize", ARRAY_MAX)
            .set("MaxJobCount", JOBS_MAX)
            .plugin(plugin_setup(artifacts));
        let cluster = Cluster::start(config)?;
        let sweep = cluster.install_program(&artifacts.sweep, "sweep")?;
        Ok(Self { cluster, sweep })
    }

    /// A folder of the user's.
    pub fn folder(&self, name: &str) -> Outcome<PathBuf> {
        let path = self.cluster.scratch().join(name);
        fs::create_dir_all(&path)
            .and_then(|()| chown(&path, Some(self.cluster.user().uid), Some(self.cluster.user().gid)))
            .map_err(Failure::doing(format!("make `{}`", path.display())))?;
        Ok(path)
    }

    /// A folder with a spec of 10^`axes` trials, in a git repository, as people keep theirs.
    pub fn spec(&self, axes: u32) -> Outcome<PathBuf> {
        let folder = self.folder(&format!("grid-{axes}"))?;
        if folder.join(".git").exists() {
            return Ok(folder);
        }
        write_spec(&folder, axes)?;
        let commit = "git init -q . && git add sweep.yaml && \
                      git -c user.name=bench -c user.email=bench@localhost commit -q -m spec";
        measure::run(self.cluster.command("sh").args(["-c", commit]).current_dir(&folder))?;
        Ok(folder)
    }

    /// `sweep` as the user, in a folder of theirs.
    pub fn sweep(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = self.cluster.command(&self.sweep);
        command.args(arguments).current_dir(folder);
        command
    }

    /// Cancels everything of the user's and waits until the queue is empty.
    pub fn clear(&self) -> Outcome {
        let user = self.cluster.user().name.clone();
        self.cluster.run(self.cluster.command_as_root("scancel").args(["--user", &user]))?.checked()?;
        self.wait_until_idle(CANCEL_LIMIT)
    }

    /// Waits until no job of the user's is pending or running.
    pub fn wait_until_idle(&self, limit: Duration) -> Outcome {
        let user = self.cluster.user().name.clone();
        self.cluster.wait_for(limit, "the queue to be empty", || {
            let mut squeue = self.cluster.command_as_root("squeue");
            let queue = program::output(squeue.args(["--noheader", "--user", &user]))?;
            queue.is_empty().then_some(())
        })?;
        Ok(())
    }
}

/// The plugin as a site would load it, with the cluster's own audit folder.
pub fn plugin_setup(artifacts: &Artifacts) -> PluginSetup {
    PluginSetup {
        path: artifacts.plugin.clone(),
        arguments: "audit={dir}/audit".to_owned(),
        load: Load::Optional,
    }
}

/// Writes a spec of 10^`axes` trials of `true`.
pub fn write_spec(folder: &Path, axes: u32) -> Outcome {
    let mut text =
        format!("name: grid{axes}\ncommand: [\"true\"]\nmethod: grid\nmatrix: full\nparameters:\n");
    for axis in 0..axes {
        text.push_str(&format!("  axis{axis}: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]\n"));
    }
    let path = folder.join("sweep.yaml");
    fs::write(&path, text).map_err(Failure::doing(format!("write `{}`", path.display())))
}

/// A field of what `sweep … --format json` printed.
pub fn json(printed: &str) -> Outcome<Value> {
    serde_json::from_str(printed).map_err(Failure::doing("read the command's JSON"))
}
