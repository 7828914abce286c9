//! A trial's checkpoint folder. A parent's is never written to: what goes on from it reads it there, or a copy where
//! the program knows one folder only, as with CrayAI's `@checkpoint`.

use std::fs;
use std::path::Path;

use sweep_core::layout::{SweepDir, TrialDir};
use sweep_core::manifest::{Command, Manifest};
use sweep_core::trial::Trial;

use crate::error::{At, Result};

/// CrayAI's word for the trial's checkpoint folder.
pub const MACRO: &str = "@checkpoint";

/// Makes the trial's folder where the spec asks for one, the trial goes on from another, or its command names it.
///
/// # Errors
/// Those of the file system.
pub fn prepare(manifest: &Manifest, trial: &Trial, dir: &SweepDir, folder: &TrialDir) -> Result<()> {
    let own = folder.checkpoint();
    let is_named = names_folder(manifest);
    if !(manifest.around.checkpoint || is_named || trial.parent.is_some()) {
        return Ok(());
    }
    if is_named
        && !own.exists()
        && let Some(parent) = trial.parent
    {
        let theirs = dir.trial(parent).checkpoint();
        if theirs.is_dir() {
            // Whole or not there: an attempt that was killed half-way must not leave a half for the next.
            let beside = folder.path().join(".checkpoint.new");
            let _ = fs::remove_dir_all(&beside);
            copy(&theirs, &beside)?;
            return fs::rename(&beside, &own).at("rename", &beside);
        }
    }
    fs::create_dir_all(&own).at("make", &own)
}

/// Whether the command has `@checkpoint` in it.
fn names_folder(manifest: &Manifest) -> bool {
    match &manifest.command {
        Some(Command::Argv(words)) => words.iter().any(|word| word.contains(MACRO)),
        Some(Command::Shell(text)) => text.contains(MACRO),
        None => false,
    }
}

/// Copies a folder with what is in it; links stay links.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).at("make", to)?;
    for entry in fs::read_dir(from).at("read", from)? {
        let entry = entry.at("read", from)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().at("read", &source)?;
        if kind.is_dir() {
            copy(&source, &target)?;
        } else if kind.is_symlink() {
            let link = fs::read_link(&source).at("read", &source)?;
            std::os::unix::fs::symlink(&link, &target).at("make", &target)?;
        } else {
            fs::copy(&source, &target).at("copy", &source)?;
        }
    }
    Ok(())
}

/// Folders of trials.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::id::TrialIndex;

    fn manifest(command: &str) -> Manifest {
        let json = serde_json::json!({
            "schema": "1.0", "id": "s", "name": "s", "created": "", "spec_digest": "", "method": "pbt",
            "matrix": "full", "seed": "1", "workdir": ".", "replicates": 1, "versions": {},
            "command": {"argv": [command]},
        });
        serde_json::from_value(json).unwrap()
    }

    fn prepared(command: &str, parent: Option<u32>) -> (tempfile::TempDir, TrialDir) {
        let dir = tempfile::tempdir().unwrap();
        let sweep = SweepDir::new(dir.path());
        let theirs = sweep.trial(TrialIndex(0)).checkpoint();
        fs::create_dir_all(theirs.join("a")).unwrap();
        fs::write(theirs.join("a/model"), "7").unwrap();
        let folder = sweep.trial(TrialIndex(1));
        fs::create_dir_all(folder.path()).unwrap();
        let line = serde_json::json!({"trial": "t001", "index": 1, "params": {}, "parent": parent.map(|n| format!("t{n:03}"))});
        let trial = Trial::parse(dir.path(), TrialIndex(1), line.to_string().as_bytes()).unwrap();
        for _ in 0..2 {
            prepare(&manifest(command), &trial, &sweep, &folder).unwrap();
        }
        (dir, folder)
    }

    #[test]
    fn a_program_with_one_folder_finds_a_copy_of_its_parents() {
        let (dir, folder) = prepared("--load=@checkpoint/model", Some(0));
        assert_eq!(fs::read_to_string(folder.checkpoint().join("a/model")).unwrap(), "7");
        fs::write(folder.checkpoint().join("a/model"), "8").unwrap();
        let theirs = SweepDir::new(dir.path()).trial(TrialIndex(0)).checkpoint();
        assert_eq!(fs::read_to_string(theirs.join("a/model")).unwrap(), "7");
    }

    #[test]
    fn a_program_with_two_folders_begins_with_an_empty_one() {
        let (_dir, folder) = prepared("train", Some(0));
        assert_eq!(fs::read_dir(folder.checkpoint()).unwrap().count(), 0);
        let (_dir, folder) = prepared("train", None);
        assert!(!folder.checkpoint().exists());
    }
}
