//! Trials' own files in one folder, named after their trials. It copies, and moves or changes nothing of a sweep; what
//! is in the way in the folder stays as it is.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sweep_core::id::TrialLabel;
use sweep_core::layout::{TrialDir, claim_of};

use crate::error::{At, Error, Result};

/// Most files of a trial that are looked at.
const FILES: usize = 100_000;

/// A file that is to be copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// Whose it is.
    pub trial: TrialLabel,
    /// Where it is.
    pub from: PathBuf,
    /// Where it goes.
    pub to: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Whether the same is there already, by length and time.
    pub is_there: bool,
}

/// What is to be done where another file has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clash {
    /// Nothing at all is copied.
    Refuse,
    /// It is replaced.
    Replace,
}

/// The files of trials that one of the patterns names, or their programs' own where there is none. Patterns are of paths
/// in the trial's folder.
///
/// # Errors
/// Where two files get one name, or another file is in the way.
pub fn plan(
    trials: &[(TrialLabel, TrialDir)],
    patterns: &[glob::Pattern],
    into: &Path,
    clash: Clash,
) -> Result<Vec<Copy>> {
    let mut copies = Vec::new();
    for (trial, folder) in trials {
        for path in files(folder.path())? {
            let inner = path.strip_prefix(folder.path()).unwrap_or(&path);
            let is_wanted = if patterns.is_empty() {
                !is_ours(inner)
            } else {
                patterns.iter().any(|pattern| pattern.matches_path_with(inner, OPTIONS))
            };
            let Some(metadata) = fs::metadata(&path).ok().filter(|metadata| is_wanted && metadata.is_file())
            else {
                continue;
            };
            let to = into.join(name(*trial, inner));
            let is_there = fs::metadata(&to).is_ok_and(|there| {
                there.len() == metadata.len() && there.modified().ok() == metadata.modified().ok()
            });
            copies.push(Copy { trial: *trial, from: path, to, bytes: metadata.len(), is_there });
        }
    }
    check(&copies, clash)?;
    Ok(copies)
}

/// `*` stays in its folder, `**` does not.
const OPTIONS: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// `t003-plots-loss.png` for `plots/loss.png` of t003.
fn name(trial: TrialLabel, inner: &Path) -> String {
    let parts: Vec<_> =
        inner.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    format!("{trial}-{}", parts.join("-"))
}

/// Files that sweep itself keeps in a trial's folder.
fn is_ours(inner: &Path) -> bool {
    let name = inner.to_str().unwrap_or_default();
    let is_record = name.starts_with("record.") && name.ends_with(".jsonl");
    let known = ["config.json", "metrics.jsonl", "result", "out.log", "veto"].contains(&name);
    known || is_record || claim_of(name).is_some() || name.starts_with('.') || inner.starts_with("checkpoint")
}

/// Every file below a folder, links to files among them, in the order of their names. Links to folders are not followed.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            // A trial that never started has none.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).at("read", &folder),
        };
        for entry in entries {
            let entry = entry.at("read", &folder)?;
            let kind = entry.file_type().at("read", &entry.path())?;
            if kind.is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
        if found.len() > FILES {
            return Err(Error::user(format!("`{}` has more than {FILES} files", folder.display()))
                .hint("name fewer of them with --files"));
        }
    }
    found.sort();
    Ok(found)
}

fn check(copies: &[Copy], clash: Clash) -> Result<()> {
    let mut names: HashMap<&Path, &Copy> = HashMap::new();
    for copy in copies {
        if let Some(other) = names.insert(&copy.to, copy) {
            let text =
                format!("`{}` and `{}` would have one name", other.from.display(), copy.from.display());
            return Err(Error::user(text).hint("name one of them alone with --files"));
        }
    }
    let in_the_way = copies.iter().find(|copy| !copy.is_there && copy.to.symlink_metadata().is_ok());
    match in_the_way.filter(|_| clash == Clash::Refuse) {
        Some(copy) => Err(Error::user(format!("`{}` is there already and differs", copy.to.display()))
            .hint("--overwrite replaces what differs; nothing was copied")),
        None => Ok(()),
    }
}

/// Copies what is not there yet, each file whole or not at all, with its time.
///
/// # Errors
/// Those of the file system.
pub fn copy(copies: &[Copy], into: &Path) -> Result<()> {
    fs::create_dir_all(into).at("make", into)?;
    for Copy { from, to, .. } in copies.iter().filter(|copy| !copy.is_there) {
        let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = to.with_file_name(format!(".{name}.{}", std::process::id()));
        let copied = fs::copy(from, &beside).and_then(|_| {
            let modified = fs::metadata(from)?.modified()?;
            File::options().write(true).open(&beside)?.set_modified(modified)?;
            fs::rename(&beside, to)
        });
        copied.inspect_err(|_| drop(fs::remove_file(&beside))).at("copy", from)?;
    }
    Ok(())
}
