//! Calling other programs: Slurm's commands. Every call has a time limit, a clean environment, and its words kept
//! as data until the moment of the call.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sweep_core::environment::is_inherited_marker;

use crate::error::{Error, Kind, Result};
use crate::executor::calls;

/// A program call as data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables that are set for it.
    pub set: BTreeMap<String, String>,
}

/// What a program answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Whether it ended with exit code 0.
    pub success: bool,
    /// Whether a signal ended it.
    pub killed: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// How long after its start it was ended because of what it said, where it was.
    pub cut_after: Option<Duration>,
}

/// Variables of the user's environment that would change what a submission means.
const NOT_PASSED_ON: [&str; 9] = [
    "SBATCH_ARRAY_INX",
    "SBATCH_JOB_NAME",
    "SBATCH_OUTPUT",
    "SBATCH_ERROR",
    "SBATCH_WAIT",
    "SBATCH_CLUSTERS",
    "SLURM_CLUSTERS",
    "SBATCH_IGNORE_PBS",
    "SLURM_BITSTR_LEN",
];

impl Call {
    /// A call of `program`.
    #[must_use]
    pub fn new(program: &str) -> Self {
        Self { argv: vec![program.to_owned()], set: BTreeMap::new() }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.argv.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.set.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The call as a line for a shell.
    #[must_use]
    pub fn shell_line(&self) -> String {
        let set = self.set.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
        set.chain(self.argv.iter().map(|word| quoted(word))).collect::<Vec<_>>().join(" ")
    }

    /// Makes the call and waits for its end.
    ///
    /// # Errors
    /// Where the program is not there, or does not answer within `limit`.
    pub fn run(&self, limit: Duration) -> Result<Answer> {
        self.run_and_watch(limit, None)
    }

    /// As [`Self::run`], but ends the program as soon as it writes `said` to its standard error.
    ///
    /// # Errors
    /// Those of [`Self::run`].
    pub fn run_until(&self, limit: Duration, said: &'static str) -> Result<Answer> {
        self.run_and_watch(limit, Some(said))
    }

    fn run_and_watch(&self, limit: Duration, until_said: Option<&'static str>) -> Result<Answer> {
        let program = &self.argv[0];
        let mut command = Command::new(program);
        command.args(&self.argv[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        scrub(&mut command);
        leave_job(&mut command);
        command.envs(&self.set);
        let failed =
            |what: &str, e: &std::io::Error| Error::world(format!("cannot {what} `{program}`")).because(e);
        let began = Instant::now();
        // Nobody was asked anything where the program is not there: that is the machine's set-up, not the world's mood.
        let mut child = command.spawn().map_err(|e| failed("start", &e).of_kind(Kind::User))?;
        calls::count(program);
        let stdout = reader(child.stdout.take(), None);
        let stderr = reader(child.stderr.take(), until_said);
        let deadline = began + limit;
        // Both pipes end when the program does; a reader that is still open at the deadline is a program that hangs.
        let mut heard = until(&stderr, deadline.min(began + LATE));
        if heard.is_none() && Instant::now() < deadline {
            if until_said.is_some() {
                // Slurm's commands say nothing while slurmctld is busy or tells them to ask less often (`rl_enable`).
                anstream::eprintln!(
                    "`{program}` waits for Slurm, which is busy or lets nobody ask more often"
                );
            }
            heard = until(&stderr, deadline);
        }
        let Some((stderr, is_cut)) = heard else {
            return Err(given_up(&mut child, program, limit));
        };
        let cut_after = is_cut.then(|| {
            let _ = child.kill();
            began.elapsed()
        });
        let Some((stdout, _)) = until(&stdout, deadline) else {
            return Err(given_up(&mut child, program, limit));
        };
        let status = child.wait().map_err(|e| failed("wait for", &e))?;
        Ok(Answer { success: status.success(), killed: status.code().is_none(), stdout, stderr, cut_after })
    }
}

/// After so long a person who submits is told what is waited for.
const LATE: Duration = Duration::from_secs(5);
fn given_up(child: &mut Child, program: &str, limit: Duration) -> Error {
    let _ = child.kill();
    let _ = child.wait();
    Error::world(format!("`{program}` did not answer within {} s", limit.as_secs()))
}

/// What comes out of a pipe until its end, or until `said` came out of it, and whether it did.
type Heard = (String, bool);

fn reader(
    pipe: Option<impl Read + Send + 'static>,
    said: Option<&'static str>,
) -> std::sync::mpsc::Receiver<Heard> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        let has_said = |bytes: &[u8]| {
            said.is_some_and(|said| bytes.windows(said.len()).any(|window| window == said.as_bytes()))
        };
        let mut pipe = pipe;
        while let Some(Ok(count @ 1..)) = pipe.as_mut().map(|pipe| pipe.read(&mut chunk)) {
            bytes.extend_from_slice(&chunk[..count]);
            if has_said(&bytes) {
                break;
            }
        }
        let is_cut = has_said(&bytes);
        let _ = sender.send((String::from_utf8_lossy(&bytes).into_owned(), is_cut));
    });
    receiver
}

fn until(receiver: &std::sync::mpsc::Receiver<Heard>, deadline: Instant) -> Option<Heard> {
    receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
}

/// Takes out of a command's environment what would make a new job a part of an old one's trial: the plugin's
/// options, our variables, and the parameters of the trial that we run in.
pub fn scrub(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_inherited_marker) {
            command.env_remove(name);
        }
    }
    for name in NOT_PASSED_ON.into_iter().map(str::to_owned).chain(injected_variables()) {
        command.env_remove(name);
    }
}

/// Variables of Slurm's that are the user's own settings and not of the job that we may be in.
const SETTINGS: [&str; 5] =
    ["SLURM_CONF", "SLURM_JWT", "SLURM_TIME_FORMAT", "SLURM_EXIT_ERROR", "SLURM_EXIT_IMMEDIATE"];

/// Takes what Slurm told this job out of a command's environment: sbatch passes it on, and the new job would take
/// the old one's array task or CPUs for its own where Slurm sets none. Options of other plugins stay.
fn leave_job(command: &mut Command) {
    if std::env::var_os("SLURM_JOB_ID").is_none() {
        return;
    }
    for (name, _) in std::env::vars_os() {
        let of_job = name.to_str().is_some_and(|name| {
            let slurms = name.starts_with("SLURM_") || name.starts_with("SLURMD_");
            slurms && !name.starts_with("SLURM_SPANK_") && !SETTINGS.contains(&name)
        });
        if of_job {
            command.env_remove(name);
        }
    }
}

/// The parameters' variables of the trial that this process runs in, if it runs in one.
fn injected_variables() -> Vec<String> {
    let params = std::env::var(sweep_core::environment::PARAMS).ok();
    let members = params
        .and_then(|json| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&json).ok())
        .unwrap_or_default();
    if members.is_empty() {
        return Vec::new();
    }
    let dir = std::env::var_os("SWEEP_DIR").map(sweep_core::layout::SweepDir::new);
    let names = dir.and_then(|dir| sweep_core::find::manifest(&dir).ok()).map(|manifest| manifest.env_names);
    let names = names.unwrap_or_default();
    members.keys().map(|name| names.variable(name)).collect()
}

/// A word as a shell reads it back.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_=+./,:@%".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Calls and their lines.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_as_its_words() {
        let call = Call::new("printf").args(["%s|", "a b", "it's", "", "--x=1"]).env("A", "b c");
        assert_eq!(call.shell_line(), r"A='b c' printf '%s|' 'a b' 'it'\''s' '' --x=1");
        let line = Command::new("sh").args(["-c", &call.shell_line()]).output().unwrap();
        assert_eq!(String::from_utf8(line.stdout).unwrap(), "a b|it's||--x=1|");
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let error = Call::new("sleep").args(["60"]).run(Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("did not answer"), "{error}");
    }

    #[test]
    fn a_program_is_ended_at_a_word_of_its_own() {
        let script = "echo before; echo sleeping and retrying >&2; exec sleep 60";
        let call = Call::new("sh").args(["-c", script]);
        let answer = call.run_until(Duration::from_secs(30), "and retrying").unwrap();
        assert!(answer.killed && !answer.success && answer.cut_after.is_some(), "{answer:?}");
        assert_eq!(answer.stdout, "before\n");
        let answer = Call::new("true").run_until(Duration::from_secs(30), "and retrying").unwrap();
        assert!(answer.success && answer.cut_after.is_none(), "{answer:?}");
    }

    #[test]
    fn an_answer_has_both_outputs() {
        let answer =
            Call::new("sh").args(["-c", "echo a; echo b >&2; exit 1"]).run(Duration::from_secs(10)).unwrap();
        assert!(!answer.success);
        assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), ("a\n", "b\n"));
    }
}
