//! Several clusters: which of them has a job, and one call that asks all. It must never take a cluster's silence for an
//! empty queue, nor one cluster's job for another's of the same number.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::executor::slurm::queue::QueueTable;

/// The clusters that are asked, by name; none is the one that Slurm's commands ask by themselves.
pub type Clusters = BTreeSet<String>;

/// The argument that sends a call to one cluster.
#[must_use]
pub fn on(cluster: Option<&str>) -> Option<String> {
    cluster.map(|cluster| format!("--clusters={cluster}"))
}

/// The argument that sends a question to all of these.
#[must_use]
pub fn on_all(clusters: &Clusters) -> Option<String> {
    let names: Vec<&str> = clusters.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| format!("--clusters={}", names.join(",")))
}

/// Jobs by the cluster that has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByCluster<T>(BTreeMap<Option<String>, Vec<T>>);

impl<T> FromIterator<(Option<String>, T)> for ByCluster<T> {
    fn from_iter<I: IntoIterator<Item = (Option<String>, T)>>(jobs: I) -> Self {
        let mut by = BTreeMap::<_, Vec<T>>::new();
        for (cluster, job) in jobs {
            by.entry(cluster).or_default().push(job);
        }
        Self(by)
    }
}

impl<T> ByCluster<T> {
    /// Does something for the jobs of each cluster. All are tried, also after one has failed.
    ///
    /// # Errors
    /// The first.
    pub fn each(&self, mut on: impl FnMut(Option<&str>, &[T]) -> Result<()>) -> Result<()> {
        let mut first = Ok(());
        for (cluster, jobs) in &self.0 {
            first = first.and(on(cluster.as_deref(), jobs));
        }
        first
    }
}

/// The jobs of a user on each cluster that was asked.
#[derive(Debug, Default)]
pub struct Queues {
    /// Of the cluster that Slurm's commands ask by themselves, where no other was named.
    alone: Option<QueueTable>,
    parts: BTreeMap<String, QueueTable>,
    silent: Vec<String>,
    /// What squeue said of those that were silent.
    said: String,
}

impl Queues {
    /// What one cluster answered.
    #[must_use]
    pub fn of_one(table: QueueTable) -> Self {
        Self { alone: Some(table), ..Self::default() }
    }

    /// What squeue answered for several.
    #[must_use]
    pub fn parse(clusters: &Clusters, text: &str, said: &str) -> Self {
        let parts: BTreeMap<String, QueueTable> = sections(text, HEADING)
            .into_iter()
            .map(|(name, lines)| (name, QueueTable::parse(&lines)))
            .collect();
        let silent = clusters.iter().filter(|name| !parts.contains_key(*name)).cloned().collect();
        Self { alone: None, parts, silent, said: said.trim().to_owned() }
    }

    /// A cluster's part; none where it did not answer.
    #[must_use]
    pub fn of(&self, cluster: Option<&str>) -> Option<&QueueTable> {
        // Where nobody named a cluster there is one, whatever it calls itself.
        self.alone.as_ref().or_else(|| self.parts.get(cluster?))
    }

    /// Which clusters did not answer, and what was said of them.
    #[must_use]
    pub fn silence(&self) -> Option<Error> {
        let names: Vec<_> = self.silent.iter().map(|name| format!("`{name}`")).collect();
        let verb = if names.len() == 1 { "does" } else { "do" };
        let others = if self.parts.is_empty() { "" } else { "; the others do" };
        let error = || Error::world(format!("cluster {} {verb} not answer{others}", names.join(" and ")));
        (!names.is_empty()).then(|| error().said(&self.said))
    }

    /// Whether nobody answered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.alone.is_none() && self.parts.is_empty()
    }

    /// How many jobs and array tasks are not at an end: what limits on submitted jobs count. None where a cluster did not
    /// say.
    #[must_use]
    pub fn open_count(&self) -> Option<u32> {
        let tables = self.alone.iter().chain(self.parts.values());
        let count = tables.map(QueueTable::open_count).fold(0, u32::saturating_add);
        (self.silent.is_empty() && !self.is_empty()).then_some(count)
    }
}

/// How the line of headings begins that squeue prints for our question.
const HEADING: &str = "ARRAY_JOB_ID|";

/// squeue's answer by cluster, of those that answered: a line `CLUSTER: name` before each part where several were asked,
/// and then the line of headings, which is missing where the controller did not answer. A cluster that slurmdbd has no
/// controller of is left out altogether. Where none was named, the only part has no name.
#[must_use]
pub fn sections(text: &str, heading: &str) -> Vec<(String, String)> {
    let mut parts = vec![(String::new(), String::new())];
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("CLUSTER: ") {
            parts.push((name.trim().to_owned(), String::new()));
        } else if let Some((_, lines)) = parts.last_mut() {
            lines.push_str(line);
            lines.push('\n');
        }
    }
    parts.retain(|(_, lines)| lines.starts_with(heading));
    parts
}

/// Answers of several clusters as they were seen.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::state::Ruling;
    use sweep_core::status::Queue;

    fn clusters() -> Clusters {
        ["alpha", "beta", "gamma"].map(str::to_owned).into()
    }

    #[test]
    fn two_clusters_count_their_jobs_alike_and_one_that_is_silent_has_no_queue() {
        let text = "CLUSTER: alpha\nARRAY_JOB_ID|ARRAY_TASK_ID|JOBID|STATE|NAME\n1|N/A|1|PENDING|s.0\n\nCLUSTER: beta\n\
                    ARRAY_JOB_ID|ARRAY_TASK_ID|JOBID|STATE|NAME\n1|N/A|1|CANCELLED|s.1\n\nCLUSTER: gamma\n";
        let queues = Queues::parse(&clusters(), text, "slurm_load_jobs error: Socket timed out\n");
        let look = |cluster| queues.of(Some(cluster)).map(|table| table.look(1, None).0);
        assert_eq!(look("alpha"), Some(Queue::Waiting));
        assert_eq!(look("beta"), Some(Queue::Ended(Ruling::Cancelled)));
        assert_eq!(look("gamma"), None);
        assert!(queues.of(None).is_none());
        assert_eq!(queues.silence().unwrap().message(), "cluster `gamma` does not answer; the others do");
        assert_eq!(queues.open_count(), None);
    }

    #[test]
    fn a_cluster_that_is_left_out_is_silent_and_one_without_jobs_is_not() {
        let text = "CLUSTER: alpha\nARRAY_JOB_ID|ARRAY_TASK_ID|JOBID|STATE|NAME\n";
        let queues = Queues::parse(&clusters(), text, "");
        assert_eq!(queues.of(Some("alpha")).unwrap().look(1, None).0, Queue::Absent);
        assert_eq!(
            queues.silence().unwrap().to_string(),
            "cluster `beta` and `gamma` do not answer; the others do"
        );
        let one = Queues::of_one(QueueTable::parse("1|N/A|1|RUNNING|s.0\n"));
        assert_eq!(one.of(Some("any")).unwrap().look(1, None).0, Queue::Running);
        assert_eq!((one.open_count(), one.silence().is_none()), (Some(1), true));
    }

    #[test]
    fn every_cluster_is_told_also_after_one_has_failed() {
        let jobs = [(Some("a"), 1), (None, 2), (Some("b"), 3), (Some("a"), 4)];
        let jobs: ByCluster<u32> =
            jobs.into_iter().map(|(cluster, job)| (cluster.map(str::to_owned), job)).collect();
        let mut told = Vec::new();
        let answer = jobs.each(|cluster, jobs| {
            told.push((on(cluster), jobs.to_vec()));
            if cluster == Some("a") { Err(Error::world("down")) } else { Ok(()) }
        });
        assert_eq!(answer.unwrap_err().to_string(), "down");
        let on_cluster = |name: &str| Some(format!("--clusters={name}"));
        assert_eq!(told, [(None, vec![2]), (on_cluster("a"), vec![1, 4]), (on_cluster("b"), vec![3])]);
        assert_eq!(on_all(&clusters()).unwrap(), "--clusters=alpha,beta,gamma");
    }
}
