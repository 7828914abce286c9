//! Reports as data: what a person or a program is told, before anybody decides how it looks. Nothing here prints
//! or asks.

pub mod best;
pub mod calls;
pub mod compare;
pub mod cost;
pub mod detail;
pub mod failure;
pub mod grid;
pub mod importance;
pub mod list;
pub mod output;
pub mod page;
pub mod plan;
pub mod progress;
pub mod show;
pub mod status;
pub mod top;
