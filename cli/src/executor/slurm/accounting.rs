//! sacct's answer, at sites that keep accounts. Absent accounts are no error: they are one source less.

use std::collections::HashMap;

use sweep_core::id::JobName;
use sweep_core::status::Accounting;

use crate::executor::process::Call;
use crate::executor::slurm::queue::{Tasks, ranges};
use crate::executor::slurm::{self, is_waiting, ruling};

/// The accounts of some jobs.
#[derive(Debug, Default)]
pub struct AccountTable {
    tasks: HashMap<(u32, Option<u32>), (Accounting, u32)>,
    /// Tasks that never started stand in one line: array job, tasks, state, job.
    ranges: Vec<(u32, Tasks, Accounting, u32)>,
}

/// What came of asking sacct.
#[derive(Debug)]
pub enum Accounts {
    /// It answered.
    Known(AccountTable),
    /// The site keeps no accounts, by its own word.
    Nowhere,
    /// Nobody was asked, or sacct did not answer.
    Unanswered,
}

/// What sacct says where the site keeps no accounts.
const NOWHERE: &str = "accounting storage is disabled";

/// Asks sacct for jobs.
#[must_use]
pub fn ask(jobs: &[u32]) -> Accounts {
    if jobs.is_empty() {
        return Accounts::Unanswered;
    }
    let list = jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let call = Call::new("sacct")
        .args(["--allocations", "--noheader", "--parsable2", "--format=JobID,JobIDRaw,State", "--jobs"])
        .args([list])
        // As for squeue: without the variable long lists of tasks are cut.
        .env("SLURM_BITSTR_LEN", "0");
    match slurm::ask(&call) {
        Ok(answer) if answer.success => Accounts::Known(AccountTable::parse(&answer.stdout)),
        Ok(answer) if answer.stderr.contains(NOWHERE) => Accounts::Nowhere,
        _ => Accounts::Unanswered,
    }
}

/// The job of a name, where the site keeps accounts: it ran, and may be gone from the queue.
#[must_use]
pub fn find(name: &str, uid: u32) -> Option<u32> {
    // Without a start sacct looks at today only; a sweep's batches may be older.
    let call = Call::new("sacct").args([
        "--allocations",
        "--noheader",
        "--parsable2",
        "--format=JobID",
        "--starttime",
    ]);
    let call = call.args(["now-365days".to_owned(), format!("--name={name}"), format!("--uid={uid}")]);
    let answer = slurm::ask(&call).ok().filter(|answer| answer.success)?;
    let jobs = answer.stdout.lines().filter_map(|line| line.split('_').next()?.trim().parse::<u32>().ok());
    jobs.min()
}

impl AccountTable {
    /// Reads sacct's lines.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            table.add(line);
        }
        table
    }

    fn add(&mut self, line: &str) -> Option<()> {
        let mut fields = line.split('|');
        let id = fields.next()?;
        let raw: u32 = fields.next()?.parse().ok()?;
        let state = fields.next()?;
        let accounting = match ruling(state) {
            Some(ruling) => Accounting::Ended(ruling),
            None if is_waiting(state) => Accounting::Waiting,
            None => Accounting::Running,
        };
        let Some((job, task)) = id.split_once('_') else {
            self.tasks.insert((id.parse().ok()?, None), (accounting, raw));
            return Some(());
        };
        let job = job.parse().ok()?;
        if let Ok(task) = task.parse() {
            self.tasks.insert((job, Some(task)), (accounting, raw));
            return Some(());
        }
        // `sacct --array`, which would part them, is not in 22.05.
        self.ranges.extend(ranges(task).into_iter().map(|tasks| (job, tasks, accounting, raw)));
        Some(())
    }

    /// What is known of a job, or of an array's task.
    #[must_use]
    pub fn look(&self, job: u32, task: Option<u32>) -> Option<(Accounting, JobName)> {
        // An array that was cancelled while it waited loses its task ids when slurmctld is restarted: its one line then
        // stands for every task that has none of its own.
        let whole = || {
            self.tasks.get(&(job, None)).filter(|(accounting, _)| matches!(accounting, Accounting::Ended(_)))
        };
        let in_range = || {
            let mut of_job = self.ranges.iter().filter(|(array, ..)| *array == job);
            let found = of_job.find(|(_, tasks, ..)| task.is_some_and(|task| tasks.contains(task)));
            found.map(|(.., accounting, raw)| (*accounting, *raw))
        };
        let found = self.tasks.get(&(job, task)).copied().or_else(in_range).or_else(|| whole().copied());
        found.map(|(accounting, raw)| (accounting, JobName::slurm(raw)))
    }
}

/// sacct's lines as they were seen.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::state::Ruling;

    #[test]
    fn an_array_that_lost_its_task_ids_is_found_as_a_whole() {
        let table = AccountTable::parse("10|10|CANCELLED by 1000\n11|11|RUNNING\n");
        assert_eq!(table.look(10, Some(3)).map(|found| found.0), Some(Accounting::Ended(Ruling::Cancelled)));
        assert_eq!(table.look(11, Some(3)), None);
    }

    #[test]
    fn tasks_and_jobs_are_found() {
        let table = AccountTable::parse(
            "10_2|13|COMPLETED\n10_3|14|CANCELLED by 1000\n20|20|TIMEOUT\n10_[4-9]|10|PENDING\n",
        );
        let ended = |ruling, job| Some((Accounting::Ended(ruling), JobName::slurm(job)));
        assert_eq!(table.look(10, Some(2)), ended(Ruling::Completed, 13));
        assert_eq!(table.look(10, Some(3)), ended(Ruling::Cancelled, 14));
        assert_eq!(table.look(20, None), ended(Ruling::Timeout, 20));
        assert_eq!(table.look(10, Some(4)), Some((Accounting::Waiting, JobName::slurm(10))));
        assert_eq!(table.look(10, Some(10)), None);
    }
}
