//! The arithmetic of Hyperband (Li et al. 2017, algorithm 1): how many configurations each bracket begins with, and
//! what each rung may spend. Never a logarithm: ⌊ln 243 / ln 3⌋ is 4 in floating point, and a bracket would be lost.

use sweep_core::limits;

use crate::error::Error;

/// Budgets from the least to the most, each `eta` times the one before, and the brackets over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// How many times as much each rung gives to one configuration, at least 2; one in so many goes on.
    pub eta: u32,
    /// The number of the last rung, from 0: there are so many brackets and one more.
    pub s_max: u32,
    /// What the lowest rung gives, at least 1.
    pub least: u64,
    /// What the highest rung gives: `least * eta^s_max` or, where that is less than what was asked for, what was.
    pub most: u64,
    /// What every configuration gets on top.
    pub guaranteed: u64,
    /// The brackets that run.
    pub brackets: Selection,
    /// The last rung that runs, counted in each bracket from 0; one past a bracket's end is its end.
    pub last_stage: Option<u32>,
}

/// Which brackets run. Bracket 0 begins with most configurations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection(Option<u64>);

impl Selection {
    /// These. A ladder never has a bracket past 63, since each doubles a budget at least.
    #[must_use]
    pub fn of(brackets: &[u32]) -> Self {
        let bit = |bracket: &u32| 1_u64.checked_shl(*bracket).unwrap_or(0);
        Self(Some(brackets.iter().map(bit).fold(0, |mask, bit| mask | bit)))
    }

    /// Whether a bracket runs.
    #[must_use]
    pub fn has(self, bracket: u32) -> bool {
        self.0.is_none_or(|mask| mask.checked_shr(bracket).is_some_and(|mask| mask & 1 == 1))
    }

    /// Whether nobody chose.
    #[must_use]
    pub fn is_all(self) -> bool {
        self.0.is_none()
    }
}

/// A bracket's rungs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bracket {
    /// Its number, from 0.
    pub number: u32,
    /// Its rungs, the cheapest first; never empty.
    pub rungs: Vec<Rung>,
}

/// One rung of a bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// How many configurations run in it.
    pub configurations: u64,
    /// What each may spend in all, what it spent on lower rungs included.
    pub budget: u64,
}

impl Ladder {
    /// A ladder of `s_max + 1` rungs; none where the highest budget passes 2^64 or `eta` is below 2.
    #[must_use]
    pub fn of_s_max(s_max: u32, eta: u32, least: u64) -> Option<Self> {
        let most = u64::from(eta).checked_pow(s_max)?.checked_mul(least)?;
        Self::of_most(most, eta, least)
    }

    /// A ladder up to a highest budget: the largest `s_max` with `least * eta^s_max <= most`. None where `least` is
    /// 0 or above `most`, or `eta` is below 2.
    #[must_use]
    pub fn of_most(most: u64, eta: u32, least: u64) -> Option<Self> {
        if least == 0 || least > most || eta < 2 {
            return None;
        }
        let (mut s_max, mut level) = (0, least);
        while let Some(next) = level.checked_mul(eta.into()).filter(|next| *next <= most) {
            (s_max, level) = (s_max + 1, next);
        }
        let (brackets, last_stage) = (Selection::default(), None);
        Some(Self { eta, s_max, least, most, guaranteed: 0, brackets, last_stage })
    }

    /// What a rung gives, counted over all brackets: the same rung of two brackets has the same budget. The highest
    /// gives the most that was asked for, though that be no power of `eta`.
    #[must_use]
    pub fn budget(&self, level: u32) -> u64 {
        let below = u64::from(self.eta).saturating_pow(level).saturating_mul(self.least);
        let level = if level >= self.s_max { self.most } else { below };
        level.saturating_add(self.guaranteed)
    }

    /// How many configurations a bracket of Hyperband begins with: `⌈(s_max + 1) · eta^s / (s + 1)⌉`.
    #[must_use]
    pub fn first(&self, bracket: u32) -> u64 {
        let s = self.s_max.saturating_sub(bracket);
        let power = u128::from(self.eta).saturating_pow(s);
        let count = power.saturating_mul((self.s_max + 1).into()).div_ceil((s + 1).into());
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// The brackets of Hyperband that run.
    ///
    /// # Errors
    /// [`Error::NoBracket`] where none does, [`Error::TooMany`] where one has more configurations than a sweep may.
    pub fn hyperband(&self) -> Result<Vec<Bracket>, Error> {
        let numbers = (0..=self.s_max).filter(|number| self.brackets.has(*number));
        let brackets: Vec<_> = numbers.map(|number| self.bracket(number, self.first(number))).collect();
        if brackets.is_empty() {
            return Err(Error::NoBracket { last: self.s_max });
        }
        match brackets.iter().any(|bracket| bracket.rungs[0].configurations > limits::TRIALS.into()) {
            true => Err(Error::TooMany),
            false => Ok(brackets),
        }
    }

    /// The rungs of a bracket that begins with so many configurations: rung `i` has `⌊first / eta^i⌋`, at least 1.
    #[must_use]
    pub fn bracket(&self, number: u32, first: u64) -> Bracket {
        let number = number.min(self.s_max);
        let last = (self.s_max - number).min(self.last_stage.unwrap_or(u32::MAX));
        let rungs = (0..=last).map(|stage| Rung {
            configurations: (first / u64::from(self.eta).saturating_pow(stage)).max(1),
            budget: self.budget(number + stage),
        });
        Bracket { number, rungs: rungs.collect() }
    }
}

/// How many runs brackets are, if all complete.
#[must_use]
pub fn runs(brackets: &[Bracket]) -> u128 {
    brackets.iter().flat_map(|bracket| &bracket.rungs).map(|rung| u128::from(rung.configurations)).sum()
}

/// Counts and budgets.
#[cfg(test)]
mod tests {
    use super::*;

    fn counts(ladder: &Ladder) -> Vec<Vec<u64>> {
        let brackets = ladder.hyperband().unwrap();
        brackets
            .iter()
            .map(|bracket| bracket.rungs.iter().map(|rung| rung.configurations).collect())
            .collect()
    }

    fn budgets(ladder: &Ladder, bracket: usize) -> Vec<u64> {
        ladder.hyperband().unwrap()[bracket].rungs.iter().map(|rung| rung.budget).collect()
    }

    #[test]
    fn five_and_three_are_the_brackets_of_hyperband_snakemake() {
        let ladder = Ladder::of_s_max(5, 3, 1).unwrap();
        assert_eq!(
            counts(&ladder),
            [
                vec![243, 81, 27, 9, 3, 1],
                vec![98, 32, 10, 3, 1],
                vec![41, 13, 4, 1],
                vec![18, 6, 2],
                vec![9, 3],
                vec![6]
            ]
        );
        assert_eq!(budgets(&ladder, 0), [1, 3, 9, 27, 81, 243]);
        assert_eq!(budgets(&ladder, 3), [27, 81, 243]);
        assert_eq!(runs(&ladder.hyperband().unwrap()), 611);
        let firsts: Vec<_> =
            counts(&Ladder::of_s_max(4, 3, 1).unwrap()).iter().map(|rungs| rungs[0]).collect();
        assert_eq!(firsts, [81, 34, 15, 8, 5]);
    }

    #[test]
    fn powers_lose_no_bracket_to_a_floating_logarithm() {
        for (most, eta, s_max) in
            [(243, 3, 5), (59_049, 3, 10), (1000, 10, 3), (1_000_000, 10, 6), (1_000_000_000, 10, 9)]
        {
            let ladder = Ladder::of_most(most, eta, 1).unwrap();
            assert_eq!(ladder.s_max, s_max);
            assert_eq!(Ladder::of_s_max(s_max, eta, 1), Some(ladder));
            assert_eq!(Ladder::of_most(most - 1, eta, 1).unwrap().s_max, s_max - 1);
        }
    }

    #[test]
    fn a_budget_that_is_no_power_is_that_of_the_last_rung() {
        let ladder = Ladder::of_most(100, 3, 1).unwrap();
        assert_eq!(budgets(&ladder, 0), [1, 3, 9, 27, 100]);
        assert_eq!(budgets(&ladder, 4), [100]);
        let ladder = Ladder::of_most(100, 3, 4).unwrap();
        assert_eq!(budgets(&ladder, 0), [4, 12, 100]);
    }

    #[test]
    fn a_guaranteed_budget_is_added_to_each() {
        let ladder = Ladder { guaranteed: 3, ..Ladder::of_s_max(2, 3, 1).unwrap() };
        assert_eq!(budgets(&ladder, 0), [4, 6, 12]);
    }

    #[test]
    fn a_stage_past_the_last_is_the_last() {
        let ladder = Ladder { last_stage: Some(1), ..Ladder::of_s_max(2, 3, 1).unwrap() };
        assert_eq!(counts(&ladder), [vec![9, 3], vec![5, 1], vec![3]]);
        let ladder = Ladder { brackets: Selection::of(&[0, 2]), last_stage: Some(9), ..ladder };
        assert_eq!(counts(&ladder), [vec![9, 3, 1], vec![3]]);
        let ladder = Ladder { brackets: Selection::of(&[3, 70]), ..ladder };
        assert_eq!(ladder.hyperband(), Err(Error::NoBracket { last: 2 }));
    }

    #[test]
    fn the_widest_ladders_neither_overflow_nor_end_never() {
        let ladder = Ladder::of_most(u64::MAX, 2, 1).unwrap();
        assert_eq!(ladder.s_max, 63);
        assert_eq!(ladder.hyperband(), Err(Error::TooMany));
        assert_eq!(ladder.bracket(0, u64::MAX).rungs.len(), 64);
        for (most, eta, least) in [(0, 3, 0), (1, 3, 0), (1, 1, 1), (1, 3, 2)] {
            assert_eq!(Ladder::of_most(most, eta, least), None);
        }
        assert_eq!(Ladder::of_s_max(64, 2, 1), None);
        assert_eq!(Ladder::of_most(1, u32::MAX, 1).unwrap().hyperband().unwrap().len(), 1);
    }
}
