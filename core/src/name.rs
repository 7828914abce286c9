//! Which names a parameter may have, and the environment variable that it becomes. Never a variable that
//! changes how programs are found, loaded or scheduled.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::limits;

/// Prefixes of variables that belong to Slurm, to us or to the loader.
const RESERVED_PREFIXES: [&str; 5] = ["SWEEP_", "SLURM_", "_SLURM_", "SPANK_", "LD_"];
/// Variables that decide what a shell or a program does.
const RESERVED_NAMES: [&str; 7] = ["PATH", "HOME", "USER", "SHELL", "IFS", "BASH_ENV", "ENV"];

/// How a parameter's name becomes a variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvNames {
    /// The name itself.
    #[default]
    AsIs,
    /// In capitals.
    Upper,
    /// Behind a prefix, such as `PARAM_`.
    Prefix(String),
}

impl EnvNames {
    /// The variable of a parameter: characters other than `[A-Za-z0-9_]` become `_`.
    #[must_use]
    pub fn variable(&self, name: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name: String = name.chars().map(plain).collect();
        match self {
            Self::AsIs => name,
            Self::Upper => name.to_ascii_uppercase(),
            Self::Prefix(prefix) => format!("{prefix}{name}"),
        }
    }

    /// Checks a parameter's name and the variable that it becomes.
    ///
    /// # Errors
    /// [`Error::Name`] with the reason.
    pub fn check(&self, name: &str) -> Result<()> {
        check_name(name)?;
        check_variable(&self.variable(name)).map_err(|reason| Error::Name { name: name.to_owned(), reason })
    }

    /// The first two names that become one variable, if any do.
    ///
    /// # Errors
    /// [`Error::Collision`].
    pub fn check_collisions<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let mut seen = std::collections::BTreeMap::new();
        for name in names {
            let variable = self.variable(name);
            if let Some(first) = seen.insert(variable.clone(), name) {
                return Err(Error::Collision { first: first.to_owned(), second: name.to_owned(), variable });
            }
        }
        Ok(())
    }
}

/// Checks a parameter's name: `[A-Za-z_][A-Za-z0-9_.-]*`, as W&B has it.
///
/// # Errors
/// [`Error::Name`] with the reason.
pub fn check_name(name: &str) -> Result<()> {
    let wrong = |reason| Error::Name { name: crate::error::printable(name, 80), reason };
    let first = name.bytes().next().ok_or_else(|| wrong("is empty"))?;
    if !(first.is_ascii_alphabetic() || first == b'_') {
        return Err(wrong("must begin with a letter or `_`"));
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')) {
        return Err(wrong("may have letters, digits, `_`, `.` and `-` only"));
    }
    if name.len() > limits::PARAMETER_NAME_LEN {
        return Err(wrong("is longer than 128 characters"));
    }
    Ok(())
}

/// Whether a variable may be set for a trial.
///
/// # Errors
/// The reason why not, as it stands in [`Error::Name`].
pub fn check_variable(variable: &str) -> std::result::Result<(), &'static str> {
    let identifier = variable.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && variable.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !identifier {
        return Err("does not become a shell variable");
    }
    let reserved = RESERVED_PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
        || RESERVED_NAMES.contains(&variable);
    if reserved { Err("would shadow a variable that Slurm, the shell or sweep needs") } else { Ok(()) }
}

/// Names that are taken and names that are not.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_shell_variable() {
        assert_eq!(EnvNames::AsIs.variable("opt.lr-max"), "opt_lr_max");
        assert_eq!(EnvNames::Upper.variable("lr"), "LR");
        assert_eq!(EnvNames::Prefix("PARAM_".into()).variable("lr"), "PARAM_lr");
    }

    #[test]
    fn names_that_would_shadow_are_refused() {
        for name in ["PATH", "HOME", "LD_PRELOAD", "SLURM_JOB_ID", "SWEEP_ID", "BASH_ENV", "IFS", "_SLURM_X"]
        {
            assert!(EnvNames::AsIs.check(name).is_err(), "{name}");
        }
        assert!(EnvNames::Upper.check("path").is_err());
        assert!(EnvNames::Prefix("P_".into()).check("PATH").is_ok());
        assert!(EnvNames::AsIs.check("LR").is_ok());
    }

    #[test]
    fn bad_names_are_refused() {
        for name in ["", "1a", "a b", "a=b", "a\n", "é", "-x", &"x".repeat(129)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn two_names_of_one_variable_collide() {
        let error = EnvNames::AsIs.check_collisions(["a.b", "c", "a_b"]).unwrap_err();
        assert!(error.to_string().contains("a_b"), "{error}");
        assert!(EnvNames::AsIs.check_collisions(["a", "A"]).is_ok());
        assert!(EnvNames::Upper.check_collisions(["a", "A"]).is_err());
    }
}
