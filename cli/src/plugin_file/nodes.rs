//! What each node has: one small job over all nodes that are free. It looks for the release, for the plugin's file and
//! for a variable that only a plugin that was loaded there can have set. It never leaves a node out: one that cannot be
//! asked is named with its state.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::executor::process::Call;
use crate::plugin_file::release::Release;

/// How long the job may wait and run together.
const LIMIT: Duration = Duration::from_secs(120);
/// A line a node: its name, the probe's variable, the file's checksum, the release.
const PROBE: &str = r#"s=none; [ -r "$1" ] && s=$(sha256sum <"$1" | cut -d' ' -f1)
for p in slurmd /usr/sbin/slurmd /usr/local/sbin/slurmd; do v=$($p -V 2>/dev/null) && break; done
[ -n "$v" ] || v=$(sbatch --version 2>/dev/null)
echo "sweep-plugin ${SLURMD_NODENAME:-?} ${sweep_probe:-no} $s $v""#;

/// What a node has.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Its name.
    pub node: String,
    /// Its state as `sinfo` says it, such as `idle` or `down*`.
    pub state: String,
    /// Whether the job ran there: nodes that are full, drained or down are not asked.
    pub asked: bool,
    /// Its Slurm, where one of its programs says so.
    pub slurm: Option<Release>,
    /// The SHA-256 of the plugin's file there, or none where it has none.
    pub sha256: Option<String>,
    /// Whether the plugin was loaded and set a variable.
    pub works: bool,
    /// What is wrong.
    pub problem: Option<String>,
}

/// Asks every free node about the file that is here under this name, and names the others.
///
/// # Errors
/// The world's where no job runs.
pub fn ask(file: &Path, sha256: &str) -> Result<Vec<Node>> {
    let up = Call::new("sinfo").args(["--noheader", "--responding", "--states=idle,mixed", "--format=%N %D"]);
    let count = up
        .run(LIMIT)?
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u32>().ok())
        .max();
    let Some(count) = count.filter(|count| *count > 0) else {
        return Err(Error::world("no node is free: `sinfo --states=idle,mixed` names none")
            .hint("try again when one is"));
    };
    let call = Call::new("srun")
        .args(["--immediate=60".to_owned(), format!("--nodes={count}"), format!("--ntasks={count}")])
        .args(["--ntasks-per-node=1", "--time=1", "--job-name=sweep-plugin", "--chdir=/"])
        .args(["/bin/sh", "-c", PROBE, "sh"])
        .args([file.to_string_lossy().into_owned()])
        .env(&format!("{}sweep_set", sweep_core::environment::OPTION_PREFIX), "sweep_probe=yes");
    let answer = call.run(LIMIT)?;
    if !answer.success {
        return Err(Error::world("the job that asks the nodes (`srun`) did not run").said(&answer.stderr));
    }
    let states = Call::new("sinfo").args(["--noheader", "--Node", "--format=%N %T"]).run(LIMIT)?;
    Ok(all(answer.stdout.lines().filter_map(|line| judge(line, sha256)), &states.stdout))
}

/// The nodes that answered, and those that Slurm knows besides, in order of their names.
fn all(answered: impl Iterator<Item = Node>, states: &str) -> Vec<Node> {
    let silent = states.lines().filter_map(|line| line.trim().split_once(' ')).map(|(name, state)| Node {
        node: name.to_owned(),
        state: state.trim().to_owned(),
        asked: false,
        slurm: None,
        sha256: None,
        works: false,
        problem: None,
    });
    let mut nodes: BTreeMap<String, Node> = silent.map(|node| (node.node.clone(), node)).collect();
    for mut node in answered {
        // The job's own node may be busy with it; its state is still the cluster's word.
        node.state = nodes.remove(&node.node).map(|known| known.state).unwrap_or_default();
        nodes.insert(node.node.clone(), node);
    }
    nodes.into_values().collect()
}

fn judge(line: &str, sha256: &str) -> Option<Node> {
    let mut words = line.strip_prefix("sweep-plugin ")?.splitn(4, ' ');
    let (node, probe, sum, said) = (words.next()?, words.next()?, words.next()?, words.next().unwrap_or(""));
    let works = probe == "yes";
    let problem = match sum {
        _ if works && sum == sha256 => None,
        "none" if works => Some("loads a plugin from elsewhere; this file is not there"),
        _ if works => Some("has another build or stamp under this name"),
        "none" => Some("does not have the file"),
        _ if sum != sha256 => Some("has another build or stamp under this name, and it did not load"),
        _ => Some(
            "has the file and did not load it: is the line in its plugstack.conf, and its Slurm the same?",
        ),
    };
    Some(Node {
        node: node.to_owned(),
        state: String::new(),
        asked: true,
        slurm: Release::of_answer(said),
        sha256: (sum != "none").then(|| sum.to_owned()),
        works,
        problem: problem.map(str::to_owned),
    })
}

/// Lines of the probe.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_judged_by_what_it_says() {
        let judged = |line: &str| judge(line, "ab12").unwrap();
        let good = judged("sweep-plugin n1 yes ab12 slurm-wlm 22.05.8");
        assert_eq!((good.problem, good.slurm.unwrap().to_string()), (None, "22.05.8".to_owned()));
        assert!(
            judged("sweep-plugin n1 no none slurm 24.11.5").problem.unwrap().contains("not have the file")
        );
        assert!(judged("sweep-plugin n1 no ff00 ").problem.unwrap().contains("another build"));
        assert!(judged("sweep-plugin n1 no ab12 ").problem.unwrap().contains("did not load"));
        assert!(judge("Welcome", "ab12").is_none());
    }

    #[test]
    fn a_node_that_was_not_asked_is_named_with_its_state() {
        let answered = judge("sweep-plugin n2 yes ab12 slurm 24.11.5", "ab12");
        let nodes = all(answered.into_iter(), "n1 down*\nn2 idle\nn2 idle\nn10 drained\n");
        let seen: Vec<_> = nodes.iter().map(|n| (n.node.as_str(), n.state.as_str(), n.asked)).collect();
        assert_eq!(seen, [("n1", "down*", false), ("n10", "drained", false), ("n2", "idle", true)]);
    }
}
