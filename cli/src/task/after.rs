//! What the spec wants done in the job when the command has ended, whatever its end: `after:`. It never changes how the
//! trial ended.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use crate::error::{At, Result};
use crate::task::argv::{Values, shell};

/// Runs the lines in one shell, with `SWEEP_EXIT` for the command's exit code or `SWEEP_SIGNAL` for what ended it.
///
/// # Errors
/// For a name without value, or where the shell cannot be started. A line that fails is said in the output.
pub fn run(
    lines: &[String],
    values: &Values<'_>,
    variables: &[(String, String)],
    ended: ExitStatus,
    workdir: &Path,
    output: &mut File,
) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let text = lines.iter().map(|line| values.fill(line)).collect::<Result<Vec<_>>>()?.join("\n");
    let mut command = Command::new(shell());
    command.args(["-c", &text]).envs(variables.iter().map(|(name, value)| (name, value)));
    for (name, value) in [("SWEEP_EXIT", ended.code()), ("SWEEP_SIGNAL", ended.signal())] {
        if let Some(value) = value {
            command.env(name, value.to_string());
        }
    }
    let copy = |output: &File| output.try_clone().at("copy", Path::new("out.log"));
    command.current_dir(workdir).stdin(Stdio::null()).stdout(copy(output)?).stderr(copy(output)?);
    let status = command.status().at("start", Path::new(shell()))?;
    if !status.success() {
        let _ = writeln!(output, "sweep: `after` ended with {status}");
    }
    Ok(())
}
