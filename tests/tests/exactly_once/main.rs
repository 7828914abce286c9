//! The proof that no trial is lost and none runs twice: commands are killed at every point, Slurm is stopped,
//! restarted and made to forget, and each trial must say itself that it ran exactly once. Nothing here believes what
//! `sweep` or Slurm say of a run; each trial leaves a line of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod again;
mod agents;
mod controller;
mod killing;
mod kills;
mod lease;
mod local;
mod orphans;
mod outcome;
mod purged;
mod site;
mod tracer;
mod twins;
