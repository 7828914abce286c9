//! A Latin hypercube (McKay et al. 1979): each axis is cut into as many strata as there are trials, and each stratum
//! of each axis is met once. Never a list of strata: a trial's is computed from its number.

use sha2::{Digest, Sha256};
use sweep_core::id::TrialIndex;

use crate::rng::Rng;
use crate::sample;
use crate::space::Space;
use crate::strategy::{Ask, Event, Proposal, Strategy};

/// Proposes the points of one hypercube.
#[derive(Clone, Debug)]
pub struct Latin {
    space: Space,
    seed: String,
    orders: Vec<Order>,
    count: u64,
    next: u64,
}

impl Latin {
    /// `count` points, one for each stratum.
    #[must_use]
    pub fn new(space: Space, seed: &str, count: u64) -> Self {
        let orders = space.axes().iter().map(|axis| Order::new(seed, &axis.name, count)).collect();
        Self { space, seed: seed.to_owned(), orders, count, next: 0 }
    }

    #[expect(clippy::cast_precision_loss, reason = "no more than 2^53 trials")]
    fn unit(&self, axis: usize) -> f64 {
        let (Some(order), Some(named)) = (self.orders.get(axis), self.space.axes().get(axis)) else {
            return 0.0;
        };
        let inside = sample::unit(&self.seed, self.next, &named.name);
        let u = (order.at(self.next) as f64 + inside) / self.count as f64;
        u.min(1.0 - f64::EPSILON)
    }
}

impl Strategy for Latin {
    fn ask(&self, _rng: &mut Rng) -> Ask {
        if self.next >= self.count {
            return Ask::Done;
        }
        let params = self.space.assign(|axis| self.unit(axis));
        Ask::Run(Proposal { params, ..Proposal::default() })
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        if let Event::Proposed(_) = event {
            self.next = self.next.max(u64::from(trial.0) + 1);
        }
    }
}

/// The numbers below a count in a shuffled order, each computed for itself: a Feistel network over the next even
/// number of bits, walked until it comes back below the count (Black and Rogaway 2002).
#[derive(Clone, Copy, Debug)]
struct Order {
    keys: [u64; ROUNDS],
    half_bits: u32,
    count: u64,
}

const ROUNDS: usize = 6;

impl Order {
    fn new(seed: &str, axis: &str, count: u64) -> Self {
        let key = |round: u8| {
            let keyed = Sha256::new().chain_update("latin ").chain_update(seed).chain_update([0, round]);
            let digest = keyed.chain_update(axis).finalize();
            u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
        };
        let bits = (u64::BITS - count.saturating_sub(1).leading_zeros()).max(2);
        Self { keys: std::array::from_fn(|round| key(round as u8)), half_bits: bits.div_ceil(2), count }
    }

    /// The number at a place below the count.
    fn at(&self, place: u64) -> u64 {
        let mut number = self.permuted(place);
        // The network permutes fewer than four times as many numbers, so this ends soon, and never comes back to a
        // number of another place.
        while number >= self.count {
            number = self.permuted(number);
        }
        number
    }

    fn permuted(&self, number: u64) -> u64 {
        let mask = (1 << self.half_bits) - 1;
        let (mut left, mut right) = (number >> self.half_bits, number & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mixed(right ^ key) & mask));
        }
        left << self.half_bits | right
    }
}

/// The finisher of SplitMix64 (Steele et al. 2014).
fn mixed(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Strata.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Axis, Domain};

    #[test]
    fn an_order_has_every_number_once() {
        for count in [1, 2, 3, 4, 5, 17, 64, 1000, 4097] {
            let order = Order::new("42", "lr", count);
            let mut numbers: Vec<_> = (0..count).map(|place| order.at(place)).collect();
            assert!(count < 17 || numbers.windows(2).any(|pair| pair[0] > pair[1]), "{count} in order");
            numbers.sort_unstable();
            assert!(numbers.into_iter().eq(0..count), "{count}");
        }
        let order = Order::new("42", "lr", u64::MAX);
        assert_ne!(order.at(0), order.at(u64::MAX - 1));
    }

    #[test]
    fn every_stratum_of_every_axis_is_met_once() {
        let domain = Domain::Uniform { min: 0.0, max: 1.0 };
        let axes = ["a", "b", "c"].map(|name| Axis { name: name.into(), domain: domain.clone() });
        for count in [1_u32, 10, 37] {
            let mut latin = Latin::new(Space::new(axes.clone().into()), "42", count.into());
            let mut strata = vec![Vec::new(); 3];
            for number in 0..count {
                let Ask::Run(proposal) = latin.ask(&mut Rng::new("", 0)) else { panic!("it ended") };
                for ((_, value), strata) in proposal.params.iter().zip(&mut strata) {
                    strata.push((value.as_f64().unwrap() * f64::from(count)) as u32);
                }
                latin.tell(TrialIndex(number), &Event::Proposed(proposal));
            }
            assert_eq!(latin.ask(&mut Rng::new("", 0)), Ask::Done);
            assert!(count == 1 || strata[0] != strata[1]);
            for mut axis in strata {
                axis.sort_unstable();
                assert!(axis.into_iter().eq(0..count));
            }
        }
    }
}
