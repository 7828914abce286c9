//! A private Slurm that takes a hundred thousand jobs, and commands on it that are measured. It never polls what it
//! measures.

use std::fs::{self, File};
use std::io::BufRead as _;
use std::os::unix::fs::chown;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sweep_core::layout::SweepDir;
use sweep_testbed::{Cluster, ClusterConfig, Load, PluginSetup, artifacts, wait_for};

/// For slurmctld to let go of a hundred thousand jobs on a busy machine.
const LIMIT: Duration = Duration::from_secs(900);

pub struct Site {
    pub cluster: Cluster,
}

/// What a command took.
pub struct Measured {
    pub elapsed: Duration,
    /// Time on a processor, that of the programs that it ran among it.
    pub cpu: Duration,
    /// Of the command or of the largest program that it ran, whichever is more.
    pub peak_mib: f64,
    pub stdout: PathBuf,
}

impl Measured {
    pub fn json(&self) -> Value {
        serde_json::from_reader(std::io::BufReader::new(File::open(&self.stdout).unwrap())).unwrap()
    }

    /// A member of the JSON, taken out by another process: what this one holds would count as memory of what it starts.
    pub fn member(&self, name: &str) -> Value {
        let script = "import json, sys; print(json.dumps(json.load(open(sys.argv[1]))[sys.argv[2]]))";
        let mut python = Command::new("python3");
        let said = python.args(["-c", script]).arg(&self.stdout).arg(name).output().unwrap();
        serde_json::from_slice(&said.stdout).unwrap()
    }

    /// How many lines it printed.
    pub fn lines(&self) -> usize {
        std::io::BufReader::new(File::open(&self.stdout).unwrap()).lines().count()
    }

    pub fn text(&self) -> String {
        fs::read_to_string(&self.stdout).unwrap()
    }
}

impl Site {
    pub fn start() -> Self {
        let plugin = PluginSetup {
            path: artifacts::plugin().unwrap(),
            arguments: String::new(),
            load: Load::Optional,
        };
        // Arrays of Slurm's usual size, room for all of them, and ended jobs that are soon forgotten.
        let config = [("MaxJobCount", "300000"), ("MinJobAge", "2")]
            .into_iter()
            .fold(ClusterConfig { nodes: 1, ..ClusterConfig::default() }, |config, (name, value)| {
                config.set(name, value)
            });
        let cluster = Cluster::start(config.plugin(plugin)).unwrap();
        cluster.install_program(&artifacts::sweep().unwrap(), "sweep").unwrap();
        Self { cluster }
    }

    /// A folder of the user's with a spec.
    pub fn folder(&self, name: &str, spec: &str) -> PathBuf {
        let path = self.cluster.scratch().join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("sweep.yaml"), spec).unwrap();
        self.own(&path);
        self.own(&path.join("sweep.yaml"));
        path
    }

    /// Gives a file to the user.
    pub fn own(&self, path: &Path) {
        let user = self.cluster.user();
        chown(path, Some(user.uid), Some(user.gid)).unwrap();
    }

    /// Runs a program as the user in a folder, and measures it.
    pub fn run(&self, folder: &Path, program: &str, arguments: &[&str]) -> Measured {
        let mut command = self.cluster.command(program);
        command.args(arguments).current_dir(folder);
        measured(&mut command, &self.cluster.scratch().join("stdout"))
    }

    /// The newest sweep of a folder.
    pub fn newest(folder: &Path) -> SweepDir {
        SweepDir::new(fs::canonicalize(folder.join(".sweeps/latest")).unwrap())
    }

    /// Takes all jobs of the user's out of the queue and waits until squeue knows none of them any more.
    pub fn forget_jobs(&self) {
        let user = self.cluster.user().name.clone();
        let mut scancel = self.cluster.command_as_root("scancel");
        self.cluster.run(scancel.args(["--user", &user])).unwrap().checked().unwrap();
        let none = || {
            let mut squeue = self.cluster.command_as_root("squeue");
            let ran = self.cluster.run(squeue.args(["--noheader", "--states=all", "--user", &user])).ok()?;
            (ran.success() && ran.stdout.is_empty()).then_some(())
        };
        wait_for(LIMIT, none).expect("squeue forgets what was cancelled");
    }

    /// Questions of these kinds that slurmctld has counted.
    pub fn asked(&self, kinds: &[&str]) -> u64 {
        let mut sdiag = self.cluster.command_as_root("sdiag");
        let said = self.cluster.run(&mut sdiag).unwrap().checked().unwrap().stdout;
        let of_kind =
            |line: &&str| kinds.iter().any(|kind| line.trim_start().starts_with(&format!("{kind} ")));
        let count = |line: &str| line.split("count:").nth(1)?.split_whitespace().next()?.parse::<u64>().ok();
        said.lines().filter(of_kind).filter_map(count).sum()
    }
}

fn measured(command: &mut Command, stdout: &Path) -> Measured {
    let line = format!("{command:?}");
    let stderr = stdout.with_extension("err");
    command.stdin(Stdio::null()).stdout(File::create(stdout).unwrap()).stderr(File::create(&stderr).unwrap());
    let began = Instant::now();
    #[expect(clippy::zombie_processes, reason = "it is waited for by a call that std has no word for")]
    let child = command.spawn().unwrap();
    let (status, usage) = wait(child.id());
    let elapsed = began.elapsed();
    assert!(status.success(), "{line}: {status}\n{}", fs::read_to_string(&stderr).unwrap());
    #[expect(clippy::cast_precision_loss, reason = "no machine has so much memory")]
    let peak_mib = usage.ru_maxrss as f64 / 1024.0;
    let cpu = [usage.ru_utime, usage.ru_stime].map(|time| {
        Duration::new(time.tv_sec.try_into().unwrap(), u32::try_from(time.tv_usec).unwrap() * 1000)
    });
    Measured { elapsed, cpu: cpu[0] + cpu[1], peak_mib, stdout: stdout.to_owned() }
}

/// Waits for a child of ours and takes what it used, which std has no word for.
fn wait(pid: u32) -> (ExitStatus, libc::rusage) {
    let pid = i32::try_from(pid).unwrap();
    let mut status = 0;
    // SAFETY: all zeros is a valid rusage, which is numbers only.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to locals of the right types that outlive the call.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    assert_eq!(waited, pid, "{}", std::io::Error::last_os_error());
    (ExitStatus::from_raw(status), usage)
}
