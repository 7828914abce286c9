//! What slurm-sweep's plugin and command must agree on: ids, values, file formats, paths, validation, states
//! and finding a trial.
//!
//! This crate is loaded into Slurm's daemons by way of the plugin. It starts no process, reads no clock, draws
//! no random number and prints nothing.

pub mod assignment;
pub mod attempt;
pub mod batch;
pub mod chain;
pub mod claim;
pub mod environment;
pub mod error;
pub mod event;
pub mod find;
pub mod id;
pub mod interpolate;
pub mod layout;
pub mod limits;
pub mod manifest;
pub mod metric;
pub mod name;
pub mod packing;
pub mod params;
pub mod record;
pub mod schema;
pub mod selector;
pub mod spread;
pub mod start;
pub mod state;
pub mod status;
pub mod trial;
pub mod value;

pub use error::Error;
