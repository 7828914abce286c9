//! The `sweep` command on a real Slurm, used by a real unprivileged user. One program for all journeys, so that each
//! kind of cluster is started once; nothing here may disturb a cluster's daemons, which other tests share.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod agent;
mod around;
mod calls;
mod chain;
mod driven;
mod examples;
mod exec;
mod executors;
mod forms;
mod nested;
mod notify;
mod run;
mod site;
mod status;
mod stop;
mod submit;
