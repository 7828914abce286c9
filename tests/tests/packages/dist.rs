//! What `cargo xtask package` made, as files. It never builds: a proof of other packages than those is none.

use std::fs;
use std::path::{Path, PathBuf};

use sweep_testbed::{RootCopy, artifacts};

/// Where packages are put inside a root.
pub const INSIDE: &str = "/srv/packages";

/// The folder of packages.
pub fn dist() -> PathBuf {
    artifacts::packages().unwrap()
}

/// The names of its files, sorted.
pub fn names() -> Vec<String> {
    let entries = fs::read_dir(dist()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The one whose name starts and ends so.
pub fn named(start: &str, end: &str) -> String {
    let found: Vec<String> =
        names().into_iter().filter(|name| name.starts_with(start) && name.ends_with(end)).collect();
    assert_eq!(found.len(), 1, "{start}…{end}: {found:?}");
    found[0].clone()
}

/// Puts both packages of a kind into a root; their paths there, the command's first.
pub fn put_both(copy: &RootCopy, starts: [&str; 2], end: &str) -> [String; 2] {
    starts.map(|start| put(copy, &named(start, end)))
}

/// Puts a file of the folder into a root; its path there.
pub fn put(copy: &RootCopy, name: &str) -> String {
    let path = format!("{INSIDE}/{name}");
    copy.put(&dist().join(Path::new(name)), &path).unwrap();
    path
}
