//! slurm-sweep's command: a library, so that its parts can be tested and fuzzed, and the `sweep` binary over it.
//!
//! Imports go down only: command, then the live view, then render and report, then driver, then executor and task, then spec and error.

pub mod agent;
pub mod ask_tell;
pub mod audit;
pub mod command;
pub mod doctor;
pub mod driver;
pub mod error;
pub mod executor;
pub mod export;
pub mod import;
pub mod live;
pub mod plugin_file;
pub mod render;
pub mod report;
pub mod spec;
pub mod task;
