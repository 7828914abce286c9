//! The two packages as trees of files, laid out as they will lie below `/`. The one list of what is shipped; every form
//! of package is made of it. It must never hold a file that this run did not put there.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::origin::Origin;
use super::{Package, licences, sbom, write};
use crate::failure::{Failure, Outcome};
use crate::{program, workspace};

/// Where packages put the plugin.
const LIB: &str = "usr/lib/slurm-sweep";
/// Files whose changes by an administrator are kept.
pub const CONFIGURATION: [&str; 2] = ["etc/default/slurm-sweep-plugin", "etc/logrotate.d/slurm-sweep-plugin"];
/// Folders that a package owns, and removes when they are empty: its own, and those of shells that may not be there.
/// Others are the system's.
const OWN: [&str; 7] = [
    "usr/share/fish",
    "usr/share/zsh",
    "usr/lib/slurm-sweep",
    "usr/share/doc/slurm-sweep",
    "usr/share/doc/slurm-sweep-plugin",
    "usr/share/slurm-sweep",
    "var/spool/slurm-sweep",
];

/// The trees.
pub struct Stage {
    root: PathBuf,
}

/// What stands in a tree, relative to `/`.
pub struct Entry {
    pub path: String,
    pub is_folder: bool,
    pub mode: u32,
}

impl Stage {
    /// Lays everything out below `root`.
    pub fn fill(root: &Path, sweep: &Path, plugin: &Path, origin: &Origin) -> Outcome<Self> {
        let stage = Self { root: root.to_owned() };
        stage.command(sweep)?;
        stage.plugin(plugin)?;
        for package in Package::ALL {
            let doc = format!("usr/share/doc/{}", package.name());
            stage.text(package, &format!("{doc}/copyright"), &licences::copyright()?, 0o644)?;
            let notice = licences::third_party(package)?;
            stage.text(package, &format!("{doc}/THIRD-PARTY.md"), &notice, 0o644)?;
            let sbom = sbom::make(package, origin)?;
            stage.file(package, &format!("{doc}/{}.cdx.json", package.name()), &sbom, 0o644)?;
        }
        Ok(stage)
    }

    /// The folder of the trees.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The tree of a package.
    pub fn tree(&self, package: Package) -> PathBuf {
        self.root.join(package.name())
    }

    fn command(&self, sweep: &Path) -> Outcome {
        let package = Package::Command;
        let source = workspace::root();
        self.file(package, "usr/bin/sweep", sweep, 0o755)?;
        self.file(package, "usr/include/sweep.h", &source.join("include/sweep.h"), 0o644)?;
        for (shell, path) in [
            ("bash", "usr/share/bash-completion/completions/sweep"),
            ("zsh", "usr/share/zsh/vendor-completions/_sweep"),
            ("fish", "usr/share/fish/vendor_completions.d/sweep.fish"),
        ] {
            let script = program::output(Command::new(sweep).args(["completion", shell]))
                .ok_or_else(|| Failure::new(format!("`sweep completion {shell}` failed")))?;
            self.text(package, path, &(script + "\n"), 0o644)?;
        }
        self.manual(sweep)?;
        let doc = "usr/share/doc/slurm-sweep";
        for name in ["README.md", "CHANGELOG.md", "RESULTS.md"] {
            self.file(package, &format!("{doc}/{name}"), &source.join(name), 0o644)?;
        }
        self.sources(package, "docs", &format!("{doc}/docs"))?;
        self.sources(package, "examples", &format!("{doc}/examples"))
    }

    /// The manual's pages, compressed as systems have them.
    fn manual(&self, sweep: &Path) -> Outcome {
        let folder = self.tree(Package::Command).join("usr/share/man/man1");
        make_folder(&folder)?;
        program::run(Command::new(sweep).arg("manual").arg(&folder))?;
        program::run(Command::new("gzip").args(["-9", "--no-name", "--recursive"]).arg(&folder))
    }

    fn plugin(&self, plugin: &Path) -> Outcome {
        let package = Package::Plugin;
        let source = workspace::root().join("packaging");
        let shipped = format!("{LIB}/spank_sweep.so");
        self.file(package, &shipped, plugin, 0o644)?;
        let folder = self.tree(package).join(LIB);
        let sum = program::output(Command::new("sha256sum").arg("spank_sweep.so").current_dir(&folder))
            .ok_or_else(|| Failure::new("`sha256sum spank_sweep.so` failed"))?;
        self.text(package, &format!("{shipped}.sha256"), &(sum + "\n"), 0o644)?;
        self.file(package, &format!("{LIB}/place-plugin"), &source.join("plugin/place-plugin"), 0o755)?;
        self.file(package, CONFIGURATION[0], &source.join("plugin/default"), 0o644)?;
        self.file(package, CONFIGURATION[1], &source.join("plugin/logrotate.conf"), 0o644)?;
        let tmpfiles = "usr/lib/tmpfiles.d/slurm-sweep-plugin.conf";
        self.file(package, tmpfiles, &source.join("plugin/tmpfiles.conf"), 0o644)?;
        let snippet = read(&source.join("plugstack.conf.d/sweep.conf.in"))?
            .replace("@PLUGIN@", "/usr/lib/slurm-sweep/spank_sweep-24.11.5.so")
            .replace("@WORDS@", " audit=/var/spool/slurm-sweep");
        self.text(package, "usr/share/doc/slurm-sweep-plugin/plugstack.conf.example", &snippet, 0o644)?;
        let spool = self.tree(package).join("var/spool/slurm-sweep");
        make_folder(&spool)?;
        mode(&spool, 0o750)
    }

    /// The files below a folder that git knows: nothing that a run left there.
    fn sources(&self, package: Package, folder: &str, to: &str) -> Outcome {
        let listed = program::output(
            Command::new("git").current_dir(workspace::root()).args(["ls-files", "--", folder]),
        )
        .ok_or_else(|| Failure::new(format!("`git ls-files {folder}` failed")))?;
        for file in listed.lines().filter(|file| !file.ends_with(".gitignore")) {
            let source = workspace::root().join(file);
            let is_program =
                fs::metadata(&source).is_ok_and(|metadata| metadata.permissions().mode() & 0o100 != 0);
            let below = file.strip_prefix(folder).unwrap_or(file);
            self.file(package, &format!("{to}{below}"), &source, if is_program { 0o755 } else { 0o644 })?;
        }
        Ok(())
    }

    fn file(&self, package: Package, path: &str, from: &Path, to_mode: u32) -> Outcome {
        let to = self.tree(package).join(path);
        make_folder(to.parent().unwrap_or(&to))?;
        fs::copy(from, &to).map_err(Failure::doing(format!(
            "copy `{}` to `{}`",
            from.display(),
            to.display()
        )))?;
        mode(&to, to_mode)
    }

    fn text(&self, package: Package, path: &str, text: &str, to_mode: u32) -> Outcome {
        let to = self.tree(package).join(path);
        make_folder(to.parent().unwrap_or(&to))?;
        write(&to, text)?;
        mode(&to, to_mode)
    }

    /// Everything in a package's tree but the system's own folders, the outer before the inner, by name.
    pub fn entries(&self, package: Package) -> Outcome<Vec<Entry>> {
        let tree = self.tree(package);
        let mut found = Vec::new();
        walk(&tree, &tree, &mut found)?;
        found.retain(|entry| !entry.is_folder || OWN.iter().any(|own| entry.path.starts_with(own)));
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }
}

fn walk(tree: &Path, folder: &Path, found: &mut Vec<Entry>) -> Outcome {
    for path in super::files_in(folder)? {
        let metadata =
            fs::symlink_metadata(&path).map_err(Failure::doing(format!("look at `{}`", path.display())))?;
        let below = path.strip_prefix(tree).unwrap_or(&path).to_string_lossy().into_owned();
        let mode = metadata.permissions().mode() & 0o7777;
        found.push(Entry { path: below, is_folder: metadata.is_dir(), mode });
        if metadata.is_dir() {
            walk(tree, &path, found)?;
        }
    }
    Ok(())
}

/// Makes a folder and those above it, readable for all whatever our umask is.
fn make_folder(path: &Path) -> Outcome {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make_folder(above)?;
    }
    fs::create_dir(path).map_err(Failure::doing(format!("make `{}`", path.display())))?;
    mode(path, 0o755)
}

fn mode(path: &Path, mode: u32) -> Outcome {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(Failure::doing(format!("set the mode of `{}`", path.display())))
}

pub fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(Failure::doing(format!("read `{}`", path.display())))
}
