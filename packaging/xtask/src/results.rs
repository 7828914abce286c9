//! RESULTS.md: what the long commands last measured, written by the commands themselves. It must never touch a section
//! other than the one it is given.

use std::fs;

use crate::failure::{Failure, Outcome};
use crate::{machine, workspace};

const TITLE: &str =
    "# Results\n\nWhat the long commands last saw, each section written by its own command.\n";

/// Writes, or replaces, the section `## <heading>`: when and on what it was measured, then `body` (Markdown).
pub fn write(heading: &str, body: &str) -> Outcome {
    let path = workspace::root().join("RESULTS.md");
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => TITLE.to_owned(),
        Err(error) => return Err(Failure::doing(format!("read `{}`", path.display()))(error)),
    };
    let section = format!("{}\n\n{}\n", machine::provenance(), body.trim());
    fs::write(&path, replace(&before, heading, &section))
        .map_err(Failure::doing(format!("write `{}`", path.display())))
}

/// Sections start at `## ` and end where the next one starts; a new one goes to the end.
fn replace(text: &str, heading: &str, section: &str) -> String {
    let mark = format!("## {heading}");
    let mut result = String::new();
    let mut lines = text.lines().peekable();
    let mut written = false;
    while let Some(line) = lines.next() {
        if line != mark {
            result.push_str(line);
            result.push('\n');
            continue;
        }
        while lines.next_if(|line| !line.starts_with("## ")).is_some() {}
        result.push_str(&format!("{mark}\n\n{}\n", section.trim_end()));
        if lines.peek().is_some() {
            result.push('\n');
        }
        written = true;
    }
    if !written {
        result = format!("{}\n\n{mark}\n\n{}\n", result.trim_end(), section.trim_end());
    }
    result
}

#[cfg(test)]
mod tests {
    //! One section changes, the others stay byte for byte.
    use super::*;

    #[test]
    fn a_new_section_goes_to_the_end() {
        assert_eq!(replace(TITLE, "fuzz", "new\n"), format!("{TITLE}\n## fuzz\n\nnew\n"));
    }

    #[test]
    fn a_section_is_replaced_where_it_stands() {
        let before = "# Results\n\n## bench\n\nold\n\n### part\n\nold too\n\n## fuzz\n\nkept\n";
        let after = "# Results\n\n## bench\n\nnew\n\n## fuzz\n\nkept\n";
        assert_eq!(replace(before, "bench", "new\n"), after);
        assert_eq!(replace(after, "bench", "new\n"), after, "writing the same again changes nothing");
    }

    #[test]
    fn the_last_section_is_replaced_too() {
        assert_eq!(replace("# R\n\n## fuzz\n\nold\n", "fuzz", "new"), "# R\n\n## fuzz\n\nnew\n");
    }
}
