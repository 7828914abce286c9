//! Reports as data: what a person or a program is told, before anybody decides how it looks. Nothing here prints
//! or asks.

pub mod cost;
pub mod list;
pub mod plan;
pub mod show;
pub mod status;
