//! What Slurm says of the step that the plugin is in. Nothing here comes from the job's environment, which is the
//! user's to write; the array ids of an srun step are the exception that Slurm makes.

use slurm_spank::spank_sys as sys;
use sweep_core::id::{JobName, is_plain_name};

use crate::abi::number;
use crate::as_user::User;
use crate::ffi::{self, Spank};

/// Longest name of a node.
const NODE_LEN: usize = 255;

/// Which step of a job this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The batch script.
    Batch,
    /// salloc's shell on a node.
    Interactive,
    /// The step that holds foreign processes.
    Extern,
    /// An srun.
    Srun(u32),
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Batch => f.write_str("batch"),
            Self::Interactive => f.write_str("interactive"),
            Self::Extern => f.write_str("extern"),
            Self::Srun(number) => number.fmt(f),
        }
    }
}

/// A step of a job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Slurm's job id; each array task has its own.
    pub id: u32,
    /// The step.
    pub step: Step,
    /// Whose rights it has.
    pub user: User,
    /// The array's job id, of an array task.
    pub array_job: Option<u32>,
    /// The array task. In an srun step the user can change it, and only for that step.
    pub array_task: Option<u32>,
    /// Slurm's name of the cluster; slurmctld writes it over the user's in the batch step only.
    pub cluster: Option<String>,
    /// The node, as a plain name.
    pub node: String,
    /// Which of the step's nodes this is, from 0.
    pub node_rank: u32,
    /// The step's tasks on this node.
    pub local_tasks: u32,
}

impl Job {
    /// What Slurm says; none where it does not say the least that is needed.
    pub fn of(spank: &Spank) -> Option<Self> {
        let number = |item| spank.number(item);
        let step = match number(sys::spank_item_S_JOB_STEPID)? {
            number::BATCH_STEP => Step::Batch,
            number::EXTERN_STEP => Step::Extern,
            number::INTERACTIVE_STEP => Step::Interactive,
            other => Step::Srun(other),
        };
        let array_task = number(sys::spank_item_S_JOB_ARRAY_TASK_ID).filter(|&task| task != number::NO_VAL);
        let array_job = number(sys::spank_item_S_JOB_ARRAY_ID).filter(|&job| job != 0);
        Some(Self {
            id: number(sys::spank_item_S_JOB_ID)?,
            step,
            user: User {
                uid: number(sys::spank_item_S_JOB_UID)?,
                gid: number(sys::spank_item_S_JOB_GID)?,
                groups: spank.groups()?,
            },
            array_job: array_task.and(array_job),
            array_task,
            cluster: (step == Step::Batch)
                .then(|| spank.text("SLURM_CLUSTER_NAME", NODE_LEN))
                .flatten()
                .filter(|name| is_plain_name(name, NODE_LEN)),
            node: node(),
            node_rank: number(sys::spank_item_S_JOB_NODEID).unwrap_or(0),
            local_tasks: match step {
                Step::Batch => 1,
                _ => number(sys::spank_item_S_JOB_LOCAL_TASK_COUNT).unwrap_or(1),
            },
        })
    }

    /// The job as records name it.
    pub fn name(&self) -> JobName {
        JobName::slurm(self.id)
    }
}

/// slurmd's own name for this node, which slurmstepd has from it, or the host's.
fn node() -> String {
    let names = [std::env::var("SLURMD_NODENAME").ok(), ffi::host_name()];
    names.into_iter().flatten().find(|name| is_plain_name(name, NODE_LEN)).unwrap_or_else(|| "node".into())
}
