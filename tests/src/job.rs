//! Jobs as `scontrol` shows them, and waiting for them. It never reads tables made for people.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::error::TestbedError;
use crate::process::Ran;

/// States that a job does not leave by itself.
const ENDS: [&str; 11] = [
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "LAUNCH_FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
];
/// From now until a requeued job may start again, for its second attempt to be younger than the end of its first in
/// whole seconds.
const RESTART_DELAY_S: u32 = 2;

/// Slurm's number for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u32);

impl JobId {
    /// One task of the array that this job is, as Slurm's commands take it.
    pub fn task(self, task: u32) -> String {
        format!("{}_{task}", self.0)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The `Name=value` fields of one line of `scontrol -o show`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// A word without `=`, or whose left side is no field name, belongs to the value before it: values hold spaces.
    pub fn read(line: &str) -> Self {
        let mut fields: Vec<(String, String)> = Vec::new();
        for word in line.split(' ') {
            let named = word.split_once('=').filter(|(name, _)| {
                name.chars().next().is_some_and(char::is_uppercase)
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || "/:_".contains(c))
            });
            match (named, fields.last_mut()) {
                (Some((name, value)), _) => fields.push((name.to_owned(), value.to_owned())),
                (None, Some((_, value))) => {
                    value.push(' ');
                    value.push_str(word);
                }
                (None, None) => {}
            }
        }
        Self(fields.into_iter().map(|(name, value)| (name, value.trim_end().to_owned())).collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// One job record: a job, one task of an array, or the part of an array that has not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobShow {
    fields: Fields,
}

impl JobShow {
    fn read(line: &str) -> Option<Self> {
        let fields = Fields::read(line);
        fields.get("JobId")?;
        Some(Self { fields })
    }

    /// A field by Slurm's name for it, such as `Restarts` or `BatchHost`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }

    /// The job's id; each task that has started has its own.
    pub fn id(&self) -> JobId {
        JobId(self.get("JobId").and_then(|id| id.parse().ok()).unwrap_or(0))
    }

    /// Slurm's state, such as `RUNNING`.
    pub fn state(&self) -> &str {
        self.get("JobState").unwrap_or("")
    }

    /// Slurm's reason, such as `None` or `NonZeroExitCode`.
    pub fn reason(&self) -> &str {
        self.get("Reason").unwrap_or("")
    }

    /// Slurm's `code:signal`.
    pub fn exit_code(&self) -> &str {
        self.get("ExitCode").unwrap_or("")
    }

    /// The task number, if this is one started task of an array.
    pub fn array_task(&self) -> Option<u32> {
        self.get("ArrayTaskId")?.parse().ok()
    }

    /// Whether it has come to an end.
    pub fn has_ended(&self) -> bool {
        ENDS.contains(&self.state())
    }
}

impl Cluster {
    /// Runs `sbatch` as the unprivileged user; how it exited is for the caller to judge.
    pub fn sbatch(&self, arguments: &[&str]) -> Result<Ran, TestbedError> {
        self.run(self.command("sbatch").args(arguments))
    }

    /// Submits as the unprivileged user and returns the job's id.
    pub fn submit(&self, arguments: &[&str]) -> Result<JobId, TestbedError> {
        let ran = self.run(self.command("sbatch").arg("--parsable").args(arguments))?.checked()?;
        // With a cluster name behind a semicolon, where there are several.
        let id = ran.stdout.trim().split(';').next().and_then(|id| id.parse().ok());
        id.map(JobId)
            .ok_or(TestbedError::Unreadable { what: "a job id in sbatch's output", text: ran.stdout })
    }

    /// All records of a job id or an array (`7`, `7_3`).
    pub fn jobs(&self, job: impl fmt::Display) -> Result<Vec<JobShow>, TestbedError> {
        let ran = self.scontrol(&["-o", "show", "job", &job.to_string()]).and_then(Ran::checked)?;
        Ok(ran.stdout.lines().filter_map(JobShow::read).collect())
    }

    /// The record of a job or of one task (`7`, `7_3`).
    pub fn job(&self, job: impl fmt::Display) -> Result<JobShow, TestbedError> {
        let job = job.to_string();
        let first = self.jobs(&job)?.into_iter().next();
        first.ok_or(TestbedError::Unreadable { what: "a job in scontrol's output", text: job })
    }

    /// Waits until a job or one task is in one of `states`; an error at once where it ends otherwise.
    pub fn wait_job_state(
        &self,
        job: impl fmt::Display,
        states: &[&str],
        deadline: Duration,
    ) -> Result<JobShow, TestbedError> {
        let job = job.to_string();
        let wanted = states.join(" or ");
        // The last thing seen tells more than that the time is over.
        let mut seen = String::new();
        let show = self
            .wait_for(deadline, &format!("job {job} to be {wanted}"), || {
                let show = self.job(&job).ok()?;
                seen = format!("{} ({})", show.state(), show.reason());
                (states.contains(&show.state()) || show.has_ended()).then_some(show)
            })
            .map_err(|error| match error {
                TestbedError::Deadline { what, waited, logs } => {
                    TestbedError::Deadline { what: format!("{what}; last seen {seen}"), waited, logs }
                }
                error => error,
            })?;
        if states.contains(&show.state()) {
            return Ok(show);
        }
        Err(TestbedError::JobEnded { job: Box::new(show), wanted, logs: self.log_tails() })
    }

    /// Waits until a job, or every task of an array, has ended, and returns the records in order of their tasks.
    pub fn wait_array_done(&self, job: JobId, deadline: Duration) -> Result<Vec<JobShow>, TestbedError> {
        let mut jobs = self.wait_for(deadline, &format!("all of job {job} to end"), || {
            let jobs = self.jobs(job).ok()?;
            (!jobs.is_empty() && jobs.iter().all(JobShow::has_ended)).then_some(jobs)
        })?;
        jobs.sort_by_key(JobShow::array_task);
        Ok(jobs)
    }

    /// Lets a job or one task that was requeued start within seconds, where Slurm would have it wait for two minutes.
    ///
    /// It is told once, when the first attempt is cleared away, and to begin a little later: slurmd kills a launch
    /// whose credential is of the same second as the end of the attempt before ("already killed, do not launch"),
    /// and slurmctld then calls the job FAILED. Being told again and again puts slurmctld's scheduler off.
    pub fn start_requeued(&self, job: impl fmt::Display, deadline: Duration) -> Result<(), TestbedError> {
        let job = job.to_string();
        self.wait_for(deadline, &format!("requeued job {job} to be cleared away"), || {
            let show = self.job(&job).ok()?;
            let waits = show.state() == "PENDING" && show.get("Restarts").is_some_and(|n| n != "0");
            waits.then_some(())
        })?;
        let (job, start) = (format!("jobid={job}"), format!("StartTime=now+{RESTART_DELAY_S}"));
        self.scontrol(&["update", &job, &start])?.checked()?;
        Ok(())
    }

    /// Submits as [`Cluster::submit`] and waits until it is COMPLETED.
    pub fn submit_and_complete(
        &self,
        arguments: &[&str],
        deadline: Duration,
    ) -> Result<JobShow, TestbedError> {
        let job = self.submit(arguments)?;
        self.wait_job_state(job, &["COMPLETED"], deadline)
    }
}

#[cfg(test)]
mod tests {
    //! Lines of `scontrol -o show job`, as 22.05 prints them.
    use super::*;

    #[test]
    fn values_may_hold_spaces_and_equal_signs() {
        let line = "JobId=7 ArrayJobId=5 ArrayTaskId=2 JobName=a b=c UserId=u(1) JobState=COMPLETED Reason=None \
                    ExitCode=0:0 TRES=cpu=1,node=1 Command=/x/my job.sh --flag=1 WorkDir=/x ";
        let job = JobShow::read(line).unwrap();
        assert_eq!((job.id(), job.array_task(), job.state()), (JobId(7), Some(2), "COMPLETED"));
        assert_eq!(job.get("JobName"), Some("a b=c"));
        assert_eq!(job.get("Command"), Some("/x/my job.sh --flag=1"));
        assert_eq!(job.get("TRES"), Some("cpu=1,node=1"));
        assert!(job.has_ended());
    }

    #[test]
    fn the_waiting_rest_of_an_array_has_no_single_task() {
        let job = JobShow::read("JobId=5 ArrayJobId=5 ArrayTaskId=3-9%2 JobState=PENDING").unwrap();
        assert_eq!((job.array_task(), job.has_ended()), (None, false));
    }
}
