//! The command of one trial: `${name}` filled in, W&B's macros expanded, `setup:` lines before it. A value never
//! passes through a shell unless the spec says `shell:`.

use std::path::Path;

use sweep_core::interpolate;
use sweep_core::manifest::{Command, Manifest};
use sweep_core::value::{Scalar, Value};

use crate::error::{Error, Result};
use crate::spec::macros::ENVVAR;
use crate::spec::nested::Nested;
use crate::task::checkpoint;

/// What a text of the spec may ask for: the trial's variables by the name of the parameter, and `SWEEP_…`.
pub struct Values<'a> {
    /// The trial's parameters.
    pub params: &'a sweep_core::params::Params,
    /// Every variable of the trial, for `${SWEEP_TRIAL_DIR}` and the like.
    pub variables: &'a [(String, String)],
}

impl Values<'_> {
    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        if let Some(value) = self.params.get(name) {
            return Some(value.text().into_owned());
        }
        let variable = self.variables.iter().find(|(n, _)| n == name && n.starts_with("SWEEP_"))?;
        Some(variable.1.clone())
    }

    /// Fills in a text.
    ///
    /// # Errors
    /// For a name without value or default.
    pub fn fill(&self, text: &str) -> Result<String> {
        Ok(interpolate::expand(text, |name| self.get(name))?)
    }
}

/// The program and arguments of a trial.
///
/// # Errors
/// For a name without value or default, or where the manifest has no command.
pub fn of_trial(manifest: &Manifest, values: &Values<'_>, config: &Path) -> Result<Vec<String>> {
    let command = manifest.command.as_ref().ok_or_else(|| {
        Error::user(format!("sweep `{}` has no command of its own", manifest.id))
            .hint("run it with your own batch script, or add `command:` to the spec")
    })?;
    let setup = manifest.setup.iter().map(|line| values.fill(line)).collect::<Result<Vec<_>>>()?;
    let argv = match command {
        Command::Argv(words) => {
            let mut argv = Vec::with_capacity(words.len());
            for word in words {
                match macro_words(word, values, config)? {
                    Some(words) => argv.extend(words),
                    None => argv.push(values.fill(&with_checkpoint(&with_envvars(word), values))?),
                }
            }
            if setup.is_empty() {
                return Ok(argv);
            }
            // "$@" keeps every argument one word whatever it holds.
            let text = format!("{}\nexec \"$@\"", setup.join("\n"));
            let mut shell = vec![shell().to_owned(), "-c".into(), text, "sweep".into()];
            shell.extend(argv);
            shell
        }
        Command::Shell(text) => {
            let mut lines = setup;
            // The shell has the variable, and its own rules for what is in it.
            lines.push(values.fill(&text.replace(checkpoint::MACRO, "$SWEEP_CHECKPOINT_OUT"))?);
            vec![shell().to_owned(), "-c".into(), lines.join("\n")]
        }
    };
    Ok(argv)
}

/// The shell of `shell:` and `setup:`: bash where it is, since `module load` is a function of bash's.
pub(crate) fn shell() -> &'static str {
    if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" }
}

/// The words of a W&B macro that is a whole list element.
fn macro_words(word: &str, values: &Values<'_>, config: &Path) -> Result<Option<Vec<String>>> {
    let params = || values.params.iter();
    let words = match word {
        "${env}" => vec!["/usr/bin/env".to_owned()],
        "${interpreter}" => vec![interpreter().to_owned()],
        "${args}" => params().map(|(name, value)| format!("--{name}={value}")).collect(),
        "${args_no_equals}" => {
            params().flat_map(|(name, value)| [format!("--{name}"), value.to_string()]).collect()
        }
        "${args_no_hyphens}" => params().map(|(name, value)| format!("{name}={value}")).collect(),
        "${args_no_boolean_flags}" => params().filter_map(|(name, value)| flag(name, value)).collect(),
        "${args_append_hydra}" => params().map(|(name, value)| format!("+{name}={value}")).collect(),
        "${args_override_hydra}" => params().map(|(name, value)| format!("++{name}={value}")).collect(),
        "${args_json}" => {
            vec![serde_json::to_string(&Nested(values.params)).expect("scalars always serialize")]
        }
        "${args_json_file}" => {
            let path = config.to_str();
            vec![path.ok_or_else(|| Error::user("the sweep's path is not UTF-8"))?.to_owned()]
        }
        _ => return Ok(None),
    };
    Ok(Some(words))
}

/// Replaces each `${envvar:NAME}` by the variable of the job's environment, or by the name where it is not set, as
/// W&B does.
fn with_envvars(word: &str) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once(ENVVAR) {
        let Some((name, behind)) = after.split_once('}') else { break };
        out.push_str(before);
        // A `$` of the variable's own is not ours to fill in.
        let value = std::env::var(name).unwrap_or_else(|_| name.to_owned());
        out.push_str(&value.replace('$', "$$"));
        rest = behind;
    }
    out + rest
}

/// Replaces CrayAI's `@checkpoint` by the trial's checkpoint folder.
fn with_checkpoint(word: &str, values: &Values<'_>) -> String {
    match values.get("SWEEP_CHECKPOINT_OUT") {
        Some(folder) if word.contains(checkpoint::MACRO) => {
            word.replace(checkpoint::MACRO, &folder.replace('$', "$$"))
        }
        _ => word.to_owned(),
    }
}

fn flag(name: &str, value: &Value) -> Option<String> {
    match value.scalar() {
        Scalar::Bool(true) => Some(format!("--{name}")),
        Scalar::Bool(false) => None,
        Scalar::Int(_) | Scalar::Float(_) | Scalar::Text(_) => Some(format!("--{name}={value}")),
    }
}

/// W&B says `python`; many machines have only `python3`.
fn interpreter() -> &'static str {
    let on_path = |program: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
    };
    if on_path("python") { "python" } else { "python3" }
}

/// Commands as programs get them.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::params::Params;

    fn manifest(command: Command, setup: &[&str]) -> Manifest {
        let json = serde_json::json!({
            "schema": "1.0", "id": "s", "name": "s", "created": "", "spec_digest": "", "method": "grid",
            "matrix": "full", "seed": "1", "workdir": ".", "replicates": 1, "versions": {},
        });
        let mut manifest: Manifest = serde_json::from_value(json).unwrap();
        manifest.command = Some(command);
        manifest.setup = setup.iter().map(|&line| line.to_owned()).collect();
        manifest
    }

    fn check(command: &[&str], expected: &[&str]) {
        let params: Params = [("lr", "1e-4"), ("fast", "true"), ("note", "a b; rm")]
            .map(|(n, v)| (n.to_owned(), Value::from_word(v)))
            .into_iter()
            .collect();
        let variables = [("SWEEP_TRIAL".to_owned(), "t003".to_owned()), ("OTHER".to_owned(), "x".to_owned())];
        let values = Values { params: &params, variables: &variables };
        let manifest = manifest(Command::Argv(command.iter().map(|&w| w.to_owned()).collect()), &[]);
        assert_eq!(of_trial(&manifest, &values, Path::new("/c.json")).unwrap(), expected);
    }

    #[test]
    fn names_and_macros_are_filled_in() {
        check(
            &["p", "--lr=${lr}", "${note}", "${SWEEP_TRIAL}", "$HOME"],
            &["p", "--lr=1e-4", "a b; rm", "t003", "$HOME"],
        );
        check(&["${args}"], &["--lr=1e-4", "--fast=true", "--note=a b; rm"]);
        check(&["${args_no_boolean_flags}"], &["--lr=1e-4", "--fast", "--note=a b; rm"]);
        check(&["${args_no_equals}"], &["--lr", "1e-4", "--fast", "true", "--note", "a b; rm"]);
        check(&["${args_json}"], &[r#"{"lr":0.0001,"fast":true,"note":"a b; rm"}"#]);
        check(&["${args_json_file}", "${env}"], &["/c.json", "/usr/bin/env"]);
        check(&["a${envvar:NO_SUCH_VARIABLE}/${lr}"], &["aNO_SUCH_VARIABLE/1e-4"]);
    }

    #[test]
    fn setup_runs_before_the_command_and_never_splits_its_words() {
        let params: Params = [("v".to_owned(), Value::from_text("a b'\"$(x)"))].into_iter().collect();
        let values = Values { params: &params, variables: &[] };
        let manifest =
            manifest(Command::Argv(vec!["printf".into(), "%s|".into(), "${v}".into()]), &["A=1", "export A"]);
        let argv = of_trial(&manifest, &values, Path::new("c")).unwrap();
        let output = std::process::Command::new(&argv[0]).args(&argv[1..]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "a b'\"$(x)|");
    }

    #[test]
    fn other_variables_are_not_reached() {
        let params = Params::new();
        let variables = [("OTHER".to_owned(), "x".to_owned())];
        let values = Values { params: &params, variables: &variables };
        assert!(values.fill("${OTHER}").is_err());
    }
}
