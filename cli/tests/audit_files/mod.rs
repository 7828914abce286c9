//! Site's files as the plugin writes them, made with core's own chain, and the `sweep` binary over them. Never a
//! Slurm.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use sweep_core::chain::{Head, SiteFile};
use sweep_core::id::JobName;
use sweep_core::record::{Claimed, Kind, Record, Source};

/// 2026-11-01, midnight UTC, in seconds.
pub const NOVEMBER: u64 = 1_793_491_200;
/// Nanoseconds of a second.
pub const SECOND: u64 = 1_000_000_000;

/// An audit directory that is being written.
pub struct Site {
    pub dir: tempfile::TempDir,
}

impl Site {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Appends a record to its node's month, as the plugin does.
    pub fn append(&self, record: Record) -> PathBuf {
        let name = SiteFile::first(&record.node, record.time_ns);
        self.append_to(&name, record)
    }

    /// Appends a record to a part of a month.
    pub fn append_to(&self, name: &SiteFile, record: Record) -> PathBuf {
        let path = self.file(&name.to_string());
        let begin = || {
            let before = name.before().and_then(|before| self.head(&before));
            before.map_or_else(Head::default, Head::before_next_part)
        };
        let head = self.head(name).unwrap_or_else(begin);
        let mut bytes = fs::read(&path).unwrap_or_default();
        let (line, next) = head.append(name, record);
        bytes.extend(line);
        fs::write(&path, &bytes).unwrap();
        let next = Head { offset: bytes.len() as u64, ..next };
        fs::write(self.file(&name.head_name()), next.to_bytes()).unwrap();
        path
    }

    pub fn head(&self, name: &SiteFile) -> Option<Head> {
        let path = self.file(&name.head_name());
        fs::read(&path).ok().map(|bytes| Head::parse(&path, &bytes).unwrap())
    }

    /// A start and an end of each of `jobs` jobs on a node, from a second of November on.
    pub fn jobs(&self, node: &str, from_s: u64, jobs: std::ops::Range<u32>) -> PathBuf {
        let mut path = PathBuf::new();
        for job in jobs {
            let start_s = from_s + 10 * u64::from(job);
            let start = start(node, job, start_s);
            self.append(start.clone());
            path = self.append(end(&start, start_s + 5, 0));
        }
        path
    }
}

/// A job's start, a user's for each parity of its number.
pub fn start(node: &str, job: u32, start_s: u64) -> Record {
    let mut claimed = Claimed {
        sweep: format!("iris-{}", job % 2).parse().ok(),
        trial: format!("t{job:03}").parse().ok(),
        ..Claimed::default()
    };
    let params = [("lr".to_owned(), sweep_core::value::Value::from_word("0.1"))].into_iter().collect();
    claimed.note_params(&params);
    let user = (70_000 + job % 2, 100);
    let time_ns = (NOVEMBER + start_s) * SECOND;
    Record {
        cluster: Some("hpc".into()),
        claimed,
        ..Record::start(Source::Plugin, node, user, JobName::slurm(job), time_ns)
    }
}

/// The end of a start with a code.
pub fn end(start: &Record, end_s: u64, exit: i32) -> Record {
    let time_ns = (NOVEMBER + end_s) * SECOND;
    Record {
        kind: Kind::End,
        time_ns,
        exit: Some(exit),
        elapsed_s: Some((time_ns - start.time_ns) as f64 / 1e9),
        cpu_s: Some(0.25),
        memory_peak_kib: Some(2048),
        ..start.clone()
    }
}

/// `sweep audit` with these arguments.
pub fn audit(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sweep"));
    command.arg("audit").args(arguments).env("COLUMNS", "120").output().unwrap()
}

/// What it printed, with an exit code.
pub fn printed(code: i32, arguments: &[&str]) -> String {
    let output = audit(arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}\n{error}");
    text
}

/// `sweep audit verify` over a directory, as JSON.
pub fn verify(code: i32, dir: &Path, more: &[&str]) -> Value {
    let dir = dir.to_str().unwrap();
    let text = printed(code, &[&["verify", "--format", "json", "--dir", dir], more].concat());
    serde_json::from_str(&text).unwrap()
}

/// The only break of a report: file name, line and kind.
pub fn only_break(report: &Value) -> (String, Option<u64>, String) {
    let files = report["files"].as_array().unwrap();
    let broken: Vec<_> = files.iter().filter(|file| file["verdict"] == "broken").collect();
    assert_eq!(broken.len(), 1, "{report:#}");
    let path = Path::new(broken[0]["path"].as_str().unwrap());
    let found = &broken[0]["first_break"];
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    (name, found["line"].as_u64(), found["kind"].as_str().unwrap().to_owned())
}
