//! The two sweeps of a cluster, with one trial for each end: one as arrays, one as jobs of their own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;

use crate::end::{ENDS, SCRIPT};
use crate::place::Place;

/// How trials become jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Array,
    Individual,
}

impl Form {
    pub fn name(self) -> &'static str {
        match self {
            Self::Array => "array",
            Self::Individual => "individual",
        }
    }
}

/// A sweep that was submitted.
pub struct Sweep {
    pub form: Form,
    pub dir: SweepDir,
    home: PathBuf,
}

impl Sweep {
    pub fn submit_both(place: &Place) -> Vec<Self> {
        [Form::Array, Form::Individual].map(|form| Self::submit(place, form)).into()
    }

    fn submit(place: &Place, form: Form) -> Self {
        let home = place.cluster.scratch().join(form.name());
        fs::create_dir_all(&home).unwrap();
        let mut spec = "name: ends\nscript: trial.sh\nparams:\n".to_owned();
        for end in &ENDS {
            spec += &format!("- {{end: {}, sbatch: {{{}}}}}\n", end.word(), end.sbatch);
        }
        fs::write(home.join("sweep.yaml"), spec).unwrap();
        fs::write(home.join("trial.sh"), SCRIPT).unwrap();
        fs::set_permissions(home.join("trial.sh"), PermissionsExt::from_mode(0o755)).unwrap();
        let user = place.cluster.user();
        for path in [home.clone(), home.join("sweep.yaml"), home.join("trial.sh")] {
            chown(&path, Some(user.uid), Some(user.gid)).unwrap();
        }
        let mut sweep = Self { form, dir: SweepDir::new(&home), home };
        let mut arguments = vec!["submit", "--format", "json", "--executor", "slurm"];
        if form == Form::Individual {
            arguments.push("--individual");
        }
        let report = sweep.json(place, &arguments);
        sweep.dir = SweepDir::new(report["dir"].as_str().unwrap());
        sweep
    }

    /// A command of the user's in the sweep's home.
    pub fn command(&self, place: &Place, program: &str) -> Command {
        let mut command = place.cluster.command(program);
        command.current_dir(&self.home);
        command
    }

    fn json(&self, place: &Place, arguments: &[&str]) -> Value {
        let ran = place.cluster.run(self.command(place, "sweep").args(arguments)).unwrap().checked();
        let ran = ran.unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran}"))
    }

    /// One look.
    pub fn status(&self, place: &Place) -> Value {
        self.json(place, &["status", "--format", "json", self.dir.path().to_str().unwrap()])
    }

    /// What `sweep show` says of a trial.
    pub fn show(&self, place: &Place, trial: u32) -> String {
        let label = format!("t{trial:03}");
        let mut show = self.command(place, "sweep");
        show.args(["show", label.as_str(), self.dir.path().to_str().unwrap()]);
        place.cluster.run(&mut show).unwrap().checked().unwrap().stdout
    }

    /// The process ids that an attempt of a trial left when it began: its own and that of `sweep exec`.
    pub fn begun(&self, trial: u32, attempt: u64) -> Option<(i32, i32)> {
        let path = self.dir.trial(TrialIndex(trial)).path().join(format!("begun.{attempt}"));
        let text = fs::read_to_string(path).ok()?;
        let (own, parent) = text.trim().split_once(' ')?;
        Some((own.parse().ok()?, parent.parse().ok()?))
    }

    /// What a second attempt of a trial saw of the first when it began; none where there was none.
    pub fn left(&self, trial: u32) -> Option<String> {
        fs::read_to_string(self.dir.trial(TrialIndex(trial)).path().join("left")).ok()
    }

    /// The processes that run for a trial, whoever their parent is.
    pub fn processes(&self, trial: u32) -> Vec<i32> {
        let folder = format!("SWEEP_TRIAL_DIR={}", self.dir.trial(TrialIndex(trial)).path().display());
        let runs_for = |pid: &i32| {
            let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            variables.split(|byte| *byte == 0).any(|variable| variable == folder.as_bytes())
        };
        let entries = fs::read_dir("/proc").unwrap().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(runs_for).collect()
    }

    /// Lets trials that wait for it go on.
    pub fn go(&self) {
        fs::write(self.dir.path().join("go"), "").unwrap();
    }
}
