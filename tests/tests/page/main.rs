//! The page of `sweep report` in Chromium: it is drawn without a complaint, trials are chosen, sorted and filtered, in
//! light, dark and on paper; nothing that a user wrote runs; and a page of 10,000 trials is measured. `cargo xtask prove
//! --only page` runs it and keeps pictures in the target folder. It must never judge by how fast the machine is.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod browser;
mod choosing;
mod hostile;
mod large;
mod measured;
mod place;
