//! Where the things under test are: built by `cargo xtask test`, which names them in environment variables. It never
//! builds or guesses: a test of an old build is worse than none.

use std::env;
use std::path::PathBuf;

use crate::error::TestbedError;

/// The plugin as it is released.
pub const PLUGIN_VARIABLE: &str = "SWEEP_PLUGIN_SO";
/// The plugin with faults on demand.
pub const PLUGIN_FAULTS_VARIABLE: &str = "SWEEP_PLUGIN_FAULTS_SO";
/// The `sweep` command.
pub const SWEEP_VARIABLE: &str = "SWEEP_BIN";
/// Set where the `sweep` command itself is to put the plugin into each cluster, as it does at a site.
pub const INSTALL_VARIABLE: &str = "SWEEP_INSTALL_BY_COMMAND";
/// The folder of packages, and one that was packed again.
pub const PACKAGES_VARIABLES: [&str; 2] = ["SWEEP_PACKAGES", "SWEEP_PACKAGES_AGAIN"];

/// The built plugin.
pub fn plugin() -> Result<PathBuf, TestbedError> {
    named_by(PLUGIN_VARIABLE)
}

/// The plugin with faults on demand, for the failure tests.
pub fn plugin_with_faults() -> Result<PathBuf, TestbedError> {
    named_by(PLUGIN_FAULTS_VARIABLE)
}

/// The built `sweep` command.
pub fn sweep() -> Result<PathBuf, TestbedError> {
    named_by(SWEEP_VARIABLE)
}

/// The `sweep` command that is to put the plugin into each cluster, where one is.
pub(crate) fn installer() -> Result<Option<PathBuf>, TestbedError> {
    if env::var_os(INSTALL_VARIABLE).is_some() { sweep().map(Some) } else { Ok(None) }
}

/// The folder of packages.
pub fn packages() -> Result<PathBuf, TestbedError> {
    named_by(PACKAGES_VARIABLES[0])
}

/// The folder that was packed again from the same build.
pub fn packages_again() -> Result<PathBuf, TestbedError> {
    named_by(PACKAGES_VARIABLES[1])
}

fn named_by(variable: &'static str) -> Result<PathBuf, TestbedError> {
    let problem = match env::var_os(variable).map(PathBuf::from) {
        Some(path) if path.is_absolute() && path.exists() => return Ok(path),
        Some(path) => format!("does not name what is there by its absolute path: `{}`", path.display()),
        None => "is not set".to_owned(),
    };
    Err(TestbedError::Artifact { variable, problem })
}

#[cfg(test)]
mod tests {
    //! What a person sees who ran plain `cargo test`.
    use super::*;

    #[test]
    fn an_unset_variable_is_an_error_that_names_the_one_command_to_run() {
        let error = named_by("SWEEP_NO_SUCH_VARIABLE").unwrap_err().to_string();
        assert!(error.contains("`SWEEP_NO_SUCH_VARIABLE` is not set"), "{error}");
        assert!(error.contains("cargo xtask test"), "{error}");
    }
}
