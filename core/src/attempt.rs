//! Which records of a trial count, and so which attempt comes next. Slurm's own restart count is not set where
//! it is needed, so attempts are counted from what stands in the trial's folder.

use crate::claim::Claim;
use crate::id::{JobName, Token};
use crate::layout::RecordName;

/// What is known of one record file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub name: RecordName,
    /// The batch that its start names, where it is a job of ours.
    pub token: Option<Token>,
}

/// Whether a record counts as an attempt: one of ours only if its batch's claim names its job (a refused twin's
/// record stays and counts for nothing), one of the flags alone always.
#[must_use]
pub fn counts(record: &Seen, claims: &[Claim]) -> bool {
    match &record.token {
        None => true,
        Some(token) => claims.iter().any(|claim| claim.token == *token && claim.is_held_by(&record.name.job)),
    }
}

/// The number of the attempt that `own` is or would be: how many earlier records count.
#[must_use]
pub fn number(own: Option<&RecordName>, records: &[Seen], claims: &[Claim]) -> u32 {
    let earlier = |record: &&Seen| match own {
        None => true,
        Some(own) => record.name != *own && record.name.start_ns <= own.start_ns,
    };
    let count = records.iter().filter(earlier).filter(|record| counts(record, claims)).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The records that count, oldest first: attempt 0, 1, ….
#[must_use]
pub fn counted<'a>(records: &'a [Seen], claims: &[Claim]) -> Vec<&'a RecordName> {
    let mut counted: Vec<_> =
        records.iter().filter(|record| counts(record, claims)).map(|record| &record.name).collect();
    counted.sort_by(|a, b| (a.start_ns, &a.job).cmp(&(b.start_ns, &b.job)));
    counted
}

/// Whether a job may go on with a trial that has this claim: its own, from before a requeue.
#[must_use]
pub fn may_go_on(claim: &Claim, job: &JobName) -> bool {
    claim.is_held_by(job)
}

/// Attempts by example.
#[cfg(test)]
mod tests {
    use super::*;

    fn seen(job: u32, start_ns: u64, token: Option<&str>) -> Seen {
        let name = RecordName { job: JobName::slurm(job), start_ns };
        Seen { name, token: token.map(|t| t.parse().unwrap()) }
    }

    fn claim(token: &str, job: u32) -> Claim {
        Claim::of_job(token.parse().unwrap(), JobName::slurm(job))
    }

    #[test]
    fn a_requeue_is_the_next_attempt() {
        let records = [seen(7, 10, Some("s.0")), seen(7, 20, Some("s.0"))];
        assert_eq!(number(None, &records, &[claim("s.0", 7)]), 2);
        assert_eq!(number(Some(&records[1].name), &records, &[claim("s.0", 7)]), 1);
        assert_eq!(number(Some(&records[0].name), &records, &[claim("s.0", 7)]), 0);
    }

    #[test]
    fn a_refused_twin_counts_for_nothing() {
        let records = [seen(7, 10, Some("s.0")), seen(8, 11, Some("s.0")), seen(9, 30, Some("s.1"))];
        let claims = [claim("s.0", 7), claim("s.1", 9)];
        assert_eq!(number(None, &records, &claims), 2);
        assert_eq!(counted(&records, &claims).len(), 2);
    }

    #[test]
    fn jobs_of_the_flags_alone_count_without_a_claim() {
        let records = [seen(7, 10, None), seen(8, 20, None)];
        assert_eq!(number(None, &records, &[]), 2);
    }
}
