//! The sweep's name, given or made from where the spec is. Never one that could not stand in a job's name.

use std::path::Path;

use sweep_core::id::is_plain_name;
use sweep_core::limits;

use super::mistake::{Mistakes, shown};
use super::read;
use super::yaml::Node;

/// Reads `name:`.
pub(super) fn read(node: &Node, mistakes: &mut Mistakes) -> Option<String> {
    let name = read::line(node, "`name`", mistakes)?;
    if is_plain_name(name, limits::SWEEP_NAME_LEN) {
        return Some(name.to_owned());
    }
    let limit = limits::SWEEP_NAME_LEN;
    mistakes.hint(
        node.at,
        format!(
            "`{}` cannot be a sweep's name: 1 to {limit} of A-Z a-z 0-9 . _ -, the first a letter or digit",
            shown(name)
        ),
        format!("write `name: {}`", plain_name(name)),
    );
    None
}

/// The file's name without its ending; a file called `sweep` is named after its folder.
pub(super) fn of_file(path: &Path) -> String {
    let text = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
    let stem = text(path.file_stem()).filter(|stem| stem != "sweep");
    let folder = || {
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let absolute = std::path::absolute(parent.unwrap_or(Path::new("."))).ok()?;
        text(absolute.file_name())
    };
    plain_name(&stem.or_else(folder).unwrap_or_default())
}

/// The nearest text that may be a name.
fn plain_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let name: String = text.chars().map(plain).skip_while(|c| !c.is_ascii_alphanumeric()).collect();
    let name: String = name.chars().take(limits::SWEEP_NAME_LEN).collect();
    if name.is_empty() { "sweep".into() } else { name }
}
