//! `cargo xtask build-plugin`: the plugin as it is released. It must never mix the build with faults and the one
//! without: each has a target folder of its own.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};
use crate::{program, workspace};

/// Build the plugin as it is released and print where it is.
#[derive(clap::Args)]
pub struct Arguments {
    /// With faults on demand, for the failure tests: never for a real cluster.
    #[arg(long)]
    faults: bool,
    /// Copy it to DIR/spank_sweep.so.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Which build of the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    Released,
    WithFaults,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let variant = if arguments.faults { Variant::WithFaults } else { Variant::Released };
    let mut built = build(variant)?;
    if let Some(folder) = &arguments.out {
        built = copy(&built, folder)?;
    }
    println!("{}", built.display());
    Ok(())
}

/// Builds one variant and returns the path of the .so.
pub fn build(variant: Variant) -> Outcome<PathBuf> {
    let mut cargo = workspace::cargo();
    // `cargo rustc` for one crate type: a build that also makes an rlib loses link-time optimisation.
    cargo.args([
        "rustc",
        "--quiet",
        "--package",
        "sweep-plugin",
        "--release",
        "--lib",
        "--crate-type",
        "cdylib",
    ]);
    let mut target = workspace::target();
    if variant == Variant::WithFaults {
        target.push("plugin-with-faults");
        cargo.args(["--features", "faults"]);
    }
    cargo.arg("--target-dir").arg(&target);
    program::run(&mut cargo)?;
    let built = target.join("release/libspank_sweep.so");
    if built.is_file() {
        Ok(built)
    } else {
        Err(Failure::new(format!("cargo built no `{}`", built.display())))
    }
}

/// A plugin that a step may be loading is replaced by rename, never in place.
fn copy(built: &Path, folder: &Path) -> Outcome<PathBuf> {
    let folder =
        std::path::absolute(folder).map_err(Failure::doing(format!("find `{}`", folder.display())))?;
    let target = folder.join("spank_sweep.so");
    let beside = folder.join("spank_sweep.so.new");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::copy(built, &beside))
        .and_then(|_| fs::rename(&beside, &target))
        .map_err(Failure::doing(format!("copy to `{}`", target.display())))?;
    Ok(target)
}
