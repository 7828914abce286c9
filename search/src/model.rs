//! Models of what was told: what a configuration may be worth after some results, and where to look next. Never a
//! strategy's decision, which is made of what they say; never a clock, a thread or a generator of their own, and never
//! arithmetic whose order depends on the machine.

mod boxes;
mod candidates;
mod descent;
pub(crate) mod design;
mod elementary;
pub(crate) mod encoding;
mod failing;
mod fit;
pub mod forest;
pub(crate) mod front;
pub(crate) mod kernel;
mod linear;
mod parzen;
mod posterior;
pub(crate) mod proposing;
mod volume;
mod warp;
