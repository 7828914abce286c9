//! slurm-sweep's search: what a space is, and the strategies that propose trials from it.
//!
//! Everything here is a pure function of the space, the seed and what trials reported: the same on every
//! machine, and resuming is replaying. This crate opens no file, reads no clock, starts no process and holds no
//! generator that two callers share.

pub mod asha;
pub mod band_stop;
pub mod bayes;
mod cohort;
pub mod course;
pub mod error;
pub mod expand;
pub mod experiment;
pub mod explicit;
pub mod genetic;
pub mod grid;
pub mod hyperband;
pub mod importance;
pub mod ladder;
pub mod latin;
mod leaders;
pub mod median;
mod members;
pub mod method;
pub mod model;
pub mod pareto;
pub mod pbt;
pub mod price;
pub mod random;
pub mod rng;
pub mod rung_stop;
pub mod sample;
pub mod seed;
mod seen;
mod skips;
pub mod sobol;
pub mod source;
pub mod space;
pub mod stopping;
pub mod strategy;
pub mod trials;
mod vary;

pub use course::{Course, End, Next};
pub use error::Error;
pub use experiment::{Experiment, Past, Row};
pub use method::{AshaMode, Method, Rungs, Stop};
pub use space::{Axis, Combinations, Domain, Space};
pub use strategy::{Ask, Event, Proposal, Strategy};
