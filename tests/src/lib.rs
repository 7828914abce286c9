//! A private Slurm on this one machine, for the end-to-end tests, the demo and the benchmarks.
//!
//! [`Cluster::start`] brings up munged, slurmctld, one slurmd a node and, when asked, slurmdbd on a MariaDB of its
//! own, all inside one temporary directory and on ports of its own, so that many clusters live side by side.
//! A [keeper process](keeper) is the parent of everything a cluster starts and ends it all when the process that owns
//! the cluster is gone, however it went.
//!
//! This crate must never touch a Slurm, a munge or a database that it did not start itself.

mod account;
pub mod artifacts;
mod cluster;
mod config;
mod daemon;
mod database;
pub mod ended;
mod error;
mod job;
mod keeper;
mod node;
mod persisted;
mod plugstack;
mod ports;
mod process;
mod requirements;
mod root;
mod shared;
mod supervisor;
mod wait;

pub use account::Account;
pub use cluster::Cluster;
pub use config::{ClusterConfig, Load, PluginSetup};
pub use daemon::Daemon;
pub use error::TestbedError;
pub use job::{JobId, JobShow};
pub use node::NodeShow;
pub use persisted::Persisted;
pub use ports::PortBlock;
pub use process::{Ran, run, run_with_input};
pub use root::{Root, RootCopy, mirror};
pub use shared::shared;
pub use wait::wait_for;
