//! Draws without replacement from the numbers `0..total`, the same on every machine for a seed. Never a list of
//! all numbers unless more than half of them are drawn.
//!
//! The counter begins at 0 and goes up by one with each hash. A draw is the first 16 bytes of
//! SHA-256(seed ‖ counter as 8 bytes, big-endian), read as a big-endian number, modulo `total`; one that was drawn
//! before is skipped. This is hpc-compose's rule (0.2.3), so a seed gives the trials that it gives there.
//!
//! Near the end nearly every hash would be skipped. For spaces up to [`EXACT`] numbers that costs a fraction of a
//! second at worst, and the rule holds to the last draw. For larger ones it holds until more than half of all
//! numbers are drawn; from there the numbers left are listed in rising order once, each further draw takes the
//! place `hash mod length` of that list, and the list's last number moves into the gap. Memory is a few bytes a
//! draw: the list of those left is shorter than the number of draws that came before it.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use crate::error::Error;

/// Up to this many numbers, hpc-compose's rule holds to the last draw.
pub const EXACT: u128 = 1 << 16;
/// A bit a number is kept where that is at most this many bits a draw.
const BITS_PER_DRAW: u128 = 16;

/// The draws, in order.
#[derive(Clone, Debug)]
pub struct Sampler {
    seeded: Sha256,
    counter: u64,
    total: u128,
    draws: u64,
    drawn: u64,
    seen: Seen,
    left: Option<Vec<u128>>,
    next: Option<u128>,
}

#[derive(Clone, Debug)]
enum Seen {
    Bits(Vec<u64>),
    Set(HashSet<u128>),
}

impl Sampler {
    /// `draws` numbers below `total`.
    ///
    /// # Errors
    /// [`Error::TooFew`] where there are not so many.
    pub fn new(seed: &str, total: u128, draws: u64) -> Result<Self, Error> {
        if u128::from(draws) > total {
            return Err(Error::TooFew { asked: draws, combinations: total });
        }
        let seen = if total <= u128::from(draws) * BITS_PER_DRAW {
            let words = usize::try_from(total.div_ceil(64)).map_err(|_| Error::TooMany)?;
            Seen::Bits(vec![0; words])
        } else {
            Seen::Set(HashSet::new())
        };
        let seeded = Sha256::new().chain_update(seed);
        let mut sampler = Self { seeded, counter: 0, total, draws, drawn: 0, seen, left: None, next: None };
        sampler.advance();
        Ok(sampler)
    }

    /// The draw that is next, the same until [`Self::advance`].
    #[must_use]
    pub fn peek(&self) -> Option<u128> {
        self.next
    }

    /// Goes on to the draw after.
    pub fn advance(&mut self) {
        self.next = None;
        if self.drawn == self.draws {
            return;
        }
        let half = u128::from(self.drawn) * 2 > self.total;
        if self.total > EXACT && half && self.left.is_none() {
            self.left = Some((0..self.total).filter(|number| !self.seen.contains(*number)).collect());
        }
        let next = loop {
            let hash = self.hash();
            match &mut self.left {
                Some(left) => {
                    let place = hash % left.len() as u128;
                    break left.swap_remove(usize::try_from(place).expect("below the list's length"));
                }
                None if self.seen.insert(hash % self.total) => break hash % self.total,
                None => {}
            }
        };
        self.drawn += 1;
        self.next = Some(next);
    }

    fn hash(&mut self) -> u128 {
        let digest = self.seeded.clone().chain_update(self.counter.to_be_bytes()).finalize();
        self.counter += 1;
        let word: [u8; 16] = digest[..16].try_into().expect("a digest has 32 bytes");
        u128::from_be_bytes(word)
    }
}

impl Iterator for Sampler {
    type Item = u128;

    fn next(&mut self) -> Option<u128> {
        let next = self.peek()?;
        self.advance();
        Some(next)
    }
}

impl Seen {
    /// Whether the number was new.
    fn insert(&mut self, number: u128) -> bool {
        match self {
            Self::Bits(words) => {
                let (word, bit) = place_of_bit(number);
                let new = words[word] & bit == 0;
                words[word] |= bit;
                new
            }
            Self::Set(set) => set.insert(number),
        }
    }

    fn contains(&self, number: u128) -> bool {
        match self {
            Self::Bits(words) => {
                let (word, bit) = place_of_bit(number);
                words[word] & bit != 0
            }
            Self::Set(set) => set.contains(&number),
        }
    }
}

fn place_of_bit(number: u128) -> (usize, u64) {
    let word = usize::try_from(number / 64).expect("the bits were allocated");
    (word, 1 << (number % 64))
}

/// A number in `[0, 1)` for one axis of one trial: the top 53 bits of the first 8 bytes, big-endian, of
/// SHA-256(seed ‖ trial as 8 bytes, big-endian ‖ axis name). It depends on nothing drawn before.
#[must_use]
pub fn unit(seed: &str, trial: u64, axis: &str) -> f64 {
    let digest =
        Sha256::new().chain_update(seed).chain_update(trial.to_be_bytes()).chain_update(axis).finalize();
    let word: [u8; 8] = digest[..8].try_into().expect("a digest has 32 bytes");
    crate::rng::unit_of_bits(u64::from_be_bytes(word))
}

/// Draws: which, how often, how fast.
#[cfg(test)]
mod tests {
    use super::*;

    fn draws(seed: &str, total: u128, count: u64) -> Vec<u128> {
        Sampler::new(seed, total, count).unwrap().collect()
    }

    /// The expected numbers were computed from the rule by a few lines of Python, not by this code.
    #[test]
    fn a_seed_draws_what_it_draws_in_hpc_compose() {
        assert_eq!(draws("paper-table-2", 6, 5), [4, 3, 1, 0, 2]);
        assert_eq!(draws("paper-table-2", 6, 6), [4, 3, 1, 0, 2, 5]);
        assert_eq!(draws("42", 1000, 8), [129, 391, 34, 511, 239, 976, 326, 66]);
        assert_eq!(draws("7", 1_000_000, 5), [290_691, 365_006, 323_718, 1154, 529_045]);
    }

    #[test]
    fn every_number_is_drawn_once() {
        for total in [1, 2, 7, 64, 65, 1000, EXACT - 1, EXACT, EXACT + 1, 200_000] {
            let mut all = draws("s", total, u64::try_from(total).unwrap());
            all.sort_unstable();
            assert!(all.into_iter().eq(0..total), "{total}");
        }
    }

    #[test]
    fn fewer_draws_are_the_first_of_more() {
        for total in [1000, EXACT + 1] {
            let all = draws("s", total, u64::try_from(total).unwrap());
            for count in [1, total / 2 - 1, total / 2 + 2, total - 1] {
                let count = u64::try_from(count).unwrap();
                assert_eq!(draws("s", total, count)[..], all[..usize::try_from(count).unwrap()]);
            }
        }
    }

    #[test]
    fn drawing_all_of_a_large_space_takes_one_hash_a_draw_past_the_half() {
        let total = 300_000;
        let mut sampler = Sampler::new("s", total, 300_000).unwrap();
        assert_eq!(sampler.by_ref().count(), 300_000);
        // The coupon collector would take about total · ln(total), 3.8 million.
        assert!(u128::from(sampler.counter) < total * 3 / 2, "{}", sampler.counter);
    }

    #[test]
    fn a_huge_space_costs_no_more_than_its_draws() {
        let drawn = draws("s", u128::MAX, 1000);
        assert_eq!(drawn.len(), 1000);
        assert!(matches!(Sampler::new("s", u128::MAX, 10).unwrap().seen, Seen::Set(_)));
    }

    #[test]
    fn more_draws_than_numbers_are_refused() {
        assert_eq!(Sampler::new("s", 5, 6).err(), Some(Error::TooFew { asked: 6, combinations: 5 }));
    }

    #[test]
    fn a_unit_depends_on_seed_trial_and_axis() {
        let of = |seed, trial, axis| unit(seed, trial, axis).to_bits();
        assert_eq!(of("s", 3, "lr"), of("s", 3, "lr"));
        for other in [of("t", 3, "lr"), of("s", 4, "lr"), of("s", 3, "l2")] {
            assert_ne!(of("s", 3, "lr"), other);
        }
    }
}
