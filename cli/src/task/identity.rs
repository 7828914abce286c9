//! Who runs this attempt: a Slurm job, or a process of this machine. Trusts the environment only for what the
//! user may decide anyway.

use nix::unistd::{getegid, geteuid, gethostname};
use sweep_core::id::JobName;

use crate::error::{Error, Kind, Result};

/// The runner of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The job, or `host:pid:start`.
    pub job: JobName,
    /// The array's job, of an array task.
    pub array_job: Option<u32>,
    /// The array task.
    pub array_task: Option<u32>,
    /// Slurm's cluster.
    pub cluster: Option<String>,
    /// `batch`, or a step's number, under Slurm, `local` elsewhere.
    pub step: String,
    /// Which of the job's agents runs it, where one does.
    pub agent: Option<JobName>,
    /// The machine.
    pub node: String,
    /// The user.
    pub uid: u32,
    /// The user's group.
    pub gid: u32,
}

impl Identity {
    /// The Slurm job that this process is in.
    ///
    /// # Errors
    /// Where `SLURM_JOB_ID` is not set.
    pub fn of_slurm(env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let number = |name: &str| env(name)?.parse::<u32>().ok();
        let job = number("SLURM_JOB_ID").ok_or_else(|| {
            Error::new(
                Kind::NoTrial,
                "`sweep exec` was started outside a Slurm job: `SLURM_JOB_ID` is not set",
            )
        })?;
        Ok(Self {
            job: JobName::slurm(job),
            array_job: number("SLURM_ARRAY_JOB_ID"),
            array_task: number("SLURM_ARRAY_TASK_ID"),
            cluster: env("SLURM_CLUSTER_NAME"),
            step: "batch".into(),
            agent: None,
            node: env("SLURMD_NODENAME").unwrap_or_else(host),
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
        })
    }

    /// This process.
    ///
    /// # Errors
    /// Where the process table cannot be read.
    pub fn of_process() -> Result<Self> {
        let pid = std::process::id();
        let start =
            process_start(pid).ok_or_else(|| Error::world(format!("cannot read `/proc/{pid}/stat`")))?;
        let node = host();
        Ok(Self {
            job: JobName::local(&node, pid, start)?,
            array_job: None,
            array_task: None,
            cluster: None,
            step: "local".into(),
            agent: None,
            node,
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
        })
    }
}

/// This machine's name.
#[must_use]
pub fn host() -> String {
    let name = gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".into())
}

/// When a process started, in clock ticks since boot; with the pid it names one process.
#[must_use]
pub fn process_start(pid: u32) -> Option<u64> {
    let (state, start) = state_and_start(pid)?;
    (state != "Z").then_some(start)
}

/// When a child of this process started that nobody has waited for yet, even if it has ended.
#[must_use]
pub fn child_start(child: &std::process::Child) -> Option<u64> {
    state_and_start(child.id()).map(|(_, start)| start)
}

/// The parent of a process that has not ended.
#[must_use]
pub fn living_parent(pid: u32) -> Option<u32> {
    let fields = fields(pid)?;
    if fields.first()? == "Z" {
        return None;
    }
    fields.get(1)?.parse().ok()
}

fn state_and_start(pid: u32) -> Option<(String, u64)> {
    let mut fields = fields(pid)?;
    let start = fields.get(19)?.parse().ok()?;
    Some((fields.swap_remove(0), start))
}

/// What `/proc` says of a process behind its name, the state first. The name is in parentheses and may hold anything.
fn fields(pid: u32) -> Option<Vec<String>> {
    // A name need not be text.
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    Some(stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().map(str::to_owned).collect())
}

/// Who runs what.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_named_by_its_start() {
        let one = Identity::of_process().unwrap();
        assert_eq!(one, Identity::of_process().unwrap());
        assert!(one.job.as_str().contains(&std::process::id().to_string()));
    }

    #[test]
    fn a_child_that_ended_is_named_all_the_same() {
        let mut child =
            std::process::Command::new("true").stdout(std::process::Stdio::piped()).spawn().unwrap();
        let start = child_start(&child).unwrap();
        // Its end closes the pipe, a moment before it is one that nobody has waited for.
        std::io::copy(&mut child.stdout.take().unwrap(), &mut std::io::sink()).unwrap();
        while process_start(child.id()).is_some() {
            std::thread::yield_now();
        }
        assert_eq!(child_start(&child), Some(start));
        child.wait().unwrap();
        assert_eq!(child_start(&child), None);
    }

    #[test]
    fn an_array_task_is_read_from_its_job() {
        let env = |name: &str| match name {
            "SLURM_JOB_ID" => Some("12".into()),
            "SLURM_ARRAY_JOB_ID" => Some("10".into()),
            "SLURM_ARRAY_TASK_ID" => Some("2".into()),
            _ => None,
        };
        let identity = Identity::of_slurm(env).unwrap();
        assert_eq!((identity.job.slurm_id(), identity.array_task), (Some(12), Some(2)));
        assert!(Identity::of_slurm(|_| None).is_err());
    }
}
