//! Debian packages, by dpkg-deb. cargo-deb would want a second list of the files that the stage already is. It must
//! never ask root of whoever builds.

use std::fs;
use std::path::Path;

use super::origin::Origin;
use super::stage::{self, Stage};
use super::{Package, write};
use crate::failure::{Failure, Outcome};
use crate::{program, workspace};

const MAINTAINER: &str = "slurm-sweep maintainers <slurm-sweep@invalid>";

/// Builds one package into `out`.
pub fn build(stage: &Stage, package: Package, origin: &Origin, work: &Path, out: &Path) -> Outcome {
    let tree = work.join("deb").join(package.name());
    copy_tree(&stage.tree(package), &tree)?;
    let control = tree.join("DEBIAN");
    let mut size = 0;
    let mut sums = Vec::new();
    for entry in stage.entries(package)?.iter().filter(|entry| !entry.is_folder) {
        size += fs::metadata(tree.join(&entry.path)).map_or(0, |metadata| metadata.len());
        sums.push(entry.path.clone());
    }
    let sums = program::output(std::process::Command::new("md5sum").current_dir(&tree).args(&sums))
        .ok_or_else(|| Failure::new("`md5sum` failed"))?;
    write(&control.join("md5sums"), &(sums + "\n"))?;
    write(&control.join("control"), &text(package, origin, size.div_ceil(1024)))?;
    if package == Package::Plugin {
        let files: String = stage::CONFIGURATION.iter().map(|path| format!("/{path}\n")).collect();
        write(&control.join("conffiles"), &files)?;
        for name in ["postinst", "prerm", "postrm", "triggers"] {
            let from = workspace::root().join("packaging/deb").join(name);
            fs::copy(&from, control.join(name))
                .map_err(Failure::doing(format!("copy `{}`", from.display())))?;
        }
    }
    let architecture = origin.debian_architecture();
    let file = out.join(format!("{}_{}_{architecture}.deb", package.name(), origin.version));
    let mut dpkg = origin.command("dpkg-deb");
    // xz is what every dpkg in use reads.
    program::run(dpkg.args(["--root-owner-group", "-Zxz", "--build"]).arg(&tree).arg(&file))
}

fn text(package: Package, origin: &Origin, size_kib: u64) -> String {
    let (relations, description) = match package {
        Package::Command => (
            "Suggests: slurm-sweep-plugin, slurm-client".to_owned(),
            "Hyper-parameter sweeps that Slurm itself knows about\n \
             A command that turns a search space into trials, submits them to Slurm as job\n \
             arrays and drives the search; and the header for C and C++ trial programs.",
        ),
        Package::Plugin => (
            format!(
                "Depends: libc6 (>= 2.28), slurm-sweep (= {})\nEnhances: slurm-client, slurmd\nSuggests: logrotate",
                origin.version
            ),
            "SPANK plugin by which Slurm knows the trials of a sweep\n \
             Gives sbatch, salloc and srun the --sweep-... options, puts a trial's variables\n \
             into its job's environment, and writes records that users cannot change. It is\n \
             put in place for the Slurm that is here, and again when Slurm changes.",
        ),
    };
    format!(
        "Package: {}\nVersion: {}\nArchitecture: {}\nMaintainer: {MAINTAINER}\nInstalled-Size: {size_kib}\n\
         {relations}\nSection: admin\nPriority: optional\nDescription: {description}\n",
        package.name(),
        origin.version,
        origin.debian_architecture(),
    )
}

/// A copy, with modes as they are.
pub fn copy_tree(from: &Path, to: &Path) -> Outcome {
    let above = to.parent().unwrap_or(to);
    fs::create_dir_all(above).map_err(Failure::doing(format!("make `{}`", above.display())))?;
    program::run(std::process::Command::new("cp").arg("-a").arg(from).arg(to))
}
