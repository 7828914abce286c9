//! A folder in which sweeps are run and pages made, and where pictures go. It never asks a Slurm.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sweep_testbed::artifacts;

use crate::browser::Browser;

pub struct Place {
    pub folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With a spec in it.
    pub fn with(spec: &str) -> Self {
        let place = Self::new();
        fs::write(place.path("sweep.yaml"), spec).unwrap();
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap().join(name)
    }

    /// What the command prints; its exit code is one of these.
    pub fn sweep(&self, arguments: &[&str], codes: &[i32]) -> String {
        let program = artifacts::sweep().unwrap();
        // Trials call it by its name.
        let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(program);
        command.env("PATH", path).args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_remove("SLURM_CONF").env_remove("SWEEP_HOME");
        let output = command.output().unwrap();
        let (stdout, stderr) = (String::from_utf8(output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(codes.contains(&output.status.code().unwrap()), "{arguments:?}: {stderr}");
        stdout.unwrap()
    }

    /// Runs a spec on this machine; 4 is the code where a trial failed.
    pub fn run(&self, spec: &str, code: i32) {
        self.sweep(&["run", spec, "--executor", "local", "--max-trials", "1000"], &[code]);
    }

    /// Makes the page of sweeps, of the newest where none is named.
    pub fn page(&self, sweeps: &[&str]) -> PathBuf {
        self.sweep(&[&["report", "-o", "page.html"], sweeps].concat(), &[0]);
        self.path("page.html")
    }
}

/// Where what people are to look at is kept.
pub fn kept(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("page");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// Where examples lie.
pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples").join(name)
}

/// That the page had nothing to complain of and fetched nothing but itself.
pub fn assert_quiet(browser: &mut Browser) {
    // An answer, so that all events before it are read.
    browser.see("1");
    assert!(browser.complaints.is_empty(), "{:#?}", browser.complaints);
    let fetched: Vec<_> = browser.fetched.iter().filter(|url| !url.starts_with("file:///")).collect();
    assert!(fetched.is_empty(), "{fetched:?}");
    let files = browser.fetched.iter().filter(|url| !url.ends_with("/page.html")).count();
    assert_eq!(files, 0, "{:?}", browser.fetched);
}
