//! What drives a sweep: making its directory, cutting its trials into batches, submitting them, and finding out
//! what is true of each. Nothing here prints.

pub mod advance;
pub mod again;
pub mod batches;
pub mod best;
pub mod budget;
pub mod calls;
pub mod canary;
pub mod checkpoints;
pub mod choose;
pub mod clean;
pub mod create;
pub mod drift;
pub mod drive;
pub mod extend;
pub mod files;
pub mod follow;
pub mod home;
pub mod journal;
pub mod lease;
pub mod look;
pub mod notify;
pub mod pace;
pub mod prune;
pub mod room;
pub mod search;
pub mod settle;
pub mod site;
pub mod source;
pub mod spread;
pub mod start;
pub mod stop;
pub mod submit;
pub mod successor;
pub mod table;
pub mod target;
