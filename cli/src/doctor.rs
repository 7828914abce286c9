//! `sweep doctor`: whether a sweep would run here, and what to do where it would not. Each check asks one thing and
//! says one thing; nothing is changed, and the only jobs are those of `--nodes`.

mod audit;
mod nodes;
mod site;

use serde::Serialize;
use sweep_core::layout::SweepDir;

use crate::report::status::SCHEMA_VERSION;

/// What the checks found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The report's version.
    pub schema_version: u32,
    /// One a check, in the order in which they were made.
    pub checks: Vec<Check>,
}

/// What one check found.
#[derive(Debug, Serialize)]
pub struct Check {
    /// What was asked.
    pub name: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// What to do, where there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// A sweep runs, but somebody should know.
    Warning,
    /// A sweep would not run, or its records could not be trusted.
    Bad,
}

impl Check {
    fn new(name: &'static str, verdict: Verdict, seen: impl Into<String>) -> Self {
        Self { name, verdict, seen: seen.into(), advice: None }
    }

    fn good(name: &'static str, seen: impl Into<String>) -> Self {
        Self::new(name, Verdict::Good, seen)
    }

    fn warning(name: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..Self::new(name, Verdict::Warning, seen) }
    }

    fn bad(name: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..Self::new(name, Verdict::Bad, seen) }
    }
}

/// How far the checks go.
#[derive(Debug)]
pub struct Scope<'a> {
    /// A job on every node that is up, to see what the node sees.
    pub on_nodes: bool,
    /// The directory that nodes should see.
    pub dir: &'a SweepDir,
}

/// Makes every check.
#[must_use]
pub fn examine(scope: &Scope<'_>) -> Report {
    let mut checks = Vec::new();
    let there = site::answers();
    let answers = there.verdict != Verdict::Bad;
    checks.push(there);
    if answers {
        checks.push(site::plugin());
        checks.extend(site::limits());
        checks.push(site::accounting());
        checks.push(site::pace());
        if scope.on_nodes {
            checks.extend(nodes::examine(scope.dir));
        }
        checks.extend(audit::examine());
    }
    Report { schema_version: SCHEMA_VERSION, checks }
}

impl Report {
    /// Whether a sweep would run here.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.checks.iter().all(|check| check.verdict != Verdict::Bad)
    }
}
