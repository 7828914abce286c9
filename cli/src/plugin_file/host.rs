//! The Slurm of this machine: its release and what its programs offer to a plugin. It asks programs for their version
//! and reads their files; it never needs a controller that answers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::executor::process::Call;
use crate::plugin_file::image::{self, Symbol};
use crate::plugin_file::release::Release;

/// How long a question may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Who knows the release. Some releases' clients say it only where Slurm is configured; daemons always do.
const WHO: [(&str, &str); 4] =
    [("sbatch", "--version"), ("scontrol", "--version"), ("slurmd", "-V"), ("slurmctld", "-V")];
/// Programs that load the plugin: as the user, and as root on a node.
const LOADERS: [&str; 3] = ["sbatch", "srun", "slurmstepd"];
/// Where daemons are that no user's PATH has.
const MORE: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// The release of the Slurm here, asked with a configuration of its own where one is named: some releases' clients
/// say nothing without one.
///
/// # Errors
/// The world's where there is none, or where two programs are of releases that do not load the same plugin.
pub fn release(slurm_conf: Option<&Path>) -> Result<Release> {
    let mut known: Option<(Release, &str)> = None;
    for (program, option) in WHO {
        let Some(path) = on_path(program) else { continue };
        let call = Call::new(&path.to_string_lossy()).args([option]);
        let call = match slurm_conf {
            Some(path) => call.env("SLURM_CONF", &path.to_string_lossy()),
            None => call,
        };
        let Ok(answer) = call.run(LIMIT) else { continue };
        let Some(release) = Release::of_answer(&answer.stdout) else { continue };
        match known {
            Some((first, who)) if !first.is_loaded_by(release) => {
                return Err(Error::world(format!(
                    "`{who}` is of Slurm {first} and `{program}` of {release}"
                ))
                .hint("finish the upgrade of Slurm on this machine first"));
            }
            Some(_) => {}
            None => known = Some((release, program)),
        }
    }
    known.map(|(release, _)| release).ok_or_else(|| {
        Error::world("no Slurm is found here: neither `sbatch --version` nor `slurmd -V` says a release")
            .hint("install Slurm first, or put its programs on the PATH")
    })
}

/// A program that loads the plugin.
#[derive(Debug)]
pub struct Loader {
    /// Where it is.
    pub path: PathBuf,
    /// What it and its libraries offer.
    pub offers: BTreeSet<Symbol>,
    /// The libraries that it has in memory already, by name.
    pub libraries: Vec<String>,
    /// Where they came from.
    pub folders: BTreeSet<PathBuf>,
}

/// The programs of this machine that load the plugin. A script in such a program's place is passed over.
#[must_use]
pub fn loaders() -> Vec<Loader> {
    LOADERS.iter().filter_map(|program| loader(&on_path(program)?)).collect()
}

fn loader(path: &Path) -> Option<Loader> {
    let mut offers = image::offered(&image::bounded(path).ok()?).ok()?;
    // The loader's own answer, with the program's search path, cache and environment as they are.
    let answer = Call::new("ldd").args([path.to_string_lossy()]).run(LIMIT).ok()?;
    let (mut libraries, mut folders) = (Vec::new(), BTreeSet::new());
    for (name, file) in loaded(&answer.stdout) {
        if let Some(more) = image::bounded(&file).ok().and_then(|bytes| image::offered(&bytes).ok()) {
            offers.extend(more);
        }
        folders.extend(file.parent().map(Path::to_owned));
        libraries.push(name);
    }
    Some(Loader { path: path.to_owned(), offers, libraries, folders })
}

/// Names and files in the answer of `ldd`: `libc.so.6 => /lib/libc.so.6 (0x…)` and `/lib64/ld-linux.so.2 (0x…)`.
fn loaded(answer: &str) -> Vec<(String, PathBuf)> {
    let of = |line: &str| {
        let line = line.trim().split(" (0x").next()?;
        let file = PathBuf::from(line.split_once(" => ").map_or(line, |(_, file)| file));
        let name = line.split_once(" => ").map_or(line, |(name, _)| name).rsplit('/').next()?.to_owned();
        file.is_absolute().then_some((name, file))
    };
    answer.lines().filter_map(of).collect()
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(MORE.iter().map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Answers of the loader.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loaders_answer_is_understood() {
        let answer = "\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x2)\n\tlibno.so => not found\n\
                      \t/lib64/ld-linux-x86-64.so.2 (0x3)\n\tnot a dynamic executable\n";
        let loaded = loaded(answer);
        assert_eq!(
            loaded,
            [
                ("libc.so.6".to_owned(), PathBuf::from("/lib/x/libc.so.6")),
                ("ld-linux-x86-64.so.2".to_owned(), PathBuf::from("/lib64/ld-linux-x86-64.so.2"))
            ]
        );
    }

    #[test]
    fn a_program_offers_what_its_libraries_have_by_version() {
        let shell = loader(&on_path("sh").unwrap()).unwrap();
        let offers = |name: &str, version: Option<&str>| {
            shell.offers.contains(&Symbol { name: name.into(), version: version.map(str::to_owned) })
        };
        assert!(offers("malloc", None) && !offers("spank_setenv", None));
        assert!(!offers("malloc", Some("GLIBC_9.99")));
    }
}
