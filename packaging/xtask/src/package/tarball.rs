//! The tarball for machines without packages: one folder to put below any prefix. It must never depend on the order in
//! which a file system lists, on clocks, or on who packs.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::origin::Origin;
use super::stage::Stage;
use super::{Package, deb};
use crate::failure::{Failure, Outcome};
use crate::program;

/// Builds it into `out`.
pub fn build(stage: &Stage, origin: &Origin, work: &Path, out: &Path) -> Outcome {
    let name = format!("slurm-sweep-{}-{}-linux", origin.version, std::env::consts::ARCH);
    let tree = work.join("tarball").join(&name);
    deb::copy_tree(&stage.tree(Package::Command).join("usr"), &tree)?;
    // What only a package can use stays out: scripts and settings of its own.
    let plugin = stage.tree(Package::Plugin).join("usr");
    for part in ["lib/slurm-sweep/spank_sweep.so", "lib/slurm-sweep/spank_sweep.so.sha256"] {
        let to = tree.join(part);
        fs::create_dir_all(to.parent().unwrap_or(&to))
            .and_then(|()| fs::copy(plugin.join(part), &to))
            .map_err(Failure::doing(format!("copy to `{}`", to.display())))?;
    }
    deb::copy_tree(&plugin.join("share/doc/slurm-sweep-plugin"), &tree.join("share/doc/slurm-sweep-plugin"))?;
    pack(&tree, origin, &out.join(format!("{name}.tar.gz")))
}

/// Packs a folder under its own name.
fn pack(tree: &Path, origin: &Origin, to: &Path) -> Outcome {
    let beside = to.with_extension("");
    let mut tar = origin.command("tar");
    tar.args(["--create", "--sort=name", "--format=ustar", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--mode=go-w,u+w", &format!("--mtime=@{}", origin.epoch), "--file"])
        .arg(&beside)
        .arg("--directory")
        .arg(tree.parent().unwrap_or(tree))
        .arg(tree.file_name().unwrap_or_default());
    program::run(&mut tar)?;
    program::run(Command::new("gzip").args(["-9", "--no-name", "--force"]).arg(&beside))
}

#[cfg(test)]
mod tests {
    //! The same bytes whatever the times, the modes and the order of making.
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn packed(names: &[&str], mode: u32) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        fs::create_dir(&tree).unwrap();
        for name in names {
            fs::write(tree.join(name), name).unwrap();
            fs::set_permissions(tree.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let out = folder.path().join("tree.tar.gz");
        pack(&tree, &Origin { version: "1", epoch: 1_000_000_000 }, &out).unwrap();
        fs::read(out).unwrap()
    }

    #[test]
    fn the_same_files_are_the_same_tarball() {
        let one = packed(&["a", "b", "c"], 0o664);
        assert_eq!(one, packed(&["c", "a", "b"], 0o644));
        assert_ne!(one, packed(&["a", "b"], 0o644));
    }
}
