//! Whether a plugin fits the Slurm of this machine: the stamp, the symbols, the libraries. It judges and changes nothing.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::plugin_file::host::Loader;
use crate::plugin_file::image::{Image, Symbol};
use crate::plugin_file::nodes::Node;
use crate::plugin_file::release::Release;

/// The version of the report's form.
pub const SCHEMA_VERSION: u32 = 1;
/// Folders in which every machine looks for libraries.
const LIBRARIES: [&str; 4] = ["/lib", "/usr/lib", "/lib64", "/usr/lib64"];
/// Symbols that are named when many are missing.
const NAMED: usize = 8;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The form's version.
    pub schema_version: u32,
    /// Which file.
    pub file: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// The SHA-256 with zeros for the stamp: the same for every stamp of one build.
    pub build_sha256: String,
    /// What it is stamped for.
    pub stamped_for: Release,
    /// The Slurm of this machine.
    pub slurm: Release,
    /// Whether Slurm here loads it.
    pub fits: bool,
    /// Why not.
    pub problems: Vec<String>,
    /// How many symbols it needs.
    pub symbols_needed: usize,
    /// Whose symbols were looked at.
    pub looked_at: Vec<PathBuf>,
    /// What each node has, where nodes were asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Node>,
}

/// Judges a plugin.
#[must_use]
pub fn judge(file: &Path, image: &Image, slurm: Release, loaders: &[Loader]) -> Report {
    let mut problems = Vec::new();
    if !image.release.is_loaded_by(slurm) {
        problems.push(format!(
            "it is stamped for Slurm {} and this is Slurm {slurm}: Slurm refuses it",
            image.release
        ));
    }
    for loader in loaders {
        problems.extend(lacks(image, loader));
    }
    Report {
        schema_version: SCHEMA_VERSION,
        file: file.to_owned(),
        sha256: image.sha256(),
        build_sha256: image.build_sha256(),
        stamped_for: image.release,
        slurm,
        fits: problems.is_empty(),
        problems,
        symbols_needed: image.needs.len(),
        looked_at: loaders.iter().map(|loader| loader.path.clone()).collect(),
        nodes: Vec::new(),
    }
}

/// What a program cannot give the plugin. Every name is bound as the plugin is loaded, so one that is missing is enough.
fn lacks(image: &Image, loader: &Loader) -> Vec<String> {
    let mut problems = Vec::new();
    let program = loader.path.display();
    let is_there = |name: &String| {
        let folders = loader.folders.iter().map(PathBuf::as_path).chain(LIBRARIES.iter().map(Path::new));
        loader.libraries.contains(name) || folders.map(|folder| folder.join(name)).any(|file| file.is_file())
    };
    for library in image.libraries.iter().filter(|name| !is_there(name)) {
        problems.push(format!("it needs `{library}`, which is not on this machine"));
    }
    // A library that only the plugin brings along may have the rest; then its symbols are its own affair.
    let brings_more = image.libraries.iter().any(|name| !loader.libraries.contains(name));
    let is_missing = |symbol: &&Symbol| {
        let is_slurms = symbol.version.is_none();
        !loader.offers.contains(*symbol) && (is_slurms || !brings_more)
    };
    let missing: Vec<String> = image.needs.iter().filter(is_missing).map(ToString::to_string).collect();
    if !missing.is_empty() {
        let named = missing.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = missing.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        problems.push(format!("`{program}` does not have {named}{more}"));
    }
    problems
}

/// Plugins and programs, made up.
#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn symbol(name: &str, version: Option<&str>) -> Symbol {
        Symbol { name: name.into(), version: version.map(str::to_owned) }
    }

    fn problems(libraries: &[&str], slurm: &str) -> Vec<String> {
        let needs = BTreeSet::from([
            symbol("slurm_spank_log", None),
            symbol("spank_setenv", None),
            symbol("fstat", Some("GLIBC_2.33")),
        ]);
        let libraries = libraries.iter().map(|name| (*name).to_owned()).collect();
        let image = Image::made_up("22.05.8".parse().unwrap(), needs, libraries);
        let loader = Loader {
            path: "/usr/bin/sbatch".into(),
            offers: BTreeSet::from([
                symbol("slurm_spank_log", None),
                symbol("fstat", None),
                symbol("fstat", Some("GLIBC_2.2.5")),
            ]),
            libraries: vec!["libc.so.6".into()],
            folders: BTreeSet::new(),
        };
        judge(Path::new("p.so"), &image, slurm.parse().unwrap(), &[loader]).problems
    }

    #[test]
    fn each_reason_why_it_would_not_load_is_named() {
        let missing = "`/usr/bin/sbatch` does not have fstat@GLIBC_2.33, spank_setenv";
        assert_eq!(problems(&["libc.so.6"], "22.05.3"), [missing]);
        let other = problems(&["libc.so.6"], "24.11.5");
        assert!(other.len() == 2 && other[0].contains("stamped for Slurm 22.05.8 and this is Slurm 24.11.5"));
        let library = problems(&["libc.so.6", "libno-such.so.9"], "22.05");
        assert!(library[0].contains("needs `libno-such.so.9`"), "{library:?}");
    }
}
