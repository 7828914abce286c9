//! Which rungs a configuration may skip that a model expects much of, and how many may: what is slow to learn is among
//! the worst of the low rungs, and halving alone would end it. Never more of them on a rung than it has places for.

use crate::ladder::{self, Bracket};

/// A rung that a model may be made of has a place for those that skip to it for so many that halving alone leaves it.
const SHARE: u64 = 2;

/// Gives the rungs from a budget on their places for those that skip to them, and for those whom they then promote.
pub(crate) fn make_room(bracket: &mut Bracket, eta: u32, least: u64) {
    let places = places(bracket, eta, least);
    let mut below = None;
    for (rung, places) in bracket.rungs.iter_mut().zip(places) {
        let promoted = below.map_or(rung.configurations, |below: u64| below / u64::from(eta.max(2)));
        rung.configurations = promoted + places;
        below = Some(rung.configurations);
    }
}

/// How many may skip to each rung.
fn places(bracket: &Bracket, eta: u32, least: u64) -> Vec<u64> {
    let begin = bracket.rungs.first().map_or(0, |rung| rung.configurations);
    let left = |stage| begin / u64::from(eta.max(2)).saturating_pow(stage);
    let has_room = |stage, rung: &ladder::Rung| stage > 0 && rung.budget >= least;
    let rungs = (0..).zip(&bracket.rungs);
    rungs.map(|(stage, rung)| if has_room(stage, rung) { left(stage) / SHARE } else { 0 }).collect()
}

/// The rungs of a bracket, seen from those that skip some.
#[derive(Clone, Debug, Default)]
pub(crate) struct Skips {
    rungs: Vec<Rung>,
}

/// A rung.
#[derive(Clone, Copy, Debug)]
struct Rung {
    budget: u64,
    /// How many may still skip to it.
    left: u64,
}

impl Skips {
    /// Those of a bracket of which nobody has begun, with places from a budget on.
    pub(crate) fn of(bracket: &Bracket, eta: u32, least: u64) -> Self {
        let rungs = bracket.rungs.iter().zip(places(bracket, eta, least));
        Self { rungs: rungs.map(|(rung, left)| Rung { budget: rung.budget, left }).collect() }
    }

    /// The budget of the highest rung that spends no more than this, if somebody may still skip to it.
    pub(crate) fn open(&self, budget: u64) -> Option<u64> {
        let stage = self.stage(budget)?;
        Some(self.rungs[stage]).filter(|rung| rung.left > 0).map(|rung| rung.budget)
    }

    /// Whether one that had a result of the first budget and goes on to the other skips a rung.
    pub(crate) fn skip(&self, from: u64, to: u64) -> bool {
        let stages = self.stage(from).zip(self.stage(to));
        stages.is_some_and(|(from, to)| to > from + 1)
    }

    /// Somebody skips to the rung of a budget.
    pub(crate) fn take(&mut self, budget: u64) {
        if let Some(stage) = self.stage(budget) {
            self.rungs[stage].left = self.rungs[stage].left.saturating_sub(1);
        }
    }

    /// Somebody who had is lost.
    pub(crate) fn give_back(&mut self, budget: u64) {
        if let Some(stage) = self.stage(budget) {
            self.rungs[stage].left += 1;
        }
    }

    fn stage(&self, budget: u64) -> Option<usize> {
        self.rungs.iter().rposition(|rung| rung.budget <= budget)
    }
}

/// Rungs.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::asha::shares;
    use crate::ladder::{Ladder, Selection};

    fn bracket(count: u64) -> Bracket {
        let ladder = Ladder { brackets: Selection::of(&[0]), ..Ladder::of_most(81, 3, 1).unwrap() };
        let mut bracket = shares(&ladder, count).unwrap().remove(0);
        make_room(&mut bracket, 3, 9);
        bracket
    }

    fn skips(count: u64) -> Skips {
        Skips::of(&bracket(count), 3, 9)
    }

    #[test]
    fn for_two_that_halving_leaves_a_rung_one_may_skip_to_it() {
        // Halving alone leaves 33, 11 and 3.
        let places: Vec<_> = bracket(300).rungs.iter().map(|rung| rung.configurations).collect();
        assert_eq!(places, [300, 100, 33 + 16, 49 / 3 + 5, 21 / 3 + 1]);
        let mut skips = skips(300);
        assert_eq!((skips.open(1), skips.open(3), skips.open(8)), (None, None, None));
        for (budget, rung, places) in [(20, 9, 16), (27, 27, 5), (100, 81, 1)] {
            for _ in 0..places {
                assert_eq!(skips.open(budget), Some(rung));
                skips.take(rung);
            }
            assert_eq!(skips.open(budget), None, "{budget}");
            skips.give_back(rung);
            assert_eq!(skips.open(budget), Some(rung));
        }
    }

    #[test]
    fn nobody_skips_to_a_rung_that_halving_leaves_one() {
        assert_eq!(skips(161).open(81), None);
        assert_eq!(skips(162).open(81), Some(81));
        assert_eq!(Skips::default().open(81), None);
    }

    #[test]
    fn who_goes_on_to_the_next_rung_skips_none() {
        let skips = skips(300);
        assert!(!skips.skip(1, 3) && !skips.skip(9, 27) && !skips.skip(27, 9) && !skips.skip(9, 9));
        assert!(skips.skip(1, 9) && skips.skip(3, 81));
    }
}
