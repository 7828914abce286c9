//! What this Slurm is, what it allows, and whether its sbatch has the plugin. Asks with the commands that every user
//! has.

use std::time::Duration;

use crate::doctor::Check;
use crate::driver::site::{self, Site as SiteWord};
use crate::executor::account;
use crate::executor::process::Call;
use crate::executor::slurm::{self, Site};

/// How long a question may take.
const LIMIT: Duration = Duration::from_secs(30);
/// Arrays of fewer tasks than this make a sweep of ordinary size many calls.
const SMALL_ARRAY: u32 = 1001;

/// Whether Slurm answers.
pub(super) fn answers() -> Check {
    match slurm::site() {
        Ok(Site { version, .. }) => {
            Check::good("slurm", format!("answers, version {}", version.as_deref().unwrap_or("unknown")))
        }
        Err(error) => Check::bad(
            "slurm",
            error.to_string(),
            "sweeps run on this machine alone with --executor local; ask whoever runs Slurm here if it should answer",
        ),
    }
}

/// Whether sbatch has the plugin's options.
pub(super) fn plugin() -> Check {
    let help = Call::new("sbatch").args(["--help"]).run(LIMIT);
    match help {
        Ok(answer) if answer.stdout.contains("--sweep-dir") => {
            Check::good("plugin", "sbatch has its options")
        }
        Ok(answer) => {
            let said = answer.stderr.lines().find(|line| line.contains("sweep")).map(str::trim);
            let seen = said.map_or_else(|| "sbatch does not have its options".to_owned(), str::to_owned);
            Check::warning(
                "plugin",
                seen,
                "sweeps run without it, with records that their users could have written; an admin adds the line \
                 `optional …/spank_sweep.so audit=…` to plugstack.conf, built for this Slurm release",
            )
        }
        Err(error) => Check::bad("plugin", error.to_string(), "sbatch must be on the PATH"),
    }
}

/// The limits that a sweep meets.
pub(super) fn limits() -> Vec<Check> {
    let Ok(answer) = Call::new("scontrol").args(["show", "config"]).run(LIMIT) else { return Vec::new() };
    let number = |key: &str| {
        answer.stdout.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then(|| value.split_whitespace().next()?.parse::<u32>().ok())?
        })
    };
    let mut checks = Vec::new();
    if let Some(size) = number("MaxArraySize") {
        let seen = format!("arrays of up to {size} tasks (MaxArraySize)");
        checks.push(if size < SMALL_ARRAY {
            let advice =
                format!("a sweep of 1,000 trials takes {} sbatch calls here", 1000_u32.div_ceil(size.max(1)));
            Check::warning("array size", seen, advice)
        } else {
            Check::good("array size", seen)
        });
    }
    if let Some(count) = number("MaxJobCount") {
        let seen = format!("{count} jobs in the queue at most, array tasks counted (MaxJobCount)");
        checks.push(Check::good("job count", seen));
    }
    checks.extend(max_submit());
    checks
}

/// The user's own limit, where the site keeps accounts.
fn max_submit() -> Option<Check> {
    let user = account::name_of(nix::unistd::geteuid().as_raw())?;
    let call = Call::new("sacctmgr").args(["--noheader", "--parsable2", "show", "associations"]);
    let answer = call.args([format!("user={user}"), "format=account,maxsubmit".into()]).run(LIMIT).ok()?;
    let least = answer.stdout.lines().filter_map(|line| line.split('|').nth(1)?.parse::<u32>().ok()).min();
    let seen = least
        .filter(|_| answer.success)
        .map(|least| format!("{least} jobs of yours at most (MaxSubmitJobs)"))?;
    Some(Check::warning(
        "submit limit",
        seen,
        "array tasks count; what does not fit is submitted as there is room",
    ))
}

/// How often Slurm is asked, by the site's word.
pub(super) fn pace() -> Check {
    let (path, said) = (site::path(), site::site());
    if let Some(line) = said.wrong.first() {
        return Check::warning(
            "pace",
            format!("`{line}` in {} says nothing", path.display()),
            "its lines are `least_wait_s = 5` and `most_wait_s = 60`",
        );
    }
    if *said == SiteWord::default() {
        return Check::good("pace", "0.5 s to 30 s between two looks of a command");
    }
    let seconds = |wait: Option<Duration>, own: f64| wait.map_or(own, |wait| wait.as_secs_f64());
    let (least, most) = (seconds(said.least_wait, 0.5), seconds(said.most_wait, 30.0));
    let seen = format!("{least} s to {} s between two looks, by {}", most.max(least), path.display());
    Check::good("pace", seen)
}

/// Whether ends are also known from accounts.
pub(super) fn accounting() -> Check {
    let answer = Call::new("sacct").args(["--noheader", "--allocations", "--starttime=now"]).run(LIMIT);
    match answer {
        Ok(answer) if answer.success => Check::good("accounting", "sacct answers"),
        _ => Check::good("accounting", "there is none, and none is needed: ends are known from records"),
    }
}
