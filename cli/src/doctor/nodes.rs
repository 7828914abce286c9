//! What every node sees: one small job over all that are up. It looks for the plugin, for the directory, at the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sweep_core::layout::SweepDir;

use crate::doctor::Check;
use crate::executor::process::Call;
use crate::task::identity::host;

/// How long the job may wait and run together.
const LIMIT: Duration = Duration::from_secs(120);
/// Clocks further apart than this make records hard to read.
const SKEW_S: f64 = 5.0;

/// A line a node: its name, the probe's variable, whether it sees the directory, whether it has sbatch, its clock.
const PROBE: &str = r#"d=no; [ -d "$1" ] && d=yes; s=no; command -v sbatch >/dev/null 2>&1 && s=yes
echo "sweep-doctor ${SLURMD_NODENAME:-?} ${sweep_probe:-no} $d $s $(date +%s.%N)""#;

/// Runs the job and judges each node.
pub(super) fn examine(dir: &SweepDir) -> Vec<Check> {
    let up = Call::new("sinfo").args(["--noheader", "--responding", "--states=idle,mixed", "--format=%N %D"]);
    let Some(count) = up.run(LIMIT).ok().and_then(|answer| {
        let counts =
            answer.stdout.lines().filter_map(|line| line.split_whitespace().nth(1)?.parse::<u32>().ok());
        Some(counts.max()?).filter(|count| *count > 0)
    }) else {
        return vec![Check::warning("nodes", "none is free", "try again when one is")];
    };
    let call = Call::new("srun")
        .args(["--immediate=60".to_owned(), format!("--nodes={count}"), format!("--ntasks={count}")])
        .args(["--ntasks-per-node=1", "--time=1", "--job-name=sweep-doctor", "--chdir=/"])
        .args(["/bin/sh", "-c", PROBE, "sh"])
        .args([dir.path().to_string_lossy().into_owned()])
        .env(&format!("{}sweep_set", sweep_core::environment::OPTION_PREFIX), "sweep_probe=yes");
    let answer = match call.run(LIMIT) {
        Ok(answer) if answer.success => answer,
        Ok(answer) => {
            let said = answer.stderr.lines().last().unwrap_or_default().to_owned();
            return vec![Check::warning(
                "nodes",
                format!("no job ran: {said}"),
                "try again when nodes are free",
            )];
        }
        Err(error) => {
            return vec![Check::warning("nodes", error.to_string(), "try again when nodes are free")];
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let mut checks: Vec<Check> = answer.stdout.lines().filter_map(|line| judge(line, now)).collect();
    checks.sort_by(|a, b| a.seen.cmp(&b.seen));
    checks
}

fn judge(line: &str, now: f64) -> Option<Check> {
    let words: Vec<&str> = line.strip_prefix("sweep-doctor ")?.split_whitespace().collect();
    let [node, plugin, dir, sbatch, clock] = words.as_slice() else { return None };
    let skew = clock.parse::<f64>().ok()? - now;
    let has = |word: &str| word == "yes";
    let words = [(*plugin, "the plugin"), (*dir, "the folder of sweeps"), (*sbatch, "sbatch")];
    let (with, without): (Vec<_>, Vec<_>) = words.iter().partition(|(word, _)| has(word));
    let names = |list: &[&(&str, &str)]| list.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
    let mut seen = format!("{node} has {}", names(&with));
    if skew.abs() > SKEW_S {
        seen += &format!(", its clock is {skew:.0} s off from {}", host());
        return Some(Check::warning("node", seen, "set the clocks by NTP: records are ordered by them"));
    }
    if !has(dir) {
        let advice = "keep sweeps on a file system that all nodes share (--dir, or $SWEEP_HOME)";
        return Some(Check::bad("node", format!("{seen}, not {}", names(&without)), advice));
    }
    if !has(plugin) {
        let advice = "put spank_sweep.so and its line of plugstack.conf on this node too";
        return Some(Check::warning("node", format!("{seen}, not {}", names(&without)), advice));
    }
    Some(Check::good("node", seen))
}

/// Lines of the probe.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_node_is_judged_by_what_it_sees() {
        let verdict = |line: &str| judge(line, 100.0).unwrap().verdict;
        assert_eq!(verdict("sweep-doctor n1 yes yes yes 101.5"), Verdict::Good);
        assert_eq!(verdict("sweep-doctor n1 no yes yes 101.5"), Verdict::Warning);
        assert_eq!(verdict("sweep-doctor n1 yes no yes 101.5"), Verdict::Bad);
        assert_eq!(verdict("sweep-doctor n1 yes yes yes 190.0"), Verdict::Warning);
        assert!(judge("Welcome to n1", 100.0).is_none());
    }
}
