//! squeue's answer of one cluster: every job of one user, asked for once a look. Pure parsing; a line that is not understood is
//! left out, never guessed at.

use std::collections::{BTreeSet, HashMap};

use sweep_core::id::JobName;
use sweep_core::status::Queue;

use crate::error::{Error, Result};
use crate::executor::process::Call;
use crate::executor::slurm::clusters::{Clusters, Queues, on_all};
use crate::executor::slurm::{self, is_waiting, ruling};

/// The jobs of a user in Slurm's queue, those that ended not long ago among them.
#[derive(Debug, Default)]
pub struct QueueTable {
    tasks: HashMap<(u32, Option<u32>), (Queue, u32)>,
    /// Array tasks that wait, or were cancelled while they waited, stand in ranges: array job, tasks, state, job.
    ranges: Vec<(u32, Tasks, Queue, u32)>,
    /// Array jobs or jobs by name, which is the batch's token.
    names: HashMap<String, BTreeSet<u32>>,
}

/// Asks squeue for all jobs of a user on these clusters, by one call.
///
/// # Errors
/// Where squeue is not there, or nobody answers. Of several clusters some may: [`Queues::silence`].
pub fn ask(uid: u32, clusters: &Clusters) -> Result<Queues> {
    let user = format!("--user={uid}");
    // Without the variable squeue cuts long lists of array tasks at 64 characters.
    let call = Call::new("squeue").env("SLURM_BITSTR_LEN", "0");
    let call = call.args(["--states=all", user.as_str(), "--format=%F|%K|%A|%T|%j"]);
    let Some(on_all) = on_all(clusters) else {
        let answer = slurm::ask(&call.args(["--noheader"]))?;
        if !answer.success {
            return Err(Error::world("squeue does not answer").said(&answer.stderr));
        }
        return Ok(Queues::of_one(QueueTable::parse(&answer.stdout)));
    };
    // Without its headings squeue does not say which cluster's the lines are.
    let answer = slurm::ask(&call.args([on_all]))?;
    let queues = Queues::parse(clusters, &answer.stdout, &answer.stderr);
    if queues.is_empty() {
        return Err(Error::world("squeue does not answer").said(&answer.stderr));
    }
    Ok(queues)
}

impl QueueTable {
    /// Reads squeue's lines.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            table.add(line);
        }
        table
    }

    fn add(&mut self, line: &str) -> Option<()> {
        let mut fields = line.splitn(5, '|');
        let array_job: u32 = fields.next()?.trim().parse().ok()?;
        let tasks = fields.next()?.trim();
        let job: u32 = fields.next()?.trim().parse().ok()?;
        let state = fields.next()?.trim();
        self.names.entry(fields.next()?.trim().to_owned()).or_default().insert(array_job);
        let queue = match ruling(state) {
            Some(ruling) => Queue::Ended(ruling),
            None if is_waiting(state) => Queue::Waiting,
            None => Queue::Running,
        };
        if let Ok(task) = tasks.parse::<u32>() {
            self.tasks.insert((array_job, Some(task)), (queue, job));
        } else if tasks == "N/A" {
            self.tasks.insert((array_job, None), (queue, job));
        } else {
            // A whole array that was cancelled while it waited stays one line until it is purged.
            self.ranges.extend(ranges(tasks).into_iter().map(|tasks| (array_job, tasks, queue, job)));
        }
        Some(())
    }

    /// What is known of a job, or of an array's task.
    #[must_use]
    pub fn look(&self, job: u32, task: Option<u32>) -> (Queue, Option<JobName>) {
        if let Some((queue, id)) = self.tasks.get(&(job, task)) {
            return (*queue, Some(JobName::slurm(*id)));
        }
        let in_range = |(array, tasks, ..): &&(u32, Tasks, Queue, u32)| {
            *array == job && task.is_some_and(|task| tasks.contains(task))
        };
        match self.ranges.iter().find(in_range) {
            Some((.., Queue::Waiting, _)) => return (Queue::Waiting, None),
            Some((.., queue, id)) => return (*queue, Some(JobName::slurm(*id))),
            None => {}
        }
        // A slurmctld that was started again has lost the task numbers of an array that was cancelled while it waited.
        match self.tasks.get(&(job, None)) {
            Some((ended @ Queue::Ended(_), _)) => (*ended, None),
            _ => (Queue::Absent, None),
        }
    }

    /// The oldest job of a token, where sbatch's answer was never written down.
    #[must_use]
    pub fn job_of(&self, token: &str) -> Option<u32> {
        self.names.get(token)?.first().copied()
    }

    /// All jobs of a token, oldest first: more than one where a submission was repeated and both came through.
    pub fn jobs_of(&self, token: &str) -> impl Iterator<Item = u32> {
        self.names.get(token).into_iter().flatten().copied()
    }

    /// The tasks of a job that are not at an end, by their own job ids; `None` for those that still wait in a range.
    pub fn open_tasks(&self, job: u32) -> impl Iterator<Item = Option<u32>> {
        let alone = self.tasks.iter().filter(move |((array, _), _)| *array == job);
        let alone =
            alone.filter(|(_, (queue, _))| !matches!(queue, Queue::Ended(_))).map(|(_, (_, id))| Some(*id));
        let ranges = self.ranges.iter().filter(move |(array, ..)| *array == job);
        alone.chain(ranges.filter_map(|(.., queue, id)| match queue {
            Queue::Waiting => Some(None),
            Queue::Ended(_) => None,
            _ => Some(Some(*id)),
        }))
    }
}

impl QueueTable {
    /// How many jobs and array tasks are not at an end: what limits on submitted jobs count.
    #[must_use]
    pub fn open_count(&self) -> u32 {
        let is_open = |queue: Queue| !matches!(queue, Queue::Ended(_));
        let alone = self.tasks.values().filter(|(queue, _)| is_open(*queue)).count();
        let ranges = self.ranges.iter().filter(|(_, _, queue, _)| is_open(*queue));
        let ranges: u32 = ranges.map(|(_, tasks, ..)| tasks.count()).fold(0, u32::saturating_add);
        u32::try_from(alone).unwrap_or(u32::MAX).saturating_add(ranges)
    }

    /// Whether a job, or an array's task by its own job id, is not at an end.
    #[must_use]
    pub fn is_open(&self, job: u32) -> bool {
        let is_open = |queue: &Queue| !matches!(queue, Queue::Ended(_));
        let mut of_job = self.tasks.values().filter(|(_, id)| *id == job);
        let mut in_ranges = self.ranges.iter().filter(|(.., id)| *id == job);
        of_job.any(|(queue, _)| is_open(queue))
            || in_ranges.any(|(.., queue, _)| is_open(queue) && *queue != Queue::Waiting)
    }
}

/// Tasks of an array that stand together in an answer. They are never listed one by one: an answer of a few
/// kilobytes can name more tasks than memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tasks {
    first: u32,
    last: u32,
    step: u32,
}

impl Tasks {
    /// How many they are.
    #[must_use]
    pub fn count(self) -> u32 {
        ((self.last - self.first) / self.step).saturating_add(1)
    }

    /// Whether a task is one of them.
    #[must_use]
    pub fn contains(self, task: u32) -> bool {
        (self.first..=self.last).contains(&task) && (task - self.first).is_multiple_of(self.step)
    }
}

/// `0-5,7,9-21:4%2`, with or without brackets.
#[must_use]
pub fn ranges(tasks: &str) -> Vec<Tasks> {
    let tasks = tasks.trim_matches(['[', ']']);
    let tasks = tasks.split('%').next().unwrap_or_default().trim_end_matches(']');
    let parse = |part: &str| {
        let (range, step) = match part.split_once(':') {
            Some((range, step)) => (range, step.parse().unwrap_or(1).max(1)),
            None => (part, 1),
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last).then_some(Tasks { first, last, step })
    };
    tasks.split(',').filter_map(parse).collect()
}

/// squeue's lines as they were seen.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::state::Ruling;

    #[test]
    fn lists_of_tasks_are_read() {
        let tasks = |text: &str| -> Vec<u32> {
            (0..30).filter(|task| ranges(text).iter().any(|range| range.contains(*task))).collect()
        };
        assert_eq!(tasks("0-5,7,9-21:4%2"), [0, 1, 2, 3, 4, 5, 7, 9, 13, 17, 21]);
        assert_eq!(tasks("[3-4%1]"), [3, 4]);
        assert_eq!(ranges("0-...,5-4,99999999999"), []);
    }

    #[test]
    fn an_answer_that_names_more_tasks_than_memory_holds_is_read_at_once() {
        let list = vec!["0-4294967295:2"; 1000].join(",");
        let table =
            QueueTable::parse(&format!("10|{list}|10|CANCELLED|s.0\n10|0-4294967295|10|RUNNING|s.0\n"));
        assert_eq!(table.look(10, Some(u32::MAX - 1)).0, Queue::Ended(Ruling::Cancelled));
        assert_eq!(table.look(10, Some(u32::MAX)).0, Queue::Running);
    }

    #[test]
    fn jobs_are_found_by_array_and_task() {
        let table = QueueTable::parse(
            "10|4-99%2|10|PENDING|s.0\n10|3|14|RUNNING|s.0\n10|2|13|COMPLETED|s.0\n20|N/A|20|CANCELLED|s.1\nnoise\n",
        );
        assert_eq!(table.look(10, Some(50)), (Queue::Waiting, None));
        assert_eq!(table.look(10, Some(3)), (Queue::Running, Some(JobName::slurm(14))));
        assert_eq!(table.look(10, Some(2)), (Queue::Ended(Ruling::Completed), Some(JobName::slurm(13))));
        assert_eq!(table.look(10, Some(1)), (Queue::Absent, None));
        assert_eq!(table.look(20, None), (Queue::Ended(Ruling::Cancelled), Some(JobName::slurm(20))));
        assert_eq!(table.job_of("s.1"), Some(20));
        assert_eq!(table.open_count(), 97);
        assert_eq!([14, 13, 20, 99].map(|job| table.is_open(job)), [true, false, false, false]);
    }

    #[test]
    fn an_array_cancelled_while_it_waited_has_ended() {
        let table = QueueTable::parse("10|0-5|10|CANCELLED|s.0\n");
        assert_eq!(table.look(10, Some(5)).0, Queue::Ended(Ruling::Cancelled));
    }

    #[test]
    fn an_array_cancelled_while_it_waited_has_ended_also_for_a_slurmctld_that_lost_its_tasks() {
        let table = QueueTable::parse("10|N/A|10|CANCELLED|s.0\n10|3|14|RUNNING|s.0\n");
        assert_eq!(table.look(10, Some(0)), (Queue::Ended(Ruling::Cancelled), None));
        assert_eq!(table.look(10, Some(3)).0, Queue::Running);
    }
}
