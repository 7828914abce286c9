//! Which files of the site there are: in a directory, or as they were named. Never a file whose name is not ours.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sweep_core::chain::tally::{self, Use};
use sweep_core::chain::{HEAD_LEN, Head, SiteFile};

use crate::error::{At, Error, Result};

/// Where the plugin writes, by the documentation's advice.
pub const DIR: &str = "/var/spool/slurm-sweep";

/// A file of records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// What it is by its name.
    pub name: SiteFile,
    /// Where it is.
    pub path: PathBuf,
}

/// The files of an audit directory, by node and in the order in which they were written, and the names of heads
/// that have none.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The files.
    pub files: Vec<Found>,
    /// Files that are not there, though their heads are.
    pub missing: Vec<Found>,
}

impl Inventory {
    /// Looks into a directory.
    ///
    /// # Errors
    /// The world's where it cannot be read.
    pub fn of_directory(dir: &Path) -> Result<Self> {
        let cannot = |error| {
            let error =
                Error::world(format!("cannot read the audit directory `{}`", dir.display())).because(&error);
            error.hint("name it with --dir; it is the `audit=` of the plugin's line in plugstack.conf")
        };
        let mut inventory = Self::default();
        let mut heads = Vec::new();
        for entry in fs::read_dir(dir).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if let Ok(name) = name.parse() {
                inventory.files.push(Found { name, path: entry.path() });
            } else if let Some(name) = SiteFile::of_head_name(name) {
                heads.push(Found { path: dir.join(name.to_string()), name });
            }
        }
        inventory.files.sort();
        heads.sort();
        let is_missing = |head: &Found| inventory.files.binary_search(head).is_err();
        inventory.missing = heads.into_iter().filter(is_missing).collect();
        Ok(inventory)
    }

    /// Files as they were named.
    ///
    /// # Errors
    /// The user's where a name is none of ours.
    pub fn of_files(paths: &[PathBuf]) -> Result<Self> {
        let found = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let name = name.parse().map_err(|error: sweep_core::Error| {
                Error::user(format!("`{}` is no file of site records", path.display())).because(&error)
            })?;
            Ok(Found { name, path: path.clone() })
        };
        let mut files = paths.iter().map(found).collect::<Result<Vec<_>>>()?;
        files.sort();
        files.dedup();
        Ok(Self { files, missing: Vec::new() })
    }
}

impl Found {
    /// Where its head is.
    #[must_use]
    pub fn head_path(&self) -> PathBuf {
        self.path.with_file_name(self.name.head_name())
    }

    /// Its head; none where there is no such file.
    ///
    /// # Errors
    /// The world's where it cannot be read; what it says where it is no head.
    pub fn head(&self) -> Result<Option<Result<Head, sweep_core::Error>>> {
        read_head(&self.head_path())
    }
}

/// A head, where there is one.
///
/// # Errors
/// As [`Found::head`].
pub fn read_head(path: &Path) -> Result<Option<Result<Head, sweep_core::Error>>> {
    let mut bytes = Vec::new();
    match fs::File::open(path) {
        Ok(file) => file.take(HEAD_LEN).read_to_end(&mut bytes).at("read", path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).at("read", path),
    };
    Ok(Some(Head::parse(path, &bytes)))
}

/// What was dropped of users who had filled their allowance, by node, month and user.
#[must_use]
pub fn dropped(files: &[Found]) -> BTreeMap<String, Vec<Use>> {
    let mut dropped = BTreeMap::new();
    for file in files.iter().filter(|file| file.name.part == 0) {
        let name = file.name.tally_name();
        // It proves nothing: what cannot be read says nothing.
        let users = fs::read(file.path.with_file_name(&name)).ok();
        let users = users.and_then(|bytes| tally::parse(name.as_ref(), &bytes).ok()).unwrap_or_default();
        let users: Vec<_> = users.into_iter().filter(|user| user.dropped > 0).collect();
        if !users.is_empty() {
            dropped.insert(name, users);
        }
    }
    dropped
}
