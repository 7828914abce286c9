//! A trial's configuration as a file that a program reads: JSON as in the trial's own `config.json`, YAML that says the
//! same, or variables for a shell. Never a value that reads back as another.

use std::fmt::Write;
use std::path::Path;

use sweep_core::environment;
use sweep_core::name::EnvNames;
use sweep_core::params::Params;

use crate::error::{Error, Result};
use crate::executor::process::quoted;
use crate::spec::nested::Nested;

/// The form of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// A JSON object
    Json,
    /// YAML, as PyYAML and others read it
    Yaml,
    /// Lines NAME=VALUE for a shell: `set -a; . ./best.env`
    Env,
}

impl Form {
    /// The form that a file's name asks for.
    ///
    /// # Errors
    /// Where its suffix is none that is known.
    pub fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|suffix| suffix.to_str()) {
            Some("json") => Ok(Self::Json),
            Some("yaml" | "yml") => Ok(Self::Yaml),
            Some("env") => Ok(Self::Env),
            _ => Err(Error::user(format!("the name of `{}` does not say its form", path.display()))
                .hint("end it in .json, .yaml or .env, or name the form with --as")),
        }
    }

    /// A configuration as text.
    ///
    /// # Errors
    /// Where a parameter's name cannot be that of a variable.
    pub fn text(self, params: &Params, names: &EnvNames) -> Result<String> {
        let json = || serde_json::to_value(Nested(params)).expect("scalars always serialize");
        Ok(match self {
            Self::Json => format!("{:#}\n", json()),
            Self::Yaml => {
                let mut out = String::new();
                yaml(&mut out, &json(), 0);
                out
            }
            Self::Env => {
                let variables = environment::of_params(names, params)?;
                let own = variables.iter().filter(|(name, _)| name != environment::PARAMS);
                own.map(|(name, value)| format!("{name}={}\n", quoted(value))).collect()
            }
        })
    }
}

fn yaml(out: &mut String, value: &serde_json::Value, depth: usize) {
    let serde_json::Value::Object(members) = value else { return };
    for (name, value) in members {
        let indent = "  ".repeat(depth);
        let name = serde_json::Value::String(name.clone());
        match value {
            serde_json::Value::Object(inner) if !inner.is_empty() => {
                let _ = writeln!(out, "{indent}{name}:");
                yaml(out, value, depth + 1);
            }
            value => {
                let _ = writeln!(out, "{indent}{name}: {}", scalar(value));
            }
        }
    }
}

/// A scalar as YAML 1.1 and 1.2 read alike: 1e-4 would be a text in the older one.
fn scalar(value: &serde_json::Value) -> String {
    let text = value.to_string();
    let serde_json::Value::Number(_) = value else { return text };
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let digits = if digits.contains('.') { digits.to_owned() } else { format!("{digits}.0") };
    let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
    format!("{digits}e{sign}{exponent}")
}

/// Files as programs read them.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::value::Value;

    fn params() -> Params {
        let values =
            [("lr", "1e-7"), ("big", "1e20"), ("on", "true"), ("opt.name", "it's a: b"), ("opt.k", "3")];
        values.into_iter().map(|(name, word)| (name.to_owned(), Value::from_word(word))).collect()
    }

    #[test]
    fn yaml_reads_the_same_in_both_of_its_versions() {
        let text = Form::Yaml.text(&params(), &EnvNames::default()).unwrap();
        for line in [
            "\"lr\": 1.0e-7",
            "\"big\": 1.0e+20",
            "\"on\": true",
            "\"opt\":",
            "  \"name\": \"it's a: b\"",
            "  \"k\": 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }

    #[test]
    fn variables_are_quoted_for_a_shell() {
        let text = Form::Env.text(&params(), &EnvNames::default()).unwrap();
        assert!(text.contains("lr=1e-7\n") && text.contains("opt_name='it'\\''s a: b'\n"), "{text}");
    }

    #[test]
    fn a_suffix_that_says_nothing_is_refused() {
        assert_eq!(Form::of(Path::new("a/best.yml")).unwrap(), Form::Yaml);
        assert!(Form::of(Path::new("best.txt")).is_err() && Form::of(Path::new("best")).is_err());
    }
}
