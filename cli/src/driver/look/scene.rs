//! Reading what is not remembered: the folders of trials that may have changed, several at once. It never reads one of a
//! trial that is remembered to have ended for good.

use std::time::{Duration, Instant};

use sweep_core::batch::Executor;
use sweep_core::id::{BatchNumber, TrialIndex};
use sweep_core::layout::{RecordName, SweepDir};
use sweep_core::manifest::Manifest;
use sweep_core::record::{Kind, Record};
use sweep_core::status::Status;

use super::folders::{self, Started, read_start};
use super::index;
use super::known::{Batches, Place, owner};
use super::oracle::Oracle;
use super::threads::in_parts;
use crate::error::Result;
use crate::task::ledger::Ledger;

/// Trials that are looked at in one go.
const PART: usize = 64;
/// Fewer than so many are read as fast as they are remembered.
const REMEMBERED_LEAST: usize = 32;
/// What is remembered is written anew once so large a part of it is new …
const REMEMBERED_SHARE: usize = 128;
/// … or once it took so long to read what is new.
const REMEMBERED_AFTER: Duration = Duration::from_millis(200);

/// What was found of one trial.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) status: Status,
    pub(super) job: Option<String>,
    pub(super) record: Option<(RecordName, Vec<Record>)>,
    pub(super) task_error: Option<String>,
    pub(super) metric: Option<f64>,
    pub(super) others: Vec<Option<f64>>,
    pub(super) spent_s: f64,
    /// Whether it is the last word on the trial, as long as the trial goes to no other batch.
    pub(super) is_settled: bool,
}

impl Finding {
    /// A status and nothing else.
    pub(super) fn of(status: Status) -> Self {
        Self {
            status,
            job: None,
            record: None,
            task_error: None,
            metric: None,
            others: Vec::new(),
            spent_s: 0.0,
            is_settled: false,
        }
    }

    fn has_end(&self) -> bool {
        self.record.iter().flat_map(|(_, records)| records).any(|record| record.kind == Kind::End)
    }
}

/// All that a trial is judged by besides its own folder.
pub(super) struct Scene<'a> {
    pub(super) dir: &'a SweepDir,
    pub(super) manifest: &'a Manifest,
    pub(super) batches: &'a Batches,
    pub(super) oracle: &'a Oracle,
    pub(super) stopped: bool,
}

impl Scene<'_> {
    /// What is true of each trial: what is remembered, and of the others what is read now.
    pub(super) fn read(
        &self,
        places: &[Option<Place>],
        open: &[usize],
        mut findings: Vec<Option<Finding>>,
    ) -> Result<Vec<Finding>> {
        let started = Started::of(self.dir, open.len(), places.len())?;
        let errors = if open.is_empty() { Default::default() } else { folders::task_errors(self.dir)? };
        let began = Instant::now();
        let new = in_parts(open.len(), PART, |part| {
            let one = |trial: &usize| {
                let index = TrialIndex(u32::try_from(*trial).expect("counted by a u32"));
                let mut finding = self.one(index, places[*trial], started.may_have(index))?;
                finding.task_error = places[*trial].and_then(|Place { batch, task: row }| {
                    let task = self.batches.known[batch].as_ref()?.intent.task_of(row);
                    let batch = BatchNumber(u32::try_from(batch).ok()?);
                    errors.contains(&(batch, task)).then(|| read_start(&self.dir.task_error(batch, task)))?
                });
                Ok(finding)
            };
            open[part].iter().map(one).collect::<Result<Vec<_>>>()
        })?;
        let took = began.elapsed();
        let fresh = new.iter().flatten().filter(|finding| finding.is_settled).count();
        let known = findings.len() - open.len();
        open.iter().zip(new.into_iter().flatten()).for_each(|(trial, new)| findings[*trial] = Some(new));
        let findings: Vec<Finding> = findings.into_iter().flatten().collect();
        let is_worth_it = fresh * REMEMBERED_SHARE >= known || took > REMEMBERED_AFTER;
        if fresh >= REMEMBERED_LEAST && is_worth_it && self.is_owner() {
            let settled =
                findings.iter().zip(places).enumerate().filter(|(_, (finding, _))| finding.is_settled);
            let settled = settled.filter_map(|(trial, (finding, place))| Some((trial, (*place)?, finding)));
            index::write(self.dir, self.manifest.id.as_str(), self.batches, self.stopped, settled);
        }
        Ok(findings)
    }

    /// Nobody else writes into a sweep, root least of all.
    fn is_owner(&self) -> bool {
        owner(self.dir).is_ok_and(|uid| uid == nix::unistd::geteuid().as_raw())
    }

    fn one(&self, index: TrialIndex, place: Option<Place>, may_have_folder: bool) -> Result<Finding> {
        let known = place.and_then(|place| Some((self.batches.known[place.batch].as_ref()?, place.task)));
        let folder = self.dir.trial(index);
        let judge = || {
            let attempts = if may_have_folder { Ledger::find(&folder)? } else { None };
            let has_folder = attempts.is_some();
            let attempts = attempts.map(Ledger::attempts).unwrap_or_default();
            let folder = has_folder.then_some(&folder);
            Ok(self.oracle.judge(self.manifest, index, known, attempts, folder, self.stopped))
        };
        let found: Finding = judge()?;
        let is_local = known.is_some_and(|(known, _)| known.intent.executor == Executor::Local);
        if is_local && found.status.state.is_final() && !found.has_end() {
            // A process is asked about after its records were read; it may have written its end in between.
            return judge();
        }
        Ok(found)
    }
}
