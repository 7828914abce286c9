//! slurm-sweep's search: what a space is, and the strategies that propose trials from it.
//!
//! Everything here is a pure function of the space, the seed and what trials reported: the same on every
//! machine, and resuming is replaying. This crate opens no file, reads no clock, starts no process and holds no
//! generator that two callers share.

pub mod course;
pub mod error;
pub mod expand;
pub mod experiment;
pub mod explicit;
pub mod grid;
pub mod random;
pub mod rng;
pub mod sample;
pub mod seed;
pub mod space;
pub mod strategy;
pub mod trials;

pub use course::{Course, End, Next};
pub use error::Error;
pub use experiment::{Experiment, Method, Row};
pub use space::{Axis, Combinations, Domain, Space};
pub use strategy::{Ask, Event, Proposal, Strategy};
