//! The directory of the site's records, for admins: is it named, safe, and written. As a user it says only what a
//! user can see.

use std::path::Path;

use crate::doctor::Check;
use crate::plugin_file::{place, plugstack};

/// Looks at the plugin's line and at the directory that it names.
pub(super) fn examine() -> Vec<Check> {
    let Some(path) = plugstack::by_word_of_slurm() else { return Vec::new() };
    let Some(line) = plugstack::lines(&path).into_iter().next().map(|line| line.text) else {
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
    if let Some(problem) = place::problem(dir) {
        return Check::bad(NAME, problem, ADVICE);
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

/// Directories.
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
}
