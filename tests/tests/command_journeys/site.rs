//! Clusters, homes and sweeps of the journeys: what a user would type, and what they would then look at. It never
//! reads more of a sweep directory than the test asks for.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use sweep_core::id::TrialIndex;
use sweep_core::layout::{RecordName, SweepDir};
use sweep_core::record::Record;
use sweep_testbed::{Cluster, ClusterConfig, JobId, Load, PluginSetup, Ran, artifacts, shared};

/// For some jobs of a second, on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(90);

/// A cluster without the plugin and without accounting.
pub fn plain() -> &'static Cluster {
    with_command(&ClusterConfig::default())
}

/// A cluster with the plugin, without accounting.
pub fn plugged() -> &'static Cluster {
    with_command(&ClusterConfig::default().plugin(plugin()))
}

/// A cluster with the plugin and accounting whose arrays have at most 5 tasks.
pub fn accounted() -> &'static Cluster {
    let config = ClusterConfig { accounting: true, ..ClusterConfig::default() };
    with_command(&config.set("MaxArraySize", "5").plugin(plugin()))
}

fn plugin() -> PluginSetup {
    PluginSetup {
        path: artifacts::plugin().unwrap(),
        arguments: "audit={dir}/audit".to_owned(),
        load: Load::Optional,
    }
}

/// A cluster of these settings on which the user has the command.
pub fn with_command(config: &ClusterConfig) -> &'static Cluster {
    static INSTALLED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    let cluster = shared(config);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if !installed.iter().any(|path| path == cluster.directory()) {
        cluster.install_program(&artifacts::sweep().unwrap(), "sweep").unwrap();
        installed.push(cluster.directory().to_owned());
    }
    cluster
}

/// A folder of the user's with a spec in it.
pub struct Home {
    pub cluster: &'static Cluster,
    pub path: PathBuf,
}

impl Home {
    /// A folder of this name with this `sweep.yaml`.
    pub fn new(cluster: &'static Cluster, name: &str, spec: &str) -> Self {
        let path = cluster.scratch().join(name);
        fs::create_dir_all(&path).unwrap();
        let home = Self { cluster, path };
        home.own(&home.path);
        home.write("sweep.yaml", spec);
        home
    }

    /// A copy of an example's folder.
    pub fn of_example(cluster: &'static Cluster, name: &str, example: &str) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(example);
        let home = Self::new(cluster, name, "");
        for entry in fs::read_dir(source).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                let target = home.path.join(entry.file_name());
                fs::copy(entry.path(), &target).unwrap();
                home.own(&target);
            }
        }
        home
    }

    /// A file of the user's.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::write(&path, text).unwrap();
        self.own(&path);
        path
    }

    fn own(&self, path: &Path) {
        chown(path, Some(self.cluster.user().uid), Some(self.cluster.user().gid)).unwrap();
    }

    /// A command of the user's in this folder.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.cluster.command(program);
        command.current_dir(&self.path);
        command
    }

    /// A command of the user's for whom one of Slurm's programs is another: a shell script of these lines.
    pub fn command_with(&self, replaced: &str, lines: &str, program: &str) -> Command {
        let folder = self.path.join("instead");
        fs::create_dir_all(&folder).unwrap();
        let script = self.write(&format!("instead/{replaced}"), &format!("#!/bin/sh\n{lines}\n"));
        fs::set_permissions(script, PermissionsExt::from_mode(0o755)).unwrap();
        let mut command = self.command(program);
        let path = command.get_envs().find(|(name, _)| *name == "PATH").unwrap().1.unwrap().to_owned();
        command.env("PATH", format!("{}:{}", folder.display(), path.to_str().unwrap()));
        command
    }

    /// `sweep` with these arguments; how it exited is for the caller to judge.
    pub fn sweep(&self, arguments: &[&str]) -> Ran {
        self.cluster.run(self.command("sweep").args(arguments)).unwrap()
    }

    /// What `sweep` prints with `--format json`.
    pub fn json(&self, command: &str, arguments: &[&str]) -> Value {
        let ran = self.sweep(&[&[command, "--format", "json"], arguments].concat()).checked().unwrap();
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"))
    }

    /// Submits the spec to Slurm.
    pub fn submit(&self, arguments: &[&str]) -> Sweep<'_> {
        self.submitted(&self.json("submit", &[&["--executor", "slurm"], arguments].concat()))
    }

    /// The sweep of a report of `sweep submit` or `sweep init`.
    pub fn submitted(&self, report: &Value) -> Sweep<'_> {
        let jobs = report["batches"].as_array().into_iter().flatten();
        Sweep {
            home: self,
            dir: SweepDir::new(report["dir"].as_str().unwrap()),
            jobs: jobs.map(|batch| batch["job"].as_str().unwrap().to_owned()).collect(),
        }
    }

    /// The newest sweep of this folder.
    pub fn newest(&self) -> Sweep<'_> {
        let list = self.json("list", &[]);
        let id = list["sweeps"][0]["manifest"]["id"].as_str().unwrap();
        Sweep { home: self, dir: SweepDir::new(self.path.join(".sweeps").join(id)), jobs: Vec::new() }
    }

    /// Waits for the user's file to hold something.
    pub fn wait_file(&self, path: &Path) -> String {
        self.cluster
            .wait_for(LIMIT, &format!("{} to be written", path.display()), || {
                fs::read_to_string(path).ok().filter(|text| !text.is_empty())
            })
            .unwrap()
    }
}

/// A sweep that was submitted.
pub struct Sweep<'a> {
    pub home: &'a Home,
    pub dir: SweepDir,
    pub jobs: Vec<String>,
}

impl Sweep<'_> {
    pub fn path(&self) -> &str {
        self.dir.path().to_str().unwrap()
    }

    /// The only job.
    pub fn job(&self) -> JobId {
        let [job] = self.jobs.as_slice() else { panic!("{:?}", self.jobs) };
        JobId(job.parse().unwrap())
    }

    pub fn status(&self) -> Value {
        self.home.json("status", &[self.path()])
    }

    /// The states of all trials.
    pub fn states(&self) -> Vec<String> {
        states(&self.status())
    }

    /// Waits until every trial has the state that stands in its place.
    pub fn wait_states(&self, expected: &[&str]) -> Value {
        let mut seen = Vec::new();
        let found = self.home.cluster.wait_for(LIMIT, "trials' states", || {
            let status = self.status();
            seen = states(&status);
            (seen == expected).then_some(status)
        });
        found.unwrap_or_else(|error| panic!("wanted {expected:?}, saw {seen:?}\n{error}"))
    }

    /// Waits until `count` trials have all completed.
    pub fn wait_completed(&self, count: usize) -> Value {
        self.wait_states(&vec!["completed"; count])
    }

    /// `sweep show` of a trial, for a person.
    pub fn show(&self, trial: &str) -> String {
        self.home.sweep(&["show", trial, self.path()]).checked().unwrap().stdout
    }

    /// A file in a trial's folder.
    pub fn file(&self, trial: u32, name: &str) -> PathBuf {
        self.dir.trial(TrialIndex(trial)).path().join(name)
    }

    pub fn read(&self, trial: u32, name: &str) -> String {
        let path = self.file(trial, name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The records of a trial's attempts, oldest first.
    pub fn records(&self, trial: u32) -> Vec<Vec<Record>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.dir.trial(TrialIndex(trial)).path()).into_iter().flatten() {
            let entry = entry.unwrap();
            if let Ok(name) = entry.file_name().to_str().unwrap().parse::<RecordName>() {
                found.push((name.start_ns, Record::parse_file(&fs::read(entry.path()).unwrap())));
            }
        }
        found.sort_by_key(|(start, _)| *start);
        found.into_iter().map(|(_, records)| records).collect()
    }
}

/// The state of every trial of a status report.
pub fn states(status: &Value) -> Vec<String> {
    let trials = status["trials"].as_array().unwrap();
    trials.iter().map(|trial| trial["state"].as_str().unwrap().to_owned()).collect()
}

/// A value as text, whatever its type.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
