//! What a driver did and learned: the lines of `events/<fence>.jsonl`. An event is never changed or removed; the
//! state of a search is the fold over them in (fence, line) order.

use serde::{Deserialize, Serialize};

use crate::id::{BatchNumber, TrialIndex};
use crate::manifest::Moment;
use crate::schema::{CURRENT, Schema};
use crate::state::TrialState;

/// One line of an events file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The first line: who drives from here on.
    Began {
        /// The file's version.
        schema: Schema,
        /// The driver's fence.
        fence: u64,
        /// When, in nanoseconds since 1970.
        time_ns: u64,
        /// Where.
        host: String,
        /// Which process.
        pid: u32,
        /// Which release.
        version: String,
        /// How much of each earlier file this driver has read; what stands behind that is not part of the sweep.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        read: Vec<ReadUpTo>,
        /// Whether what counts of all earlier files stands in this one too, and they need not be read.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        whole: bool,
    },
    /// An executor took a batch.
    Submitted {
        /// Which.
        batch: BatchNumber,
        /// Slurm's job id, or the local executor's `host:pid:start`.
        job: String,
        /// When, in nanoseconds since 1970.
        time_ns: u64,
    },
    /// An executor refused a batch for good.
    SubmitFailed {
        /// Which.
        batch: BatchNumber,
        /// What it said.
        error: String,
        /// When, in nanoseconds since 1970.
        time_ns: u64,
    },
    /// A limit of Slurm's stands in the way of a batch: none of it is in the queue, and its trials wait for room.
    Deferred {
        /// Which.
        batch: BatchNumber,
        /// What Slurm said.
        error: String,
        /// How many jobs and array tasks the user had in the queue then.
        open: u32,
        /// When, in nanoseconds since 1970.
        time_ns: u64,
    },
    /// The search proposed trials that stand in the table, after all that was told to it before.
    Proposed {
        /// The first of them.
        first: TrialIndex,
        /// How many, consecutive.
        count: u32,
        /// When, in nanoseconds since 1970.
        time_ns: u64,
    },
    /// A running trial reported its metric, and the search was told.
    Reported {
        /// Which.
        trial: TrialIndex,
        /// The program's step.
        step: u64,
        /// The metric, as it was reported.
        metric: f64,
    },
    /// The search wants a trial to end early.
    Pruned {
        /// Which.
        trial: TrialIndex,
        /// When, in nanoseconds since 1970.
        time_ns: u64,
    },
    /// A trial ended for good, and the search was told.
    Ended {
        /// Which.
        trial: TrialIndex,
        /// In which state.
        state: TrialState,
        /// Its metric, as it was reported; none where it failed or has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metric: Option<f64>,
        /// The further metrics of a sweep that has several, in the order of its manifest, as they were reported.
        /// Absent from lines of sweeps with one, and from those that were written before searches heard of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        objectives: Vec<Option<f64>>,
        /// When, in nanoseconds since 1970.
        time_ns: u64,
    },
    /// A trial ended without a fault of its own and will not be run again: its place is free.
    Withdrawn {
        /// Which.
        trial: TrialIndex,
        /// In which state.
        state: TrialState,
        /// When, in nanoseconds since 1970.
        time_ns: u64,
    },
    /// A person asked for more, and from here on has it.
    Extended {
        /// Most configurations; none leaves them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trials: Option<u64>,
        /// Most trials at once; none leaves them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        concurrency: Option<u32>,
        /// When, in nanoseconds since 1970.
        time_ns: u64,
    },
    /// The search is done: nothing more will be proposed, and nothing runs.
    Finished {
        /// Why.
        reason: String,
        /// When, in nanoseconds since 1970.
        time_ns: u64,
    },
    /// The spec's `notify` is about to be told of a moment.
    Telling {
        /// Which telling of the sweep, from 0.
        number: u32,
        /// Of what.
        moment: Moment,
        /// Which trials it is about.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        trials: Vec<TrialIndex>,
        /// When, in nanoseconds since 1970.
        time_ns: u64,
    },
    /// It was told, or could not be.
    Told {
        /// Which telling.
        number: u32,
        /// Why its command failed, where it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// When, in nanoseconds since 1970.
        time_ns: u64,
    },
    /// The sweep was told to stop.
    Stopped {
        /// Why.
        reason: String,
        /// When, in nanoseconds since 1970.
        time_ns: u64,
    },
}

/// How much of an earlier fence's file a driver has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadUpTo {
    /// The earlier fence.
    pub fence: u64,
    /// Bytes of its file.
    pub bytes: u64,
}

impl Event {
    /// The first event of a fence.
    #[must_use]
    pub fn began(
        fence: u64,
        time_ns: u64,
        host: String,
        pid: u32,
        version: String,
        read: Vec<ReadUpTo>,
    ) -> Self {
        Self::Began { schema: CURRENT, fence, time_ns, host, pid, version, read, whole: false }
    }

    /// The event as a line.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("texts and numbers always serialize");
        line.push(b'\n');
        line
    }
}

/// The events of a file; whether its last line was torn is said apart, and lines of a later minor release that
/// this build does not know are left out.
#[must_use]
pub fn parse_file(bytes: &[u8]) -> (Vec<Event>, bool) {
    let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    let lines = bytes[..whole].split(|&b| b == b'\n').filter(|line| !line.is_empty());
    (lines.filter_map(|line| serde_json::from_slice(line).ok()).collect(), whole != bytes.len())
}

/// The events of all files, which come by rising fence: the state of a search is the fold over them. Of each file
/// counts what the next driver had read when it began; what a holder wrote after it had lost its lease does not. Files
/// before one that has all of them are not read. None where a file is missing that a later one goes on from: somebody
/// has just cleared up, and the files are to be listed again.
#[must_use]
pub fn fold(files: &[(u64, Vec<u8>)]) -> Option<Vec<Event>> {
    let parsed: Vec<Vec<Event>> = files.iter().map(|(_, bytes)| parse_file(bytes).0).collect();
    let counts: Vec<usize> = (0..files.len())
        .map(|place| {
            let (fence, bytes) = &files[place];
            let successor = parsed[place + 1..].iter().find_map(|later| match later.first() {
                Some(Event::Began { read, .. }) => Some(read),
                _ => None,
            });
            let counts = successor.map_or(bytes.len() as u64, |read| {
                read.iter().find(|read| read.fence == *fence).map_or(0, |read| read.bytes)
            });
            usize::try_from(counts).unwrap_or(usize::MAX).min(bytes.len())
        })
        .collect();
    let is_whole = |place: &usize| {
        counts[*place] > 0 && matches!(parsed[*place].first(), Some(Event::Began { whole: true, .. }))
    };
    let base = (0..files.len()).rev().find(is_whole);
    let first = base.map(|base| files[base].0);
    let is_there = |read: &ReadUpTo| {
        first.is_some_and(|first| read.fence < first) || files.iter().any(|(fence, _)| *fence == read.fence)
    };
    let mut all = Vec::new();
    for (place, events) in parsed.into_iter().enumerate().skip(base.unwrap_or(0)) {
        if let (Some(Event::Began { read, .. }), true) = (events.first(), Some(place) != base)
            && !read.iter().all(is_there)
        {
            return None;
        }
        if counts[place] == files[place].1.len() {
            all.extend(events);
        } else {
            all.extend(parse_file(&files[place].1[..counts[place]]).0);
        }
    }
    Some(all)
}

/// Events as lines.
#[cfg(test)]
mod tests {
    use super::*;

    fn began(fence: u64, read: &[(u64, u64)]) -> Event {
        let read = read.iter().map(|&(fence, bytes)| ReadUpTo { fence, bytes }).collect();
        Event::began(fence, 5, "h".into(), 7, "0.1.0".into(), read)
    }

    fn submitted(batch: u32) -> Event {
        Event::Submitted { batch: BatchNumber(batch), job: "12".into(), time_ns: 6 }
    }

    #[test]
    fn what_a_holder_wrote_after_it_lost_its_lease_does_not_count() {
        let first: Vec<u8> = [began(1, &[]), submitted(0)].iter().flat_map(Event::to_line).collect();
        let read = first.len() as u64;
        let late = [first.clone(), submitted(1).to_line()].concat();
        let second: Vec<u8> =
            [began(2, &[(1, read)]), submitted(2)].iter().flat_map(Event::to_line).collect();
        let files = [(1, late), (2, second)];
        let all = vec![began(1, &[]), submitted(0), began(2, &[(1, read)]), submitted(2)];
        assert_eq!(fold(&files), Some(all));
        // A successor that has not written its first event yet has taken nothing away.
        assert_eq!(fold(&[(1, first), (2, Vec::new())]).unwrap().len(), 2);
    }

    fn lines(events: &[Event]) -> Vec<u8> {
        events.iter().flat_map(Event::to_line).collect()
    }

    /// The first event of a file that has all earlier ones.
    fn whole(fence: u64, read: &[(u64, u64)]) -> Event {
        let Event::Began { schema, fence, time_ns, host, pid, version, read, .. } = began(fence, read) else {
            unreachable!("made so")
        };
        Event::Began { schema, fence, time_ns, host, pid, version, read, whole: true }
    }

    fn batches(files: &[(u64, Vec<u8>)]) -> Option<Vec<u32>> {
        let batch = |event: Event| match event {
            Event::Submitted { batch, .. } => Some(batch.0),
            _ => None,
        };
        Some(fold(files)?.into_iter().filter_map(batch).collect())
    }

    #[test]
    fn a_file_that_has_all_earlier_ones_stands_for_them_whether_they_are_gone_or_not() {
        let one = lines(&[began(1, &[]), submitted(1)]);
        let two = lines(&[began(2, &[(1, one.len() as u64)]), submitted(2)]);
        let read = [(1, one.len() as u64), (2, two.len() as u64)];
        let three = lines(&[whole(3, &read), submitted(1), submitted(2), submitted(3)]);
        let four = lines(&[began(4, &[(1, 1), (2, 1), (3, three.len() as u64)]), submitted(4)]);
        let files = [(1, one), (2, two), (3, three), (4, four)];
        for gone in 0..=2 {
            assert_eq!(batches(&files[gone..]), Some(vec![1, 2, 3, 4]), "{gone} are gone");
            assert_eq!(batches(&files[gone..3]), Some(vec![1, 2, 3]), "{gone} are gone, nobody came after");
        }
        // Without the file that has all, those that it stands for are missed.
        assert_eq!(batches(&files[3..]), None);
        assert_eq!(batches(&[files[0].clone(), files[3].clone()]), None);
    }

    #[test]
    fn a_file_that_came_after_its_writer_lost_the_lease_stands_for_nothing() {
        let one = lines(&[began(1, &[]), submitted(1)]);
        let late = lines(&[whole(2, &[(1, one.len() as u64)]), submitted(1), submitted(9)]);
        let three = lines(&[began(3, &[(1, one.len() as u64)]), submitted(3)]);
        assert_eq!(batches(&[(1, one), (2, late), (3, three)]), Some(vec![1, 3]));
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_said() {
        let events =
            [began(1, &[]), Event::Submitted { batch: BatchNumber(0), job: "12".into(), time_ns: 6 }];
        let mut bytes: Vec<u8> = events.iter().flat_map(Event::to_line).collect();
        assert_eq!(parse_file(&bytes), (events.to_vec(), false));
        bytes.truncate(bytes.len() - 3);
        assert_eq!(parse_file(&bytes), (events[..1].to_vec(), true));
    }

    fn ended(metric: Option<f64>, objectives: &[Option<f64>]) -> Event {
        let (trial, state, objectives) = (TrialIndex(7), TrialState::Completed, objectives.to_vec());
        Event::Ended { trial, state, metric, objectives, time_ns: 6 }
    }

    #[test]
    fn the_format_stays_as_it_was_released() {
        let check = |event: Event, line: &str| {
            assert_eq!(String::from_utf8(event.to_line()).unwrap(), format!("{line}\n"));
            assert_eq!(parse_file(&event.to_line()), (vec![event], false));
        };
        let submitted = Event::Submitted { batch: BatchNumber(3), job: "12".into(), time_ns: 6 };
        check(submitted, r#"{"event":"submitted","batch":3,"job":"12","time_ns":6}"#);
        // An end of a sweep with one metric is the line that it always was.
        let one = r#"{"event":"ended","trial":7,"state":"completed","metric":0.5,"time_ns":6}"#;
        check(ended(Some(0.5), &[]), one);
        check(
            ended(Some(0.5), &[Some(2.0), None]),
            r#"{"event":"ended","trial":7,"state":"completed","metric":0.5,"objectives":[2.0,null],"time_ns":6}"#,
        );
    }
}
