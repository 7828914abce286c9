//! A page of the book as a test sees it: its blocks of commands and files, in order. It never runs anything.

use std::fs;
use std::path::Path;

/// One thing to do, in the page's order.
pub enum Step {
    /// Write a file: a block behind `<!-- file: NAME -->`.
    File { name: String, text: String },
    /// Run a command, and compare what it says with what the page shows, where it shows something.
    Command { line: usize, text: String, shown: String },
}

/// A command that is not run where the page is read: behind `<!-- elsewhere -->`.
pub struct Elsewhere {
    pub line: usize,
    pub text: String,
}

/// A page's steps, and its commands that are run elsewhere.
pub struct Page {
    pub steps: Vec<Step>,
    pub elsewhere: Vec<Elsewhere>,
}

/// What a block may be written in without being a command.
const SHOWN: [&str; 8] = ["yaml", "json", "text", "python", "c", "ini", "jinja", "toml"];

impl Page {
    /// Reads a page; panics with its place where a block could hide a command.
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut page = Self { steps: Vec::new(), elsewhere: Vec::new() };
        let mut mark = "";
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("<!-- ") {
                mark = rest.strip_suffix(" -->").unwrap_or_default();
                continue;
            }
            if let Some(language) = line.strip_prefix("```") {
                let place = format!("{}:{}", path.display(), number + 1);
                let body: Vec<_> = lines.by_ref().take_while(|(_, line)| line.trim() != "```").collect();
                page.add_block(&place, language, mark, &body);
            }
            if !line.is_empty() {
                mark = "";
            }
        }
        page
    }

    fn add_block(&mut self, place: &str, language: &str, mark: &str, body: &[(usize, &str)]) {
        let commands = match language {
            "console" => of_console(body),
            "sh" => of_lines(body),
            language => {
                assert!(
                    SHOWN.contains(&language),
                    "{place}: a block of `{language}`: say `console` or `text`"
                );
                if let Some(name) = mark.strip_prefix("file: ") {
                    let text = body.iter().map(|(_, line)| format!("{line}\n")).collect();
                    self.steps.push(Step::File { name: name.to_owned(), text });
                }
                return;
            }
        };
        assert!(!commands.is_empty(), "{place}: a block of commands without any");
        for (line, text, shown) in commands {
            if mark == "elsewhere" {
                self.elsewhere.push(Elsewhere { line, text });
            } else {
                assert!(!text.is_empty(), "{place}: root's command is to be marked <!-- elsewhere -->");
                self.steps.push(Step::Command { line, text, shown });
            }
        }
    }
}

/// `$ command`, with `> ` before the lines that continue it, and below what it says. `# command` is root's.
fn of_console(body: &[(usize, &str)]) -> Vec<(usize, String, String)> {
    let mut commands: Vec<(usize, String, String)> = Vec::new();
    for (number, line) in body {
        if let Some(text) = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# ")) {
            commands.push((number + 1, text.to_owned(), String::new()));
            continue;
        }
        let Some((_, text, shown)) = commands.last_mut() else { continue };
        match line.strip_prefix("> ") {
            Some(rest) if shown.is_empty() => *text = format!("{text}\n{rest}"),
            _ => *shown = format!("{shown}{line}\n"),
        }
    }
    commands
}

/// A command a line, for copying.
fn of_lines(body: &[(usize, &str)]) -> Vec<(usize, String, String)> {
    let lines = body.iter().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(number, line)| (number + 1, (*line).to_owned(), String::new())).collect()
}
