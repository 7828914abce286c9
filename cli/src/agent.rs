//! An agent: runs many trials in one allocation, side by side, each claimed and recorded as in a job of its own. It
//! never takes a trial that somebody else has, nor one that its time would cut off.

mod allocation;
mod bell;
mod clock;
mod keep;
mod live;
mod room;
mod search;
mod serve;
mod step;
mod work;

use std::time::Duration;

use sweep_core::id::{JobName, TrialIndex};
use sweep_core::layout::SweepDir;
use sweep_core::manifest::Manifest;
use sweep_core::packing::{Launch, Packing};

use crate::error::{Error, Result};
use crate::task::identity::{Identity, host, process_start};
use crate::task::parent::Parent;

pub use allocation::Allocation;
pub use room::{Room, Share};
pub use work::Work;

/// How an agent does its work.
#[derive(Debug)]
pub struct Agent {
    /// The sweep directory, absolute.
    pub dir: SweepDir,
    /// What was asked; its packing is this agent's, with what its user said over it.
    pub manifest: Manifest,
    /// Who runs the attempts.
    pub identity: Identity,
    /// What it works in.
    pub allocation: Allocation,
    /// Who started it.
    pub parent: Parent,
    /// Most trials that it takes.
    pub count: Option<u32>,
}

/// What an agent did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Trials that it started.
    pub started: u32,
    /// Those of them that ended with exit code 0.
    pub completed: u32,
    /// Those that did not.
    pub failed: u32,
    /// Those that were cut off with it, and have no end of their own.
    pub cut_off: u32,
    /// Trials of its own that it did not come to.
    pub rest: u32,
    /// Trials that no allocation like this one could run.
    pub too_large: u32,
    /// Why it came to no more.
    pub why: Why,
}

/// Why an agent ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Why {
    /// There was nothing more to take.
    #[default]
    Done,
    /// It took as many as it was told to.
    Counted,
    /// The time that is left would not do for another trial.
    Time,
    /// The sweep was stopped.
    Stopped,
    /// It was told to end, by this signal.
    Told(i32),
    /// Who started it is gone.
    CutOff,
    /// No proposal came for as long as it waits.
    Waited,
}

impl Agent {
    /// This process as an agent of a job, or of this machine.
    ///
    /// # Errors
    /// Where the process table cannot be read.
    pub fn identity(job: Option<u32>, env: impl Fn(&str) -> Option<String>) -> Result<Identity> {
        let pid = std::process::id();
        let start =
            process_start(pid).ok_or_else(|| Error::world(format!("cannot read `/proc/{pid}/stat`")))?;
        let agent = JobName::local(&host(), pid, start)?;
        let identity = match job {
            Some(job) => {
                let own = Identity::of_slurm(&env).ok().filter(|own| own.job == JobName::slurm(job));
                let here = Identity::of_process()?;
                own.unwrap_or(Identity { job: JobName::slurm(job), step: "agent".into(), ..here })
            }
            None => Identity::of_process()?,
        };
        Ok(Identity { agent: Some(agent), ..identity })
    }

    /// Runs its work to the end.
    ///
    /// # Errors
    /// Where a trial's folder or record cannot be written; what runs by then is waited for first.
    pub fn run(&self, work: Work) -> Result<Summary> {
        serve::serve(self, work)
    }

    fn packing(&self) -> &Packing {
        &self.manifest.packing
    }

    /// Whether trials are steps; else they are children of this process.
    fn is_by_step(&self) -> bool {
        match self.packing().launch {
            Launch::Step => true,
            Launch::Direct => false,
            // A trial that srun launches is spread by that.
            Launch::Auto => {
                self.allocation.is_elsewhere || self.allocation.nodes > 1 && !self.packing().launches()
            }
        }
    }

    /// All that it can give to trials.
    fn room(&self) -> Room {
        let whole = &self.allocation;
        let is_spread = self.is_by_step() || self.packing().launches();
        let cpus = if is_spread { whole.cpus } else { whole.cpus_here };
        let slots = self.packing().slots.unwrap_or(u32::MAX);
        let slots = slots.min(self.manifest.concurrency.unwrap_or(u32::MAX)).max(1);
        let nodes = if is_spread { whole.nodes } else { 1 };
        let mem_mib =
            whole.mem_mib.map(|mem| if is_spread { mem } else { mem / u64::from(whole.nodes.max(1)) });
        Room { slots, cpus, mem_mib, gpus: whole.gpus.clone(), nodes }
    }

    /// How long it waits for the next trial of a search.
    fn patience(&self) -> Duration {
        Duration::from_secs(self.packing().wait_s.unwrap_or(WAIT_S).into())
    }

    fn label(&self, index: TrialIndex) -> String {
        index.label().to_string()
    }
}

/// How long an agent waits for the next trial where nobody says: a driver that is a job may wait for its own start.
const WAIT_S: u32 = 300;
