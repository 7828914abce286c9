//! squeue's answer: every job of one user, asked for once a look. Pure parsing; a line that is not understood is
//! left out, never guessed at.

use std::collections::{BTreeSet, HashMap};

use sweep_core::id::JobName;
use sweep_core::status::Queue;

use crate::error::{Error, Result};
use crate::executor::process::Call;
use crate::executor::slurm::{self, is_waiting, ruling};

/// The jobs of a user in Slurm's queue, those that ended not long ago among them.
#[derive(Debug, Default)]
pub struct QueueTable {
    tasks: HashMap<(u32, Option<u32>), (Queue, u32)>,
    /// Array tasks that wait stand in ranges: array job, first, last.
    waiting: Vec<(u32, u32, u32)>,
    /// Array jobs or jobs by name, which is the batch's token.
    names: HashMap<String, BTreeSet<u32>>,
}

/// Asks squeue for all jobs of a user.
///
/// # Errors
/// Where squeue is not there or does not answer.
pub fn ask(uid: u32) -> Result<QueueTable> {
    let user = format!("--user={uid}");
    // Without the variable squeue cuts long lists of array tasks at 64 characters.
    let call = Call::new("squeue")
        .args(["--noheader", "--states=all", user.as_str(), "--format=%F|%K|%A|%T|%j"])
        .env("SLURM_BITSTR_LEN", "0");
    let answer = slurm::ask(&call)?;
    if !answer.success {
        return Err(Error::world("squeue does not answer").said(&answer.stderr));
    }
    Ok(QueueTable::parse(&answer.stdout))
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
            for (first, last) in ranges(tasks) {
                if queue == Queue::Waiting {
                    self.waiting.push((array_job, first, last));
                } else {
                    // A whole array that was cancelled while it waited stays one line until it is purged.
                    for task in first..=last {
                        self.tasks.entry((array_job, Some(task))).or_insert((queue, job));
                    }
                }
            }
        }
        Some(())
    }

    /// What is known of a job, or of an array's task.
    #[must_use]
    pub fn look(&self, job: u32, task: Option<u32>) -> (Queue, Option<JobName>) {
        if let Some((queue, id)) = self.tasks.get(&(job, task)) {
            return (*queue, Some(JobName::slurm(*id)));
        }
        let in_range = |&(array, first, last): &(u32, u32, u32)| {
            array == job && task.is_some_and(|task| (first..=last).contains(&task))
        };
        if self.waiting.iter().any(in_range) {
            return (Queue::Waiting, None);
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
        alone.chain(self.waiting.iter().filter(move |(array, ..)| *array == job).map(|_| None))
    }
}

impl QueueTable {
    /// Whether a job, or an array's task by its own job id, is not at an end.
    #[must_use]
    pub fn is_open(&self, job: u32) -> bool {
        let mut of_job = self.tasks.values().filter(|(_, id)| *id == job);
        of_job.any(|(queue, _)| !matches!(queue, Queue::Ended(_)))
    }
}

/// Most tasks that one list may name, so that a damaged answer cannot fill memory.
const TASKS: u32 = 4_000_001;

/// `0-5,7,9-21:4%2`, with or without brackets, as first and last of each range.
pub(super) fn ranges(tasks: &str) -> Vec<(u32, u32)> {
    let tasks = tasks.trim_matches(['[', ']']);
    let tasks = tasks.split('%').next().unwrap_or_default().trim_end_matches(']');
    let mut found = Vec::new();
    for part in tasks.split(',') {
        let (range, step) = match part.split_once(':') {
            Some((range, step)) => (range, step.parse().unwrap_or(1).max(1)),
            None => (part, 1),
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) else { continue };
        if last < first || last >= TASKS {
            continue;
        }
        if step == 1 {
            found.push((first, last));
        } else {
            found.extend((first..=last).step_by(step).map(|task| (task, task)));
        }
    }
    found
}

/// squeue's lines as they were seen.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::state::Ruling;

    #[test]
    fn lists_of_tasks_are_read() {
        assert_eq!(ranges("0-5,7,9-21:4%2"), [(0, 5), (7, 7), (9, 9), (13, 13), (17, 17), (21, 21)]);
        assert_eq!(ranges("[3-4%1]"), [(3, 4)]);
        assert_eq!(ranges("0-...,5-4,99999999999"), []);
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
