//! The `sweep` command.
fn main() {}
