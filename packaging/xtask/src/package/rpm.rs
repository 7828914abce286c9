//! RPM packages, by rpmbuild: cargo-generate-rpm knows no file triggers, and without one an upgrade of Slurm would leave
//! the plugin behind. It must never compile anything: what is packed is what the other packages have.

use std::fs;
use std::path::Path;

use super::origin::Origin;
use super::stage::{self, CONFIGURATION, Stage};
use super::{Package, write};
use crate::failure::{Failure, Outcome};
use crate::{program, workspace};

/// Builds both packages into `out`.
pub fn build(stage: &Stage, origin: &Origin, work: &Path, out: &Path) -> Outcome {
    let work = work.join("rpm");
    let mut spec = stage::read(&workspace::root().join("packaging/rpm/slurm-sweep.spec.in"))?
        .replace("@VERSION@", origin.version)
        .replace("@STAGE@", &stage.root().to_string_lossy());
    for package in Package::ALL {
        spec = spec.replace(&format!("@FILES:{}@", package.name()), &files(stage, package)?);
    }
    let path = work.join("slurm-sweep.spec");
    write(&path, &spec)?;
    let mut rpmbuild = origin.command("rpmbuild");
    rpmbuild.args(["-bb", "--quiet", "--target", std::env::consts::ARCH]);
    for (name, value) in [
        ("_topdir", &*work.to_string_lossy()),
        ("_rpmdir", &*work.join("built").to_string_lossy()),
        ("_rpmfilename", "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"),
        // Every RPM in use reads xz.
        ("_binary_payload", "w7.xzdio"),
        // Nothing of the machine or the hour.
        ("_buildhost", "localhost"),
        ("use_source_date_epoch_as_buildtime", "1"),
        ("clamp_mtime_to_source_date_epoch", "1"),
        ("build_mtime_policy", "clamp_to_source_date_epoch"),
        // No second look at finished files: no stripping, no compression, no packages of debugging data.
        ("debug_package", "%{nil}"),
        ("__os_install_post", "%{nil}"),
        ("_build_id_links", "none"),
    ] {
        rpmbuild.args(["--define", &format!("{name} {value}")]);
    }
    program::run(rpmbuild.arg(&path))?;
    for built in super::files_in(&work.join("built"))? {
        let to = out.join(built.file_name().unwrap_or_default());
        fs::copy(&built, &to).map_err(Failure::doing(format!("copy to `{}`", to.display())))?;
    }
    Ok(())
}

/// The lines of `%files`.
fn files(stage: &Stage, package: Package) -> Outcome<String> {
    let mut lines = String::new();
    for entry in stage.entries(package)? {
        let kind = if entry.is_folder {
            "%dir "
        } else if CONFIGURATION.contains(&entry.path.as_str()) {
            "%config(noreplace) "
        } else {
            ""
        };
        // Debian's zsh and the others' look in different folders.
        let path = entry.path.replace("zsh/vendor-completions", "zsh/site-functions");
        lines.push_str(&format!("{kind}%attr({:o}, root, root) /{path}\n", entry.mode));
    }
    Ok(lines)
}
