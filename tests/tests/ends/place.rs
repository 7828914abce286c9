//! A cluster with a place for each kind of end, so that none disturbs another: calm nodes, and one each for
//! preemption, for nodes that fail, for slurmstepds that are killed and for prologs that fail.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use sweep_testbed::{Cluster, ClusterConfig, Load, PluginSetup, artifacts};
use tempfile::TempDir;

/// For a step of the test, on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(90);

/// Where low jobs give way.
pub const PREEMPTED: u16 = 1;
/// The node that fails.
pub const FRAIL: u16 = 2;
/// The node whose slurmstepds are killed.
pub const BEHEADED: u16 = 3;

const MEMORY: &str = "/sys/fs/cgroup/memory";

/// Ends the test with words where the kernel offers no memory controller that Slurm can use.
pub fn need_memory_controller() {
    assert!(
        Path::new(MEMORY).join("memory.limit_in_bytes").is_file(),
        "this test needs the memory controller of cgroup v1 at `{MEMORY}`: mount it (`mount -t cgroup -o memory none \
         {MEMORY}`), or run on a machine that has it"
    );
}

/// A cluster and what it needs beside its own folder.
pub struct Place {
    pub cluster: Cluster,
    pub accounting: bool,
    _prolog: TempDir,
}

impl Place {
    pub fn start(accounting: bool) -> Self {
        let prolog = tempfile::tempdir().unwrap();
        fs::set_permissions(prolog.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let script = prolog.path().join("prolog");
        fs::write(&script, "#!/bin/sh\ncase $SLURMD_NODENAME in r[4-7]) exit 1 ;; esac\n").unwrap();
        fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
        let cgroup_conf = "CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\nConstrainRAMSpace=yes\n";
        // Cgroups are the machine's and named after nodes, users and jobs: the first two are those of other clusters.
        let first_job = 1_000_000 + 2000 * (std::process::id() % 30_000) + if accounting { 1000 } else { 0 };
        let first_job = first_job.to_string();
        let plugin = PluginSetup {
            path: artifacts::plugin().unwrap(),
            arguments: "audit={dir}/audit".to_owned(),
            load: Load::Optional,
        };
        let mut config = ClusterConfig {
            nodes: 8,
            cpus_per_node: 32,
            accounting,
            cgroup_conf: Some(cgroup_conf.to_owned()),
            ..ClusterConfig::default()
        }
        .plugin(plugin);
        let settings = [
            ("FirstJobId", first_job.as_str()),
            ("ProctrackType", "proctrack/cgroup"),
            ("TaskPlugin", "task/cgroup"),
            ("JobAcctGatherFrequency", "1"),
            ("SelectTypeParameters", "CR_CPU_Memory"),
            ("DefMemPerCPU", "200"),
            ("PreemptType", "preempt/partition_prio"),
            ("PreemptMode", "REQUEUE"),
            ("OverTimeLimit", "0"),
            ("KillWait", "1"),
            // How long a job may be unknown to its node before Slurm gives it up.
            ("BatchStartTimeout", "1"),
            ("MessageTimeout", "10"),
            ("Prolog", script.to_str().unwrap()),
        ];
        for (name, value) in settings {
            config = config.set(name, value);
        }
        let [preempted, frail, beheaded] = [PREEMPTED, FRAIL, BEHEADED].map(|node| format!("r{node}"));
        let partitions = [
            ("calm", "r0"),
            ("low", preempted.as_str()),
            ("high", preempted.as_str()),
            ("frail", frail.as_str()),
            ("beheaded", beheaded.as_str()),
            // A failed prolog drains its node: one for each job that meets one.
            ("barred", "r[4-7]"),
        ];
        for (name, nodes) in partitions {
            let tier = if name == "high" { 10 } else { 1 };
            config.lines.push(format!("PartitionName={name} Nodes={nodes} PriorityTier={tier} State=UP"));
        }
        let cluster = Cluster::start(config).unwrap_or_else(|error| panic!("{error}"));
        cluster.install_program(&artifacts::sweep().unwrap(), "sweep").unwrap();
        Self { cluster, accounting, _prolog: prolog }
    }

    /// Runs scontrol, which must succeed.
    pub fn scontrol(&self, arguments: &[&str]) -> String {
        self.cluster.scontrol(arguments).unwrap().checked().unwrap().stdout
    }

    /// Waits with this test's deadline.
    pub fn wait<T>(&self, what: &str, probe: impl FnMut() -> Option<T>) -> T {
        self.cluster.wait_for(LIMIT, what, probe).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Place {
    /// Cgroups stay when their processes are gone: what we can remove by now is removed.
    fn drop(&mut self) {
        for (pid, _) in self.cluster.processes() {
            // SAFETY: a plain system call; the process was seen just now below our own keeper.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        let gone = || self.cluster.processes().is_empty().then_some(());
        let _ = self.cluster.wait_for(Duration::from_secs(10), "all processes to end", gone);
        for controller in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            for group in fs::read_dir(controller.path()).into_iter().flatten().flatten() {
                if group.file_name().to_string_lossy().starts_with("slurm_r") {
                    remove_groups(&group.path());
                }
            }
        }
    }
}

fn remove_groups(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_groups(&entry.path());
        }
    }
    // One that still holds a process, perhaps of another cluster, stays: nothing depends on it.
    let _ = fs::remove_dir(group);
}
