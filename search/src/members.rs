//! The configurations of a source on the rungs of brackets: who was proposed for which, where each comes from, and
//! what the source hears of it. Never who is promoted: in that the strategies differ.

use std::sync::Arc;

use sweep_core::id::TrialIndex;

use crate::ladder::{Bracket, Rung};
use crate::rng::Rng;
use crate::strategy::{Ask, Event, Proposal, Strategy};

/// A rung of one of the brackets, both counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) bracket: usize,
    pub(crate) stage: usize,
}

impl Position {
    /// The rung below; none below the first.
    pub(crate) fn below(self) -> Option<Self> {
        Some(Self { stage: self.stage.checked_sub(1)?, ..self })
    }

    pub(crate) fn above(self) -> Self {
        Self { stage: self.stage + 1, ..self }
    }
}

/// All that were proposed.
#[derive(Debug)]
pub(crate) struct Members {
    plans: Vec<Bracket>,
    source: Box<dyn Strategy>,
    /// How many configurations the source was told of.
    drawn: u32,
    /// By number; none for one that is not of these brackets.
    members: Vec<Option<Member>>,
    /// How many have not ended.
    running: u32,
}

/// A configuration that was proposed.
#[derive(Debug)]
struct Member {
    at: Position,
    /// Its number in the source.
    origin: u32,
    config: Arc<Proposal>,
    /// Where the configuration was before; none where it is new.
    from: Option<Position>,
    ended: bool,
    has_result: bool,
}

/// A member that is new.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joined {
    pub(crate) at: Position,
    /// Who was promoted, and from where; none where the configuration is new, too.
    pub(crate) parent: Option<(u32, Position)>,
}

/// A member that is no more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    pub(crate) at: Position,
    /// Where its configuration was before; none where it was new.
    pub(crate) from: Option<Position>,
}

impl Members {
    pub(crate) fn new(plans: Vec<Bracket>, source: Box<dyn Strategy>) -> Self {
        Self { plans, source, drawn: 0, members: Vec::new(), running: 0 }
    }

    pub(crate) fn plans(&self) -> &[Bracket] {
        &self.plans
    }

    /// A rung's counts as they were planned.
    pub(crate) fn planned(&self, at: Position) -> Option<Rung> {
        self.plans.get(at.bracket)?.rungs.get(at.stage).copied()
    }

    /// How many were proposed, those that are not of these brackets included.
    pub(crate) fn proposals(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// Whether anybody runs.
    pub(crate) fn is_running(&self) -> bool {
        self.running > 0
    }

    /// What the source proposes.
    pub(crate) fn drawn(&self, rng: &mut Rng) -> Ask {
        self.source.ask(rng)
    }

    /// What a member runs.
    pub(crate) fn config(&self, number: u32) -> Option<Proposal> {
        Some((*self.member(number)?.config).clone())
    }

    fn member(&self, number: u32) -> Option<&Member> {
        self.members.get(number as usize)?.as_ref()
    }

    /// The proposal of a configuration for a rung.
    pub(crate) fn proposal(&self, at: Position, parent: Option<u32>, config: Proposal) -> Proposal {
        #[expect(clippy::cast_precision_loss, reason = "budgets are small")]
        let budget = self.planned(at).map(|rung| rung.budget as f64);
        Proposal {
            // A name is one trial's.
            name: if parent.is_some() { None } else { config.name },
            budget,
            parent: parent.map(TrialIndex),
            bracket: Some(self.plans[at.bracket].number),
            rung: u32::try_from(at.stage).ok(),
            ..config
        }
    }

    /// Takes note of a proposal. None where it is no news, or for a rung that is not open.
    pub(crate) fn proposed(
        &mut self,
        trial: u32,
        proposal: &Proposal,
        is_open: impl Fn(Position) -> bool,
    ) -> Option<Joined> {
        if trial != self.proposals() {
            return None;
        }
        let Some(at) = self.position(proposal).filter(|at| is_open(*at)) else {
            self.members.push(None);
            return None;
        };
        // Nobody is promoted to the first rung.
        let parent = proposal.parent.filter(|_| at.below().is_some()).map(|parent| parent.0);
        let kept = parent.and_then(|parent| Some((parent, self.member(parent)?)));
        let kept = kept.map(|(number, of)| ((number, of.at), of.origin, Arc::clone(&of.config)));
        let parent = kept.as_ref().map(|(parent, ..)| *parent);
        let (origin, config) = match kept {
            None => self.begun(proposal, at),
            Some((_, origin, config)) => {
                let proposal = Proposal { parent: Some(TrialIndex(origin)), ..proposal.clone() };
                self.source.tell(TrialIndex(origin), &Event::Proposed(proposal));
                (origin, config)
            }
        };
        let from = parent.map(|(_, from)| from);
        self.members.push(Some(Member { at, origin, config, from, ended: false, has_result: false }));
        self.running += 1;
        Some(Joined { at, parent })
    }

    /// The last that ran a configuration of the source and came to a result.
    pub(crate) fn latest(&self, origin: TrialIndex) -> Option<u32> {
        let is_it = |member: &Option<Member>| {
            member.as_ref().is_some_and(|member| member.origin == origin.0 && member.has_result)
        };
        self.members.iter().rposition(is_it).and_then(|number| u32::try_from(number).ok())
    }

    fn position(&self, proposal: &Proposal) -> Option<Position> {
        let bracket = self.plans.iter().position(|plan| Some(plan.number) == proposal.bracket)?;
        Some(Position { bracket, stage: usize::try_from(proposal.rung?).ok()? })
    }

    /// The configuration that a proposal begins, and its number in the source.
    fn begun(&mut self, proposal: &Proposal, at: Position) -> (u32, Arc<Proposal>) {
        // Who begins above the first rung does so because the source wants it.
        let budget = proposal.budget.filter(|_| at.below().is_some());
        let config = Proposal { budget, bracket: None, rung: None, ..proposal.clone() };
        self.source.tell(TrialIndex(self.drawn), &Event::Proposed(config.clone()));
        self.drawn += 1;
        (self.drawn - 1, Arc::new(config))
    }

    /// Somebody ended: where, unless that is no news. The source hears of it as a report whose step is the budget, and
    /// of what it has proposed for that rung also as the end.
    pub(crate) fn ended(&mut self, trial: TrialIndex, metric: Option<f64>) -> Option<Position> {
        let (left, origin) = self.closed(trial, metric.is_some())?;
        if let (Some(metric), Some(rung)) = (metric, self.planned(left.at)) {
            self.source.tell(origin, &Event::Reported { step: rung.budget, metric });
        }
        if left.was_proposed() {
            self.source.tell(origin, &Event::ended(metric));
        }
        Some(left.at)
    }

    /// Somebody was lost: from where, unless that is no news. The source hears of it where it has proposed that rung: of
    /// one that was promoted by its rank it has a result.
    pub(crate) fn withdrawn(&mut self, trial: TrialIndex) -> Option<Left> {
        let (left, origin) = self.closed(trial, false)?;
        if left.was_proposed() {
            self.source.tell(origin, &Event::Withdrawn);
        }
        Some(left)
    }

    fn closed(&mut self, trial: TrialIndex, has_result: bool) -> Option<(Left, TrialIndex)> {
        let member = self.members.get_mut(trial.0 as usize)?.as_mut().filter(|member| !member.ended)?;
        (member.ended, member.has_result) = (true, has_result);
        self.running -= 1;
        Some((Left { at: member.at, from: member.from }, TrialIndex(member.origin)))
    }
}

impl Left {
    /// Whether the source proposed it for its rung: it was new, or skipped a rung.
    fn was_proposed(&self) -> bool {
        self.from.is_none_or(|from| self.at.stage > from.stage + 1)
    }
}
