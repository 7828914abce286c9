//! Who drives a sweep when nobody sits at it: a small Slurm job that follows the sweep, and behind it in the queue
//! always the next one, which begins when the first ends, however it ended. Without Slurm, a process of this machine.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::unistd::setsid;
use sweep_core::batch::Executor;
use sweep_core::find;
use sweep_core::layout::SweepDir;
use sweep_core::manifest::Manifest;

use crate::driver::batches::Options;
use crate::driver::create::DRIVE_SCRIPT;
use crate::driver::files;
use crate::driver::look::owner;
use crate::driver::search::read_spec;
use crate::driver::spread;
use crate::driver::submit::own_binary;
use crate::error::{At, Result};
use crate::executor::process::{Call, scrub};
use crate::executor::slurm::clusters::{Queues, on};
use crate::executor::slurm::submission::{self, NotSubmitted};
use crate::executor::slurm::{self, queue};
use crate::spec::sbatch::argument;

/// How long after its predecessor's start a driver may start at the earliest. As a rule that is over long before it is
/// needed; it keeps drivers that die at once, for want of memory say, from following each other without a pause.
const PAUSE_S: u32 = 30;

/// sbatch options that say where a user's jobs may run, which the driver's job takes over from the trials'.
const SHARED: [(&str, &str); 4] =
    [("account", "-A"), ("partition", "-p"), ("qos", "-q"), ("reservation", "--no-short-form")];

/// The name of a sweep's driver jobs.
#[must_use]
pub fn name(manifest: &Manifest) -> String {
    format!("{}.driver", manifest.id)
}

/// Lets somebody drive the sweep: a job, whose id is given, or a process of this machine.
///
/// # Errors
/// What the executor said.
pub fn start(dir: &SweepDir, executor: Executor) -> Result<Option<u32>> {
    match executor {
        Executor::Slurm => submit(dir, None).map(Some),
        Executor::Local => detach(dir).map(|()| None),
        // The agents drive it, each while it has nothing to run.
        Executor::Agent => Ok(None),
    }
}

/// Sees that somebody submits what waits for room in the queue, before the last room is used up: a driver's job and
/// the one behind it, unless there are some. `notice` hears where none can be had.
pub fn ensure(dir: &SweepDir, notice: &dyn Fn(&str)) {
    let submitted = (|| {
        let script = dir.drive_script();
        if !script.exists() {
            files::create_new(&script, DRIVE_SCRIPT.as_bytes())?;
        }
        if jobs(dir).is_empty() {
            let first = submit(dir, None)?;
            // Where this one finds no place, the first tries again as it starts.
            let _ = submit(dir, Some(first));
        }
        Ok(())
    })();
    if let Err(error) = submitted {
        let error: crate::error::Error = error;
        notice(&format!(
            "no job can be had that submits the other trials later: {error}; `sweep resume` submits them when there \
             is room"
        ));
    }
}

/// Submits a driver's job, behind another where one is named.
///
/// # Errors
/// What sbatch said.
pub fn submit(dir: &SweepDir, behind: Option<u32>) -> Result<u32> {
    let manifest = find::manifest(dir)?;
    let text = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let mut call = Call::new("sbatch").args(on(spread::home(&manifest))).args([
        "--parsable".to_owned(),
        format!("--job-name={}", name(&manifest)),
        format!("--output={}", text(dir.driver_log()).replace('%', "%%")),
        "--open-mode=append".to_owned(),
        format!("--chdir={}", dir.path().display()),
        "--ntasks=1".to_owned(),
        // The shell is gone by then: the signal goes to the driver, which lets go of the sweep and ends well.
        "--signal=B:TERM@60".to_owned(),
    ]);
    if let Some(job) = behind {
        call = call.args([format!("--dependency=afterany:{job}"), format!("--begin=now+{PAUSE_S}")]);
    }
    call = call.args(options(dir, &manifest)?.iter().map(|(name, value)| argument(name, value)));
    call = call.args([text(dir.drive_script()), text(own_binary()?), text(dir.path().to_owned())]);
    submission::submit(&call).map_err(|error| match error {
        NotSubmitted::Refused(error) | NotSubmitted::Full(error) | NotSubmitted::Unclear(error) => error,
    })
}

/// Takes a driver's job out of the queue.
///
/// # Errors
/// What scancel said.
pub fn cancel(dir: &SweepDir, job: u32) -> Result<()> {
    let home = spread::home(&find::manifest(dir)?).map(str::to_owned);
    slurm::cancel(&[(home, job)].into_iter().collect())
}

/// The options of a driver's job: the spec's `driver:`, and where the trials run.
fn options(dir: &SweepDir, manifest: &Manifest) -> Result<Options> {
    let mut options = read_spec(dir)?.shared_sbatch();
    // Of several places the first that is where the driver is.
    let home = spread::home(manifest);
    let over = manifest.spread.iter().flat_map(|spread| &spread.over);
    let place = over.into_iter().find(|over| over.cluster.as_deref() == home);
    options.extend(place.map(|over| over.sbatch.clone()).unwrap_or_default());
    options.retain(|name, _| SHARED.iter().any(|(shared, _)| shared == name));
    let extra = manifest.submission.iter().flat_map(|asked| &asked.extra);
    let mut words = extra.map(String::as_str).peekable();
    while let Some(word) = words.next() {
        for (name, short) in SHARED {
            let long = word.strip_prefix("--").and_then(|word| word.strip_prefix(name));
            let value = match (long, word.strip_prefix(short)) {
                (Some(""), _) | (None, Some("")) => words.next(),
                (Some(rest), _) => rest.strip_prefix('='),
                (None, rest) => rest,
            };
            if let Some(value) = value {
                options.insert(name.to_owned(), value.to_owned());
                break;
            }
        }
    }
    options.extend(manifest.driving.driver.clone());
    Ok(options)
}

/// The open driver jobs of a sweep, oldest first; none where Slurm does not answer.
#[must_use]
pub fn jobs(dir: &SweepDir) -> Vec<u32> {
    let Ok(manifest) = find::manifest(dir) else { return Vec::new() };
    if !dir.drive_script().exists() {
        return Vec::new();
    }
    let home = spread::home(&manifest).map(str::to_owned).into_iter().collect();
    let queues = owner(dir).and_then(|uid| queue::ask(uid, &home));
    queues.map(|queues| open_jobs(&manifest, &queues)).unwrap_or_default()
}

/// The open driver jobs of a sweep in an answer of squeue's.
#[must_use]
pub fn open_jobs(manifest: &Manifest, queues: &Queues) -> Vec<u32> {
    let Some(queue) = queues.of(spread::home(manifest)) else { return Vec::new() };
    queue.jobs_of(&name(manifest)).filter(|job| queue.is_open(*job)).collect()
}

/// Starts a driver as a process that goes on when this one ends.
fn detach(dir: &SweepDir) -> Result<()> {
    let binary = own_binary()?;
    let path = dir.driver_log();
    let log = std::fs::OpenOptions::new().append(true).create(true).open(&path).at("open", &path)?;
    let second = log.try_clone().at("open", &path)?;
    let mut command = Command::new(&binary);
    command.arg("drive").arg(dir.path()).stdin(Stdio::null()).stdout(log).stderr(second);
    scrub(&mut command);
    // SAFETY: setsid is async-signal-safe and touches nothing of this process.
    unsafe {
        command.pre_exec(|| setsid().map(drop).map_err(std::io::Error::from));
    }
    command.spawn().map(drop).at("start", &binary)
}

/// Jobs' options.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_runs_where_the_trials_do() {
        let dir = tempfile::tempdir().unwrap();
        let sweep = SweepDir::new(dir.path());
        let spec = "command: [a]\nparameters: {lr: [1, 2]}\nsbatch: {mem: 1G, partition: main, time: '1', qos: low}\n";
        std::fs::write(sweep.spec(), spec).unwrap();
        let json = r#"{"schema":"1.0","id":"s-20260102-030405-abcd","name":"s","created":"2026-01-02T03:04:05Z",
            "spec_digest":"","method":"grid","matrix":"full","seed":"1","workdir":".","replicates":1,"versions":{},
            "driving":{"driver":{"time":"60"}},
            "submission":{"executor":"slurm","extra":["-A","lab","--gres=gpu:1","-plong","--reservation","r"]}}"#;
        let manifest = Manifest::parse(dir.path(), json.as_bytes()).unwrap();
        let options = options(&sweep, &manifest).unwrap();
        let texts: Vec<_> = options.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(texts, ["account=lab", "partition=long", "qos=low", "reservation=r", "time=60"]);
    }
}
