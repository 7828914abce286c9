//! Clusters, and homes with one small sweep each, whose trials leave a line of their own whenever they start. It
//! counts those lines and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::Value;
use sweep_core::layout::SweepDir;
use sweep_testbed::{Cluster, ClusterConfig, JobId, Ran, artifacts, run, shared, wait_for};

/// For a command that has to wait for the fence, on a machine that does all of this at once.
pub const LIMIT: Duration = Duration::from_secs(150);
/// How many trials each sweep has.
pub const TRIALS: usize = 4;

/// The usual sweep: two arrays, because of the time limits, neither of which has neighbours.
pub const SPEC: &str = "command: [sh, -c, 'echo job$SLURM_ARRAY_JOB_ID >> runs/$SWEEP_TRIAL']
params:
- {x: 0}
- {x: 1, sbatch: {time: 5}}
- {x: 2}
- {x: 3, sbatch: {time: 5}}
";

/// A cluster whose daemons nobody disturbs.
pub fn undisturbed() -> &'static Cluster {
    static READY: OnceLock<&'static Cluster> = OnceLock::new();
    READY.get_or_init(|| with_command(&roomy()))
}

/// A cluster whose slurmctld stands still and is restarted.
pub fn disturbed() -> &'static Cluster {
    static READY: OnceLock<&'static Cluster> = OnceLock::new();
    READY.get_or_init(|| with_command(&roomy().set("SlurmctldTimeout", "121")))
}

/// A cluster that forgets jobs as soon as it can.
pub fn forgetful() -> &'static Cluster {
    static READY: OnceLock<&'static Cluster> = OnceLock::new();
    READY.get_or_init(|| with_command(&roomy().set("MinJobAge", "2")))
}

/// The testbed's own cluster with room for many short jobs at once and with the shortest fence that there is.
pub fn roomy() -> ClusterConfig {
    ClusterConfig { cpus_per_node: 16, ..ClusterConfig::default() }.set("MessageTimeout", "15")
}

/// A shared cluster with the command.
pub fn with_command(config: &ClusterConfig) -> &'static Cluster {
    let cluster = shared(config);
    cluster.install_program(&artifacts::sweep().unwrap(), "sweep").unwrap();
    // A thread of another test that started a program meanwhile holds the copy open for writing until its exec, and
    // until then nobody can run it.
    let runs = || cluster.run(cluster.command("sweep").arg("--version")).ok().map(drop);
    wait_for(LIMIT, runs).expect("the command can be run");
    cluster
}

/// A folder with a spec in it.
pub struct Home {
    cluster: Option<&'static Cluster>,
    /// The folder.
    pub path: PathBuf,
    /// The spec's name, which no other home's begins with.
    pub name: String,
    /// Removes a folder that is of no cluster's.
    _folder: Option<tempfile::TempDir>,
}

impl Home {
    /// A folder of the cluster's user with the usual spec.
    pub fn new(cluster: &'static Cluster, name: &str) -> Self {
        Self::with_spec(cluster, name, SPEC)
    }

    /// As [`Self::new`], with another spec; its name comes from here.
    pub fn with_spec(cluster: &'static Cluster, name: &str, spec: &str) -> Self {
        let path = cluster.scratch().join(name);
        fs::create_dir(&path).unwrap();
        let home = Self { cluster: Some(cluster), path, name: name.to_owned(), _folder: None };
        home.own(&home.path);
        home.fill(spec);
        home
    }

    /// A folder on a machine without Slurm.
    pub fn without_slurm(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Self {
            cluster: None,
            path: fs::canonicalize(folder.path()).unwrap(),
            name: name.to_owned(),
            _folder: Some(folder),
        };
        home.fill(SPEC);
        home
    }

    /// A home like this one, with another name and spec.
    pub fn like(&self, name: &str, spec: &str) -> Self {
        match self.cluster {
            Some(cluster) => Self::with_spec(cluster, name, spec),
            None => {
                let home = Self::without_slurm(name);
                home.write("sweep.yaml", &format!("name: {name}\n{spec}"));
                home
            }
        }
    }

    fn fill(&self, spec: &str) {
        fs::create_dir(self.path.join("runs")).unwrap();
        self.own(&self.path.join("runs"));
        self.write("sweep.yaml", &format!("name: {}\n{spec}", self.name));
    }

    /// A file of the user's.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::write(&path, text).unwrap();
        self.own(&path);
        path
    }

    fn own(&self, path: &Path) {
        if let Some(cluster) = self.cluster {
            chown(path, Some(cluster.user().uid), Some(cluster.user().gid)).unwrap();
        }
    }

    /// The cluster.
    pub fn cluster(&self) -> &'static Cluster {
        self.cluster.expect("this home has a Slurm")
    }

    /// A command of the user's in this folder.
    pub fn command(&self, program: &str) -> Command {
        match self.cluster {
            Some(cluster) => {
                let mut command = cluster.command(program);
                command.current_dir(&self.path);
                command
            }
            None => {
                let program =
                    if program == "sweep" { artifacts::sweep().unwrap() } else { PathBuf::from(program) };
                let mut command = Command::new(program);
                // No Slurm of the machine's own is to be found here.
                command.current_dir(&self.path).env_clear().env("PATH", "/usr/bin:/bin");
                command.env("SLURM_CONF", "/nonexistent/slurm.conf").env("HOME", &self.path);
                command
            }
        }
    }

    /// `sweep submit` of this folder's spec, not started yet.
    pub fn submission(&self) -> Command {
        let mut command = self.command("sweep");
        let executor = if self.cluster.is_some() { "slurm" } else { "local" };
        command.args(["submit", "--executor", executor]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(self.path.join("submit.err")).unwrap());
        command
    }

    /// `sweep` with one argument, not started yet.
    pub fn quiet(&self, argument: &str) -> Command {
        let mut command = self.command("sweep");
        command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// `sweep` with these arguments; how it exited is for the caller to judge.
    pub fn sweep(&self, arguments: &[&str]) -> Ran {
        run(self.command("sweep").args(arguments), LIMIT).unwrap()
    }

    /// What `sweep` prints with `--format json`.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.sweep(&[arguments, &["--format", "json"]].concat()).checked().unwrap();
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"))
    }

    /// The complete sweep of this folder, where there is one.
    pub fn dir(&self) -> Option<SweepDir> {
        let mut found = fs::read_dir(self.path.join(".sweeps")).ok()?.map(|entry| entry.unwrap().path());
        let is_complete = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(&self.name) && !path.is_symlink()
        };
        found.find(is_complete).map(SweepDir::new)
    }

    /// The lines that trials left, by label.
    pub fn runs(&self) -> BTreeMap<String, Vec<String>> {
        let line = |path: &PathBuf| -> Vec<String> {
            fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
        };
        let entries = fs::read_dir(self.path.join("runs")).unwrap().map(|entry| entry.unwrap());
        entries.map(|entry| (entry.file_name().into_string().unwrap(), line(&entry.path()))).collect()
    }

    /// Waits until every one of `count` trials has left a line.
    pub fn wait_runs(&self, count: usize) {
        let mut seen = BTreeMap::new();
        let found = wait_for(LIMIT, || {
            seen = self.runs();
            (seen.values().filter(|lines| !lines.is_empty()).count() == count).then_some(())
        });
        found.unwrap_or_else(|| panic!("{}: {count} trials, of which ran {seen:?}", self.path.display()));
    }

    /// Waits until `sweep status` gives these states.
    pub fn wait_states(&self, expected: &[&str]) -> Value {
        let mut seen = Vec::new();
        let found = wait_for(LIMIT, || {
            let status = self.json(&["status"]);
            seen = states(&status);
            (seen == expected).then_some(status)
        });
        found.unwrap_or_else(|| panic!("{}: wanted {expected:?}, saw {seen:?}", self.path.display()))
    }

    /// Waits until every trial has completed, and makes sure that each ran exactly once.
    pub fn wait_ran_once(&self, count: usize) {
        self.wait_states(&vec!["completed"; count]);
        let runs = self.runs();
        let once = runs.values().filter(|lines| lines.len() == 1).count();
        assert_eq!((runs.len(), once), (count, count), "{}: {runs:?}", self.path.display());
    }

    /// `sweep resume`, again for as long as the world is not as it should be (exit code 1), as a person would: a
    /// controller that stands still for a test's sake answers nobody.
    pub fn resume(&self) -> Ran {
        let mut last = None;
        let done = wait_for(LIMIT, || {
            let ran = self.sweep(&["resume"]);
            let done = (ran.code != Some(1)).then(|| ran.clone());
            last = Some(ran);
            done
        });
        done.unwrap_or_else(|| panic!("{}: {}", self.path.display(), last.unwrap()))
            .checked()
            .unwrap_or_else(|error| panic!("{}: {error}", self.path.display()))
    }

    /// Jobs of this home's sweeps that squeue has, with their states: `id state`.
    pub fn queue(&self) -> Vec<String> {
        let lines = queue(self.cluster());
        let own = lines.iter().filter_map(|line| line.split_once(' '));
        own.filter(|(name, _)| name.starts_with(&self.name)).map(|(_, rest)| rest.to_owned()).collect()
    }

    /// Submits once more what the sweep's batch is, as when an `sbatch` was given up for lost and came through.
    pub fn twin(&self, batch: u32, tasks: u32, selector: &str, more: &[&str]) -> JobId {
        let dir = self.dir().unwrap();
        let id = dir.path().file_name().unwrap().to_str().unwrap();
        let mut sbatch = self.command("sbatch");
        sbatch.args(["--parsable", "--output=/dev/null", &format!("--job-name={id}.{batch}")]);
        sbatch.args([&format!("--array=0-{}", tasks - 1)]).args(more).arg(dir.job_script());
        sbatch.arg(self.cluster().directory().join("bin/sweep")).arg(dir.path());
        sbatch.args([batch.to_string().as_str(), selector]);
        let ran = self.cluster().run(&mut sbatch).unwrap().checked().unwrap();
        JobId(ran.stdout.trim().parse().unwrap())
    }
}

/// Every job that squeue has, ended or not: `name id state`.
pub fn queue(cluster: &Cluster) -> Vec<String> {
    let mut squeue = cluster.command_as_root("squeue");
    squeue.args(["--noheader", "--states=all", "--format=%j %F %T"]);
    let mut said = String::new();
    let lines = wait_for(LIMIT, || {
        let ran = cluster.run(&mut squeue).ok()?;
        said = ran.to_string();
        ran.success().then(|| ran.stdout.lines().map(str::to_owned).collect())
    });
    lines.unwrap_or_else(|| panic!("{said}"))
}

/// Waits until no job of a cluster waits or runs.
pub fn wait_idle(cluster: &Cluster) {
    wait_idle_but(cluster, &[]);
}

/// Waits until every job of a cluster has ended or is in one of these states.
pub fn wait_idle_but(cluster: &Cluster, fine: &[&str]) {
    let mut open = Vec::new();
    let idle = cluster.wait_for(LIMIT, "all jobs to end", || {
        open = queue(cluster);
        open.retain(|line| {
            let is = |state: &&str| line.ends_with(state);
            ["PENDING", "RUNNING", "COMPLETING", "CONFIGURING"].iter().any(is) && !fine.iter().any(is)
        });
        open.is_empty().then_some(())
    });
    idle.unwrap_or_else(|error| panic!("{error}\nstill there: {open:#?}"));
}

/// The states of a status report.
pub fn states(status: &Value) -> Vec<String> {
    let trials = status["trials"].as_array().unwrap();
    trials.iter().map(|trial| trial["state"].as_str().unwrap().to_owned()).collect()
}

/// The jobs that ran the trials of some homes.
pub fn jobs<'a>(homes: impl Iterator<Item = &'a Home>) -> usize {
    homes.map(|home| home.runs().into_values().flatten().collect::<BTreeSet<_>>().len()).sum()
}

/// Does something to every item, so many at once, and gives the results in the items' order.
pub fn in_parallel<T: Sync, R: Send>(at_once: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = Mutex::new(0..items.len());
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let one = || {
            let mut done = Vec::new();
            loop {
                let place = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(place) = place else { return done };
                done.push((place, work(&items[place])));
            }
        };
        let threads: Vec<_> = (0..at_once.min(items.len())).map(|_| scope.spawn(one)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}
