//! A site as an administrator has it: a Debian with Slurm's own packages, its configuration in /etc/slurm, its daemons,
//! and a user without rights. It must never reach anything outside its root but the network.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use sweep_testbed::{PortBlock, Ran, Root, RootCopy, mirror, wait_for};

/// For what takes moments on a machine that does nothing else.
pub const LIMIT: Duration = Duration::from_secs(900);
/// For apt: it loads and unpacks.
pub const APT: Duration = Duration::from_secs(1800);
/// What changes by itself, or belongs to apt, Slurm and the test.
const OTHERS: [&str; 14] = [
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/tmp",
    "/home",
    "/srv",
    "/root",
    "/var/log",
    "/var/cache",
    "/var/lib/dpkg",
    "/var/lib/apt",
    "/var/lib/slurm",
    "/var/spool/slurm",
];

/// A root with a Slurm in it.
pub struct Site {
    pub root: RootCopy,
    ports: PortBlock,
}

impl Site {
    /// A copy of Debian 12 with Slurm's packages, and nothing configured or running.
    pub fn bare() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("roots");
        let root = Root::kept(&folder, "bookworm", &mirror().unwrap()).unwrap().copy().unwrap();
        let site = Self { root, ports: PortBlock::reserve(4).unwrap() };
        for file in ["/etc/resolv.conf", "/etc/hosts"] {
            site.write(file, &fs::read_to_string(file).unwrap_or_default());
        }
        site.sh("useradd --create-home alice");
        site
    }

    /// The same with a Slurm that runs.
    pub fn running() -> Self {
        let site = Self::bare();
        site.configure("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n");
        site.start();
        site
    }

    /// Writes what a site's administrator writes.
    pub fn configure(&self, cgroup: &str) {
        let host = self.sh("uname -n").stdout.trim().to_owned();
        let base = self.ports.base();
        self.write("/etc/slurm/cgroup.conf", cgroup);
        self.write(
            "/etc/slurm/slurm.conf",
            &format!(
                "ClusterName=site\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser=root\nSlurmctldPort={base}\n\
                 StateSaveLocation=/var/spool/slurm/ctld\nSlurmdSpoolDir=/var/spool/slurm/d\n\
                 SlurmctldPidFile=/run/slurmctld.pid\nSlurmdPidFile=/run/slurmd.pid\n\
                 SlurmctldLogFile=/var/log/slurmctld.log\nSlurmdLogFile=/var/log/slurmd.log\n\
                 MailProg=/bin/true\nMpiDefault=none\nPropagateResourceLimits=NONE\n\
                 ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSelectType=select/cons_tres\n\
                 SlurmdParameters=config_overrides\nReturnToService=2\nSchedulerParameters=batch_sched_delay=0\n\
                 NodeName=n0 NodeHostname={host} NodeAddr=127.0.0.1 Port={} CPUs=2 State=UNKNOWN\n\
                 PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n",
                base + 1
            ),
        );
    }

    /// Starts the daemons and waits until the node takes jobs.
    pub fn start(&self) {
        self.sh("mkdir -p /var/spool/slurm/ctld /var/spool/slurm/d /run/munge && chown munge: /run/munge");
        self.sh("[ -S /run/munge/munge.socket.2 ] || runuser -u munge -- munged --force");
        self.sh("slurmctld && slurmd -N n0");
        let is_up = || self.try_sh("sinfo -h -o %T").stdout.trim().eq("idle").then_some(());
        if wait_for(LIMIT, is_up).is_none() {
            let logs = self.sh("sinfo -N -l; tail -n 40 /var/log/slurmctld.log /var/log/slurmd.log").stdout;
            panic!("the node takes no jobs:\n{logs}");
        }
    }

    /// Ends Slurm's daemons, and forgets their state.
    pub fn stop(&self) {
        for name in ["slurmd", "slurmctld"] {
            self.sh(&format!("kill $(cat /run/{name}.pid)"));
            // The root's first process reaps nobody: what has ended stays as a zombie.
            let lives = format!("ps -C {name} -o stat= | grep -qv Z");
            let is_gone = || (!self.try_sh(&lives).success()).then_some(());
            wait_for(LIMIT, is_gone).unwrap_or_else(|| panic!("{name} does not end"));
        }
        self.sh("rm -rf /var/spool/slurm");
    }

    /// Runs a line of shell as root, which has to succeed.
    pub fn sh(&self, line: &str) -> Ran {
        self.try_sh(line).checked().unwrap()
    }

    /// Runs a line of shell as root.
    pub fn try_sh(&self, line: &str) -> Ran {
        self.root.run("sh", &["-c", line], LIMIT).unwrap()
    }

    /// apt-get, without a question.
    pub fn apt(&self, words: &[&str]) -> Ran {
        let fixed = ["-y", "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"];
        let all: Vec<&str> = fixed.iter().chain(words).copied().collect();
        self.root.run("apt-get", &all, APT).and_then(Ran::checked).unwrap()
    }

    /// Submits a job as the user with these options, waits for its end, and returns what it and sbatch said.
    pub fn job(&self, options: &[&str], wrap: &str) -> Job {
        let mut words = vec!["-u", "alice", "--", "sbatch", "--wait", "--chdir=/home/alice", "--output=out"];
        words.extend(options);
        words.extend(["--wrap", wrap]);
        let _ = fs::remove_file(self.root.outside("/home/alice/out"));
        let ran = self.root.run("runuser", &words, LIMIT).unwrap();
        let output = fs::read_to_string(self.root.outside("/home/alice/out")).unwrap_or_default();
        Job { output, ran }
    }

    /// The plugin works: the one line that is promised.
    pub fn prove_option(&self) {
        let job = self.job(&["--sweep-set=lr=0.1"], "echo $lr");
        assert!(job.ran.success() && job.output == "0.1\n", "{:?}\n{}", job.output, job.ran);
        // The option's own words, and no word of a plugin that does not load.
        let said = job.ran.stderr.lines().find(|line| line.contains("error") || line.contains("warning"));
        assert_eq!(said, None, "{}", job.ran);
    }

    /// sbatch is as it would be without us.
    pub fn prove_absence(&self) {
        let job = self.job(&[], "echo plain");
        assert!(job.ran.success() && job.output == "plain\n", "{}", job.ran);
        assert_eq!(job.ran.stderr, "");
        let help = self.sh("sbatch --help 2>&1").stdout;
        assert!(!help.to_lowercase().contains("sweep"), "{help}");
        let refused = self.job(&["--sweep-set=lr=0.1"], "echo $lr");
        assert!(refused.ran.stderr.contains("unrecognized option"), "{}", refused.ran);
    }

    /// Every file with its kind, mode and, in /etc, its content.
    pub fn files(&self) -> BTreeSet<String> {
        let prune: Vec<String> = OTHERS.iter().map(|path| format!("-path {path}")).collect();
        let prune = prune.join(" -o ");
        let listed = self.sh(&format!(
            "find / \\( {prune} \\) -prune -o -printf '%y %m %p %l\\n'; find /etc -type f -exec sha256sum {{}} +"
        ));
        listed.stdout.lines().map(str::to_owned).collect()
    }

    pub fn write(&self, path: &str, text: &str) {
        // Through a shell inside: a link in the root means a place in the root.
        let target = self.root.outside(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&target);
        fs::write(&target, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.outside(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

/// A job and what was said of it.
pub struct Job {
    /// What the job wrote.
    pub output: String,
    /// sbatch.
    pub ran: Ran,
}

/// What two listings differ in, a line each.
pub fn difference(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<String> {
    let gone = before.difference(after).map(|line| format!("- {line}"));
    let new = after.difference(before).map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}
