//! The directory of the site's records, for admins: is it named, safe, and written. As a user it says only what a
//! user can see.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::doctor::Check;
use crate::executor::process::Call;

/// How long a question may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Included files that are read.
const FILES: usize = 100;

/// Looks at the plugin's line and at the directory that it names.
pub(super) fn examine() -> Vec<Check> {
    let Some(path) = plugstack() else { return Vec::new() };
    let Some(line) = plugin_line(&path) else {
        return vec![Check::warning(
            "plugstack",
            format!("`{}` has no line for the plugin", path.display()),
            "an admin adds `optional …/spank_sweep.so audit=/var/spool/slurm-sweep`",
        )];
    };
    let mut checks = Vec::new();
    if line.split_whitespace().next() == Some("required") {
        checks.push(Check::bad(
            "plugstack",
            "the plugin is `required`",
            "make it `optional`: then no fault of it can drain a node",
        ));
    } else {
        checks.push(Check::good("plugstack", "the plugin is `optional`"));
    }
    let audit = line.split_whitespace().find_map(|word| word.strip_prefix("audit="));
    checks.push(match audit {
        None => Check::warning(
            "audit",
            "no `audit=`: no records of the site are kept",
            "name a directory that belongs to root and that only root can write",
        ),
        Some(dir) => directory(Path::new(dir)),
    });
    checks
}

fn directory(dir: &Path) -> Check {
    const NAME: &str = "audit";
    const ADVICE: &str = "make every part of it a real directory of root's, not writable by group or others: \
                          `install -d -o root -g root -m 0750`";
    for part in dir.ancestors().collect::<Vec<_>>().into_iter().rev() {
        let metadata = match fs::symlink_metadata(part) {
            Ok(metadata) => metadata,
            Err(error) => {
                let seen = format!("`{}`: {error}", part.display());
                return Check::bad(NAME, seen, ADVICE);
            }
        };
        let problem = if metadata.is_symlink() {
            Some("is a symlink")
        } else if !metadata.is_dir() {
            Some("is not a directory")
        } else if metadata.uid() != 0 {
            Some("does not belong to root")
        } else if metadata.mode() & 0o022 != 0 && (metadata.mode() & 0o1000 == 0 || part == dir) {
            Some("can be written by others than root")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Check::bad(NAME, format!("`{}` {problem}", part.display()), ADVICE);
        }
    }
    let free = nix::sys::statvfs::statvfs(dir)
        .map(|stat| stat.blocks_available().saturating_mul(stat.fragment_size()));
    match free {
        Ok(free) if free < 64 * 1024 * 1024 => Check::warning(
            NAME,
            format!("`{}` has {} MiB left", dir.display(), free / 1024 / 1024),
            "make room: records that cannot be written are lost, jobs are not",
        ),
        _ => Check::good(NAME, format!("`{}` is safe", dir.display())),
    }
}

/// Where Slurm reads its plugins' lines.
fn plugstack() -> Option<PathBuf> {
    let answer = Call::new("scontrol").args(["show", "config"]).run(LIMIT).ok()?;
    let line = answer.stdout.lines().find(|line| line.trim_start().starts_with("PlugStackConfig"))?;
    Some(PathBuf::from(line.split_once('=')?.1.trim()))
}

/// The plugin's line in a file, or in those that it includes.
fn plugin_line(path: &Path) -> Option<String> {
    let mut files = vec![path.to_owned()];
    let mut read = 0;
    while let Some(path) = files.pop() {
        read += 1;
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if line.contains("spank_sweep") {
                return Some(line.to_owned());
            }
            if let Some(pattern) = line.strip_prefix("include ")
                && read < FILES
            {
                files.extend(included(path.parent().unwrap_or(Path::new("/")), pattern.trim()));
            }
        }
    }
    None
}

/// The files of an `include`, which may end in `*` or `*.conf`.
fn included(base: &Path, pattern: &str) -> Vec<PathBuf> {
    let path = base.join(pattern);
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let Some((before, after)) = name.split_once('*') else { return vec![path] };
    let entries = path.parent().and_then(|folder| fs::read_dir(folder).ok());
    let matches = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(before) && name.ends_with(after)
    };
    entries.into_iter().flatten().flatten().map(|entry| entry.path()).filter(matches).take(FILES).collect()
}

/// Directories and lines.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn an_unsafe_directory_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let audit = dir.path().join("audit");
        assert_eq!(directory(&audit).verdict, Verdict::Bad);
        std::os::unix::fs::symlink("/etc", &audit).unwrap();
        assert!(directory(&audit).seen.contains("symlink"));
    }

    #[test]
    fn the_line_is_found_through_an_include() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("plugstack.conf.d")).unwrap();
        fs::write(
            dir.path().join("plugstack.conf"),
            "# optional spank_sweep.so\ninclude plugstack.conf.d/*.conf\n",
        )
        .unwrap();
        assert_eq!(plugin_line(&dir.path().join("plugstack.conf")), None);
        let line = "optional /x/spank_sweep.so audit=/a";
        fs::write(dir.path().join("plugstack.conf.d/sweep.conf"), line).unwrap();
        fs::write(dir.path().join("plugstack.conf.d/other.bak"), "required spank_sweep.so").unwrap();
        assert_eq!(plugin_line(&dir.path().join("plugstack.conf")).as_deref(), Some(line));
    }
}
