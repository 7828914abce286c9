//! sacct's answer, at sites that keep accounts. Absent accounts are no error: they are one source less.

use std::collections::{BTreeMap, HashMap};

use sweep_core::id::JobName;
use sweep_core::status::Accounting;

use crate::executor::process::Call;
use crate::executor::slurm::clusters::{Clusters, on, on_all};
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
    Known(AccountTables),
    /// The site keeps no accounts, by its own word.
    Nowhere,
    /// Nobody was asked, or sacct did not answer.
    Unanswered,
}

/// What sacct says where the site keeps no accounts.
const NOWHERE: &str = "accounting storage is disabled";

/// What sacct is asked for.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Whose jobs.
    pub uid: u32,
    /// Which, by their ids.
    pub jobs: &'a [u32],
    /// The sweep's id, with which the names of its jobs begin: a number alone may be another job's.
    pub sweep: &'a str,
    /// When the sweep was made, RFC 3339 in UTC.
    pub since: &'a str,
    /// On which clusters.
    pub clusters: &'a Clusters,
}

/// Most ids in one argument: the system takes one of 128 KiB, and an id has at most 10 digits.
const ARGUMENT_IDS: usize = 10_000;
/// Most such arguments: together they and the environment may have 2 MiB.
const ARGUMENTS: usize = 12;

/// Asks sacct for jobs, by one call.
#[must_use]
pub fn ask(question: &Question<'_>) -> Accounts {
    if question.jobs.is_empty() {
        return Accounts::Unanswered;
    }
    let which = which(question);
    let uid = format!("--uid={}", question.uid);
    let call = Call::new("sacct")
        .args(["--allocations", "--noheader", "--parsable2", "--format=Cluster,JobID,JobIDRaw,State,JobName"])
        .args(on_all(question.clusters))
        .args([uid])
        .args(which)
        // As for squeue: without the variable long lists of tasks are cut.
        .env("SLURM_BITSTR_LEN", "0");
    match slurm::ask(&call) {
        Ok(answer) if answer.success => Accounts::Known(AccountTables::parse(question, &answer.stdout)),
        Ok(answer) if answer.stderr.contains(NOWHERE) => Accounts::Nowhere,
        _ => Accounts::Unanswered,
    }
}

/// Which jobs: by their ids in as many arguments as these need; if they are too many for a call, all of the user's since
/// the sweep began, of which sacct leaves out what ended before it might have started.
fn which(question: &Question<'_>) -> Vec<String> {
    let chunk = |ids: &[u32]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    if question.jobs.len() <= ARGUMENT_IDS * ARGUMENTS {
        return question.jobs.chunks(ARGUMENT_IDS).map(|ids| format!("--jobs={}", chunk(ids))).collect();
    }
    // sacct reads its own zone's time; a day more is more than any two zones differ.
    let day = question.since.get(..10).and_then(|day| day.parse::<jiff::civil::Date>().ok());
    let before = day.and_then(|day| day.yesterday().ok());
    vec![format!("--starttime={}", before.map_or_else(|| "now-365days".to_owned(), |day| day.to_string()))]
}

/// The job of a name on a cluster, where the site keeps accounts: it ran, and may be gone from the queue.
#[must_use]
pub fn find(name: &str, uid: u32, cluster: Option<&str>) -> Option<u32> {
    // Without a start sacct looks at today only; a sweep's batches may be older.
    let call = Call::new("sacct").args(on(cluster)).args([
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

/// What each cluster's accounts say.
#[derive(Debug, Default)]
pub struct AccountTables {
    alone: Option<AccountTable>,
    parts: BTreeMap<String, AccountTable>,
}

impl AccountTables {
    /// Reads sacct's lines: those of the sweep.
    #[must_use]
    pub fn parse(question: &Question<'_>, text: &str) -> Self {
        let mut tables = Self::default();
        if question.clusters.is_empty() {
            tables.alone = Some(AccountTable::default());
        }
        for line in text.lines() {
            let Some((cluster, line)) = line.split_once('|') else { continue };
            let name = line.splitn(4, '|').nth(3).unwrap_or_default();
            if !name.strip_prefix(question.sweep).is_some_and(|rest| rest.starts_with('.')) {
                continue;
            }
            let table = match &mut tables.alone {
                Some(table) => table,
                None => tables.parts.entry(cluster.to_owned()).or_default(),
            };
            table.add(line);
        }
        tables
    }

    /// A cluster's accounts, where it has any of the sweep.
    #[must_use]
    pub fn of(&self, cluster: Option<&str>) -> Option<&AccountTable> {
        self.alone.as_ref().or_else(|| self.parts.get(cluster?))
    }
}

impl AccountTable {
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

    fn clusters(names: &[&str]) -> Clusters {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn question(clusters: &Clusters) -> Question<'_> {
        Question { uid: 1, jobs: &[10], sweep: "s-x", since: "2026-01-02T03:04:05Z", clusters }
    }

    #[test]
    fn more_jobs_than_an_argument_holds_stand_in_several_and_too_many_are_asked_for_by_their_time() {
        let none = clusters(&[]);
        assert_eq!(which(&question(&none)), ["--jobs=10"]);
        let many: Vec<u32> = (0..=120_000).collect();
        let asked = |jobs: &[u32]| which(&Question { jobs, ..question(&none) });
        let lists = asked(&many[..15_000]);
        assert!(lists.len() == 2 && lists[0].ends_with(",9999") && lists[1].starts_with("--jobs=10000,"));
        assert_eq!(asked(&many), ["--starttime=2026-01-01"]);
    }

    fn table(lines: &str) -> AccountTable {
        let mut table = AccountTable::default();
        for line in lines.lines() {
            let _ = table.add(line);
        }
        table
    }

    #[test]
    fn a_job_of_the_same_number_is_another_on_another_cluster_and_one_of_another_name_is_none_of_ours() {
        let text = "alpha|10|10|COMPLETED|s-x.0\nbeta|10|10|FAILED|s-x.1\nbeta|11|11|FAILED|s-x2.1\nbeta|12|12|FAILED|wrap\n";
        let both = clusters(&["alpha", "beta"]);
        let tables = AccountTables::parse(&question(&both), text);
        let look = |cluster, job| tables.of(Some(cluster))?.look(job, None).map(|found| found.0);
        assert_eq!(look("alpha", 10), Some(Accounting::Ended(Ruling::Completed)));
        assert_eq!(look("beta", 10), Some(Accounting::Ended(Ruling::Failed)));
        assert_eq!([look("beta", 11), look("beta", 12), look("gamma", 10)], [None; 3]);
        let none = clusters(&[]);
        let alone = AccountTables::parse(&question(&none), "north|10|10|TIMEOUT|s-x.0\n");
        assert!(alone.of(None).unwrap().look(10, None).is_some());
    }

    #[test]
    fn an_array_that_lost_its_task_ids_is_found_as_a_whole() {
        let table = table("10|10|CANCELLED by 1000\n11|11|RUNNING\n");
        assert_eq!(table.look(10, Some(3)).map(|found| found.0), Some(Accounting::Ended(Ruling::Cancelled)));
        assert_eq!(table.look(11, Some(3)), None);
    }

    #[test]
    fn tasks_and_jobs_are_found() {
        let table =
            table("10_2|13|COMPLETED\n10_3|14|CANCELLED by 1000\n20|20|TIMEOUT\n10_[4-9]|10|PENDING\n");
        let ended = |ruling, job| Some((Accounting::Ended(ruling), JobName::slurm(job)));
        assert_eq!(table.look(10, Some(2)), ended(Ruling::Completed, 13));
        assert_eq!(table.look(10, Some(3)), ended(Ruling::Cancelled, 14));
        assert_eq!(table.look(20, None), ended(Ruling::Timeout, 20));
        assert_eq!(table.look(10, Some(4)), Some((Accounting::Waiting, JobName::slurm(10))));
        assert_eq!(table.look(10, Some(10)), None);
    }
}
