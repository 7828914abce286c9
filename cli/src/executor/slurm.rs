//! Slurm by its own commands: one `sbatch` a batch, one `squeue` and one `sacct` a look, one `scancel` a stop.
//! Every call is planned as data first; nothing here decides what to submit.

pub mod accounting;
pub mod clusters;
pub mod queue;
pub mod waiting;

use std::path::Path;
use std::time::Duration;

use sweep_core::batch::{Intent, Trials};
use sweep_core::environment::OPTION_PREFIX;
use sweep_core::layout::SweepDir;
use sweep_core::selector::Selector;
use sweep_core::state::Ruling;

use crate::error::{Error, Kind, Result};
use crate::executor::process::{Answer, Call};
use crate::executor::slurm::clusters::{ByCluster, on};
use crate::spec::sbatch::argument;

/// How long sbatch may take: Slurm's own clients give up after MessageTimeout, 10 s where nobody changed it, and
/// try again; a busy controller answers late rather than never.
const SUBMIT_LIMIT: Duration = Duration::from_secs(120);
/// How long a question may take.
const ASK_LIMIT: Duration = Duration::from_secs(60);

/// What this Slurm allows, by its own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Slurm's version.
    pub version: Option<String>,
    /// The cluster's name.
    pub cluster: Option<String>,
    /// How many tasks an array may have: MaxArraySize, or max_array_tasks where that is less.
    pub max_array_size: u32,
    /// How long Slurm's commands wait for an answer.
    pub message_timeout: Duration,
}

/// Slurm's default for MaxArraySize, used where there is no Slurm to ask.
pub const DEFAULT_MAX_ARRAY_SIZE: u32 = 1001;

/// Slurm's default for MessageTimeout, in seconds.
const DEFAULT_MESSAGE_TIMEOUT_S: u64 = 10;

/// Asks one of Slurm's commands.
///
/// # Errors
/// Where it is not there or does not answer.
pub fn ask(call: &Call) -> Result<Answer> {
    // Slurm's commands look for a missing configuration for a minute before they say so.
    if let Some(path) = std::env::var_os("SLURM_CONF").filter(|path| !Path::new(path).exists()) {
        let path = path.to_string_lossy();
        return Err(Error::world(format!("`{path}` is not there, and `SLURM_CONF` names it")));
    }
    // That a command is not there is no mistake of the user's input.
    call.run(ASK_LIMIT).map_err(|error| error.of_kind(Kind::World))
}

/// Whether this machine has Slurm's commands.
#[must_use]
pub fn is_here() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("scontrol").is_file())
}

/// Why [`site`] failed, in a line: Slurm's commands say the same several times over, most of it for their admins.
#[must_use]
pub fn absence(error: &Error) -> String {
    if !is_here() {
        return "there is no Slurm here".to_owned();
    }
    let reason = error.causes().last().map_or(error.message(), String::as_str);
    let reason = reason.rsplit(": ").next().unwrap_or(reason);
    format!("Slurm does not answer here ({reason}; `sweep doctor` says more)")
}

/// Asks Slurm what it allows.
///
/// # Errors
/// Where there is no Slurm or it does not answer.
pub fn site() -> Result<Site> {
    site_of(None)
}

/// Asks a cluster what it allows.
///
/// # Errors
/// Where there is no Slurm or it does not answer.
pub fn site_of(cluster: Option<&str>) -> Result<Site> {
    let answer = ask(&Call::new("scontrol").args(on(cluster)).args(["show", "config"]))?;
    if !answer.success {
        let who = cluster.map_or_else(|| "Slurm".to_owned(), |cluster| format!("cluster `{cluster}`"));
        return Err(Error::world(format!("{who} does not answer")).said(&answer.stderr));
    }
    Ok(parse_site(&answer.stdout))
}

/// What `scontrol show config` says of it; Slurm's defaults where it says nothing.
#[must_use]
pub fn parse_site(config: &str) -> Site {
    let value = |key: &str| {
        config.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then(|| value.trim().to_owned())
        })
    };
    let size = value("MaxArraySize").and_then(|text| text.parse().ok());
    // `10 sec`
    let timeout = value("MessageTimeout").and_then(|text| text.split(' ').next()?.parse().ok());
    let scheduler = value("SchedulerParameters").unwrap_or_default();
    let mut parameters = scheduler.split(',').filter_map(|word| word.split_once('='));
    let tasks = parameters.find(|(name, _)| *name == "max_array_tasks");
    let tasks = tasks.and_then(|(_, tasks)| tasks.parse().ok()).filter(|tasks| *tasks > 0);
    Site {
        version: value("SLURM_VERSION"),
        cluster: value("ClusterName"),
        max_array_size: size.unwrap_or(DEFAULT_MAX_ARRAY_SIZE).min(tasks.unwrap_or(u32::MAX)).max(1),
        message_timeout: Duration::from_secs(timeout.unwrap_or(DEFAULT_MESSAGE_TIMEOUT_S)),
    }
}

/// What stands around a batch when it is submitted.
#[derive(Clone, Debug)]
pub struct Surroundings<'a> {
    /// The sweep directory, absolute and without symlinks.
    pub dir: &'a SweepDir,
    /// This program, which the job runs again.
    pub sweep_binary: &'a Path,
    /// Where the job runs.
    pub workdir: &'a Path,
    /// The job that must have ended before, of a chain.
    pub after_job: Option<String>,
}

/// What stands in place of a trial where a job runs several.
pub const AGENT: &str = "agent";

/// The `sbatch` call of a batch.
#[must_use]
pub fn submission(intent: &Intent, around: &Surroundings<'_>) -> Call {
    let dir = around.dir.path().to_string_lossy();
    let is_packed = intent.per_job.is_some();
    let selector = match &intent.trials {
        Trials::Single(index) => Selector::Trial(*index),
        Trials::Consecutive { first, .. } => Selector::Offset(first.0),
        Trials::Mapped { .. } => Selector::Map(intent.token.batch),
    };
    let mut call =
        Call::new("sbatch").args(["--parsable".to_owned(), format!("--job-name={}", intent.token)]);
    call = call.args(on(intent.cluster()));
    if !matches!(intent.trials, Trials::Single(_)) {
        let last = intent.jobs().saturating_sub(1);
        let limit = intent.limit.map(|limit| format!("%{limit}")).unwrap_or_default();
        call = call.args([format!("--array=0-{last}{limit}")]);
    }
    // A missing directory for the output would fail the job before anything of ours runs; `sweep exec` writes it.
    call = call.args(["--output=/dev/null".to_owned(), format!("--chdir={}", around.workdir.display())]);
    if let Some(job) = &around.after_job {
        call = call.args([format!("--dependency=afterany:{job}")]);
    }
    let of_place = intent.place.iter().flat_map(|place| &place.sbatch);
    call = call
        .args(intent.sbatch.iter().chain(of_place).map(|(name, value)| argument(name, value)))
        .args(intent.extra.iter().cloned());
    // An agent whose time is over before its trials are goes on in the same job, later.
    let says = |name: &str| {
        let word = format!("--{name}");
        intent.sbatch.contains_key(name) || intent.extra.contains(&word)
    };
    if is_packed && !says("requeue") && !says("no-requeue") {
        call = call.args(["--requeue"]);
    }
    let script = around.dir.job_script();
    let words = [script.as_path(), around.sweep_binary, around.dir.path()];
    call = call.args(words.map(|path| path.to_string_lossy().into_owned()));
    if is_packed {
        // Such a job is of no trial: what the plugin sees of trials are steps.
        return call.args([intent.token.batch.to_string(), AGENT.to_owned()]);
    }
    call = call.args([intent.token.batch.to_string(), selector.to_string()]);
    // By the environment and not as flags: sbatch without the plugin would refuse a flag that it does not know.
    call.env(&format!("{OPTION_PREFIX}sweep_dir"), &dir)
        .env(&format!("{OPTION_PREFIX}sweep_trial"), &selector.to_string())
}

/// Why there is no job id.
#[derive(Debug)]
pub enum NotSubmitted {
    /// Slurm refused the job: there is none.
    Refused(Error),
    /// A limit on how many jobs there may be refused it: there is none, and later there may be room.
    Full(Error),
    /// Nobody knows: the answer was lost, and the job may be in the queue or come into it yet.
    Unclear(Error),
}

/// What sbatch says where its question may have reached the controller all the same.
const UNCLEAR: [&str; 8] = [
    "timed out",
    "Unable to contact",
    "Zero Bytes",
    "Connection",
    "connection",
    "Transport endpoint",
    "Unexpected message",
    "ommunication",
];

/// What sbatch says where a limit on the number of jobs stands in the way, of a user, an account or a QOS
/// (AssocMaxSubmitJobLimit, QOSMaxSubmitJobPerUserLimit, AssocGrpSubmitJobsLimit, …). The line after it is no good: it
/// is the same for jobs that are too large, which never fit.
const FULL: &str = "SubmitJob";

/// What sbatch says before it sleeps for a second, because the controller has as many jobs as MaxJobCount allows, and
/// asks again, for two minutes in all.
const ASKS_AGAIN: &str = "sleeping and retrying";

/// Within so long of its start sbatch still sleeps after the first no: one that is ended by then has asked for nothing
/// since.
const SLEEPS: Duration = Duration::from_millis(900);

/// Makes a planned submission and gives the job's id.
///
/// # Errors
/// What sbatch said, and whether that was a no.
pub fn submit(call: &Call) -> Result<u32, NotSubmitted> {
    let answer = call.run_until(SUBMIT_LIMIT, ASKS_AGAIN).map_err(|error| match error.kind() {
        // sbatch is not there, so nobody was asked.
        Kind::User => NotSubmitted::Refused(error.of_kind(Kind::World)),
        _ => NotSubmitted::Unclear(error),
    })?;
    if answer.success {
        for line in answer.stderr.lines() {
            anstream::eprintln!("{line}");
        }
        return parse_job_id(&answer.stdout).ok_or_else(|| {
            let error = Error::world("sbatch gave no job id").said(&answer.stdout).said(&answer.stderr);
            NotSubmitted::Unclear(error)
        });
    }
    if let Some(limit) = answer.stderr.split_whitespace().find(|word| word.contains(FULL)) {
        return Err(NotSubmitted::Full(Error::world(limit)));
    }
    if answer.cut_after.is_some_and(|elapsed| elapsed < SLEEPS) {
        return Err(NotSubmitted::Full(Error::world(
            "the controller has as many jobs as MaxJobCount allows",
        )));
    }
    if answer.killed || UNCLEAR.iter().any(|text| answer.stderr.contains(text)) {
        let error = Error::world("sbatch does not know whether Slurm took the job").said(&answer.stderr);
        return Err(NotSubmitted::Unclear(error));
    }
    Err(NotSubmitted::Refused(Error::world("sbatch refused the job").said(&answer.stderr)))
}

/// `JOBID` or `JOBID;CLUSTER`, on the last line: site scripts may print more before it.
#[must_use]
pub fn parse_job_id(stdout: &str) -> Option<u32> {
    let line = stdout.lines().rev().find(|line| !line.trim().is_empty())?;
    line.split(';').next()?.trim().parse().ok()
}

/// Lets an array run so many tasks at once.
///
/// # Errors
/// What scontrol said; a job that has ended is no error.
pub fn throttle(cluster: Option<&str>, job: u32, tasks: u32) -> Result<()> {
    let words = ["update".to_owned(), format!("JobId={job}"), format!("ArrayTaskThrottle={tasks}")];
    let answer = ask(&Call::new("scontrol").args(on(cluster)).args(words))?;
    let gone = ["Invalid job id", "already finished", "completing", "not a job array"];
    if answer.success || gone.iter().any(|text| answer.stderr.contains(text)) {
        return Ok(());
    }
    Err(Error::world(format!("the throttle of job {job} cannot be changed")).said(&answer.stderr))
}

/// Puts a running job back into the queue.
///
/// # Errors
/// What scontrol said.
pub fn requeue(cluster: Option<&str>, job: u32) -> Result<()> {
    let answer = ask(&Call::new("scontrol").args(on(cluster)).args(["requeue".to_owned(), job.to_string()]))?;
    if answer.success {
        return Ok(());
    }
    Err(Error::world(format!("job {job} cannot be requeued")).said(&answer.stderr))
}

/// Cancels jobs, or tasks such as `12_3`, with one call a cluster.
///
/// # Errors
/// What scancel said; a job that has ended is no error.
pub fn cancel<J: ToString>(jobs: &ByCluster<J>) -> Result<()> {
    jobs.each(|cluster, jobs| scancel(cluster, &[], jobs))
}

/// Cancels with one call a cluster what of these jobs has not started. A task that starts meanwhile is left alone.
///
/// # Errors
/// What scancel said; a job that has ended is no error.
pub fn cancel_waiting(jobs: &ByCluster<u32>) -> Result<()> {
    jobs.each(|cluster, jobs| scancel(cluster, &["--state=PENDING"], jobs))
}

fn scancel<J: ToString>(cluster: Option<&str>, options: &[&str], jobs: &[J]) -> Result<()> {
    let call = Call::new("scancel").args(on(cluster)).args(options.iter().copied());
    let answer = ask(&call.args(jobs.iter().map(ToString::to_string)))?;
    if answer.success || answer.stderr.contains("Invalid job id") {
        return Ok(());
    }
    Err(Error::world("scancel failed").said(&answer.stderr))
}

/// Holds back jobs that wait, or lets them go again, with one call a cluster.
///
/// # Errors
/// What scontrol said.
pub fn hold(jobs: &ByCluster<u32>, how: Hold) -> Result<()> {
    let word = match how {
        Hold::Back => "hold",
        Hold::Go => "release",
    };
    jobs.each(|cluster, jobs| {
        let list = jobs.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let answer = ask(&Call::new("scontrol").args(on(cluster)).args([word, list.as_str()]))?;
        // A job that has ended cannot be held, which is as well.
        let gone = ["Invalid job id", "already finished", "completing"];
        if answer.success || gone.iter().any(|text| answer.stderr.contains(text)) {
            return Ok(());
        }
        Err(Error::world(format!("scontrol {word} failed")).said(&answer.stderr))
    })
}

/// What is done to jobs that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// They are held.
    Back,
    /// They may start again.
    Go,
}

/// Slurm's word for an end as ours; none for a state that is not an end.
#[must_use]
pub fn ruling(state: &str) -> Option<Ruling> {
    // sacct says `CANCELLED by 1000` and marks cut states with a `+`.
    let word = state.split_whitespace().next()?.trim_end_matches('+');
    Some(match word {
        "COMPLETED" => Ruling::Completed,
        "FAILED" | "BOOT_FAIL" | "DEADLINE" | "LAUNCH_FAILED" | "RECONFIG_FAIL" => Ruling::Failed,
        "TIMEOUT" => Ruling::Timeout,
        "OUT_OF_MEMORY" | "OUT_OF_ME" => Ruling::OutOfMemory,
        "CANCELLED" | "REVOKED" => Ruling::Cancelled,
        "PREEMPTED" => Ruling::Preempted,
        "NODE_FAIL" => Ruling::NodeFail,
        _ => return None,
    })
}

/// Whether a state that is not an end is one of waiting.
#[must_use]
pub fn is_waiting(state: &str) -> bool {
    let word = state.split_whitespace().next().unwrap_or_default();
    matches!(word, "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" | "CONFIGURING")
}

/// Calls and answers.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::batch::Executor;
    use sweep_core::id::TrialIndex;
    use sweep_core::spread::Place;

    fn intent(trials: Trials) -> Intent {
        Intent {
            schema: sweep_core::schema::CURRENT,
            token: "iris-20260102-030405-abcd.4".parse().unwrap(),
            executor: Executor::Slurm,
            trials,
            sbatch: [("mem", "1G"), ("exclusive", "")].map(|(n, v)| (n.to_owned(), v.to_owned())).into(),
            extra: vec!["-p".into(), "main".into()],
            after: None,
            limit: Some(20),
            per_job: None,
            place: None,
        }
    }

    fn line(trials: Trials) -> String {
        let around = Surroundings {
            dir: &SweepDir::new("/s/iris"),
            sweep_binary: Path::new("/usr/bin/sweep"),
            workdir: Path::new("/s"),
            after_job: Some("12".into()),
        };
        submission(&intent(trials), &around).shell_line()
    }

    #[test]
    fn a_batch_is_one_call() {
        assert_eq!(
            line(Trials::Consecutive { first: TrialIndex(1000), count: 500 }),
            "SLURM_SPANK__SLURM_SPANK_OPTION_sweep_sweep_dir=/s/iris \
             SLURM_SPANK__SLURM_SPANK_OPTION_sweep_sweep_trial=@1000 \
             sbatch --parsable --job-name=iris-20260102-030405-abcd.4 --array=0-499%20 --output=/dev/null \
             --chdir=/s --dependency=afterany:12 --exclusive --mem=1G -p main /s/iris/job.sh /usr/bin/sweep /s/iris \
             4 @1000"
        );
        let around = Surroundings {
            dir: &SweepDir::new("/s/iris"),
            sweep_binary: Path::new("/usr/bin/sweep"),
            workdir: Path::new("/s"),
            after_job: None,
        };
        let packed = Intent { per_job: Some(10), ..intent(Trials::Mapped { count: 25 }) };
        assert_eq!(
            submission(&packed, &around).shell_line(),
            "sbatch --parsable --job-name=iris-20260102-030405-abcd.4 --array=0-2%20 --output=/dev/null --chdir=/s \
             --exclusive --mem=1G -p main --requeue /s/iris/job.sh /usr/bin/sweep /s/iris 4 agent"
        );
        let place = Place {
            number: 1,
            cluster: Some("beta".into()),
            sbatch: [("partition".to_owned(), "long".to_owned())].into(),
        };
        let placed = Intent { place: Some(place), extra: Vec::new(), ..packed };
        let placed = submission(&placed, &around).shell_line();
        assert!(placed.contains("abcd.4 --clusters=beta --array=0-2%20 "), "{placed}");
        assert!(placed.contains(" --exclusive --mem=1G --partition=long "), "{placed}");
        assert!(line(Trials::Mapped { count: 3 }).ends_with("/s/iris 4 @map:4"));
        let single = line(Trials::Single(TrialIndex(7)));
        assert!(single.ends_with("/s/iris 4 t007") && !single.contains("--array"), "{single}");
    }

    #[test]
    fn a_job_id_is_read_behind_whatever_a_site_prints() {
        assert_eq!(parse_job_id("12\n"), Some(12));
        assert_eq!(parse_job_id("Welcome!\n12;cluster\n\n"), Some(12));
        assert_eq!(parse_job_id("Submitted batch job\n"), None);
    }

    #[test]
    fn the_site_is_read_from_its_configuration() {
        let config = "Configuration data\nClusterName             = north\nMaxArraySize            = 501\nMessageTimeout          = 60 sec\n\
                      SLURM_VERSION           = 22.05.8\n";
        let message_timeout = Duration::from_secs(60);
        let site = Site {
            version: Some("22.05.8".into()),
            cluster: Some("north".into()),
            max_array_size: 501,
            message_timeout,
        };
        assert_eq!(parse_site(config), site);
        assert_eq!(parse_site("").max_array_size, DEFAULT_MAX_ARRAY_SIZE);
        let tasks = "SchedulerParameters     = bf_interval=1,max_array_tasks=100\n";
        assert_eq!(parse_site(&format!("{config}{tasks}")).max_array_size, 100);
    }

    #[test]
    fn slurms_words_are_known() {
        assert_eq!(ruling("CANCELLED by 1000"), Some(Ruling::Cancelled));
        assert_eq!(ruling("OUT_OF_ME+"), Some(Ruling::OutOfMemory));
        assert_eq!(ruling("RUNNING"), None);
        assert!(is_waiting("PENDING") && !is_waiting("RUNNING"));
    }
}
