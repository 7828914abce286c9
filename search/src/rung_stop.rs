//! ASHA without checkpoints (Li et al. 2020, the variant that stops): every configuration begins with the whole
//! budget, and is stopped at a rung where it is not among the best `1/eta` of those that reached it so far. Never a
//! rung that a program jumps over: it takes the first report at or past it.

use std::collections::HashMap;

use crate::ladder::Bracket;
use crate::leaders::{Leaders, Score};
use crate::stopping::{Ending, Rule, Verdict};
use crate::strategy::Proposal;

/// Stops at rungs.
#[derive(Debug)]
pub struct RungStop {
    eta: usize,
    brackets: Vec<(u32, Vec<Level>)>,
    /// Bracket and next rung of each running configuration.
    running: HashMap<u32, (usize, usize)>,
}

/// A rung below the last.
#[derive(Debug)]
struct Level {
    budget: u64,
    leaders: Leaders,
}

impl RungStop {
    /// The rungs of these brackets; a configuration says in which it is.
    #[must_use]
    pub fn new(eta: u32, brackets: &[Bracket]) -> Self {
        let levels = |bracket: &Bracket| {
            let below = bracket.rungs.len().saturating_sub(1);
            let level = |budget| Level { budget, leaders: Leaders::default() };
            (bracket.number, bracket.rungs.iter().take(below).map(|rung| level(rung.budget)).collect())
        };
        let eta = usize::try_from(eta.max(2)).unwrap_or(usize::MAX);
        Self { eta, brackets: brackets.iter().map(levels).collect(), running: HashMap::new() }
    }
}

impl Rule for RungStop {
    fn proposed(&mut self, trial: u32, proposal: &Proposal) {
        let found = self.brackets.iter().position(|(number, _)| Some(*number) == proposal.bracket);
        if let Some(bracket) = found {
            self.running.insert(trial, (bracket, 0));
        }
    }

    fn reported(&mut self, trial: u32, step: u64, metric: f64) -> Verdict {
        let Some((bracket, next)) = self.running.get_mut(&trial) else { return Verdict::GoOn };
        let mut verdict = Verdict::GoOn;
        while let Some(level) = self.brackets[*bracket].1.get_mut(*next).filter(|level| level.budget <= step)
        {
            let result = (Score::of(Some(metric)), trial);
            let quota = (level.leaders.len() + 1).div_ceil(self.eta);
            level.leaders.insert(result, quota);
            if !level.leaders.has(result) {
                verdict = Verdict::Stop;
            }
            *next += 1;
        }
        verdict
    }

    fn ended(&mut self, trial: u32, _end: Ending) {
        self.running.remove(&trial);
    }
}

/// Rungs.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::Ladder;

    fn rule() -> RungStop {
        let ladder = Ladder::of_most(9, 3, 1).unwrap();
        let mut rule = RungStop::new(3, &[ladder.bracket(0, 9)]);
        for trial in 0..9 {
            rule.proposed(trial, &Proposal { bracket: Some(0), ..Proposal::default() });
        }
        rule
    }

    #[test]
    fn the_best_third_of_those_that_came_so_far_goes_on() {
        let mut rule = rule();
        let said: Vec<_> = [5.0, 4.0, 6.0, 4.5, 3.0, 9.0, 3.5]
            .iter()
            .zip(0..)
            .map(|(metric, trial)| rule.reported(trial, 1, *metric) == Verdict::GoOn)
            .collect();
        // Of one 1, of two and three 1, of four to six 2, of seven 3.
        assert_eq!(said, [true, true, false, true, true, false, true]);
    }

    #[test]
    fn a_rung_that_was_jumped_over_takes_the_first_report_past_it() {
        let mut rule = rule();
        assert_eq!(rule.reported(0, 5, 1.0), Verdict::GoOn);
        assert_eq!(rule.reported(1, 4, 2.0), Verdict::Stop);
        assert_eq!(rule.reported(2, 2, 2.5), Verdict::Stop);
        // Past the last rung there is nothing to be stopped at.
        assert_eq!(rule.reported(0, 9, 99.0), Verdict::GoOn);
    }
}
