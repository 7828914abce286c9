//! The `sweep` command as one static program, which every distribution's packages carry. It must never need anything of
//! the machine it runs on but the kernel.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::{program, set_up, workspace};

/// The target of static programs on this machine.
pub fn triple() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// Builds it, with what that takes installed first, and returns where it is.
pub fn build() -> Outcome<PathBuf> {
    set_up::ensure(&set_up::STATIC)?;
    let triple = triple();
    let mut rustup = Command::new("rustup");
    let installed = rustup.current_dir(workspace::root()).args(["target", "list", "--installed"]);
    if !program::output(installed).unwrap_or_default().lines().any(|line| line == triple) {
        let mut rustup = Command::new("rustup");
        program::run(rustup.current_dir(workspace::root()).args(["target", "add", &triple]))?;
    }
    let mut cargo = workspace::cargo();
    cargo
        .args(["build", "--quiet", "--package", "sweep-cli", "--bin", "sweep", "--release"])
        .args(["--locked", "--target", &triple])
        // SQLite is C.
        .env(format!("CC_{}", triple.replace('-', "_")), "musl-gcc");
    program::run(&mut cargo)?;
    let built = workspace::target().join(&triple).join("release/sweep");
    if built.is_file() {
        Ok(built)
    } else {
        Err(Failure::new(format!("cargo built no `{}`", built.display())))
    }
}
