//! Drives the built plugin through the C stub host: a script of commands in, lines out. It never starts a Slurm.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use sweep_testbed::{Ran, run_with_input};

/// The user and group that stub jobs have; nobody's on a usual machine.
pub const USER: u32 = 54_321;
/// Slurm's number of the batch step.
pub const BATCH: u32 = 0xffff_fffb;
/// Longer than any script takes, with two waits of five seconds.
const LIMIT: Duration = Duration::from_secs(300);

/// The stub host, compiled once for each test program.
pub fn host() -> &'static Path {
    static HOST: OnceLock<PathBuf> = OnceLock::new();
    HOST.get_or_init(|| {
        let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("stub/host.c");
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stub-host");
        let beside = out.with_extension(std::process::id().to_string());
        let mut build = cc::Build::new();
        build.target(&target).host(&target).opt_level(1).debug(true).warnings(true).extra_warnings(true);
        let mut cc = build.cargo_metadata(false).get_compiler().to_command();
        let ran = cc.args(["-Werror", "-rdynamic", "-o"]).arg(&beside).arg(source).arg("-ldl").status();
        assert!(ran.unwrap().success(), "the stub host does not compile");
        // Other test programs may be running theirs.
        fs::rename(&beside, &out).unwrap();
        out
    })
}

/// A folder that the user may enter, removed at the end.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("sweep-stub-").tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// A folder of the user's.
pub fn users_folder() -> tempfile::TempDir {
    let folder = folder();
    chown(folder.path(), Some(USER), Some(USER)).unwrap();
    folder
}

/// A script for the stub host.
#[derive(Clone)]
pub struct Script(String);

impl Script {
    /// Commands as they are.
    pub fn new() -> Self {
        Self(String::new())
    }

    /// slurmstepd for the batch step of a job, with `words` of plugstack.conf, up to and with `init`.
    pub fn batch(job: u32, words: &[&str]) -> Self {
        let mut script = Self::new().line("context remote");
        for word in words {
            script = script.line(&format!("word {}", encode(word.as_bytes())));
        }
        script
            .line(&format!("item uid {USER}"))
            .line(&format!("item gid {USER}"))
            .line(&format!("item job {job}"))
            .line(&format!("item step {BATCH}"))
            .line("item node_rank 0")
            .line("item local_tasks 1")
            .line("hook init")
    }

    /// Adds a command.
    pub fn line(mut self, line: &str) -> Self {
        writeln!(self.0, "{line}").unwrap();
        self
    }

    /// Sets a variable of the job.
    pub fn env(self, name: &str, value: &[u8]) -> Self {
        self.line(&format!("env {name} {}", encode(value)))
    }

    /// Gives an option.
    pub fn option(self, name: &str, value: &[u8]) -> Self {
        self.line(&format!("option {name} {}", encode(value)))
    }

    /// Gives the two options of a trial.
    pub fn trial(self, dir: &Path, trial: &str) -> Self {
        self.option("sweep-dir", dir.as_os_str().as_encoded_bytes()).option("sweep-trial", trial.as_bytes())
    }

    /// Up to the start of the task, as slurmstepd does it.
    pub fn start(self) -> Self {
        let effective = format!("effective {USER}");
        self.line("hook init_post_opt")
            .line(&effective)
            .line("hook user_init")
            .line("effective 0")
            .line("item task 0")
            .line("hook task_init")
            .line("hook task_post_fork")
    }

    /// The end of the task with a wait status.
    pub fn end(self, status: i32) -> Self {
        self.line(&format!("item status {status}")).line("hook task_exit")
    }

    /// Asks for variables of the job.
    pub fn get(self, names: &[&str]) -> Self {
        names.iter().fold(self, |script, name| script.line(&format!("get {name}")))
    }

    /// Runs it.
    pub fn run(&self, plugin: &Path) -> Trace {
        self.run_under(plugin, Command::new(host()))
    }

    /// Runs it under another program, such as strace, whose own arguments stand in `command`.
    pub fn run_below(&self, plugin: &Path, mut command: Command) -> Trace {
        command.arg(host());
        self.run_under(plugin, command)
    }

    fn run_under(&self, plugin: &Path, mut command: Command) -> Trace {
        // What a node's slurmstepd has of slurmd, so that records name the same node everywhere.
        command.arg(plugin).env_remove("SLURM_JOB_ID").env("SLURMD_NODENAME", "stub1");
        let ran = run_with_input(&mut command, self.0.as_bytes(), LIMIT).unwrap();
        Trace::of(ran)
    }
}

/// What the stub host said.
#[derive(Debug)]
pub struct Trace {
    lines: Vec<String>,
    /// How the host itself ended.
    pub ran: Ran,
}

impl Trace {
    fn of(ran: Ran) -> Self {
        Self { lines: ran.stdout.lines().map(str::to_owned).collect(), ran }
    }

    /// Checks that every hook said success, and the host too.
    pub fn all_well(self) -> Self {
        assert!(self.ran.success(), "{:?}", self.ran);
        for line in self.words("hook") {
            assert_eq!(line[2], "0", "{line:?}");
        }
        self
    }

    /// The lines that begin with a word, each as its words.
    pub fn words<'a>(&'a self, first: &'a str) -> impl Iterator<Item = Vec<&'a str>> {
        self.lines
            .iter()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .filter(move |words| words[0] == first)
    }

    /// A variable of the job when it was last asked for; none where it was not set.
    pub fn get(&self, name: &str) -> Option<String> {
        let line = self.words("env").filter(|words| words[1] == name).last();
        let value = line.unwrap_or_else(|| panic!("`{name}` was not asked for"))[2];
        value.strip_prefix('=').map(decode)
    }

    /// The lines that the plugin left in Slurm's log at the level of errors.
    pub fn errors(&self) -> Vec<String> {
        self.words("log").filter(|words| words[1] == "error").map(|words| decode(words[2])).collect()
    }

    /// The lines for the user of sbatch.
    pub fn told(&self) -> Vec<String> {
        self.words("log").filter(|words| words[1] == "user").map(|words| decode(words[2])).collect()
    }

    /// How long the last call of a hook took.
    pub fn took(&self, hook: &str) -> Duration {
        let us = self.words("hook").filter(|words| words[1] == hook).last().unwrap()[3].parse().unwrap();
        Duration::from_micros(us)
    }

    /// What options' callbacks said, in order.
    pub fn verdicts(&self) -> Vec<bool> {
        self.words("option").map(|words| words[2] == "0").collect()
    }
}

/// A text as it stands in a script.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, &byte| {
        match byte {
            b'!'..=b'$' | b'&'..=b'~' => text.push(char::from(byte)),
            _ => write!(text, "%{byte:02x}").unwrap(),
        }
        text
    })
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let hex = std::str::from_utf8(&tail[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
