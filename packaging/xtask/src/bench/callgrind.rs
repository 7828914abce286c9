//! Counting instructions with callgrind. It never counts a program that was started by the one that is counted.

use std::fs;
use std::path::Path;

/// Arguments for valgrind. Files are named by process id, since a fork without exec writes one too.
pub fn arguments(folder: &Path) -> Vec<String> {
    vec![
        "--tool=callgrind".to_owned(),
        "--trace-children=no".to_owned(),
        format!("--callgrind-out-file={}/out.%p", folder.display()),
        format!("--log-file={}/log.%p", folder.display()),
    ]
}

/// The instructions in one file; none while it is not complete.
pub fn instructions(text: &str) -> Option<u64> {
    text.lines().rev().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
}

/// The instructions of a process and its forks, in all files of a folder, which are removed.
pub fn take(folder: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("out.")) {
            sum += instructions(&fs::read_to_string(&path)?).unwrap_or(0);
        }
        fs::remove_file(&path)?;
    }
    Ok(sum)
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
