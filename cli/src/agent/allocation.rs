//! What an agent works in: a Slurm job, of which it is a part or which it was told, or this machine. Asks Slurm at most
//! once, as the agent starts.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::executor::local;
use crate::executor::process::Call;
use crate::executor::slurm;
use crate::spec::packing::mebibytes;

/// What there is to run trials with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allocation {
    /// The Slurm job.
    pub job: Option<u32>,
    /// Whether the agent is no part of that job, and reaches it by srun alone.
    pub is_elsewhere: bool,
    /// Nodes.
    pub nodes: u32,
    /// CPUs on all nodes.
    pub cpus: u32,
    /// CPUs on the agent's own node.
    pub cpus_here: u32,
    /// Memory on all nodes, where Slurm counts it.
    pub mem_mib: Option<u64>,
    /// GPUs, as programs name them.
    pub gpus: Vec<String>,
    /// When it ends, where it does.
    pub ends: Option<Instant>,
}

impl Allocation {
    /// What this process is a part of.
    ///
    /// # Errors
    /// None that is Slurm's: what it does not say is taken from this machine.
    #[must_use]
    pub fn here(env: impl Fn(&str) -> Option<String>) -> Self {
        let mut found = Self::of_env(&env);
        if let Some(job) = found.job {
            let said = env("SLURM_JOB_END_TIME").and_then(|text| text.parse().ok());
            found.ends = said.and_then(at).or_else(|| time_left(job));
        }
        found
    }

    fn of_env(env: impl Fn(&str) -> Option<String>) -> Self {
        let number = |name: &str| env(name)?.parse::<u32>().ok();
        let machine = local::default_slots();
        let Some(job) = number("SLURM_JOB_ID") else {
            return Self { nodes: 1, cpus: machine, cpus_here: machine, gpus: gpus(&env), ..Self::default() };
        };
        let nodes = number("SLURM_JOB_NUM_NODES").or_else(|| number("SLURM_NNODES")).unwrap_or(1);
        let here = number("SLURM_CPUS_ON_NODE").unwrap_or(machine);
        let cpus = env("SLURM_JOB_CPUS_PER_NODE").and_then(|text| repeated(&text)).unwrap_or(here * nodes);
        let mem = number("SLURM_MEM_PER_NODE").map(|mem| u64::from(mem) * u64::from(nodes));
        let mem = mem.or_else(|| Some(u64::from(number("SLURM_MEM_PER_CPU")?) * u64::from(cpus)));
        Self {
            job: Some(job),
            is_elsewhere: false,
            nodes,
            cpus,
            cpus_here: here,
            mem_mib: mem.filter(|mem| *mem > 0),
            gpus: gpus(&env),
            ends: None,
        }
    }

    /// A job of Slurm's that runs, by its id.
    ///
    /// # Errors
    /// Where Slurm does not answer, knows no such job, or it does not run.
    pub fn of_job(job: u32) -> Result<Self> {
        let answer =
            slurm::ask(&Call::new("scontrol").args(["--oneliner", "show", "job", &job.to_string()]))?;
        if !answer.success {
            return Err(Error::user(format!("Slurm knows no job {job}")).said(&answer.stderr));
        }
        let found = Self::of_scontrol(job, &answer.stdout);
        found.map(|found| Self { ends: time_left(job), ..found }).ok_or_else(|| {
            Error::user(format!("job {job} does not run")).hint("wait for its start, or make one with salloc")
        })
    }

    fn of_scontrol(job: u32, text: &str) -> Option<Self> {
        let line = text.lines().find(|line| line.contains("JobState=RUNNING"))?;
        let field = |name: &str| {
            line.split_whitespace()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
                .map(str::to_owned)
        };
        let tres = field("TRES").or_else(|| field("AllocTRES")).unwrap_or_default();
        let part = |name: &str| tres.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let nodes = field("NumNodes").and_then(|text| text.parse().ok()).unwrap_or(1);
        let cpus = part("cpu").map(str::to_owned).or_else(|| field("NumCPUs"));
        let cpus = cpus.and_then(|text| text.parse().ok()).unwrap_or(1);
        let gpus: u32 = part("gres/gpu").and_then(|text| text.parse().ok()).unwrap_or(0);
        Some(Self {
            job: Some(job),
            is_elsewhere: true,
            nodes,
            cpus,
            cpus_here: 0,
            mem_mib: part("mem").and_then(mebibytes).filter(|mem| *mem > 0),
            gpus: (0..gpus).map(|gpu| gpu.to_string()).collect(),
            ends: None,
        })
    }
}

/// `4(x2),2`: a number for each node, those of several alike together.
fn repeated(text: &str) -> Option<u32> {
    let part = |part: &str| {
        let (number, times) = match part.split_once("(x") {
            Some((number, times)) => (number, times.strip_suffix(')')?.parse::<u32>().ok()?),
            None => (part, 1),
        };
        number.parse::<u32>().ok()?.checked_mul(times)
    };
    text.split(',').map(part).try_fold(0, |sum: u32, part| sum.checked_add(part?))
}

fn gpus(env: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let list = ["CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "SLURM_JOB_GPUS"].into_iter().find_map(&env);
    let listed = list.map(|list| list.split(',').map(|gpu| gpu.trim().to_owned()).collect::<Vec<_>>());
    let counted = || {
        let count: u32 = env("SLURM_GPUS_ON_NODE")?.parse().ok()?;
        Some((0..count).map(|gpu| gpu.to_string()).collect())
    };
    let none = |gpu: &String| !gpu.is_empty() && gpu != "NoDevFiles" && gpu != "-1";
    listed.or_else(counted).unwrap_or_default().into_iter().filter(none).collect()
}

/// A second since 1970 as this process counts time.
fn at(second: u64) -> Option<Instant> {
    let left =
        (UNIX_EPOCH + Duration::from_secs(second)).duration_since(SystemTime::now()).unwrap_or_default();
    Instant::now().checked_add(left)
}

/// When a job ends, as squeue says it; none where it has no limit, or where nobody says.
fn time_left(job: u32) -> Option<Instant> {
    let job = format!("--jobs={job}");
    let answer = slurm::ask(&Call::new("squeue").args(["--noheader", job.as_str(), "--format=%L"])).ok()?;
    Instant::now().checked_add(duration(answer.stdout.trim())?)
}

/// `1-02:03:04`, `03:04`, `5`.
fn duration(text: &str) -> Option<Duration> {
    let (days, clock) = text.split_once('-').unwrap_or(("0", text));
    let days: u64 = days.parse().ok()?;
    let seconds = clock.split(':').try_fold(0u64, |sum, part| Some(sum * 60 + part.parse::<u64>().ok()?))?;
    Some(Duration::from_secs(days * 86_400 + seconds))
}

/// Allocations as Slurm tells of them.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_from_its_environment() {
        let env = |name: &str| {
            let value = match name {
                "SLURM_JOB_ID" => "7",
                "SLURM_JOB_NUM_NODES" => "3",
                "SLURM_CPUS_ON_NODE" => "4",
                "SLURM_JOB_CPUS_PER_NODE" => "4(x2),2",
                "SLURM_MEM_PER_CPU" => "100",
                "CUDA_VISIBLE_DEVICES" => "2,5",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let found = Allocation::of_env(env);
        assert_eq!((found.job, found.nodes, found.cpus, found.cpus_here), (Some(7), 3, 10, 4));
        assert_eq!((found.mem_mib, found.gpus), (Some(1000), vec!["2".to_owned(), "5".into()]));
        assert_eq!(Allocation::of_env(|_| None).job, None);
    }

    #[test]
    fn a_job_is_read_from_scontrol() {
        let line = "JobId=7 JobName=x JobState=RUNNING Reason=None NumNodes=2 NumCPUs=8 NumTasks=2 \
                    TRES=cpu=8,mem=2G,node=2,billing=8,gres/gpu=2 EndTime=2026-01-02T03:04:05";
        let found = Allocation::of_scontrol(7, line).unwrap();
        assert_eq!((found.nodes, found.cpus, found.mem_mib, found.gpus.len()), (2, 8, Some(2048), 2));
        assert!(found.is_elsewhere);
        assert_eq!(Allocation::of_scontrol(7, &line.replace("RUNNING", "PENDING")), None);
    }

    #[test]
    fn times_that_are_left_are_read() {
        let seconds = |text: &str| duration(text).map(|time| time.as_secs());
        assert_eq!(["1-02:03:04", "59:58", "7"].map(seconds), [Some(93_784), Some(3_598), Some(7)]);
        assert_eq!(["UNLIMITED", "", "INVALID", "NOT_SET"].map(seconds), [None; 4]);
    }
}
