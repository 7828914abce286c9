//! Which configurations came before. Never the configurations themselves: eight bytes of a digest, the same on every
//! machine, since all machines must draw again alike even where two configurations had one digest.

use std::collections::HashSet;

use sha2::{Digest, Sha256};
use sweep_core::params::Params;

/// A set of configurations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(HashSet<u64>);

impl Seen {
    /// Whether a configuration came before.
    pub(crate) fn has(&self, params: &Params) -> bool {
        self.0.contains(&digest(params))
    }

    /// Notes one.
    pub(crate) fn note(&mut self, params: &Params) {
        self.0.insert(digest(params));
    }

    /// How many came.
    pub(crate) fn count(&self) -> u128 {
        self.0.len() as u128
    }

    /// Forgets them.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

fn digest(params: &Params) -> u64 {
    let digest = Sha256::digest(params.config_key());
    u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
}
