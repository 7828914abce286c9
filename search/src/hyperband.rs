//! Hyperband with brackets side by side (Li et al. 2017, algorithm 1; the counts of hyperband-snakemake), and
//! successive halving, which is one bracket. A rung begins when all of the one below have ended. Never a promotion
//! that depends on the order in which results came.

use std::collections::BTreeSet;
use std::sync::Arc;

use sweep_core::id::TrialIndex;

use crate::ladder::{Bracket, Rung};
use crate::leaders::{self, Score};
use crate::rng::Rng;
use crate::strategy::{Ask, Event, Proposal, Strategy};

/// Rations budgets over the configurations of a source.
#[derive(Debug)]
pub struct Hyperband {
    brackets: Vec<Running>,
    source: Box<dyn Strategy>,
    /// How many configurations the source was told of.
    drawn: u32,
    /// Rungs with places to fill. A bracket before another has its places filled first: where few may run at once, it
    /// would else be held up by the long trials of the last brackets.
    open: BTreeSet<(usize, usize)>,
    /// By number; none for one that is not of these brackets.
    members: Vec<Option<Member>>,
    /// How many have not ended.
    running: u32,
}

/// A bracket on its way.
#[derive(Debug)]
struct Running {
    plan: Bracket,
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

/// A configuration that was proposed.
#[derive(Debug)]
struct Member {
    bracket: usize,
    stage: usize,
    /// Its number in the source.
    origin: u32,
    config: Arc<Proposal>,
    ended: bool,
}

impl Hyperband {
    /// These brackets over the configurations of a source that proposes without an end, or at least as many as the
    /// brackets begin with; `spare`: it has others for those that are lost.
    ///
    /// The source hears of each end of one of its configurations as a report whose step is the budget, and of the
    /// first also as its end.
    #[must_use]
    pub fn new(brackets: Vec<Bracket>, source: Box<dyn Strategy>, spare: Spare) -> Self {
        let running = |plan: Bracket| {
            let first = plan.rungs.first().map_or(0, |rung| rung.configurations);
            let stage = Stage { vacant: first, ..Stage::default() };
            Running { plan, rungs: vec![stage], spare: if spare == Spare::Some { first } else { 0 } }
        };
        let brackets: Vec<_> = brackets.into_iter().map(running).collect();
        // A bracket may have no part in a search of a few configurations.
        let has_part = |bracket: &usize| brackets[*bracket].rungs[0].vacant > 0;
        let open = (0..brackets.len()).filter(has_part).map(|bracket| (bracket, 0)).collect();
        Self { brackets, source, drawn: 0, open, members: Vec::new(), running: 0 }
    }

    /// What a member runs.
    fn config(&self, number: u32) -> Option<Proposal> {
        Some((*self.members.get(number as usize)?.as_ref()?.config).clone())
    }

    /// A rung's counts as they were planned.
    fn planned(&self, bracket: usize, stage: usize) -> Option<Rung> {
        self.brackets.get(bracket)?.plan.rungs.get(stage).copied()
    }

    fn place(&self, bracket: usize, stage: usize, parent: Option<u32>, config: Proposal) -> Ask {
        #[expect(clippy::cast_precision_loss, reason = "budgets are small")]
        let budget = self.planned(bracket, stage).map(|rung| rung.budget as f64);
        Ask::Run(Proposal {
            // A name is one trial's.
            name: if parent.is_some() { None } else { config.name },
            budget,
            parent: parent.map(TrialIndex),
            bracket: Some(self.brackets[bracket].plan.number),
            rung: u32::try_from(stage).ok(),
            ..config
        })
    }

    fn proposed(&mut self, trial: u32, proposal: &Proposal) {
        if trial as usize == self.members.len() {
            let member = self.joined(proposal);
            self.running += u32::from(member.is_some());
            self.members.push(member);
        }
    }

    /// The member that a proposal becomes.
    fn joined(&mut self, proposal: &Proposal) -> Option<Member> {
        let bracket = self.brackets.iter().position(|b| Some(b.plan.number) == proposal.bracket)?;
        let stage = usize::try_from(proposal.rung?).ok()?;
        let rung = self.brackets[bracket].rungs.get_mut(stage)?;
        rung.vacant = rung.vacant.saturating_sub(1);
        rung.running += 1;
        if rung.vacant == 0 {
            self.open.remove(&(bracket, stage));
        }
        let parent = proposal.parent.and_then(|parent| self.members.get(parent.0 as usize)?.as_ref());
        let (origin, config) = if let Some(parent) = parent {
            rung.next += 1;
            (parent.origin, Arc::clone(&parent.config))
        } else {
            let config = Proposal { budget: None, bracket: None, rung: None, ..proposal.clone() };
            self.source.tell(TrialIndex(self.drawn), &Event::Proposed(config.clone()));
            self.drawn += 1;
            (self.drawn - 1, Arc::new(config))
        };
        Some(Member { bracket, stage, origin, config, ended: false })
    }

    /// The member that ends now; none where it ended before.
    fn close(&mut self, trial: TrialIndex) -> Option<(usize, usize, u32)> {
        let member = self.members.get_mut(trial.0 as usize)?.as_mut().filter(|member| !member.ended)?;
        member.ended = true;
        self.running -= 1;
        self.brackets[member.bracket].rungs[member.stage].running -= 1;
        Some((member.bracket, member.stage, member.origin))
    }

    fn ended(&mut self, trial: TrialIndex, metric: Option<f64>) {
        let Some((bracket, stage, origin)) = self.close(trial) else { return };
        self.brackets[bracket].rungs[stage].results.push((Score::of(metric), trial.0));
        if let (Some(metric), Some(rung)) = (metric, self.planned(bracket, stage)) {
            self.source.tell(TrialIndex(origin), &Event::Reported { step: rung.budget, metric });
        }
        if stage == 0 {
            self.source.tell(TrialIndex(origin), &Event::Ended { metric });
        }
        self.settle(bracket, stage);
    }

    /// A lost one gives its place to another: on the first rung to a new configuration, above to the next best of
    /// the rung below. Where there is none, the place is gone.
    fn withdrawn(&mut self, trial: TrialIndex) {
        let Some((bracket, stage, origin)) = self.close(trial) else { return };
        let running = &mut self.brackets[bracket];
        let rung = &mut running.rungs[stage];
        let others = (rung.candidates.len() - rung.next.min(rung.candidates.len())) as u64;
        let replaced = if stage == 0 { running.spare > 0 } else { others > rung.vacant };
        if stage == 0 {
            running.spare = running.spare.saturating_sub(1);
            self.source.tell(TrialIndex(origin), &Event::Withdrawn);
        }
        if replaced {
            rung.vacant += 1;
            if rung.vacant == 1 {
                self.open.insert((bracket, stage));
            }
        }
        self.settle(bracket, stage);
    }

    /// Opens the next rung where this one is complete.
    fn settle(&mut self, bracket: usize, stage: usize) {
        let planned = self.planned(bracket, stage + 1);
        let running = &mut self.brackets[bracket];
        // Once only: nobody joins a rung that was complete.
        if running.rungs.len() != stage + 1 {
            return;
        }
        let rung = &mut running.rungs[stage];
        let (Some(planned), 0, 0) = (planned, rung.vacant, rung.running) else { return };
        let mut results = std::mem::take(&mut rung.results);
        results.sort_unstable();
        let good = results.iter().filter(|(score, _)| *score != Score::WORST);
        let candidates: Vec<u32> = good.map(|(_, trial)| *trial).collect();
        // A rung that failed as a whole ends its bracket.
        let vacant = planned.configurations.min(candidates.len() as u64);
        running.rungs.push(Stage { candidates, vacant, ..Stage::default() });
        if vacant > 0 {
            self.open.insert((bracket, stage + 1));
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
        for &(bracket, stage) in &self.open {
            let rung = &self.brackets[bracket].rungs[stage];
            let parent = rung.candidates.get(rung.next).copied();
            let config = match parent {
                Some(parent) => self.config(parent).map_or(Ask::Done, Ask::Run),
                None => self.source.ask(rng),
            };
            match config {
                Ask::Run(config) => return self.place(bracket, stage, parent, config),
                // Others may have places besides.
                Ask::Done => {}
                other => return other,
            }
        }
        if self.running > 0 { Ask::Wait } else { Ask::Done }
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        match event {
            Event::Proposed(proposal) => self.proposed(trial.0, proposal),
            Event::Ended { metric } => self.ended(trial, *metric),
            Event::Withdrawn => self.withdrawn(trial),
            Event::Reported { .. } | Event::Pruned => {}
        }
    }
}
