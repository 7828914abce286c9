//! Where sweeps are kept, and which one a person means. Reads names only; a sweep's content is nobody's business
//! here.

use std::fs;
use std::path::{Path, PathBuf};

use sweep_core::environment;
use sweep_core::id::SweepId;
use sweep_core::layout::{self, SweepDir};

use crate::error::{At, Error, Result};

/// The folder that holds sweeps.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

impl Home {
    /// `--dir` if given, else `$SWEEP_HOME`, else `.sweeps` in `base`.
    #[must_use]
    pub fn resolve(given: Option<&Path>, base: &Path) -> Self {
        if let Some(given) = given {
            return Self(given.to_owned());
        }
        match std::env::var_os(environment::HOME).filter(|home| !home.is_empty()) {
            Some(home) => Self(home.into()),
            None => Self(base.join(layout::SWEEPS)),
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Every complete sweep, newest first.
    ///
    /// # Errors
    /// Where the folder is there and cannot be read.
    pub fn sweeps(&self) -> Result<Vec<SweepId>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).at("read", &self.0),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.at("read", &self.0)?;
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let id = entry.file_name().to_str().and_then(|name| name.parse::<SweepId>().ok());
            let made = |id: &SweepId| {
                let manifest = std::fs::metadata(SweepDir::complete(&self.0, id).manifest()).ok()?;
                manifest.is_file().then(|| manifest.modified().ok())
            };
            ids.extend(id.filter(|_| is_dir).and_then(|id| Some((made(&id)?, id))));
        }
        // Of two that were made in the same second, the manifest that was written later is the newer one's.
        ids.sort_by(|(a_made, a), (b_made, b)| (b.time(), b_made, b).cmp(&(a.time(), a_made, a)));
        Ok(ids.into_iter().map(|(_, id)| id).collect())
    }

    /// The sweep that a person means: a directory, an id, a prefix of only one id, or nothing for the newest.
    /// The path is absolute and has no symlink in it.
    ///
    /// # Errors
    /// Where there is none, or several.
    pub fn find(&self, reference: Option<&str>) -> Result<SweepDir> {
        let Some(reference) = reference else {
            let newest = self.sweeps()?.into_iter().next();
            let id = newest.ok_or_else(|| {
                Error::user(format!("there is no sweep in `{}`", self.0.display()))
                    .hint("make one with `sweep submit SPEC`, or say where they are with --dir")
            })?;
            return absolute(&SweepDir::complete(&self.0, &id));
        };
        let as_path = SweepDir::new(reference);
        if as_path.manifest().is_file() {
            return absolute(&as_path);
        }
        let ids = self.sweeps()?;
        if let Some(id) = ids.iter().find(|id| id.as_str() == reference) {
            return absolute(&SweepDir::complete(&self.0, id));
        }
        let matching: Vec<_> = ids.iter().filter(|id| id.as_str().starts_with(reference)).collect();
        match matching.as_slice() {
            [id] => absolute(&SweepDir::complete(&self.0, id)),
            [] => Err(Error::user(format!("there is no sweep `{reference}` in `{}`", self.0.display()))
                .hint("`sweep list` shows those that there are; --dir says where they are")),
            several => {
                let names: Vec<_> = several.iter().map(|id| id.as_str()).collect();
                Err(Error::user(format!("`{reference}` may be any of {} sweeps", several.len()))
                    .hint(format!("say more of its id: {}", names.join(", "))))
            }
        }
    }
}

/// The directory without symlinks in its path.
///
/// # Errors
/// Where it is not there.
pub fn absolute(dir: &SweepDir) -> Result<SweepDir> {
    Ok(SweepDir::new(fs::canonicalize(dir.path()).at("find", dir.path())?))
}

/// References as people give them.
#[cfg(test)]
mod tests {
    use super::*;

    fn home(ids: &[&str]) -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        for id in ids {
            fs::create_dir(dir.path().join(id)).unwrap();
            fs::write(dir.path().join(id).join("sweep.json"), "{}").unwrap();
        }
        let home = Home(dir.path().to_owned());
        (dir, home)
    }

    fn name(dir: &SweepDir) -> &str {
        dir.path().file_name().unwrap().to_str().unwrap()
    }

    #[test]
    fn nothing_means_the_newest_by_time_not_by_name() {
        let (dir, home) = home(&["z-20260101-000000-aaaa", "a-20260102-000000-aaaa"]);
        fs::create_dir(dir.path().join(".b-20270101-000000-aaaa.new")).unwrap();
        fs::create_dir(dir.path().join("b-20270101-000000-aaaa")).unwrap();
        assert_eq!(name(&home.find(None).unwrap()), "a-20260102-000000-aaaa");
    }

    #[test]
    fn of_two_in_one_second_the_later_is_newer() {
        let names = ["a-20260101-000000-aaaa", "b-20260101-000000-aaaa"];
        let (dir, home) = home(&names);
        for (name, second) in names.iter().zip([20, 10]) {
            let manifest =
                fs::File::options().write(true).open(dir.path().join(name).join("sweep.json")).unwrap();
            manifest.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(second)).unwrap();
        }
        assert_eq!(name(&home.find(None).unwrap()), names[0]);
    }

    #[test]
    fn a_prefix_must_be_of_one_sweep() {
        let (_dir, home) = home(&["iris-20260101-000000-aaaa", "iris-20260102-000000-bbbb"]);
        assert_eq!(name(&home.find(Some("iris-20260102")).unwrap()), "iris-20260102-000000-bbbb");
        assert!(home.find(Some("iris")).unwrap_err().to_string().contains("any of 2"));
        assert!(home.find(Some("x")).is_err());
    }
}
