//! Whether a plugin that was put in place works, by asking Slurm itself: sbatch's help, and a job where that is wanted.
//! It never leaves a job behind: one that cannot start in time is removed by Slurm.

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::executor::process::{Answer, Call};

/// How long sbatch may take for its help.
const HELP_LIMIT: Duration = Duration::from_secs(60);
/// How long the job may wait and run together, Slurm's deadline for it included.
const JOB_LIMIT: Duration = Duration::from_secs(300);
/// When Slurm itself removes the job.
const JOB_DEADLINE: &str = "--deadline=now+180";
/// An option of the plugin's, as sbatch's help shows it.
const OPTION: &str = "--sweep-trial";

/// How sbatch answers.
#[derive(Debug)]
pub struct Sbatch {
    /// Whether it starts at all: it does not where Slurm has no configuration yet.
    pub starts: bool,
    /// Whether it has the plugin's options.
    pub has_options: bool,
    /// What it complains of.
    pub said: String,
}

/// Slurm with a configuration of its own, where one is named.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The slurm.conf, or what the environment says.
    pub slurm_conf: Option<&'a Path>,
}

impl Asked<'_> {
    /// Asks sbatch for its help.
    ///
    /// # Errors
    /// The world's where it is not there or hangs.
    pub fn sbatch(self) -> Result<Sbatch> {
        let answer = self.call(&["sbatch", "--help"], HELP_LIMIT)?;
        Ok(Sbatch {
            starts: answer.success && answer.stdout.contains("--array"),
            has_options: answer.stdout.contains(OPTION),
            said: answer.stderr,
        })
    }

    /// Runs a job that ends well only where the plugin gave it a variable, as root or as a user.
    ///
    /// # Errors
    /// The world's where it does not end well.
    pub fn job(self, user: Option<&str>) -> Result<()> {
        let sbatch = [
            "sbatch",
            "--wait",
            "--parsable",
            "--chdir=/",
            "--output=/dev/null",
            "--time=1",
            JOB_DEADLINE,
            "--job-name=sweep-plugin",
            "--sweep-set=sweep_probe=yes",
            "--wrap",
            "[ \"$sweep_probe\" = yes ]",
        ];
        let mut words = Vec::new();
        if let Some(user) = user {
            words.extend(["runuser", "-u", user, "--"]);
        }
        words.extend(sbatch);
        let answer = self.call(&words, JOB_LIMIT)?;
        if answer.success {
            return Ok(());
        }
        let job = answer.stdout.trim();
        let what = if job.is_empty() {
            "the test job was refused by sbatch".to_owned()
        } else {
            format!("the test job {job} did not get its variable, or could not run")
        };
        Err(Error::world(what).said(&answer.stderr).hint(
            "the node needs the same file and line (`sweep plugin check --nodes`); where root may run no jobs, \
             name a user with --test-user",
        ))
    }

    fn call(self, words: &[&str], limit: Duration) -> Result<Answer> {
        let call = Call::new(words[0]).args(words[1..].iter().copied());
        match self.slurm_conf {
            Some(path) => call.env("SLURM_CONF", &path.to_string_lossy()),
            None => call,
        }
        .run(limit)
        .map_err(|error| error.of_kind(crate::error::Kind::World))
    }
}
