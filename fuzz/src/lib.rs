//! What several targets need: an input in several parts, and a folder for those readers that take files. It knows
//! nothing of what is read.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What parts an input. A line of its own, so that seeds can be read and written by hand.
const MARK: &[u8] = b"%%\n";

/// The parts of an input.
pub fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut begin, mut at) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        let is_line = at == 0 || bytes[at - 1] == b'\n';
        if is_line && bytes[at..].starts_with(MARK) {
            parts.push(&bytes[begin..at]);
            at += MARK.len();
            begin = at;
        } else {
            at += 1;
        }
    }
    parts.push(&bytes[begin..]);
    parts
}

/// The variable that says where [`folder`] is: whoever starts a target removes it afterwards.
const FOLDER: &str = "SWEEP_FUZZ_FOLDER";

/// A folder of this process in memory, empty.
pub fn folder() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let folder = PLACE.get_or_init(|| {
        let given = std::env::var_os(FOLDER).map(PathBuf::from);
        given.unwrap_or_else(|| PathBuf::from(format!("/dev/shm/sweep-fuzz-{}", std::process::id())))
    });
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).expect("there is room in memory");
    folder
}

/// Writes a file, and its folders.
pub fn write(path: &Path, bytes: &[u8]) {
    let parent = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(parent).and_then(|()| fs::write(path, bytes)).expect("there is room in memory");
}
