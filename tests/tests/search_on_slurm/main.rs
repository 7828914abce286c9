//! Searches on a real Slurm that nobody watches: a job drives them, and what befalls it, slurmctld and the nodes must
//! change nothing of what is found. Each trial leaves a line of its own when it begins and when it ends, so that
//! nothing here believes what `sweep` or Slurm say of a run.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod chaos;
mod found;
mod hyperband;
mod lineage;
mod outcome;
mod place;
mod steps;
mod time_limit;
#[path = "../exactly_once/tracer.rs"]
#[allow(dead_code, reason = "the proof of exactly once uses more of it")]
mod tracer;

/// What the tracer calls a folder with a spec.
mod site {
    pub type Home = crate::place::Place<'static>;
}
