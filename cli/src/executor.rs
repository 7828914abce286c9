//! What runs trials: Slurm's jobs, or processes of this machine. An executor knows nothing of searches: it takes
//! intents and says what became of them.

pub mod account;
pub mod calls;
pub mod local;
pub mod process;
pub mod slurm;
