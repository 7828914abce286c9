//! One batch as one call of `sbatch`, and what its answer means. Never a job that is taken for refused where nobody
//! knows whether there is one.

use std::path::Path;
use std::time::Duration;

use sweep_core::batch::{Intent, Trials};
use sweep_core::environment::OPTION_PREFIX;
use sweep_core::layout::SweepDir;
use sweep_core::selector::Selector;

use crate::error::{Error, Kind};
use crate::executor::process::Call;
use crate::executor::slurm::clusters::on;
use crate::spec::sbatch::argument;

/// How long sbatch may take: Slurm's own clients give up after MessageTimeout, 10 s where nobody changed it, and
/// try again; a busy controller answers late rather than never.
const SUBMIT_LIMIT: Duration = Duration::from_secs(120);
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
pub fn planned(intent: &Intent, around: &Surroundings<'_>) -> Call {
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
        planned(&intent(trials), &around).shell_line()
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
            planned(&packed, &around).shell_line(),
            "sbatch --parsable --job-name=iris-20260102-030405-abcd.4 --array=0-2%20 --output=/dev/null --chdir=/s \
             --exclusive --mem=1G -p main --requeue /s/iris/job.sh /usr/bin/sweep /s/iris 4 agent"
        );
        let place = Place {
            number: 1,
            cluster: Some("beta".into()),
            sbatch: [("partition".to_owned(), "long".to_owned())].into(),
        };
        let placed = Intent { place: Some(place), extra: Vec::new(), ..packed };
        let placed = planned(&placed, &around).shell_line();
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
}
