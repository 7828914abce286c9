//! Freezing code into a sweep: what `source:` names is copied once, so that whoever edits it while trials wait changes
//! nothing for them. Never a file from outside the spec's folder.

use std::fs;
use std::path::Path;

use sweep_core::layout::SWEEPS;

use crate::error::{At, Error, Result};

/// Copies what matches the patterns, each with its path below `folder`, to `target`.
///
/// # Errors
/// Where a pattern matches nothing, or those of the file system.
pub fn freeze(patterns: &[String], folder: &Path, target: &Path) -> Result<()> {
    if patterns.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(target).at("make", target)?;
    let folder = &fs::canonicalize(folder).at("find", folder)?;
    for pattern in patterns {
        let whole = format!("{}/{pattern}", glob::Pattern::escape(&folder.to_string_lossy()));
        let found =
            glob::glob(&whole).map_err(|e| Error::user(format!("pattern `{pattern}`")).because(&e))?;
        let mut count = 0_u32;
        for path in found {
            let path = path.map_err(|e| Error::world("cannot look for files to copy").because(&e))?;
            let Ok(below) = path.strip_prefix(folder) else { continue };
            // A pattern such as `**` must not copy sweeps into themselves.
            if below.starts_with(SWEEPS) {
                continue;
            }
            count += copy(&path, &target.join(below))?;
        }
        if count == 0 {
            return Err(Error::user(format!("`source` pattern `{pattern}` matches no file"))
                .hint("patterns are relative to the folder of the spec, such as `*.py` or `lib/**/*.py`"));
        }
    }
    Ok(())
}

/// Copies a file, or a folder with what is in it. How many files there were.
fn copy(from: &Path, to: &Path) -> Result<u32> {
    if !from.is_dir() {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).at("make", parent)?;
        }
        return fs::copy(from, to).at("copy", from).map(|_| 1);
    }
    let mut count = 0;
    for entry in fs::read_dir(from).at("read", from)? {
        let entry = entry.at("read", from)?;
        count += copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(count)
}

/// Sources of a sweep.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matches_is_copied_with_its_path_and_a_pattern_without_a_match_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a[b]");
        for (name, text) in [("t.py", "1"), ("lib/u.py", "2"), ("data/x.csv", "3"), (".sweeps/s/t.py", "4")] {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let target = dir.path().join("frozen");
        freeze(&["**/*.py".into(), "data".into()], &folder, &target).unwrap();
        let read = |name: &str| fs::read_to_string(target.join(name)).ok();
        assert_eq!((read("t.py"), read("lib/u.py")), (Some("1".into()), Some("2".into())));
        assert_eq!((read("data/x.csv"), read(".sweeps/s/t.py")), (Some("3".into()), None));
        let error = freeze(&["*.rs".into()], &folder, &target).unwrap_err().to_string();
        assert!(error.contains("`*.rs` matches no file"), "{error}");
    }
}
