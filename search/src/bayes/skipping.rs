//! Configurations that skip rungs: what the model of a budget expects most of begins with that budget, or goes on to it
//! from where halving ended it. Never one that is on its way already.

use super::{Bayes, Trial};
use crate::ladder::Bracket;
use crate::skips::Skips;

impl Bayes {
    /// For a method that lets configurations skip rungs of its only bracket, as HyperJump does (Mendes et al. 2023): those
    /// that promise most by the model of a budget begin with that budget, or go on to it from where they were ended.
    /// Such a proposal has a budget, and goes on from the configuration of that number where it has a parent.
    #[must_use]
    pub fn skipping(mut self, bracket: &Bracket, eta: u32) -> Self {
        self.skips = Skips::of(bracket, eta, self.least);
        self
    }

    /// Those that were ended so far below a budget that they would skip a rung on the way to it.
    pub(super) fn ended_below(&self, budget: Option<u64>) -> Vec<usize> {
        let Some(budget) = budget else { return Vec::new() };
        let is_below = |trial: &Trial| trial.step.is_some_and(|step| self.skips.skip(step, budget));
        let all = self.trials.iter().enumerate();
        all.filter(|(_, trial)| !trial.runs && !trial.is_away && is_below(trial)).map(|(n, _)| n).collect()
    }

    /// A configuration was promoted, by its rank or as the model proposed: who skips a rung was proposed.
    pub(super) fn went_on(&mut self, number: usize, budget: u64) {
        let Some(trial) = self.trials.get_mut(number).filter(|trial| !trial.runs) else { return };
        trial.is_away = true;
        if trial.step.is_some_and(|step| self.skips.skip(step, budget)) {
            (trial.runs, trial.skipped_to) = (true, budget);
            self.running += 1;
            self.resumed += 1;
            self.skips.take(budget);
        }
    }
}

/// Rungs that are skipped, by a search that is told what each configuration comes to.
#[cfg(test)]
mod tests {
    use sweep_core::id::TrialIndex;
    use sweep_core::value::{Scalar, Value};

    use super::*;
    use crate::asha::{Asha, shares};
    use crate::experiment::Row;
    use crate::hyperband::Spare;
    use crate::ladder::{Ladder, Selection};
    use crate::rng::Rng;
    use crate::skips::make_room;
    use crate::space::{Axis, Domain, Space};
    use crate::strategy::{Ask, Event, Proposal, Strategy};

    const CONFIGURATIONS: u64 = 120;

    fn search(places_from: u64, rows: Vec<Row>) -> Asha {
        let axis = |name: &str| Axis { name: name.into(), domain: Domain::IntUniform { min: 0, max: 11 } };
        let ladder = Ladder { brackets: Selection::of(&[0]), ..Ladder::of_most(81, 3, 1).unwrap() };
        let mut brackets = shares(&ladder, CONFIGURATIONS).unwrap();
        make_room(&mut brackets[0], 3, places_from);
        let space = Space::new(vec![axis("x"), axis("y")]);
        let mut bayes = Bayes::new(space, "skips", rows.into(), u64::MAX).on_rungs(81);
        if places_from < u64::MAX {
            bayes = bayes.skipping(&brackets[0], 3);
        }
        Asha::new(3, brackets, Box::new(bayes), Spare::Some)
    }

    /// The lower x is, the worse is the beginning and the better the end.
    fn metric(proposal: &Proposal) -> f64 {
        let [x, y] = ["x", "y"].map(|name| proposal.params.get(name).and_then(Value::as_f64).unwrap() / 11.0);
        let slow = (-0.2 * proposal.budget.unwrap()).exp();
        x + 0.1 * (y - 0.5) * (y - 0.5) + 4.0 * (1.0 - x) * slow
    }

    /// Runs all of it, one after the other; every `lost`th that skips a rung is lost.
    fn played(mut search: Asha, lost: usize) -> Vec<Proposal> {
        let (mut proposals, mut skipped): (Vec<Proposal>, usize) = (Vec::new(), 0);
        while let Ask::Run(proposal) = search.ask(&mut Rng::new("", 0)) {
            let trial = TrialIndex(u32::try_from(proposals.len()).unwrap());
            search.tell(trial, &Event::Proposed(proposal.clone()));
            skipped += usize::from(skips(&proposals, &proposal));
            let is_lost = skips(&proposals, &proposal) && skipped.is_multiple_of(lost);
            let end = if is_lost { Event::Withdrawn } else { Event::ended(Some(metric(&proposal))) };
            search.tell(trial, &end);
            proposals.push(proposal);
        }
        proposals
    }

    fn skips(before: &[Proposal], proposal: &Proposal) -> bool {
        let from = proposal.parent.map(|parent| before[parent.0 as usize].rung.unwrap());
        proposal.rung.unwrap() > from.map_or(0, |from| from + 1)
    }

    #[test]
    fn what_begins_badly_and_ends_well_comes_to_the_last_rung() {
        let [proposals, others] = [9, u64::MAX].map(|from| played(search(from, Vec::new()), usize::MAX));
        let best = |proposals: &[Proposal]| {
            let finals = proposals.iter().filter(|p| p.rung == Some(4)).map(metric);
            finals.fold(f64::INFINITY, f64::min)
        };
        assert!(best(&proposals) < 0.5 * best(&others), "{} against {}", best(&proposals), best(&others));
        let all = proposals.iter().enumerate();
        let skipped: Vec<&Proposal> =
            all.filter(|(n, p)| skips(&proposals[..*n], p)).map(|(_, p)| p).collect();
        assert!(skipped.iter().all(|p| p.parent.is_none()) && !skipped.is_empty(), "{skipped:?}");
        // 120 leave 13 on the rung of 9, 4 on that of 27 and 1 on the last: places for 6, 2 and 0.
        for (rung, places) in [(0, 0), (1, 0), (2, 6), (3, 2), (4, 0)] {
            let taken = skipped.iter().filter(|p| p.rung == Some(rung)).count();
            assert!(taken <= places, "{taken} skipped to rung {rung}");
        }
        let begun = proposals.iter().filter(|p| p.parent.is_none()).count() as u64;
        assert_eq!(begun, CONFIGURATIONS);
    }

    /// All with the lowest x, which halving ends.
    fn slow_rows() -> Vec<Row> {
        let value = |n: i64| Value::new(Scalar::Int(n));
        let params = |y| [("x".to_owned(), value(0)), ("y".to_owned(), value(y))].into_iter().collect();
        (0..12).map(|y| Row { params: params(y), ..Row::default() }).collect()
    }

    #[test]
    fn what_was_ended_goes_on_where_the_model_expects_most_of_it() {
        let proposals = played(search(9, slow_rows()), usize::MAX);
        let all = proposals.iter().enumerate();
        let resumed = all.filter(|(n, p)| p.parent.is_some() && skips(&proposals[..*n], p));
        let resumed: Vec<&Proposal> = resumed.map(|(_, p)| p).collect();
        assert!(!resumed.is_empty());
        let is_slow = |p: &&&Proposal| p.params.get("x").and_then(Value::as_f64) == Some(0.0);
        assert!(resumed.iter().filter(is_slow).count() * 2 > resumed.len(), "{resumed:?}");
    }

    #[test]
    fn a_search_that_is_told_all_events_again_goes_on_as_the_first() {
        let proposals = played(search(9, slow_rows()), 3);
        let mut again = search(9, slow_rows());
        let mut skipped = 0;
        for (number, proposal) in proposals.iter().enumerate() {
            let does_skip = skips(&proposals[..number], proposal);
            skipped += usize::from(does_skip);
            // Who is told everything at once asks now and then.
            if does_skip || number.is_multiple_of(10) {
                assert_eq!(again.ask(&mut Rng::new("", 0)), Ask::Run(proposal.clone()), "{number}");
            }
            let is_lost = does_skip && skipped.is_multiple_of(3);
            let end = if is_lost { Event::Withdrawn } else { Event::ended(Some(metric(proposal))) };
            let trial = TrialIndex(u32::try_from(number).unwrap());
            for event in [Event::Proposed(proposal.clone()), end] {
                again.tell(trial, &event);
                again.tell(trial, &event);
            }
        }
        assert_eq!(again.ask(&mut Rng::new("", 0)), Ask::Done);
    }

    #[test]
    fn nobody_goes_on_twice_from_the_same_or_from_one_that_was_lost() {
        for lost in [1, 2, usize::MAX] {
            let proposals = played(search(9, slow_rows()), lost);
            let mut parents: Vec<u32> = proposals.iter().filter_map(|p| Some(p.parent?.0)).collect();
            let all = parents.len();
            parents.sort_unstable();
            parents.dedup();
            assert_eq!(parents.len(), all, "one in {lost} lost");
            let mut skipped = 0;
            for (number, proposal) in proposals.iter().enumerate() {
                if skips(&proposals[..number], proposal) {
                    skipped += 1;
                    let was_lost = usize::is_multiple_of(skipped, lost);
                    assert!(!was_lost || parents.binary_search(&u32::try_from(number).unwrap()).is_err());
                }
                if let Some(parent) = proposal.parent {
                    let parent = &proposals[parent.0 as usize];
                    assert_eq!(parent.params, proposal.params);
                    assert!(parent.budget < proposal.budget);
                }
            }
            assert!(skipped > 0);
        }
    }
}
