//! A claim: which job of which cluster runs a trial for a batch. It is written to a private file and linked to its
//! name, so it is never empty and never replaced.

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
    /// The cluster of a job of Slurm's: two clusters count their jobs alike. Builds before this member wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Which of the job's agents took it, `host:pid:start`; none of a job that runs one trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<JobName>,
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
        Self { schema: schema::CURRENT, token, holder: Holder::Job(job), cluster: None, agent: None }
    }

    /// A claim that nobody holds.
    #[must_use]
    pub fn withdrawn(token: Token) -> Self {
        Self { schema: schema::CURRENT, token, holder: Holder::Withdrawn, cluster: None, agent: None }
    }

    /// The claim of a job of this cluster, where it is known.
    #[must_use]
    pub fn on_cluster(self, cluster: Option<&str>) -> Self {
        Self { cluster: cluster.map(str::to_owned), ..self }
    }

    /// The claim as one of a job's agents takes it.
    #[must_use]
    pub fn by_agent(self, agent: Option<&JobName>) -> Self {
        Self { agent: agent.cloned(), ..self }
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

    /// Whether its job may be one of this cluster: the same, or one of the two is not known.
    #[must_use]
    pub fn may_be_of(&self, cluster: Option<&str>) -> bool {
        self.cluster.as_deref().zip(cluster).is_none_or(|(held, asked)| held == asked)
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

    #[test]
    fn a_claim_names_its_cluster_and_one_without_a_cluster_may_be_of_any() {
        let nameless = Claim::of_job("iris.0".parse().unwrap(), JobName::slurm(7));
        let claim = nameless.clone().on_cluster(Some("north"));
        let line = claim.to_line();
        assert!(line.ends_with(b"\"holder\":{\"job\":\"7\"},\"cluster\":\"north\"}\n"));
        assert_eq!(Claim::parse(&line), Some(claim.clone()));
        assert!(claim.may_be_of(Some("north")) && claim.may_be_of(None) && nameless.may_be_of(Some("north")));
        assert!(!claim.may_be_of(Some("south")));
    }
}
