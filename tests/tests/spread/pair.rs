//! Two clusters, `alpha` and `beta`, of which each knows the other by the slurmdbd that they share. One test at a time has
//! them: their job numbers are made to meet.

use std::fs;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::Value;
use sweep_testbed::{Cluster, ClusterConfig, Daemon, Load, PluginSetup, artifacts};

use crate::site::{Home, LIMIT, Sweep};

/// Both, for one test.
pub struct Pair {
    pub alpha: &'static Cluster,
    pub beta: &'static Cluster,
    _turn: MutexGuard<'static, ()>,
}

/// Waits for its turn, starts them where they are not there, and makes their next job numbers the same.
pub fn pair() -> Pair {
    static TURN: Mutex<()> = Mutex::new(());
    static BOTH: OnceLock<(Cluster, Cluster)> = OnceLock::new();
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (alpha, beta) = BOTH.get_or_init(|| {
        let config = |name: &str| {
            let config = ClusterConfig {
                name: name.to_owned(),
                nodes: 1,
                accounting: true,
                ..ClusterConfig::default()
            };
            config.set("MessageTimeout", "5").plugin(PluginSetup {
                path: artifacts::plugin().unwrap(),
                arguments: "audit={dir}/audit".to_owned(),
                load: Load::Optional,
            })
        };
        let alpha = Cluster::start(config("alpha")).unwrap();
        let beta = alpha.start_beside(config("beta")).unwrap();
        alpha.install_program(&artifacts::sweep().unwrap(), "sweep").unwrap();
        (alpha, beta)
    });
    if beta.pid(Daemon::Slurmctld).is_err() {
        beta.launch(Daemon::Slurmctld).unwrap();
    }
    let pair = Pair { alpha, beta, _turn: turn };
    // A slurmctld that was killed comes back with jobs that had ended.
    for cluster in [alpha, beta] {
        let user = format!("--user={}", cluster.user().name);
        cluster.run(cluster.command("scancel").arg(user)).unwrap().checked().unwrap();
    }
    pair.wait_empty();
    pair.align();
    pair
}

impl Pair {
    /// A folder of the user's on the first cluster, with a spec over both: each name of a trial's cluster ends in `seen`.
    pub fn home(&self, name: &str, spec: &str) -> Home {
        let spread = "spread: {over: [{cluster: alpha}, {cluster: beta, partition: main}]}\n";
        Home::new(self.alpha, name, &format!("name: {name}\n{spread}{spec}"))
    }

    /// The jobs of the user's that are not at an end on either.
    pub fn open_jobs(&self) -> usize {
        let mut squeue = self.alpha.command("squeue");
        squeue.args(["--clusters=alpha,beta", "--noheader", "--array"]);
        self.alpha
            .run(&mut squeue)
            .unwrap()
            .checked()
            .unwrap()
            .stdout
            .lines()
            .filter(|line| !line.is_empty())
            .count()
    }

    /// Waits until both are empty.
    pub fn wait_empty(&self) {
        self.alpha.wait_for(LIMIT, "no job of either", || (self.open_jobs() == 0).then_some(())).unwrap();
    }

    fn align(&self) {
        let next = |cluster: &str| {
            let mut sbatch = self.alpha.command("sbatch");
            sbatch.args(["--parsable", "--hold", "--output=/dev/null", "--wrap=true"]);
            let ran = self.alpha.run(sbatch.arg(format!("--clusters={cluster}"))).unwrap().checked().unwrap();
            let (job, _) = ran.stdout.trim().split_once(';').unwrap();
            let job: u32 = job.parse().unwrap();
            let mut scancel = self.alpha.command("scancel");
            let on = format!("--clusters={cluster}");
            self.alpha.run(scancel.args([on, job.to_string()])).unwrap().checked().unwrap();
            job
        };
        let (mut alpha, mut beta) = (next("alpha"), next("beta"));
        while alpha != beta {
            if alpha < beta { alpha = next("alpha") } else { beta = next("beta") }
        }
    }
}

/// Of each trial its job and the cluster that has it.
pub fn jobs(status: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let trials = status["trials"].as_array().unwrap().iter();
    trials.map(|trial| (text(&trial["job_id"]), text(&trial["cluster"]))).collect()
}

/// How often a sweep has called one of Slurm's commands.
pub fn calls(sweep: &Sweep<'_>, program: &str) -> u64 {
    let mut count = 0;
    for entry in fs::read_dir(sweep.dir.path().join("calls")).unwrap() {
        let asked: Value = serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
        count += asked["calls"][program].as_u64().unwrap_or(0);
    }
    count
}

/// Waits for so many trials to have started, by the files that they make.
pub fn wait_started(home: &Home, count: usize) {
    let started = || {
        let files = fs::read_dir(&home.path).unwrap().flatten();
        files.filter(|file| file.file_name().to_string_lossy().starts_with("started.")).count()
    };
    home.cluster.wait_for(LIMIT, "trials to start", || (started() == count).then_some(())).unwrap();
}

/// A trial that starts, waits for a file, and fails where it is told to.
pub const WAITING: &str = "shell: 'touch started.$n; until [ -e go ]; do sleep 0.1; done; ! [ -e fail.$n ]'\n\
                       parameters: {n: [0, 1, 2, 3]}\n";
