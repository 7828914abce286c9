//! Attempts made of records: a start and its end become one. Records stream through; only attempts that have
//! started and not ended are kept, and no more of them than a limit. It believes what it reads: whether a file was
//! changed is `verify`'s to say.

use std::collections::HashMap;

use serde::Serialize;
use sweep_core::id::JobName;
use sweep_core::record::{Kind, Record};

/// Most attempts without an end that are kept at once; the older half of more is given out as it is.
const OPEN: usize = 65_536;

/// How an attempt stands, by the records alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It has no end yet.
    Running,
    /// It ended with 0.
    Completed,
    /// It ended with another code.
    Failed,
    /// A signal ended it.
    Signalled,
    /// It has no end and will have none: the same step began again, or the node crashed behind it.
    Interrupted,
}

impl State {
    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Signalled => "signalled",
            Self::Interrupted => "interrupted",
        }
    }
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its end's record, or its start's where it has none.
    pub record: Record,
    /// When it started; where that record is missing, reckoned from its end.
    pub start_ns: u64,
    /// When it ended.
    pub end_ns: Option<u64>,
    /// How it stands.
    pub state: State,
}

impl Attempt {
    fn without_end(start: Open) -> Self {
        let state = if start.is_lost { State::Interrupted } else { State::Running };
        Self { start_ns: start.record.time_ns, end_ns: None, state, record: start.record }
    }

    fn ended(start: Option<Open>, end: Record) -> Self {
        let reckoned = || {
            let elapsed_ns = end.elapsed_s.unwrap_or(0.0).max(0.0) * 1e9;
            // Whole nanoseconds of a length of time: the fraction means nothing.
            end.time_ns.saturating_sub(elapsed_ns as u64)
        };
        let start_ns = start.map_or_else(reckoned, |start| start.record.time_ns);
        let state = match (end.exit, end.signal) {
            (_, Some(_)) => State::Signalled,
            (Some(0), None) => State::Completed,
            _ => State::Failed,
        };
        Self { start_ns, end_ns: Some(end.time_ns), state, record: end }
    }
}

/// A start that waits for its end.
#[derive(Debug)]
struct Open {
    record: Record,
    /// Whether its node crashed since.
    is_lost: bool,
}

/// Joins the records of one node, in the order of its files.
#[derive(Debug, Default)]
pub struct Joiner {
    open: HashMap<(JobName, String), Open>,
}

impl Joiner {
    /// Takes a record; gives the attempts that it completes.
    pub fn push(&mut self, record: Record) -> Vec<Attempt> {
        let key = (record.job.clone(), record.step.clone());
        match record.kind {
            Kind::End => {
                let start = self.open.remove(&key);
                vec![Attempt::ended(start, record)]
            }
            Kind::Start => {
                let before = self.open.insert(key, Open { record, is_lost: false });
                let before = before.map(|open| Attempt::without_end(Open { is_lost: true, ..open }));
                let mut given: Vec<_> = before.into_iter().collect();
                if self.open.len() > OPEN {
                    given.extend(self.older_half());
                }
                given
            }
        }
    }

    /// Takes note that the node crashed here.
    pub fn crashed(&mut self) {
        self.open.values_mut().for_each(|open| open.is_lost = true);
    }

    /// Whether every attempt has ended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The attempts without an end, oldest first.
    pub fn finish(&mut self) -> Vec<Attempt> {
        let mut rest: Vec<_> = self.open.drain().map(|(_, open)| Attempt::without_end(open)).collect();
        rest.sort_by_key(|attempt| attempt.start_ns);
        rest
    }

    fn older_half(&mut self) -> Vec<Attempt> {
        let mut times: Vec<_> = self.open.values().map(|open| open.record.time_ns).collect();
        let middle = times.len() / 2;
        let (_, &mut middle, _) = times.select_nth_unstable(middle);
        let old = self.open.extract_if(|_, open| open.record.time_ns < middle);
        let mut old: Vec<_> = old.map(|(_, open)| Attempt::without_end(open)).collect();
        old.sort_by_key(|attempt| attempt.start_ns);
        old
    }
}

/// Starts and ends in every order.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::record::Source;

    fn record(kind: Kind, job: u32, time_s: u64) -> Record {
        let job = JobName::slurm(job);
        Record { kind, ..Record::start(Source::Plugin, "n1", (1000, 1000), job, time_s * 1_000_000_000) }
    }

    fn seen(attempts: &[Attempt]) -> Vec<(u32, u64, State)> {
        let job = |attempt: &Attempt| attempt.record.job.slurm_id().unwrap();
        attempts.iter().map(|a| (job(a), a.start_ns / 1_000_000_000, a.state)).collect()
    }

    #[test]
    fn every_state_comes_of_its_records() {
        let mut joiner = Joiner::default();
        for job in 1..=5 {
            assert!(joiner.push(record(Kind::Start, job, u64::from(job))).is_empty());
        }
        let end = |job, exit, signal| Record { exit, signal, ..record(Kind::End, job, 100) };
        assert_eq!(seen(&joiner.push(end(1, Some(0), None))), [(1, 1, State::Completed)]);
        assert_eq!(seen(&joiner.push(end(2, Some(3), None))), [(2, 2, State::Failed)]);
        assert_eq!(seen(&joiner.push(end(3, None, Some(9)))), [(3, 3, State::Signalled)]);
        assert_eq!(seen(&joiner.push(record(Kind::Start, 4, 50))), [(4, 4, State::Interrupted)]);
        joiner.crashed();
        joiner.push(record(Kind::Start, 6, 60));
        let rest = seen(&joiner.finish());
        let (lost, running) = (State::Interrupted, State::Running);
        assert_eq!(rest, [(5, 5, lost), (4, 50, lost), (6, 60, running)]);
        assert!(joiner.is_empty());
    }

    #[test]
    fn an_end_without_its_start_says_when_that_was() {
        let end = Record { exit: Some(0), elapsed_s: Some(30.0), ..record(Kind::End, 1, 100) };
        assert_eq!(seen(&Joiner::default().push(end)), [(1, 70, State::Completed)]);
    }

    #[test]
    fn starts_without_an_end_stay_within_their_limit() {
        let mut joiner = Joiner::default();
        let mut given = 0;
        let all = 3 * OPEN as u32;
        for job in 0..all {
            given += joiner.push(record(Kind::Start, job, u64::from(job))).len();
            assert!(joiner.open.len() <= OPEN);
        }
        assert_eq!(given + joiner.finish().len(), all as usize);
    }
}
