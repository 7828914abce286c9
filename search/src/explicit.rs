//! Explicit trials, `params:` in the spec: the rows in the order of the file, then what another strategy
//! proposes, as spawn appends its grid. Never a row twice.

use std::sync::Arc;

use sweep_core::id::TrialIndex;
use sweep_core::params::Params;

use crate::experiment::Row;
use crate::rng::Rng;
use crate::strategy::{Ask, Event, Proposal, Strategy};

/// Rows, then the rest.
#[derive(Debug)]
pub struct Explicit {
    rows: Arc<[Row]>,
    defaults: Params,
    count: u32,
    next: u32,
    rest: Option<Box<dyn Strategy>>,
}

impl Explicit {
    /// The first `count` rows, with `defaults` for the parameters that a row lacks, then `rest`.
    #[must_use]
    pub fn new(rows: Arc<[Row]>, defaults: Params, count: u32, rest: Option<Box<dyn Strategy>>) -> Self {
        Self { rows, defaults, count, next: 0, rest }
    }

    /// The number here of a configuration that the rest counts from 0.
    fn past_rows(&self, number: TrialIndex) -> TrialIndex {
        TrialIndex(number.0.saturating_add(self.count))
    }
}

impl Strategy for Explicit {
    fn ask(&self, rng: &mut Rng) -> Ask {
        let row = self.rows.get(self.next as usize).filter(|_| self.next < self.count);
        if let Some(row) = row {
            return Ask::Run(Proposal {
                name: row.name.clone(),
                params: with_defaults(row.params.clone(), &self.defaults),
                sbatch: row.sbatch.clone(),
                ..Proposal::default()
            });
        }
        match &self.rest {
            None => Ask::Done,
            Some(rest) => match rest.ask(rng) {
                Ask::Run(mut proposal) => {
                    proposal.parent = proposal.parent.map(|parent| self.past_rows(parent));
                    if !self.defaults.is_empty() {
                        // An expansion's names are sorted, and stay so with those of the defaults among them.
                        let params = with_defaults(proposal.params, &self.defaults);
                        let mut pairs: Vec<_> =
                            params.iter().map(|(n, v)| (n.to_owned(), v.clone())).collect();
                        pairs.sort_by(|a, b| a.0.cmp(&b.0));
                        proposal.params = pairs.into_iter().collect();
                    }
                    Ask::Run(proposal)
                }
                Ask::Prune(number) => Ask::Prune(self.past_rows(number)),
                ask => ask,
            },
        }
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        if let Event::Proposed(_) = event {
            self.next = self.next.max(trial.0.saturating_add(1).min(self.count));
        }
        let (Some(number), Some(rest)) = (trial.0.checked_sub(self.count), &mut self.rest) else { return };
        match event {
            Event::Proposed(proposal) if proposal.parent.is_some() => {
                let parent = proposal.parent.and_then(|parent| parent.0.checked_sub(self.count));
                let proposal = Proposal { parent: parent.map(TrialIndex), ..proposal.clone() };
                rest.tell(TrialIndex(number), &Event::Proposed(proposal));
            }
            event => rest.tell(TrialIndex(number), event),
        }
    }
}

fn with_defaults(mut params: Params, defaults: &Params) -> Params {
    for (name, value) in defaults.iter() {
        if params.get(name).is_none() {
            params.set(name, value.clone());
        }
    }
    params
}
