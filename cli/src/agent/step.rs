//! A trial as a step of Slurm's: srun starts `sweep exec` in it, which claims and records as in a job of its own. Never a
//! step that takes what another one has.

use std::path::Path;
use std::process::{Command, Stdio};

use sweep_core::environment::OPTION_PREFIX;
use sweep_core::layout::SweepDir;

use crate::agent::room::Share;
use crate::agent::work::Piece;
use crate::agent::{Agent, Allocation};
use crate::executor::process::scrub;
use crate::task::kept::Holds;

/// What a job's own environment would make of a step.
const OF_JOB: [&str; 10] = [
    "SLURM_NTASKS",
    "SLURM_NPROCS",
    "SLURM_NTASKS_PER_NODE",
    "SLURM_TASKS_PER_NODE",
    "SLURM_CPUS_PER_TASK",
    "SLURM_TRES_PER_TASK",
    "SLURM_MEM_PER_CPU",
    "SLURM_MEM_PER_NODE",
    "SLURM_NNODES",
    "SLURM_JOB_NUM_NODES",
];

/// The words of srun before the program.
pub fn words(allocation: &Allocation, share: Share, job: u32, args: &[String]) -> Vec<String> {
    let mut words =
        vec!["srun".to_owned(), format!("--jobid={job}"), "--nodes=1".into(), "--ntasks=1".into()];
    // A job that others use as well is shared with them; of its own job a step has its part alone.
    words.push(if allocation.is_elsewhere { "--overlap" } else { "--exact" }.into());
    words.push(format!("--cpus-per-task={}", share.cpus.max(1)));
    let even = || {
        let whole = allocation.mem_mib?;
        Some(whole / u64::from(allocation.cpus.max(1)) * u64::from(share.cpus.max(1)))
    };
    // Without a word on memory a step takes all that its job has, and the next one waits.
    if let Some(mem) = share.mem_mib.or_else(even).filter(|mem| *mem > 0) {
        words.push(format!("--mem={mem}M"));
    }
    if share.gpus > 0 {
        words.push(format!("--gpus={}", share.gpus));
    }
    words.push("--input=none".into());
    words.push("--quiet".into());
    words.extend_from_slice(args);
    words
}

/// The srun of a trial whose claim is the agent's.
pub fn command(
    agent: &Agent,
    piece: &Piece,
    share: Share,
    args: &[String],
    holds: Holds,
    binary: &Path,
) -> Command {
    let job = agent.identity.job.slurm_id().unwrap_or_default();
    let words = words(&agent.allocation, share, job, args);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(binary).args(["exec", "--step"]);
    command.arg(agent.dir.path()).args([piece.token.batch.to_string(), agent.label(piece.index)]);
    scrub(&mut command);
    for name in OF_JOB {
        command.env_remove(name);
    }
    if holds == Holds::Job {
        // The job's name is the batch's token: the plugin, where it is, knows the trial of this step by it.
        for (name, value) in options(&agent.dir, &agent.label(piece.index)) {
            command.env(name, value);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn options(dir: &SweepDir, trial: &str) -> [(String, String); 2] {
    let dir = dir.path().to_string_lossy().into_owned();
    [(format!("{OPTION_PREFIX}sweep_dir"), dir), (format!("{OPTION_PREFIX}sweep_trial"), trial.to_owned())]
}

/// Steps as calls.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_asks_for_its_part_and_no_more() {
        let share = Share { cpus: 2, mem_mib: None, gpus: 0, nodes: 1 };
        let whole =
            Allocation { job: Some(7), cpus: 8, mem_mib: Some(4000), nodes: 2, ..Allocation::default() };
        let line =
            |allocation: &Allocation, share| words(allocation, share, 7, &["--mpi=none".into()]).join(" ");
        assert_eq!(
            line(&whole, share),
            "srun --jobid=7 --nodes=1 --ntasks=1 --exact --cpus-per-task=2 --mem=1000M --input=none --quiet --mpi=none"
        );
        let other = Allocation { is_elsewhere: true, mem_mib: None, ..whole };
        assert_eq!(
            line(&other, Share { mem_mib: Some(300), gpus: 1, ..share }),
            "srun --jobid=7 --nodes=1 --ntasks=1 --overlap --cpus-per-task=2 --mem=300M --gpus=1 --input=none --quiet \
             --mpi=none"
        );
    }
}
