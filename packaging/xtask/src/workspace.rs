//! Where things lie in this checkout. It must never depend on the folder that the command is called from.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the checkout.
pub fn root() -> PathBuf {
    // This crate lies in packaging/xtask.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("packaging/xtask has two folders above it").to_owned()
}

/// Where cargo builds.
pub fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        // Cargo takes it relative to where it is called, and calls us there.
        Some(folder) => std::path::absolute(&folder).unwrap_or_else(|_| folder.into()),
        None => root().join("target"),
    }
}

/// The cargo that runs us, in the root.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).env("CARGO_TARGET_DIR", target());
    command
}
