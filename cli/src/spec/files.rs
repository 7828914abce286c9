//! The files that a spec names: script, program, working directory. Never opened, only looked at.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sweep_core::manifest::Command;

use super::mistake::{Mistakes, shown};
use super::run::Run;
use super::template::Template;

/// Looks at the files that a spec names.
pub(super) fn look(folder: &Path, run: &mut Run, mistakes: &mut Mistakes) {
    let workdir = folder.join(&run.workdir);
    let known = Template::is_fixed(&run.workdir);
    if known && !workdir.is_dir() {
        mistakes.add(
            run.workdir_at,
            format!("`workdir` `{}` is not a folder", shown(&workdir.display().to_string())),
        );
    }
    if let Some((script, at)) = &run.script {
        let file = folder.join(script);
        let name = shown(script);
        match std::fs::metadata(&file) {
            Err(e) => mistakes.hint(
                *at,
                format!("script `{name}` cannot be found: {e}"),
                "it is looked for beside the spec",
            ),
            Ok(metadata) if !metadata.is_file() => {
                mistakes.add(*at, format!("script `{name}` is not a file"))
            }
            Ok(metadata) if metadata.permissions().mode() & 0o111 == 0 => {
                mistakes.hint(
                    *at,
                    format!("script `{name}` is not executable"),
                    format!("run `chmod +x {name}`"),
                );
            }
            Ok(_) => run.command = Some(Command::Argv(vec![script_path(script, &file, &run.workdir)])),
        }
    }
    if let (Some((program, at)), true) = (&run.program, known)
        && !workdir.join(program).exists()
    {
        let message = format!("program `{}` cannot be found in `workdir`", shown(program));
        mistakes.hint(
            *at,
            message,
            "W&B's default command runs it as `python PROGRAM`; write `command:` for another",
        );
    }
}

/// A path that finds the script from the working directory, kept from being read as `${name}`.
fn script_path(script: &str, file: &Path, workdir: &str) -> String {
    let path = if Path::new(workdir).components().all(|part| part == std::path::Component::CurDir) {
        // With a slash, or the program would be looked for on PATH.
        Path::new(".").join(script)
    } else {
        std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
    };
    path.to_string_lossy().replace('$', "$$")
}
