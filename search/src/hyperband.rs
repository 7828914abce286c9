//! Hyperband with brackets side by side (Li et al. 2017, algorithm 1; the counts of hyperband-snakemake), and
//! successive halving, which is one bracket. A rung begins when all of the one below have ended. Never a promotion
//! that depends on the order in which results came.

use std::collections::BTreeSet;

use sweep_core::id::TrialIndex;

use crate::ladder::Bracket;
use crate::leaders::{self, Score};
use crate::members::{Left, Members, Position};
use crate::rng::Rng;
use crate::strategy::{Ask, Event, Proposal, Strategy};

/// Rations budgets over the configurations of a source.
#[derive(Debug)]
pub struct Hyperband {
    brackets: Vec<Running>,
    members: Members,
    /// Rungs with places to fill. A bracket before another has its places filled first: where few may run at once, it
    /// would else be held up by the long trials of the last brackets.
    open: BTreeSet<Position>,
}

/// A bracket on its way.
#[derive(Debug)]
struct Running {
    rungs: Vec<Stage>,
    /// How many configurations may still be drawn in the place of lost ones.
    spare: u64,
}

/// A rung on its way.
#[derive(Debug, Default)]
struct Stage {
    /// Who may be promoted to it, the best first.
    candidates: Vec<u32>,
    /// The first candidate that was not.
    next: usize,
    /// Places that nobody was proposed for yet.
    vacant: u64,
    running: u32,
    results: Vec<leaders::Result>,
}

impl Hyperband {
    /// These brackets over the configurations of a source that proposes without an end, or at least as many as the
    /// brackets begin with; `spare`: it has others for those that are lost.
    ///
    /// The source hears of each end of one of its configurations as a report whose step is the budget, of the first also
    /// as its end, and of each promotion as a proposal with itself as the parent.
    #[must_use]
    pub fn new(brackets: Vec<Bracket>, source: Box<dyn Strategy>, spare: Spare) -> Self {
        let running = |plan: &Bracket| {
            let first = plan.rungs.first().map_or(0, |rung| rung.configurations);
            let stage = Stage { vacant: first, ..Stage::default() };
            Running { rungs: vec![stage], spare: if spare == Spare::Some { first } else { 0 } }
        };
        let members = Members::new(brackets, source);
        let brackets: Vec<_> = members.plans().iter().map(running).collect();
        // A bracket may have no part in a search of a few configurations.
        let has_part = |bracket: &usize| brackets[*bracket].rungs[0].vacant > 0;
        let first = |bracket| Position { bracket, stage: 0 };
        let open = (0..brackets.len()).filter(has_part).map(first).collect();
        Self { brackets, members, open }
    }

    fn proposed(&mut self, trial: u32, proposal: &Proposal) {
        let has_begun = |at: Position| at.stage < self.brackets[at.bracket].rungs.len();
        let Some(joined) = self.members.proposed(trial, proposal, has_begun) else { return };
        let rung = &mut self.brackets[joined.at.bracket].rungs[joined.at.stage];
        rung.vacant = rung.vacant.saturating_sub(1);
        rung.running += 1;
        if rung.vacant == 0 {
            self.open.remove(&joined.at);
        }
        if joined.parent.is_some() {
            rung.next += 1;
        }
    }

    fn ended(&mut self, trial: TrialIndex, metric: Option<f64>) {
        let Some(at) = self.members.ended(trial, metric) else { return };
        let rung = &mut self.brackets[at.bracket].rungs[at.stage];
        rung.running -= 1;
        rung.results.push((Score::of(metric), trial.0));
        self.settle(at);
    }

    /// A lost one gives its place to another: on the first rung to a new configuration, above to the next best of
    /// the rung below. Where there is none, the place is gone.
    fn withdrawn(&mut self, trial: TrialIndex) {
        let Some(Left { at, .. }) = self.members.withdrawn(trial) else { return };
        let running = &mut self.brackets[at.bracket];
        let rung = &mut running.rungs[at.stage];
        rung.running -= 1;
        let others = (rung.candidates.len() - rung.next.min(rung.candidates.len())) as u64;
        let replaced = if at.stage == 0 { running.spare > 0 } else { others > rung.vacant };
        if at.stage == 0 {
            running.spare = running.spare.saturating_sub(1);
        }
        if replaced {
            rung.vacant += 1;
            if rung.vacant == 1 {
                self.open.insert(at);
            }
        }
        self.settle(at);
    }

    /// Opens the next rung where this one is complete.
    fn settle(&mut self, at: Position) {
        let planned = self.members.planned(at.above());
        let running = &mut self.brackets[at.bracket];
        // Once only: nobody joins a rung that was complete.
        if running.rungs.len() != at.stage + 1 {
            return;
        }
        let rung = &mut running.rungs[at.stage];
        let (Some(planned), 0, 0) = (planned, rung.vacant, rung.running) else { return };
        let mut results = std::mem::take(&mut rung.results);
        results.sort_unstable();
        let good = results.iter().filter(|(score, _)| *score != Score::WORST);
        let candidates: Vec<u32> = good.map(|(_, trial)| *trial).collect();
        // A rung that failed as a whole ends its bracket.
        let vacant = planned.configurations.min(candidates.len() as u64);
        running.rungs.push(Stage { candidates, vacant, ..Stage::default() });
        if vacant > 0 {
            self.open.insert(at.above());
        }
    }
}

/// Whether a source has configurations for the places of lost ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spare {
    /// It has.
    Some,
    /// It has just as many as are planned.
    None,
}

impl Strategy for Hyperband {
    fn ask(&self, rng: &mut Rng) -> Ask {
        for &at in &self.open {
            let rung = &self.brackets[at.bracket].rungs[at.stage];
            let parent = rung.candidates.get(rung.next).copied();
            let config = match parent {
                Some(parent) => self.members.config(parent).map_or(Ask::Done, Ask::Run),
                None => self.members.drawn(rng),
            };
            match config {
                Ask::Run(config) => return Ask::Run(self.members.proposal(at, parent, config)),
                // Others may have places besides.
                Ask::Done => {}
                other => return other,
            }
        }
        if self.members.is_running() { Ask::Wait } else { Ask::Done }
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
