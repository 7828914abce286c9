//! A trial's own seed, for its program's generators. Never drawn: a replicate run alone has the same.

use sha2::{Digest, Sha256};

/// The seed of a replicate of a configuration: the first 4 bytes, big-endian, of
/// SHA-256(`<sweep seed>:<config key>:<replicate>`), without the lowest bit, so that it is below 2^31 and fits a
/// signed int.
#[must_use]
pub fn trial_seed(sweep_seed: &str, config_key: &str, replicate: u32) -> u32 {
    let digest = Sha256::digest(format!("{sweep_seed}:{config_key}:{replicate}"));
    let word: [u8; 4] = digest[..4].try_into().expect("a digest has 32 bytes");
    u32::from_be_bytes(word) >> 1
}

/// Seeds of trials.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_that_of_its_text() {
        // printf %s '42:batch=32;lr=0.1:0' | sha256sum begins with 88de84ac, which is 2296284332 and halved this:
        assert_eq!(trial_seed("42", "batch=32;lr=0.1", 0), 1_148_142_166);
        assert_ne!(trial_seed("42", "batch=32;lr=0.1", 0), trial_seed("42", "batch=32;lr=0.1", 1));
        assert!((0..1000).all(|n| trial_seed("s", "k", n) < 1 << 31));
    }
}
