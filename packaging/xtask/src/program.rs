//! Running other programs, each announced by one line. It must never swallow what they say.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Outcome};

/// One line on standard error: standard output is for what a command is asked to print.
pub fn step(text: impl std::fmt::Display) {
    eprintln!("==> {text}");
}

/// Announces and runs a program on the terminal's own streams; its exit code becomes ours where it fails.
pub fn run(command: &mut Command) -> Outcome {
    let line = line(command);
    step(&line);
    let status = command.status().map_err(Failure::doing(format!("run `{line}`")))?;
    if status.success() {
        return Ok(());
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0).unwrap_or(1);
    Err(Failure { message: format!("`{line}` failed: {status}"), code })
}

/// What a program prints, where it can be run and succeeds.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The command line, the program without its folder.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
