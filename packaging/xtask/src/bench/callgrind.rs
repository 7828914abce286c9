//! Counting instructions with callgrind. It never counts a program that was started by the one that is counted.

use std::fs;
use std::path::Path;

/// Arguments for valgrind. `pid` is `%p` where the process forks, as each fork without exec writes a file too.
pub fn arguments(folder: &Path, pid: &str) -> Vec<String> {
    vec![
        "--tool=callgrind".to_owned(),
        "--trace-children=no".to_owned(),
        format!("--callgrind-out-file={}/out.{pid}", folder.display()),
        format!("--log-file={}/log.{pid}", folder.display()),
    ]
}

/// The instructions in one file; none while it is not complete.
pub fn instructions(text: &str) -> Option<u64> {
    text.lines().rev().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
}

/// The instructions of one process of a folder, whose files are then removed. Forks write files too, but begin with
/// the count of the process that they come from: a sum would count it again and again.
pub fn take(folder: &Path, pid: &str) -> std::io::Result<Option<u64>> {
    let counted = instructions(&fs::read_to_string(folder.join(format!("out.{pid}")))?);
    for entry in fs::read_dir(folder)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    //! The end of a file of callgrind's.
    use super::*;

    #[test]
    fn a_file_without_its_last_line_is_not_complete() {
        assert_eq!(instructions("version: 1\nsummary: 12\n\nfn=(1)\n7 3\n\ntotals: 15\n"), Some(15));
        assert_eq!(instructions("version: 1\nsummary: 12\n\nfn=(1)\n7 3\n"), None);
    }
}
