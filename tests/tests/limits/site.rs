//! A private Slurm with a limit, and sweeps of a user's on it.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use sweep_testbed::Ran;
use sweep_testbed::{Cluster, ClusterConfig, Load, PluginSetup, artifacts, wait_for};

/// For anything that a sweep of a minute's work does on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(420);

/// A trial: it leaves its name as it begins and as it ends.
const PROGRAM: &str =
    "echo \"+ $SWEEP_TRIAL\" >> ran\nsleep 0.3\nsweep log loss=$x\necho \"- $SWEEP_TRIAL\" >> ran\n";

/// A cluster that has a limit.
pub struct Site {
    cluster: Cluster,
}

impl Site {
    /// With slurmdbd, where limits of users, accounts and QOS are kept, and an account `lab` of the user's.
    pub fn with_accounting() -> Self {
        let config = ClusterConfig { accounting: true, ..ClusterConfig::default() };
        let site = Self::of(config.set("AccountingStorageEnforce", "limits,qos"));
        site.limit(&["add", "account", "lab"]);
        site.limit(&["add", "user", &site.user(), "account=lab"]);
        site
    }

    /// With these settings of slurm.conf.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let config = ClusterConfig::default();
        Self::of(settings.iter().fold(config, |config, (name, value)| config.set(name, value)))
    }

    fn of(config: ClusterConfig) -> Self {
        let plugin = PluginSetup {
            path: artifacts::plugin().unwrap(),
            arguments: String::new(),
            load: Load::Optional,
        };
        let config = ClusterConfig { cpus_per_node: 16, ..config }.plugin(plugin);
        let cluster = Cluster::start(config).unwrap();
        cluster.install_program(&artifacts::sweep().unwrap(), "sweep").unwrap();
        Self { cluster }
    }

    /// The user's name.
    pub fn user(&self) -> String {
        self.cluster.user().name.clone()
    }

    /// Changes what accounting has, and waits until slurmctld knows of it.
    pub fn limit(&self, arguments: &[&str]) {
        let mut command = self.cluster.command_as_root("sacctmgr");
        let ran = self.cluster.run(command.arg("-i").args(arguments)).unwrap();
        assert!(ran.success() || ran.stdout.contains("Nothing new added"), "{arguments:?}: {ran:?}");
        let Some((name, value)) = arguments.last().and_then(|word| word.split_once('=')) else { return };
        if !name.ends_with("SubmitJobs") && !name.ends_with("SubmitJobsPerUser") {
            return;
        }
        let name =
            name.trim_end_matches("PerUser").to_owned() + if name.ends_with("PerUser") { "PU" } else { "" };
        let value = if value == "-1" { "" } else { value };
        let names = [format!("{name}={value}("), format!("{name}=N("), format!("{name}= ")];
        let knows = || {
            let said = self.cluster.scontrol(&["show", "assoc_mgr", "flags=assoc,qos"]).ok()?.stdout;
            let names = if value.is_empty() { &names[1..] } else { &names[..1] };
            names.iter().any(|text| said.contains(text)).then_some(())
        };
        self.wait("slurmctld to know of a limit", LIMIT, knows);
    }

    /// Waits for something of the cluster.
    pub fn wait<T>(&self, what: &str, limit: Duration, probe: impl FnMut() -> Option<T>) -> T {
        wait_for(limit, probe).unwrap_or_else(|| panic!("waited for {what}"))
    }

    /// How many jobs and tasks of the user's are in the queue.
    pub fn queued(&self) -> usize {
        let mut command = self.cluster.command("squeue");
        self.cluster.run(command.args(["--noheader", "--array", "--me"])).unwrap().stdout.lines().count()
    }

    /// Whether slurmctld has told anybody to ask less often.
    #[allow(dead_code, reason = "of the limits that older releases have, none says so")]
    pub fn was_limited(&self) -> bool {
        self.cluster.slurmctld_log().contains("rate limit exceeded")
    }

    /// sbatch calls that slurmctld has counted.
    fn submissions(&self) -> u32 {
        let said =
            self.cluster.run(&mut self.cluster.command_as_root("sdiag")).unwrap().checked().unwrap().stdout;
        let line = said.lines().find(|line| line.contains("REQUEST_SUBMIT_BATCH_JOB"));
        line.and_then(|line| line.split("count:").nth(1)?.split_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    }

    /// Submits a sweep, whatever comes of it.
    pub fn try_submit(&self, name: &str, trials: usize, more: &str) -> Ran {
        let path = self.cluster.scratch().join(name);
        fs::create_dir(&path).unwrap();
        let spec = format!(
            "name: {name}\ncommand: [sh, trial.sh]\nparameters:\n  x: {{distribution: int_uniform, min: 1, max: 1000}}\n{}{more}",
            if more.contains("method") {
                String::new()
            } else {
                format!("method: random\ntrials: {trials}\n")
            }
        );
        for (file, text) in [("sweep.yaml", spec.as_str()), ("trial.sh", PROGRAM), ("ran", "")] {
            fs::write(path.join(file), text).unwrap();
        }
        for file in ["", "sweep.yaml", "trial.sh", "ran"] {
            let user = self.cluster.user();
            chown(path.join(file), Some(user.uid), Some(user.gid)).unwrap();
        }
        let mut command = self.cluster.command("sweep");
        command.current_dir(&path).args(["submit", "--executor", "slurm", "--format", "json"]);
        self.cluster.run(&mut command).unwrap()
    }

    /// Submits a sweep.
    pub fn submit(&self, name: &str, trials: usize, more: &str) -> Sweep<'_> {
        let (before, began) = (self.submissions(), Instant::now());
        let ran = self.try_submit(name, trials, more).checked().unwrap();
        let submitted = serde_json::from_str(&ran.stdout).unwrap();
        let path = self.cluster.scratch().join(name);
        Sweep { site: self, path, submitted, before, began, took: Cell::default() }
    }
}

/// A sweep that was submitted.
pub struct Sweep<'a> {
    site: &'a Site,
    path: PathBuf,
    submitted: Value,
    before: u32,
    began: Instant,
    took: Cell<Duration>,
}

impl Sweep<'_> {
    /// What `sweep submit` said.
    pub fn submitted(&self) -> &Value {
        &self.submitted
    }

    /// `sweep` in the sweep's folder.
    pub fn sweep(&self, arguments: &[&str]) -> Ran {
        let mut command = self.site.cluster.command("sweep");
        self.site.cluster.run(command.current_dir(&self.path).args(arguments)).unwrap()
    }

    /// What `sweep status` shows.
    pub fn screen(&self) -> String {
        self.sweep(&["status"]).stdout
    }

    /// The trials that ran, as often as they did.
    pub fn ran(&self) -> Vec<String> {
        self.lines().into_iter().filter_map(|line| Some(line.strip_prefix("+ ")?.to_owned())).collect()
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.path.join("ran")).unwrap().lines().map(str::to_owned).collect()
    }

    /// The most trials that ran at once.
    pub fn most_at_once(&self) -> i32 {
        let mut now = 0;
        let count = |line: &String| {
            now += if line.starts_with('+') { 1 } else { -1 };
            now
        };
        self.lines().iter().map(count).max().unwrap_or(0)
    }

    /// Waits until the sweep is over and nobody of it is left in the queue, and gives how many trials it has.
    pub fn wait_over(&self) -> usize {
        let probe = || {
            let ran = self.sweep(&["status", "--check"]);
            let text = ran.stdout;
            (ran.code == Some(0) && self.site.queued() == 0).then_some(text)
        };
        if wait_for(LIMIT, probe).is_none() {
            let log = fs::read_to_string(self.path.join(".sweeps/latest/driver.log")).unwrap_or_default();
            panic!("not over\n{}\n--- driver.log\n{log}", self.screen());
        }
        self.took.set(self.began.elapsed());
        let json: Value = serde_json::from_str(&self.sweep(&["status", "--format", "json"]).stdout).unwrap();
        json["trials"].as_array().unwrap().len()
    }

    /// Waits until all trials have run.
    pub fn wait_done(&self, trials: usize) {
        assert_eq!(self.wait_over(), trials);
    }

    /// Writes a line of the table, after it was seen that every trial ran, and once.
    pub fn report(&self, limit: &str, value: &str, trials: usize) {
        static SAID: Mutex<()> = Mutex::new(());
        let mut ran = self.ran();
        ran.sort();
        let starts = ran.len();
        ran.dedup();
        let (lost, doubled) = (trials - ran.len(), starts - ran.len());
        let calls = self.site.submissions() - self.before;
        let line = format!(
            "| {limit} | {value} | {trials} | {calls} | {:.0} s | {lost} | {doubled} |\n",
            self.took.get().as_secs_f64()
        );
        print!("{line}");
        let _guard = SAID.lock();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        // In a system of another release there is no such folder.
        fs::create_dir_all(folder).unwrap();
        let path = folder.join("limits.txt");
        let key = format!("| {limit} | {value} |");
        let before = fs::read_to_string(&path).unwrap_or_default();
        let others: String =
            before.lines().filter(|row| !row.starts_with(&key)).map(|row| format!("{row}\n")).collect();
        fs::write(&path, others + &line).unwrap();
        assert_eq!((lost, doubled), (0, 0), "{line}");
    }
}
