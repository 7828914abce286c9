//! A sweep over several partitions and over two clusters that share a slurmdbd and count their jobs alike. Nothing here
//! may tell a job by its number alone.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod apart;
mod pair;
mod partitions;
mod reached;
#[path = "../command_journeys/site.rs"]
#[allow(dead_code, reason = "each program of journeys uses a part of it")]
mod site;
