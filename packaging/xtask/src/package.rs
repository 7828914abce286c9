//! `cargo xtask package`: everything that is released, from one build of each part, into `target/dist`: Debian and RPM
//! packages, a tarball, bills of materials and checksums. The same commit and compiler give the same bytes; it must
//! never take in what an earlier run left.

mod deb;
mod licences;
mod origin;
mod rpm;
mod sbom;
mod stage;
mod tarball;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::build_plugin::{self, Variant};
use crate::failure::{Failure, Outcome};
use crate::{build_static, program, set_up, workspace};
use origin::Origin;
use stage::Stage;

/// Build the packages, the tarball, their bills of materials and checksums.
#[derive(clap::Args)]
pub struct Arguments {
    /// Into this folder, which is made anew [default: target/dist]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// The two packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    Command,
    Plugin,
}

impl Package {
    pub const ALL: [Self; 2] = [Self::Command, Self::Plugin];

    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "slurm-sweep",
            Self::Plugin => "slurm-sweep-plugin",
        }
    }

    /// The crate that it is built from.
    pub fn built_from(self) -> &'static str {
        match self {
            Self::Command => "sweep-cli",
            Self::Plugin => "sweep-plugin",
        }
    }
}

pub fn run(arguments: &Arguments) -> Outcome {
    let out = arguments.out.clone().unwrap_or_else(|| workspace::target().join("dist"));
    let out = std::path::absolute(&out).map_err(Failure::doing(format!("find `{}`", out.display())))?;
    for file in make(&out)? {
        println!("{}", file.display());
    }
    Ok(())
}

/// Makes everything, and returns the files.
pub fn make(out: &Path) -> Outcome<Vec<PathBuf>> {
    set_up::ensure(&set_up::PACKAGING)?;
    let sweep = build_static::build()?;
    let plugin = build_plugin::build(Variant::Released)?;
    let origin = Origin::of_checkout()?;
    empty(out)?;
    let work = workspace::target().join("packaging");
    empty(&work)?;
    let stage = Stage::fill(&work.join("stage"), &sweep, &plugin, &origin)?;
    for package in Package::ALL {
        deb::build(&stage, package, &origin, &work, out)?;
        sbom::copy(&stage, package, &origin, out)?;
    }
    rpm::build(&stage, &origin, &work, out)?;
    tarball::build(&stage, &origin, &work, out)?;
    let mut files = files_in(out)?;
    files.push(sums(out, &files)?);
    Ok(files)
}

/// A folder with nothing in it.
fn empty(folder: &Path) -> Outcome {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Failure::doing(format!("empty `{}`", folder.display()))(error));
        }
        _ => {}
    }
    fs::create_dir_all(folder).map_err(Failure::doing(format!("make `{}`", folder.display())))
}

/// The files of a folder, by name.
fn files_in(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Failure::doing(format!("list `{}`", folder.display())))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    Ok(files)
}

/// `SHA256SUMS`, as `sha256sum --check` reads it.
fn sums(out: &Path, files: &[PathBuf]) -> Outcome<PathBuf> {
    let names = files.iter().filter_map(|file| file.file_name());
    let text = program::output(Command::new("sha256sum").current_dir(out).args(names))
        .ok_or_else(|| Failure::new("`sha256sum` failed"))?;
    let path = out.join("SHA256SUMS");
    write(&path, &(text + "\n"))?;
    Ok(path)
}

/// Writes a file, in a folder that is made where it is missing.
fn write(path: &Path, text: &str) -> Outcome {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(Failure::doing(format!("write `{}`", path.display())))
}
