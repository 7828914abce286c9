//! A cluster, and one sweep on it in a folder of the user's. Trials wait as long as the file `hold` is there, so that
//! a test decides what runs while it disturbs something. It never looks into a sweep's own files.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sweep_core::layout::SweepDir;
use sweep_testbed::{Cluster, ClusterConfig, Load, PluginSetup, Ran, artifacts, wait_for};

/// For anything that Slurm, a driver or a trial does, on a machine that is busy with other things.
pub const LIMIT: Duration = Duration::from_secs(300);
/// For a whole search, with all that is done to it.
pub const SEARCH_LIMIT: Duration = Duration::from_secs(1500);

/// How a trial is started: it leaves a line, waits while `hold` is there, and leaves its end.
const START: &str = "echo \"begin $SLURM_JOB_ID $SWEEP_ATTEMPT\" >> \"runs/$SWEEP_TRIAL\"
while [ -e hold ]; do sleep 0.2; done
\"$@\"
code=$?
echo \"end $code\" >> \"runs/$SWEEP_TRIAL\"
exit $code
";

/// A cluster with the plugin and the command, whose nodes have room for a first rung between them.
pub fn cluster() -> Cluster {
    let plugin = PluginSetup {
        path: artifacts::plugin().unwrap(),
        arguments: "audit={dir}/audit".to_owned(),
        load: Load::Optional,
    };
    // The shortest fence that there is: a driver that is killed beside its sbatch is waited for so long.
    let config = ClusterConfig { nodes: 3, cpus_per_node: 18, ..ClusterConfig::default() };
    let cluster = Cluster::start(config.set("MessageTimeout", "15").plugin(plugin)).unwrap();
    cluster.install_program(&artifacts::sweep().unwrap(), "sweep").unwrap();
    // A thread of another test that started a program meanwhile holds the copy open for writing until its exec.
    let runs = || cluster.run(cluster.command("sweep").arg("--version")).ok().map(drop);
    wait_for(LIMIT, runs).expect("the command can be run");
    cluster
}

/// A folder with a spec, what it needs, and the sweep that was made of it.
pub struct Place<'a> {
    pub cluster: &'a Cluster,
    /// The folder.
    pub path: PathBuf,
    /// The sweep's directory; empty before it is submitted.
    pub dir: PathBuf,
}

impl<'a> Place<'a> {
    /// A folder with these files, the spec's as `sweep.yaml`. Its `command:` must begin with `[sh, start.sh, `.
    pub fn new(cluster: &'a Cluster, name: &str, spec: &str, files: &[&Path]) -> Self {
        assert!(spec.contains("[sh, start.sh, "), "{spec}");
        let place = Self { cluster, path: cluster.scratch().join(name), dir: PathBuf::new() };
        fs::create_dir(&place.path).unwrap();
        fs::create_dir(place.path.join("runs")).unwrap();
        place.own(&place.path);
        place.own(&place.path.join("runs"));
        for file in files {
            let target = place.path.join(file.file_name().unwrap());
            fs::copy(file, &target).unwrap();
            place.own(&target);
        }
        place.write("start.sh", START);
        place.write("sweep.yaml", spec);
        place
    }

    fn own(&self, path: &Path) {
        chown(path, Some(self.cluster.user().uid), Some(self.cluster.user().gid)).unwrap();
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path.join(name);
        fs::write(&path, text).unwrap();
        self.own(&path);
    }

    /// Lets trials wait from now on.
    pub fn hold(&self) {
        self.write("hold", "");
    }

    /// Lets trials go on.
    pub fn release(&self) {
        fs::remove_file(self.path.join("hold")).unwrap();
    }

    /// A command of the user's in this folder.
    pub fn command(&self, program: &str) -> Command {
        let mut command = self.cluster.command(program);
        command.current_dir(&self.path);
        command
    }

    /// `sweep` with these arguments, which must succeed.
    pub fn sweep(&self, arguments: &[&str]) -> Ran {
        self.cluster.run(self.command("sweep").args(arguments)).unwrap().checked().unwrap()
    }

    /// Submits the spec and leaves it to its driver.
    pub fn submit(&mut self) {
        let ran = self.sweep(&["submit", "--executor", "slurm", "--format", "json"]);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(report["driver"].is_u64(), "a job drives it: {report}");
        self.dir = PathBuf::from(report["dir"].as_str().unwrap());
    }

    /// `sweep submit`, not started yet.
    pub fn submission(&self) -> Command {
        let mut command = self.command("sweep");
        command.args(["submit", "--executor", "slurm"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The complete sweep of this folder, where there is one.
    pub fn dir(&self) -> Option<SweepDir> {
        let entries = fs::read_dir(self.path.join(".sweeps")).ok()?.map(|entry| entry.unwrap());
        let is_complete = |name: &str| name != "latest" && !name.starts_with('.');
        let mut complete = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_complete));
        complete.next().map(|entry| SweepDir::new(entry.path()))
    }

    /// What `sweep status` says.
    pub fn status(&self) -> Value {
        let ran = self.sweep(&["status", "--format", "json", self.dir.to_str().unwrap()]);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// Waits for something of this sweep; an error shows what its drivers said.
    pub fn wait<T>(&self, what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
        wait_for(limit, &mut probe).unwrap_or_else(|| {
            let log = fs::read_to_string(self.dir.join("driver.log")).unwrap_or_default();
            panic!(
                "{}: waited for {what}\n--- squeue\n{}\n--- driver.log\n{log}",
                self.path.display(),
                self.queue().join("\n")
            )
        })
    }

    /// Jobs that have not ended: `id raw-id name state node`, one a line.
    pub fn queue(&self) -> Vec<String> {
        let mut squeue = self.cluster.command_as_root("squeue");
        squeue.args(["--noheader", "--array", "--format=%i %A %j %T %N"]);
        let mut said = String::new();
        let lines = wait_for(LIMIT, || {
            let ran = self.cluster.run(&mut squeue).ok()?;
            said = ran.to_string();
            ran.success().then(|| ran.stdout.lines().map(|line| line.trim_end().to_owned()).collect())
        });
        lines.unwrap_or_else(|| panic!("{said}"))
    }

    /// Waits until the driver has said that the search is done, and nothing of it is in the queue.
    pub fn wait_finished(&self) {
        self.wait("the search to be done", SEARCH_LIMIT, || self.is_finished().then_some(()));
        let id = self.dir.file_name().unwrap().to_str().unwrap();
        self.wait("no job of it to be left", LIMIT, || {
            let open = self
                .queue()
                .into_iter()
                .any(|line| line.split(' ').nth(2).is_some_and(|name| name.starts_with(id)));
            (!open).then_some(())
        });
    }

    /// Whether an event says so.
    pub fn is_finished(&self) -> bool {
        self.events().iter().any(|event| event["event"] == "finished")
    }

    /// What drivers wrote down, in no order; of a line that is being written, nothing.
    pub fn events(&self) -> Vec<Value> {
        let entries = fs::read_dir(self.dir.join("events")).unwrap().map(|entry| entry.unwrap().path());
        let texts: Vec<String> = entries.map(|path| fs::read_to_string(path).unwrap()).collect();
        texts
            .iter()
            .flat_map(|text| text.lines())
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}
