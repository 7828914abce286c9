//! The site's records from the administrator's side: listed, checked, exported, collected. Nothing here writes into
//! an audit directory that a plugin writes to, nor takes a lock of its files: looking never costs a record.

pub mod attempts;
pub mod collect;
pub mod files;
pub mod filter;
pub mod heads;
pub mod lines;
pub mod list;
pub mod screen;
pub mod table;
pub mod verify;
mod walk;
