//! ASHA (Li et al. 2020, algorithm 2): a configuration is promoted as soon as it is among the best `1/eta` of those
//! that ended on its rung. Never a barrier: who asks gets a promotion, or else a new configuration.

use std::collections::BTreeSet;

use sweep_core::id::TrialIndex;

use crate::error::Error;
use crate::hyperband::Spare;
use crate::ladder::{Bracket, Ladder, Rung};
use crate::leaders::{self, Leaders, Score};
use crate::members::{Left, Members, Position};
use crate::rng::Rng;
use crate::strategy::{Ask, Event, Proposal, Strategy};

/// Promotes configurations of a source without waiting.
#[derive(Debug)]
pub struct Asha {
    eta: usize,
    brackets: Vec<Open>,
    members: Members,
    /// How many more may be drawn in the place of lost ones.
    spare: u64,
}

/// A bracket: its rungs never close.
#[derive(Debug)]
struct Open {
    rungs: Vec<Results>,
    /// How many configurations are still to begin here.
    left: u64,
}

/// What ended on one rung.
#[derive(Debug, Default)]
struct Results {
    leaders: Leaders,
    /// Those that were neither promoted nor failed.
    unclaimed: BTreeSet<leaders::Result>,
    /// Promotions that were lost: so many more may be promoted.
    lost: usize,
}

impl Results {
    fn quota(&self, eta: usize, count: usize) -> usize {
        (count / eta).saturating_add(self.lost)
    }

    /// Who is to be promoted: if anybody, the best of those that were not.
    fn open(&self) -> Option<u32> {
        self.unclaimed.first().filter(|best| self.leaders.has(**best)).map(|(_, number)| *number)
    }

    fn claim(&mut self, number: u32) {
        // As a rule the first of them.
        if let Some(claimed) = self.unclaimed.iter().find(|(_, unclaimed)| *unclaimed == number).copied() {
            self.unclaimed.remove(&claimed);
        }
    }
}

/// How many configurations begin in each bracket: `count` in all, in proportion to those of Hyperband.
///
/// # Errors
/// [`Error::NoBracket`].
pub fn shares(ladder: &Ladder, count: u64) -> Result<Vec<Bracket>, Error> {
    let numbers: Vec<u32> = (0..=ladder.s_max).filter(|number| ladder.brackets.has(*number)).collect();
    if numbers.is_empty() {
        return Err(Error::NoBracket { last: ladder.s_max });
    }
    let weights: Vec<u128> = numbers.iter().map(|number| ladder.first(*number).into()).collect();
    let whole: u128 = weights.iter().sum();
    let mut parts: Vec<u64> = weights
        .iter()
        .map(|weight| u64::try_from(u128::from(count) * weight / whole.max(1)).unwrap_or(u64::MAX))
        .collect();
    let rest = count.saturating_sub(parts.iter().sum());
    if let Some(first) = parts.first_mut() {
        *first += rest;
    }
    Ok(numbers.into_iter().zip(parts).map(|(number, part)| part_of(ladder, number, part)).collect())
}

/// A bracket with so many beginners, and no more on a rung than can come to it.
fn part_of(ladder: &Ladder, number: u32, part: u64) -> Bracket {
    let mut bracket = ladder.bracket(number, part);
    for (rung, stage) in bracket.rungs.iter_mut().zip(0..) {
        rung.configurations = part / u64::from(ladder.eta).saturating_pow(stage);
    }
    bracket
}

impl Asha {
    /// These brackets, as [`shares`] gives them, over the configurations of a source; see
    /// [`crate::hyperband::Hyperband::new`].
    #[must_use]
    pub fn new(eta: u32, brackets: Vec<Bracket>, source: Box<dyn Strategy>, spare: Spare) -> Self {
        let open = |plan: &Bracket| {
            let left = plan.rungs.first().map_or(0, |rung| rung.configurations);
            Open { rungs: plan.rungs.iter().map(|_| Results::default()).collect(), left }
        };
        let members = Members::new(brackets, source);
        let brackets: Vec<_> = members.plans().iter().map(open).collect();
        let spare = match spare {
            Spare::Some => brackets.iter().map(|bracket| bracket.left).sum(),
            Spare::None => 0,
        };
        let eta = usize::try_from(eta.max(2)).unwrap_or(usize::MAX);
        Self { eta, brackets, members, spare }
    }

    /// The promotion to the highest budget; of two with the same, that of the first bracket.
    fn promotion(&self) -> Option<(Position, u32)> {
        let rungs = self.brackets.iter().enumerate().flat_map(|(bracket, open)| {
            // Nobody leaves the last rung.
            let below = open.rungs.len().saturating_sub(1);
            open.rungs.iter().take(below).enumerate().filter_map(move |(stage, results)| {
                let (parent, to) = (results.open()?, Position { bracket, stage }.above());
                Some((self.members.planned(to)?.budget, to, parent))
            })
        });
        let best = rungs.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        Some((best.1, best.2))
    }

    /// Where a new configuration begins: in the bracket with the largest part of its share left.
    fn vacancy(&self) -> Option<Position> {
        let part = |(at, left): (Position, u64)| {
            let share = self.members.planned(at).map_or(0, |rung| rung.configurations).max(1);
            (u128::from(left) << 32) / u128::from(share)
        };
        let first = |(bracket, open): (usize, &Open)| (Position { bracket, stage: 0 }, open.left);
        let open = self.brackets.iter().enumerate().map(first).filter(|(_, left)| *left > 0);
        open.reduce(|best, next| if part(next) > part(best) { next } else { best }).map(|(at, _)| at)
    }

    /// The proposal of a configuration that the source proposes for a bracket: it may wish to begin above the first rung,
    /// or to go on from one that was ended, and skip a rung.
    fn sourced(&self, bracket: usize, config: Proposal) -> Proposal {
        let rungs = &self.members.plans()[bracket].rungs;
        #[expect(clippy::cast_precision_loss, reason = "budgets are small")]
        let is_within = |rung: &Rung| config.budget.is_some_and(|budget| rung.budget as f64 <= budget);
        let at = Position { bracket, stage: rungs.iter().rposition(is_within).unwrap_or(0) };
        let parent = config.parent.and_then(|origin| self.members.latest(origin));
        let kept = parent.and_then(|parent| self.members.config(parent));
        self.members.proposal(at, parent, kept.unwrap_or(Proposal { parent: None, ..config }))
    }

    fn proposed(&mut self, trial: u32, proposal: &Proposal) {
        let has_rung = |at: Position| at.stage < self.brackets[at.bracket].rungs.len();
        let Some(joined) = self.members.proposed(trial, proposal, has_rung) else { return };
        let open = &mut self.brackets[joined.at.bracket];
        match joined.parent {
            Some((parent, from)) => self.brackets[from.bracket].rungs[from.stage].claim(parent),
            None => open.left = open.left.saturating_sub(1),
        }
    }

    fn ended(&mut self, trial: TrialIndex, metric: Option<f64>) {
        let Some(at) = self.members.ended(trial, metric) else { return };
        let results = &mut self.brackets[at.bracket].rungs[at.stage];
        let quota = results.quota(self.eta, results.leaders.len() + 1);
        let result = (Score::of(metric), trial.0);
        results.leaders.insert(result, quota);
        if metric.is_some() {
            results.unclaimed.insert(result);
        }
    }

    fn withdrawn(&mut self, trial: TrialIndex) {
        let Some(Left { at, from }) = self.members.withdrawn(trial) else { return };
        let open = &mut self.brackets[at.bracket];
        match from {
            None => {
                if self.spare > 0 {
                    self.spare -= 1;
                    open.left += 1;
                }
            }
            // Who skips a rung takes nobody's place on the one that it came from.
            Some(from) if from.above() != at => {}
            Some(from) => {
                let results = &mut open.rungs[from.stage];
                results.lost += 1;
                let quota = results.quota(self.eta, results.leaders.len());
                results.leaders.widen(quota);
            }
        }
    }
}

impl Strategy for Asha {
    fn ask(&self, rng: &mut Rng) -> Ask {
        if let Some((at, parent)) = self.promotion()
            && let Some(config) = self.members.config(parent)
        {
            return Ask::Run(self.members.proposal(at, Some(parent), config));
        }
        match self.vacancy().map(|at| (at, self.members.drawn(rng))) {
            Some((at, Ask::Run(config))) => Ask::Run(self.sourced(at.bracket, config)),
            Some((_, Ask::Prune(number))) => Ask::Prune(number),
            Some((_, Ask::Wait)) => Ask::Wait,
            Some((_, Ask::Done)) | None if self.members.is_running() => Ask::Wait,
            Some((_, Ask::Done)) | None => Ask::Done,
        }
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        match event {
            Event::Proposed(proposal) => self.proposed(trial.0, proposal),
            Event::Ended { metric, .. } => self.ended(trial, *metric),
            Event::Withdrawn => self.withdrawn(trial),
            Event::Reported { .. } | Event::Pruned => {}
        }
    }
}

/// Promotions, one by one.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::Selection;

    /// Configurations without values.
    #[derive(Debug)]
    struct Endless;

    impl Strategy for Endless {
        fn ask(&self, _rng: &mut Rng) -> Ask {
            Ask::Run(Proposal::default())
        }

        fn tell(&mut self, _trial: TrialIndex, _event: &Event) {}
    }

    fn asha(count: u64) -> Asha {
        let ladder = Ladder { brackets: Selection::of(&[0]), ..Ladder::of_most(9, 3, 1).unwrap() };
        Asha::new(3, shares(&ladder, count).unwrap(), Box::new(Endless), Spare::Some)
    }

    /// Asks and says that the proposal runs: rung, parent and budget of it.
    fn run(asha: &mut Asha) -> Option<(u32, Option<u32>, f64)> {
        let Ask::Run(proposal) = asha.ask(&mut Rng::new("", 0)) else { return None };
        let trial = TrialIndex(asha.members.proposals());
        asha.tell(trial, &Event::Proposed(proposal.clone()));
        Some((proposal.rung?, proposal.parent.map(|parent| parent.0), proposal.budget?))
    }

    fn end(asha: &mut Asha, trial: u32, metric: f64) {
        asha.tell(TrialIndex(trial), &Event::ended(Some(metric)));
    }

    #[test]
    fn the_best_third_is_promoted_without_waiting() {
        let mut asha = asha(100);
        for trial in 0..4 {
            assert_eq!(run(&mut asha), Some((0, None, 1.0)), "{trial}");
        }
        end(&mut asha, 2, 0.5);
        end(&mut asha, 0, 0.9);
        // Two thirds of one are none.
        assert_eq!(run(&mut asha), Some((0, None, 1.0)));
        end(&mut asha, 1, 0.7);
        assert_eq!(run(&mut asha), Some((1, Some(2), 3.0)));
        assert_eq!(run(&mut asha), Some((0, None, 1.0)));
        // A better one takes the place of one that was promoted before.
        end(&mut asha, 3, 0.1);
        end(&mut asha, 4, 0.8);
        assert_eq!(run(&mut asha), Some((1, Some(3), 3.0)));
        assert_eq!(run(&mut asha), Some((0, None, 1.0)));
        // Of six the best two are 3 and 6.
        end(&mut asha, 6, 0.2);
        assert_eq!(run(&mut asha), Some((1, Some(6), 3.0)));
        assert_eq!(run(&mut asha), Some((0, None, 1.0)));
    }

    #[test]
    fn the_highest_rung_comes_first() {
        let mut asha = asha(100);
        for _ in 0..9 {
            run(&mut asha);
        }
        (0..9).for_each(|trial| end(&mut asha, trial, f64::from(trial)));
        for parent in 0..3 {
            assert_eq!(run(&mut asha), Some((1, Some(parent), 3.0)));
        }
        (9..12).for_each(|trial| end(&mut asha, trial, f64::from(trial)));
        assert_eq!(run(&mut asha), Some((2, Some(9), 9.0)));
        assert_eq!(run(&mut asha), Some((0, None, 1.0)));
    }

    #[test]
    fn failures_count_but_are_never_promoted() {
        let mut asha = asha(6);
        for _ in 0..6 {
            run(&mut asha);
        }
        (0..5).for_each(|trial| asha.tell(TrialIndex(trial), &Event::ended(None)));
        assert_eq!(asha.ask(&mut Rng::new("", 0)), Ask::Wait);
        end(&mut asha, 5, 1.0);
        assert_eq!(run(&mut asha), Some((1, Some(5), 3.0)));
        end(&mut asha, 6, 1.0);
        assert_eq!(asha.ask(&mut Rng::new("", 0)), Ask::Done);
    }

    #[test]
    fn a_lost_promotion_leaves_its_place_to_the_next_best() {
        let mut asha = asha(3);
        for _ in 0..3 {
            run(&mut asha);
        }
        (0..3).for_each(|trial| end(&mut asha, trial, f64::from(trial)));
        assert_eq!(run(&mut asha), Some((1, Some(0), 3.0)));
        asha.tell(TrialIndex(3), &Event::Withdrawn);
        assert_eq!(run(&mut asha), Some((1, Some(1), 3.0)));
    }

    #[test]
    fn brackets_share_in_proportion_to_hyperbands() {
        let ladder = Ladder::of_most(81, 3, 1).unwrap();
        let begun = |count| {
            let brackets = shares(&ladder, count).unwrap();
            brackets.iter().map(|bracket| bracket.rungs[0].configurations).collect::<Vec<_>>()
        };
        assert_eq!(begun(143), [81, 34, 15, 8, 5]);
        assert_eq!(begun(10), [7, 2, 1, 0, 0]);
        // They fill side by side, not one after the other.
        let mut asha = Asha::new(3, shares(&ladder, 143).unwrap(), Box::new(Endless), Spare::Some);
        for _ in 0..14 {
            run(&mut asha);
        }
        let left: Vec<_> = asha.brackets.iter().map(|bracket| bracket.left).collect();
        assert!(left[0] < 81 && left[1] < 34 && left[2] < 15, "{left:?}");
    }
}
