//! A folder with a spec, and the built command run in it, on a machine where no Slurm is to be found.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// For some processes of a moment, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// The programs that trials use; Slurm's are not among them.
const PROGRAMS: [&str; 12] =
    ["bash", "basename", "cat", "echo", "env", "head", "ls", "python3", "sh", "sleep", "touch", "true"];

/// A training program: continues from a checkpoint of its own or its parent's, and says from where.
pub const STEPS: &str = "import json, os\n\
    lr, budget = float(os.environ['lr']), float(os.environ['SWEEP_BUDGET'])\n\
    out, step = os.environ['SWEEP_CHECKPOINT_OUT'], 0\n\
    for folder in (out, os.environ.get('SWEEP_CHECKPOINT_IN')):\n    \
        if folder and os.path.exists(folder + '/step'):\n        \
            step = int(open(folder + '/step').read())\n        break\n\
    print(step, int(budget))\n\
    open(out + '/step', 'w').write(str(int(budget)))\n\
    open(os.environ['SWEEP_RESULT'], 'w').write(str((lr - 0.3) ** 2 + 1 / budget))\n";

pub struct Site {
    folder: tempfile::TempDir,
}

pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Site {
    /// A folder with this `sweep.yaml`.
    pub fn new(spec: &str) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(site.path("bin")).unwrap();
        for program in PROGRAMS {
            let found =
                ["/usr/bin", "/bin"].iter().map(|dir| Path::new(dir).join(program)).find(|p| p.exists());
            symlink(found.unwrap_or_else(|| panic!("no {program}")), site.path("bin").join(program)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_sweep"), site.path("bin/sweep")).unwrap();
        site.write("sweep.yaml", spec);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path("bin/sweep"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_clear().env("PATH", self.path("bin")).env("HOME", self.path("")).env("LANG", "C.UTF-8");
        command
    }

    pub fn sweep(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// The standard output of a call that must succeed.
    pub fn good(&self, arguments: &[&str]) -> String {
        let ran = self.sweep(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.good(&[&arguments[..1], &["--format", "json"], &arguments[1..]].concat()))
            .unwrap()
    }

    /// Runs the spec on this machine and gives the directory; the exit code is `code`.
    pub fn run(&self, code: i32) -> PathBuf {
        let ran = self.sweep(&["run", "--executor", "local", "--format", "json"]);
        assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
        self.newest()
    }

    /// The directory of the newest sweep.
    pub fn newest(&self) -> PathBuf {
        let list = self.json(&["list"]);
        self.path(".sweeps").join(list["sweeps"][0]["manifest"]["id"].as_str().unwrap())
    }

    /// What a trial printed, without the header.
    pub fn output(&self, dir: &Path, trial: u32) -> String {
        let log = fs::read_to_string(dir.join(format!("trials/t{trial:03}/out.log"))).unwrap();
        log.split_once('\n').unwrap().1.to_owned()
    }

    pub fn states(&self, dir: &Path) -> Vec<String> {
        let status = self.json(&["status", dir.to_str().unwrap()]);
        let trials = status["trials"].as_array().unwrap();
        trials.iter().map(|trial| trial["state"].as_str().unwrap().to_owned()).collect()
    }
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// Asks until there is an answer.
pub fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(start.elapsed() < LIMIT, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
