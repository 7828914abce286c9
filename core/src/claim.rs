//! A claim: which job runs a trial for a batch. It is written to a private file and linked to its name, so it is
//! never empty and never replaced.

use serde::{Deserialize, Serialize};

use crate::id::{JobName, Token};
use crate::limits;
use crate::schema::{self, Schema};

/// The content of `claim.<batch>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The file's version.
    pub schema: Schema,
    /// The batch.
    pub token: Token,
    /// Who holds it.
    pub holder: Holder,
}

/// Who holds a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// A job, at its first start.
    Job(JobName),
    /// Nobody: the trial went to another batch before this one's job started.
    Withdrawn,
}

impl Claim {
    /// A claim of a job.
    #[must_use]
    pub fn of_job(token: Token, job: JobName) -> Self {
        Self { schema: schema::CURRENT, token, holder: Holder::Job(job) }
    }

    /// The claim as a line.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("texts always serialize");
        line.push(b'\n');
        line
    }

    /// Reads a claim; none where the bytes are not one.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let claim: Self = serde_json::from_slice(bytes.get(..bytes.len().min(limits::CLAIM_LEN))?).ok()?;
        (claim.schema.major == schema::CURRENT.major).then_some(claim)
    }

    /// Whether this job holds it.
    #[must_use]
    pub fn is_held_by(&self, job: &JobName) -> bool {
        matches!(&self.holder, Holder::Job(holder) if holder == job)
    }
}

/// Claims as files.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_reads_back() {
        let claim = Claim::of_job("iris.0".parse().unwrap(), JobName::slurm(7));
        let line = claim.to_line();
        assert_eq!(line, b"{\"schema\":\"1.0\",\"token\":\"iris.0\",\"holder\":{\"job\":\"7\"}}\n");
        assert_eq!(Claim::parse(&line), Some(claim.clone()));
        assert!(claim.is_held_by(&JobName::slurm(7)));
        assert!(!claim.is_held_by(&JobName::slurm(8)));
        assert_eq!(Claim::parse(b""), None);
    }
}
