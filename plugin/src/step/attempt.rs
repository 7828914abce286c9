//! One attempt of a trial: its record from the start to the end, and the user's copy of it. Never a site's file.

use std::ffi::CString;
use std::time::Instant;

use sweep_core::attempt;
use sweep_core::id::Token;
use sweep_core::layout::{RecordName, SweepDir};
use sweep_core::limits;
use sweep_core::record::{Kind, Record, Source, cut};

use crate::as_user::{self, Behaviour, Deadline, Op, User};
use crate::ffi::{self, Spank};
use crate::job::Job;
use crate::options::{Opt, Options};
use crate::resolve::{RECORD_START_LEN, c_path, inside};
use crate::{log, step::Resolved};

/// Most notes of what was refused.
const REFUSED: usize = 8;

/// An attempt from its start on.
#[derive(Debug)]
pub struct Attempt {
    start: Record,
    started: Instant,
    user: User,
    behaviour: Behaviour,
    token: Option<Token>,
    is_ours: bool,
    user_copy: Option<UserCopy>,
    running_tasks: u32,
    worst: i32,
}

/// Where the user's copy of the record is.
#[derive(Debug)]
struct UserCopy {
    dir: SweepDir,
    path: CString,
}

impl Attempt {
    /// An attempt of this step, with nothing known of its trial yet.
    pub fn new(
        spank: &Spank,
        job: &Job,
        options: &Options,
        started: Instant,
        now_ns: u64,
        behaviour: Behaviour,
    ) -> Self {
        let user = (job.user.uid, job.user.gid);
        let start = Record {
            cluster: job.cluster.clone(),
            array_job: job.array_job,
            array_task: job.array_task,
            step: job.step.to_string(),
            refused: options.refused().map(cut).take(REFUSED).collect(),
            ..Record::start(Source::Plugin, &job.node, user, job.name(), now_ns)
        };
        let name = spank.text("SLURM_JOB_NAME", limits::SWEEP_ID_LEN + 16);
        let token: Option<Token> = name.and_then(|name| name.parse().ok());
        let folder = options.text(Opt::Dir).and_then(|dir| std::path::Path::new(dir).file_name());
        let is_ours = token.as_ref().is_some_and(|token| folder.is_some_and(|f| f == token.sweep.as_str()));
        Self {
            start,
            started,
            user: job.user.clone(),
            behaviour,
            token,
            is_ours,
            user_copy: None,
            running_tasks: job.local_tasks,
            worst: 0,
        }
    }

    /// Whether the job is one of `sweep submit`: by its name and the sweep's, or, where the sweep could not be
    /// read, that of its directory.
    pub fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// How many attempts came before.
    pub fn number(&self) -> u32 {
        self.start.attempt
    }

    /// The start, for the site's file.
    pub fn start(&self) -> Record {
        self.start.clone()
    }

    /// Notes why the trial was refused, where that is not noted yet.
    pub fn refuse(&mut self, reason: &str) {
        let reason = cut(reason);
        if self.start.refused.len() < REFUSED && !self.start.refused.contains(&reason) {
            self.start.refused.push(reason);
        }
    }

    /// Notes the trial, counts the attempt and writes its start into the trial's folder; the record's name, where
    /// that could be written.
    pub fn begin(&mut self, resolved: &Resolved, deadline: Deadline) -> Option<RecordName> {
        let claimed = &mut self.start.claimed;
        claimed.note_params(&resolved.params());
        if let Some(found) = &resolved.found {
            claimed.sweep = Some(found.manifest.id.clone());
            claimed.trial = Some(found.trial.index.label());
            claimed.index = Some(found.trial.index);
            claimed.token = self.token.clone().filter(|token| token.sweep == found.manifest.id);
            self.is_ours = claimed.token.is_some();
            claimed.overridden = resolved.asked.set.iter().map(|(name, _)| name.to_owned()).collect();
        }
        // A start must be read whole to be counted; the digest stands for values that would make it too long.
        if self.start.to_line().len() > RECORD_START_LEN / 2 {
            self.start.claimed.values.clear();
        }
        let (Some(found), Some(dir)) = (&resolved.found, &resolved.asked.dir) else { return None };
        let name = RecordName { job: self.start.job.clone(), start_ns: self.start.time_ns };
        // All that stands there came before, whatever the clocks of other nodes say.
        self.start.attempt = attempt::number(None, &found.records, &found.claims);
        let folder = inside().trial(found.trial.index);
        let path = c_path(&folder.record(&name));
        let ops = [
            Op::MakeFolder { path: c_path(folder.path()) },
            Op::Create { path: path.clone(), bytes: self.start.to_line() },
        ];
        match self.write(dir, &ops, deadline) {
            Ok(()) => {
                self.user_copy = Some(UserCopy { dir: dir.clone(), path });
                Some(name)
            }
            Err(problem) => {
                // Without a record nobody can count it.
                self.start.attempt = 0;
                if let Some(problem) = problem {
                    ffi::error(&log::line(
                        "user_init",
                        &format!("no record in the trial's folder: {problem}"),
                    ));
                }
                None
            }
        }
    }

    /// Writes as the user; no text where the folder is simply not the user's to write.
    fn write(&self, dir: &SweepDir, ops: &[Op], deadline: Deadline) -> Result<(), Option<String>> {
        let answers = as_user::run(&self.user, dir.path(), ops, deadline, self.behaviour)
            .map_err(|failure| Some(log::causes(&failure)))?;
        match answers.iter().map(|answer| answer.errno).find(|&errno| errno != 0) {
            None => Ok(()),
            Some(libc::EACCES | libc::EPERM | libc::EROFS) => Err(None),
            Some(errno) => Err(Some(std::io::Error::from_raw_os_error(errno).to_string())),
        }
    }

    /// Notes how a task ended; whether it was this node's last.
    pub fn task_ended(&mut self, status: i32) -> bool {
        let weight = |status: i32| (libc::WIFSIGNALED(status), status);
        if weight(status) > weight(self.worst) {
            self.worst = status;
        }
        self.running_tasks = self.running_tasks.saturating_sub(1);
        self.running_tasks == 0
    }

    /// The end of the attempt.
    pub fn end(&self, now_ns: u64) -> Record {
        let usage = ffi::children_usage();
        Record {
            kind: Kind::End,
            time_ns: now_ns,
            exit: libc::WIFEXITED(self.worst).then(|| libc::WEXITSTATUS(self.worst)),
            signal: libc::WIFSIGNALED(self.worst).then(|| libc::WTERMSIG(self.worst)),
            elapsed_s: Some(self.started.elapsed().as_secs_f64()),
            cpu_s: usage.map(|(cpu_s, _)| cpu_s),
            memory_peak_kib: usage.map(|(_, kib)| kib),
            ..self.start.clone()
        }
    }

    /// Appends the end to the user's copy, where there is one.
    ///
    /// # Errors
    /// Why not, for the log.
    pub fn append_end(&self, end: &Record) -> Result<(), String> {
        let Some(copy) = &self.user_copy else { return Ok(()) };
        let ops = [Op::Append { path: copy.path.clone(), bytes: end.to_line() }];
        self.write(&copy.dir, &ops, Deadline::start()).map_err(|problem| {
            format!("no end in the trial's folder: {}", problem.unwrap_or_else(|| "permission denied".into()))
        })
    }
}
