//! A cluster of two nodes, and sweeps of a user's on it. It never looks into a sweep's own files to decide anything.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use sweep_testbed::{Cluster, ClusterConfig, Load, PluginSetup, Ran, artifacts, wait_for};

/// For anything but the whole: on a machine that is busy with thousands of jobs.
pub const LIMIT: Duration = Duration::from_secs(600);

/// The cluster.
pub struct Site {
    pub cluster: Cluster,
}

impl Site {
    /// With the plugin, which keeps the site's records, and the command.
    pub fn start(config: ClusterConfig) -> Self {
        let plugin = PluginSetup {
            path: artifacts::plugin().unwrap(),
            arguments: "audit={dir}/audit".to_owned(),
            load: Load::Optional,
        };
        // What is requeued begins when its old credential is void: after two minutes, unless it is void earlier.
        let config = config.set("AuthInfo", "socket={dir}/munge/socket,cred_expire=10");
        let config = config.set("MessageTimeout", "15").plugin(plugin);
        let cluster = Cluster::start(config).unwrap();
        cluster.install_program(&artifacts::sweep().unwrap(), "sweep").unwrap();
        Self { cluster }
    }

    /// Waits for something of the cluster.
    pub fn wait<T>(&self, what: &str, probe: impl FnMut() -> Option<T>) -> T {
        wait_for(LIMIT, probe).unwrap_or_else(|| panic!("waited for {what}\n{}", self.queue("").join("\n")))
    }

    /// Waits until nothing is in the queue.
    pub fn wait_idle(&self) {
        self.wait("an empty queue", || self.queue("").is_empty().then_some(()));
    }

    /// A line `id raw-id name state node` for each job and task; in these states, where any are named.
    pub fn queue(&self, states: &str) -> Vec<String> {
        let mut squeue = self.cluster.command_as_root("squeue");
        squeue.args(["--noheader", "--array", "--format=%i %A %j %T %N"]);
        if !states.is_empty() {
            squeue.arg(format!("--states={states}"));
        }
        // A controller that is being restarted answers a little later.
        let lines = wait_for(LIMIT, || {
            let ran = self.cluster.run(&mut squeue).ok().filter(Ran::success)?;
            Some(ran.stdout.lines().map(|line| line.trim_end().to_owned()).collect())
        });
        lines.expect("squeue answers")
    }

    /// A Slurm command of root's; what it said is for nobody, since what it is about may just have ended.
    pub fn try_as_root(&self, program: &str, arguments: &[&str]) -> bool {
        let ran = self.cluster.run(self.cluster.command_as_root(program).args(arguments));
        ran.is_ok_and(|ran| ran.success())
    }

    /// Submits a sweep of trials that run `program`.
    pub fn submit(&self, name: &str, program: &str, more: &str) -> Sweep<'_> {
        let path = self.cluster.scratch().join(name);
        fs::create_dir(&path).unwrap();
        let user = self.cluster.user();
        let own = |path: &Path| chown(path, Some(user.uid), Some(user.gid)).unwrap();
        own(&path);
        fs::create_dir(path.join("locks")).unwrap();
        own(&path.join("locks"));
        let spec = format!(
            "name: {name}\ncommand: [sh, trial.sh]\nparameters:\n  x: {{min: 0.0, max: 1.0}}\n{more}"
        );
        for (file, text) in [("sweep.yaml", spec.as_str()), ("trial.sh", program), ("ran", "")] {
            fs::write(path.join(file), text).unwrap();
            own(&path.join(file));
        }
        let mut sweep = Sweep { site: self, path, id: String::new() };
        let said = sweep
            .sweep(&["submit", "--max-trials", "100000", "--executor", "slurm", "--format", "json"])
            .checked()
            .unwrap();
        let said: Value = serde_json::from_str(&said.stdout).unwrap();
        said["sweep_id"].as_str().unwrap().clone_into(&mut sweep.id);
        sweep
    }

    /// Makes sure that nobody changed the site's records, nor any restart of a daemon.
    pub fn verify_audit(&self) {
        let mut command = self.cluster.command_as_root("sweep");
        command.args(["audit", "verify", "--dir"]).arg(self.cluster.audit());
        self.cluster.run(&mut command).unwrap().checked().unwrap();
    }
}

/// A sweep that was submitted.
pub struct Sweep<'a> {
    site: &'a Site,
    pub path: PathBuf,
    pub id: String,
}

impl Sweep<'_> {
    /// `sweep` in the sweep's folder.
    pub fn sweep(&self, arguments: &[&str]) -> Ran {
        let mut command = self.site.cluster.command("sweep");
        self.site.cluster.run(command.current_dir(&self.path).args(arguments)).unwrap()
    }

    /// The sweep's directory.
    pub fn dir(&self) -> PathBuf {
        self.path.join(".sweeps").join(&self.id)
    }

    /// Whether nothing of it is in the queue: no trial, and no driver that could submit one.
    pub fn is_over(&self) -> bool {
        let own = format!(" {}.", self.id);
        !self.site.queue("").iter().any(|line| line.contains(&own))
    }

    /// What `sweep status` says.
    pub fn status(&self) -> Value {
        let said = wait_for(LIMIT, || {
            let ran = self.sweep(&["status", "--format", "json"]);
            serde_json::from_str::<Value>(&ran.stdout).ok().filter(|json| json["slurm_unanswered"].is_null())
        });
        said.unwrap_or_else(|| panic!("{}", self.sweep(&["status", "--format", "json"])))
    }

    /// The lines that its trials left.
    pub fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.path.join("ran")).unwrap().lines().map(str::to_owned).collect()
    }
}
