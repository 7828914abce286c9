//! Running a page: its steps in order, in one shell, in a folder of its own with the examples in it. It never does
//! anything between two steps that the page does not say.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sweep_testbed::{Cluster, artifacts, run};

use crate::page::{Page, Step};
use crate::shown::agrees;

/// For a page, on a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

/// What a page may call on a machine without Slurm.
const PROGRAMS: [&str; 22] = [
    "bash", "basename", "cat", "chmod", "cp", "cut", "dirname", "env", "grep", "head", "ls", "mkdir", "mv",
    "python3", "rm", "sed", "sh", "sleep", "sort", "tail", "touch", "wc",
];

/// A machine without Slurm: a folder with programs, and a user who has nothing yet.
pub struct Laptop {
    folder: tempfile::TempDir,
}

impl Laptop {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("book").tempdir().unwrap();
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        for program in PROGRAMS {
            let found = ["/usr/bin", "/bin"].map(|dir| Path::new(dir).join(program));
            let found = found.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("no {program}"));
            symlink(found, bin.join(program)).unwrap();
        }
        symlink(artifacts::sweep().unwrap(), bin.join("sweep")).unwrap();
        copy_examples(folder.path());
        Self { folder }
    }

    /// Runs a page, and returns what it said.
    pub fn run(&self, name: &str, page: &Page) -> String {
        let at = |part: &str| self.folder.path().join(part);
        let mut bash = Command::new("/bin/bash");
        bash.env_clear().env("PATH", at("bin")).env("HOME", at("home")).env("LANG", "C.UTF-8");
        bash.args(["-c", &script(page, self.folder.path())]);
        said(name, page, &mut bash)
    }
}

/// Runs a page as an unprivileged user of a private Slurm, and returns where and what it said.
pub fn run_on_slurm(cluster: &Cluster, name: &str, page: &Page) -> (PathBuf, String) {
    let folder = cluster.scratch().join(name.replace(['/', '.'], "-"));
    fs::create_dir(&folder).unwrap();
    copy_examples(&folder);
    let script = script(page, &folder);
    let user = cluster.user();
    let mut own = Command::new("chown");
    own.args(["-R", &format!("{}:{}", user.uid, user.gid)]).arg(&folder);
    assert!(own.status().unwrap().success());
    let said = said(name, page, cluster.command("bash").args(["-c", &script]));
    (folder, said)
}

/// A page as a script that stops at the first failure, its steps in files of `folder`.
fn script(page: &Page, folder: &Path) -> String {
    let steps = folder.join(".steps");
    fs::create_dir(&steps).unwrap();
    let mut script = format!("cd '{}'\nexec 2>&1\n", folder.display());
    for (number, step) in page.steps.iter().enumerate() {
        let file = steps.join(number.to_string());
        let file_shown = file.display();
        match step {
            Step::File { name, text } => {
                fs::write(&file, text).unwrap();
                script += &format!("cp '{file_shown}' '{name}' || exit 1\n");
            }
            // Read by the shell of all steps: `cd` and variables hold for those that follow.
            Step::Command { text, .. } => {
                fs::write(&file, format!("{text}\n")).unwrap();
                script += &format!("echo '<<{number}'\n. '{file_shown}' || exit 1\necho '>>'\n");
            }
        }
    }
    script
}

/// Runs a page's script; panics at the first command that fails or says something else than the page shows.
fn said(name: &str, page: &Page, bash: &mut Command) -> String {
    let ran = run(bash, LIMIT).unwrap_or_else(|error| panic!("{name}: {error}"));
    for (number, step) in page.steps.iter().enumerate() {
        let Step::Command { line, text, shown } = step else { continue };
        let after = ran.stdout.split_once(&format!("<<{number}\n")).map(|(_, after)| after);
        let Some((said, _)) = after.and_then(|after| after.split_once(">>\n")) else {
            panic!("{name}:{line}: `{text}` failed:\n{}{}", after.unwrap_or(&ran.stdout), ran.stderr);
        };
        let same = shown.is_empty() || agrees(shown, said);
        assert!(same, "{name}:{line}: `{text}` said\n{said}\nand not\n{shown}");
    }
    assert!(ran.success(), "{name}: {ran}");
    ran.stdout
}

fn copy_examples(to: &Path) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    assert!(Command::new("cp").arg("-r").arg(examples).arg(to).status().unwrap().success());
}
