//! Nodes as `scontrol` shows them. It never decides what a test should think of a state, but for one: out of service.

use crate::cluster::Cluster;
use crate::error::TestbedError;
use crate::job::Fields;
use crate::process::Ran;

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeShow {
    /// Its name, `r0`.
    pub name: String,
    /// Slurm's state, `IDLE` or `IDLE+DRAIN`.
    pub state: String,
    /// Why it is out of service, if Slurm says so.
    pub reason: Option<String>,
}

impl NodeShow {
    /// Drained, down or failing: it takes no new jobs.
    pub fn is_out_of_service(&self) -> bool {
        ["DRAIN", "DOWN", "FAIL", "ERROR", "UNKNOWN"].iter().any(|word| self.state.contains(word))
    }

    fn read(line: &str) -> Option<Self> {
        let fields = Fields::read(line);
        Some(Self {
            name: fields.get("NodeName")?.to_owned(),
            state: fields.get("State")?.to_owned(),
            reason: fields.get("Reason").map(str::to_owned),
        })
    }
}

impl Cluster {
    /// All nodes.
    pub fn nodes(&self) -> Result<Vec<NodeShow>, TestbedError> {
        let ran = self.scontrol(&["-o", "show", "node"]).and_then(Ran::checked)?;
        Ok(ran.stdout.lines().filter_map(NodeShow::read).collect())
    }

    /// One node, by number.
    pub fn node(&self, node: u16) -> Result<NodeShow, TestbedError> {
        let name = format!("r{node}");
        self.nodes()?
            .into_iter()
            .find(|show| show.name == name)
            .ok_or(TestbedError::Unreadable { what: "a node in scontrol's output", text: name })
    }

    /// Fails, with each node's reason, if any node is out of service.
    pub fn assert_no_drain(&self) -> Result<(), TestbedError> {
        let out: Vec<String> = self
            .nodes()?
            .into_iter()
            .filter(NodeShow::is_out_of_service)
            .map(|node| {
                format!("{} is {} ({})", node.name, node.state, node.reason.as_deref().unwrap_or("no reason"))
            })
            .collect();
        if out.is_empty() {
            return Ok(());
        }
        Err(TestbedError::Drained { nodes: out.join(", "), logs: self.log_tails() })
    }

    /// Brings a node back into service and waits until it is.
    pub fn resume_node(&self, node: u16) -> Result<(), TestbedError> {
        self.scontrol(&["update", &format!("NodeName=r{node}"), "State=RESUME"]).and_then(Ran::checked)?;
        self.wait_for(std::time::Duration::from_secs(30), &format!("r{node} to be in service"), || {
            self.node(node).ok().filter(|show| !show.is_out_of_service()).map(|_| ())
        })
    }
}

#[cfg(test)]
mod tests {
    //! One line of `scontrol -o show node`.
    use super::*;

    #[test]
    fn a_drained_node_is_out_of_service_and_says_why() {
        let line = "NodeName=r1 Arch=x86_64 CPUTot=8 State=IDLE+DRAIN ThreadsPerCore=1 OS=Linux 6.1 #1 SMP \
                    Reason=batch job complete failure [root@2026-01-01T00:00:00]";
        let node = NodeShow::read(line).unwrap();
        assert!(node.is_out_of_service());
        assert_eq!(node.reason.as_deref(), Some("batch job complete failure [root@2026-01-01T00:00:00]"));
        assert!(!NodeShow { state: "MIXED".to_owned(), ..node }.is_out_of_service());
    }
}
