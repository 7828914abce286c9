//! What each node has: one small job over all nodes that are free. It looks for the release, for the plugin's file and
//! for a variable that only a plugin that was loaded there can have set.

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
    /// Its Slurm, where one of its programs says so.
    pub slurm: Option<Release>,
    /// The SHA-256 of the plugin's file there, or none where it has none.
    pub sha256: Option<String>,
    /// Whether the plugin was loaded and set a variable.
    pub works: bool,
    /// What is wrong.
    pub problem: Option<String>,
}

/// Asks every free node about the file that is here under this name.
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
    let mut nodes: Vec<Node> = answer.stdout.lines().filter_map(|line| judge(line, sha256)).collect();
    nodes.sort_by(|a, b| a.node.cmp(&b.node));
    Ok(nodes)
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
}
