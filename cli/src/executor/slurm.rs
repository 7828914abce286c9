//! Slurm by its own commands: one `sbatch` a batch, one `squeue` and one `sacct` a look, one `scancel` a stop.
//! Every call is planned as data first; nothing here decides what to submit.

pub mod accounting;
pub mod clusters;
pub mod queue;
pub mod submission;
pub mod waiting;

use std::path::Path;
use std::time::Duration;

use sweep_core::state::Ruling;

use crate::error::{Error, Kind, Result};
use crate::executor::process::{Answer, Call};
use crate::executor::slurm::clusters::{ByCluster, on};

/// How long a question may take.
const ASK_LIMIT: Duration = Duration::from_secs(60);

/// What this Slurm allows, by its own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Slurm's version.
    pub version: Option<String>,
    /// The cluster's name.
    pub cluster: Option<String>,
    /// How many tasks an array may have: MaxArraySize, or max_array_tasks where that is less.
    pub max_array_size: u32,
    /// How long Slurm's commands wait for an answer.
    pub message_timeout: Duration,
}

/// Slurm's default for MaxArraySize, used where there is no Slurm to ask.
pub const DEFAULT_MAX_ARRAY_SIZE: u32 = 1001;

/// Slurm's default for MessageTimeout, in seconds.
const DEFAULT_MESSAGE_TIMEOUT_S: u64 = 10;

/// Asks one of Slurm's commands.
///
/// # Errors
/// Where it is not there or does not answer.
pub fn ask(call: &Call) -> Result<Answer> {
    // Slurm's commands look for a missing configuration for a minute before they say so.
    if let Some(path) = std::env::var_os("SLURM_CONF").filter(|path| !Path::new(path).exists()) {
        let path = path.to_string_lossy();
        return Err(Error::world(format!("`{path}` is not there, and `SLURM_CONF` names it")));
    }
    // That a command is not there is no mistake of the user's input.
    call.run(ASK_LIMIT).map_err(|error| error.of_kind(Kind::World))
}

/// Whether this machine has Slurm's commands.
#[must_use]
pub fn is_here() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("scontrol").is_file())
}

/// Why [`site`] failed, in a line: Slurm's commands say the same several times over, most of it for their admins.
#[must_use]
pub fn absence(error: &Error) -> String {
    if !is_here() {
        return "there is no Slurm here".to_owned();
    }
    let reason = error.causes().last().map_or(error.message(), String::as_str);
    let reason = reason.rsplit(": ").next().unwrap_or(reason);
    format!("Slurm does not answer here ({reason}; `sweep doctor` says more)")
}

/// Asks Slurm what it allows.
///
/// # Errors
/// Where there is no Slurm or it does not answer.
pub fn site() -> Result<Site> {
    site_of(None)
}

/// Asks a cluster what it allows.
///
/// # Errors
/// Where there is no Slurm or it does not answer.
pub fn site_of(cluster: Option<&str>) -> Result<Site> {
    let answer = ask(&Call::new("scontrol").args(on(cluster)).args(["show", "config"]))?;
    if !answer.success {
        let who = cluster.map_or_else(|| "Slurm".to_owned(), |cluster| format!("cluster `{cluster}`"));
        return Err(Error::world(format!("{who} does not answer")).said(&answer.stderr));
    }
    Ok(parse_site(&answer.stdout))
}

/// What `scontrol show config` says of it; Slurm's defaults where it says nothing.
#[must_use]
pub fn parse_site(config: &str) -> Site {
    let value = |key: &str| {
        config.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then(|| value.trim().to_owned())
        })
    };
    let size = value("MaxArraySize").and_then(|text| text.parse().ok());
    // `10 sec`
    let timeout = value("MessageTimeout").and_then(|text| text.split(' ').next()?.parse().ok());
    let scheduler = value("SchedulerParameters").unwrap_or_default();
    let mut parameters = scheduler.split(',').filter_map(|word| word.split_once('='));
    let tasks = parameters.find(|(name, _)| *name == "max_array_tasks");
    let tasks = tasks.and_then(|(_, tasks)| tasks.parse().ok()).filter(|tasks| *tasks > 0);
    Site {
        version: value("SLURM_VERSION"),
        cluster: value("ClusterName"),
        max_array_size: size.unwrap_or(DEFAULT_MAX_ARRAY_SIZE).min(tasks.unwrap_or(u32::MAX)).max(1),
        message_timeout: Duration::from_secs(timeout.unwrap_or(DEFAULT_MESSAGE_TIMEOUT_S)),
    }
}

/// Lets an array run so many tasks at once.
///
/// # Errors
/// What scontrol said; a job that has ended is no error.
pub fn throttle(cluster: Option<&str>, job: u32, tasks: u32) -> Result<()> {
    let words = ["update".to_owned(), format!("JobId={job}"), format!("ArrayTaskThrottle={tasks}")];
    let answer = ask(&Call::new("scontrol").args(on(cluster)).args(words))?;
    let gone = ["Invalid job id", "already finished", "completing", "not a job array"];
    if answer.success || gone.iter().any(|text| answer.stderr.contains(text)) {
        return Ok(());
    }
    Err(Error::world(format!("the throttle of job {job} cannot be changed")).said(&answer.stderr))
}

/// Puts a running job back into the queue.
///
/// # Errors
/// What scontrol said.
pub fn requeue(cluster: Option<&str>, job: u32) -> Result<()> {
    let answer = ask(&Call::new("scontrol").args(on(cluster)).args(["requeue".to_owned(), job.to_string()]))?;
    if answer.success {
        return Ok(());
    }
    Err(Error::world(format!("job {job} cannot be requeued")).said(&answer.stderr))
}

/// Cancels jobs, or tasks such as `12_3`, with one call a cluster.
///
/// # Errors
/// What scancel said; a job that has ended is no error.
pub fn cancel<J: ToString>(jobs: &ByCluster<J>) -> Result<()> {
    jobs.each(|cluster, jobs| scancel(cluster, &[], jobs))
}

/// Cancels with one call a cluster what of these jobs has not started. A task that starts meanwhile is left alone.
///
/// # Errors
/// What scancel said; a job that has ended is no error.
pub fn cancel_waiting(jobs: &ByCluster<u32>) -> Result<()> {
    jobs.each(|cluster, jobs| scancel(cluster, &["--state=PENDING"], jobs))
}

fn scancel<J: ToString>(cluster: Option<&str>, options: &[&str], jobs: &[J]) -> Result<()> {
    let call = Call::new("scancel").args(on(cluster)).args(options.iter().copied());
    let answer = ask(&call.args(jobs.iter().map(ToString::to_string)))?;
    if answer.success || answer.stderr.contains("Invalid job id") {
        return Ok(());
    }
    Err(Error::world("scancel failed").said(&answer.stderr))
}

/// Holds back jobs that wait, or lets them go again, with one call a cluster.
///
/// # Errors
/// What scontrol said.
pub fn hold(jobs: &ByCluster<u32>, how: Hold) -> Result<()> {
    let word = match how {
        Hold::Back => "hold",
        Hold::Go => "release",
    };
    jobs.each(|cluster, jobs| {
        let list = jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let answer = ask(&Call::new("scontrol").args(on(cluster)).args([word, list.as_str()]))?;
        // A job that has ended cannot be held, which is as well.
        let gone = ["Invalid job id", "already finished", "completing"];
        if answer.success || gone.iter().any(|text| answer.stderr.contains(text)) {
            return Ok(());
        }
        Err(Error::world(format!("scontrol {word} failed")).said(&answer.stderr))
    })
}

/// What is done to jobs that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// They are held.
    Back,
    /// They may start again.
    Go,
}

/// Slurm's word for an end as ours; none for a state that is not an end.
#[must_use]
pub fn ruling(state: &str) -> Option<Ruling> {
    // sacct says `CANCELLED by 1000` and marks cut states with a `+`.
    let word = state.split_whitespace().next()?.trim_end_matches('+');
    Some(match word {
        "COMPLETED" => Ruling::Completed,
        "FAILED" | "BOOT_FAIL" | "DEADLINE" | "LAUNCH_FAILED" | "RECONFIG_FAIL" => Ruling::Failed,
        "TIMEOUT" => Ruling::Timeout,
        "OUT_OF_MEMORY" | "OUT_OF_ME" => Ruling::OutOfMemory,
        "CANCELLED" | "REVOKED" => Ruling::Cancelled,
        "PREEMPTED" => Ruling::Preempted,
        "NODE_FAIL" => Ruling::NodeFail,
        _ => return None,
    })
}

/// Whether a state that is not an end is one of waiting.
#[must_use]
pub fn is_waiting(state: &str) -> bool {
    let word = state.split_whitespace().next().unwrap_or_default();
    matches!(word, "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" | "CONFIGURING")
}

/// Slurm's words.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_is_read_from_its_configuration() {
        let config = "Configuration data\nClusterName             = north\nMaxArraySize            = 501\nMessageTimeout          = 60 sec\n\
                      SLURM_VERSION           = 22.05.8\n";
        let message_timeout = Duration::from_secs(60);
        let site = Site {
            version: Some("22.05.8".into()),
            cluster: Some("north".into()),
            max_array_size: 501,
            message_timeout,
        };
        assert_eq!(parse_site(config), site);
        assert_eq!(parse_site("").max_array_size, DEFAULT_MAX_ARRAY_SIZE);
        let tasks = "SchedulerParameters     = bf_interval=1,max_array_tasks=100\n";
        assert_eq!(parse_site(&format!("{config}{tasks}")).max_array_size, 100);
    }

    #[test]
    fn slurms_words_are_known() {
        assert_eq!(ruling("CANCELLED by 1000"), Some(Ruling::Cancelled));
        assert_eq!(ruling("OUT_OF_ME+"), Some(Ruling::OutOfMemory));
        assert_eq!(ruling("RUNNING"), None);
        assert!(is_waiting("PENDING") && !is_waiting("RUNNING"));
    }
}
