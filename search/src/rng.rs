//! The generator that a strategy is given for one decision. Its stream depends on the seed and the decision's
//! number alone; never on what was drawn before, so that any decision can be made again.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng};
use sha2::{Digest, Sha256};

/// A generator for one decision.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The generator of decision `number`: ChaCha8 keyed by SHA-256(seed ‖ number as 8 bytes, big-endian).
    #[must_use]
    pub fn new(seed: &str, number: u64) -> Self {
        let key = Sha256::new().chain_update(seed).chain_update(number.to_be_bytes()).finalize();
        Self(ChaCha8Rng::from_seed(key.into()))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `[0, 1)` with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        unit_of_bits(self.bits())
    }

    /// A whole number below another, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // The high half of a product: a share of the 64 bits for each, none larger than another by more than one.
        let product = u128::from(self.bits()) * end as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// Puts things into an order in which each is as likely anywhere.
    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last + 1));
        }
    }
}

/// The top 53 bits as a number in `[0, 1)`.
#[must_use]
pub(crate) fn unit_of_bits(bits: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let top = (bits >> 11) as f64;
    top / (1_u64 << 53) as f64
}

/// Streams.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_draws_the_same_again_and_another_differs() {
        let draw = |seed, number| {
            let mut rng = Rng::new(seed, number);
            [rng.bits(), rng.bits()]
        };
        assert_eq!(draw("42", 7), draw("42", 7));
        assert_ne!(draw("42", 7), draw("42", 8));
        assert_ne!(draw("42", 7), draw("43", 7));
    }

    #[test]
    fn a_shuffle_keeps_all_and_leaves_nothing_where_it_was_for_ever() {
        let orders = (0..200).map(|number| {
            let mut things = [0, 1, 2];
            Rng::new("s", number).shuffle(&mut things);
            things
        });
        let found: std::collections::BTreeSet<_> = orders.collect();
        assert_eq!(found.len(), 6, "{found:?}");
    }

    #[test]
    fn a_unit_is_below_one() {
        assert_eq!(unit_of_bits(0), 0.0);
        assert!(unit_of_bits(u64::MAX) < 1.0);
    }
}
