//! Bills of materials: what each package was made of, as CycloneDX, by the tool of those who keep that form. It must
//! never leave a file in the checkout.

use std::fs;
use std::path::{Path, PathBuf};

use super::origin::Origin;
use super::stage::{self, Stage};
use super::{Package, write};
use crate::failure::{Failure, Outcome};
use crate::{program, workspace};

const TOOL: &str = "cargo-cyclonedx";
const VERSION: &str = "0.5.9";

/// Makes the bill of a package and returns where it is.
pub fn make(package: Package, origin: &Origin) -> Outcome<PathBuf> {
    let tool = tool()?;
    let name = format!("{}.cdx", package.name());
    let manifest = manifest(package);
    let mut cyclonedx = origin.command(&tool.to_string_lossy());
    cyclonedx
        .current_dir(workspace::root())
        .args(["cyclonedx", "--quiet", "--format", "json", "--no-build-deps"])
        .args(["--target", &format!("{}-unknown-linux-gnu", std::env::consts::ARCH)])
        .args(["--override-filename", &name, "--manifest-path"])
        .arg(&manifest);
    program::run(&mut cyclonedx)?;
    // It writes one beside every manifest of the workspace.
    let made = manifest.with_file_name(format!("{name}.json"));
    // Where the checkout lies is nobody's business, and would make each build another.
    let root = format!("file://{}/", workspace::root().display());
    let text = stage::read(&made)?.replace(&root, "file:///slurm-sweep/");
    let kept = workspace::target().join(format!("{name}.json"));
    write(&kept, &text)?;
    for folder in ["core", "search", "plugin", "cli", "tests", "packaging/xtask"] {
        let _ = fs::remove_file(workspace::root().join(folder).join(format!("{name}.json")));
    }
    Ok(kept)
}

/// Copies it beside the packages.
pub fn copy(stage: &Stage, package: Package, origin: &Origin, out: &Path) -> Outcome {
    let name = package.name();
    let from = stage.tree(package).join(format!("usr/share/doc/{name}/{name}.cdx.json"));
    let to = out.join(format!("{name}-{}.cdx.json", origin.version));
    fs::copy(&from, &to).map(|_| ()).map_err(Failure::doing(format!("copy to `{}`", to.display())))
}

fn manifest(package: Package) -> PathBuf {
    let folder = match package {
        Package::Command => "cli",
        Package::Plugin => "plugin",
    };
    workspace::root().join(folder).join("Cargo.toml")
}

/// The tool, in our own build folder, at the version that is named here.
fn tool() -> Outcome<PathBuf> {
    let tools = workspace::target().join("tools");
    let tool = tools.join("bin").join(TOOL);
    let is_right = program::output(std::process::Command::new(&tool).args(["cyclonedx", "--version"]))
        .is_some_and(|version| version.ends_with(VERSION));
    if !is_right {
        let mut cargo = workspace::cargo();
        cargo.env("CARGO_TARGET_DIR", workspace::target().join("tools-build"));
        program::run(
            cargo.args(["install", "--quiet", "--locked", TOOL, "--version", VERSION, "--root"]).arg(&tools),
        )?;
    }
    Ok(tool)
}
