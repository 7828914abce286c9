//! `sweep manual`: the manual's pages, made of the same definitions as the help. It never writes outside the folder.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory;

use crate::command::Cli;
use crate::error::{At, Result};

/// Write the manual's pages, one for each command, into a folder
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub struct Args {
    /// The folder, such as /usr/share/man/man1; made where it is missing
    dir: PathBuf,
}

impl Args {
    /// Writes the pages.
    ///
    /// # Errors
    /// The world's.
    pub fn run(&self) -> Result<ExitCode> {
        std::fs::create_dir_all(&self.dir).at("make", &self.dir)?;
        clap_mangen::generate_to(Cli::command(), &self.dir).at("write the manual into", &self.dir)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The pages of the real definitions.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page_and_those_of_jobs_have_none() {
        let dir = tempfile::tempdir().unwrap();
        let pages = dir.path().join("man1");
        Args { dir: pages.clone() }.run().unwrap();
        let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
        assert!(page("sweep.1").contains("sweep\\-plan(1)"), "{}", page("sweep.1"));
        assert!(page("sweep-submit.1").contains("max\\-trials"));
        assert!(page("sweep-plugin-install.1").contains("dry\\-run"));
        for command in ["exec", "supervise", "drive", "manual"] {
            assert!(!pages.join(format!("sweep-{command}.1")).exists(), "{command} is not for people");
        }
    }
}
