//! In slurmstepd, as root: the trial's variables go into the job's environment, and what happened is written down.
//! No file of the user's is touched here: `as_user` does that. No step is held up for long, and none fails, but for
//! a plain job of a site that is strict.
//!
//! What counts as an attempt: a batch step with an option; an srun with one in a job that has no batch step of
//! ours, or with another trial than the job's. An srun's attempt is kept by its first node alone, and ends as its
//! worst task there ended.

mod attempt;
mod inject;

use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use slurm_spank::spank_sys as sys;
use sweep_core::environment;
use sweep_core::layout::RecordName;
use sweep_core::limits;
use sweep_core::params::Params;

use crate::as_user::{Behaviour, Deadline};
use crate::config::Config;
use crate::ffi::{self, Spank, Variable};
use crate::job::{Job, Step};
use crate::mark::{self, MARK_LEN, Mark, MarkedTrial};
use crate::options::{Given, Opt, Options};
use crate::resolve::{Asked, Error, Found, Reader};
use crate::{Hook, log};

use attempt::Attempt;
use inject::Counted;

/// The exit code of a job whose trial cannot be resolved, where the site is strict.
const EXIT_NO_TRIAL: i32 = 78;

/// What one slurmstepd keeps between hooks.
#[derive(Debug, Default)]
struct State {
    config: Config,
    /// The step's attempt, where it is one.
    attempt: Option<Attempt>,
    /// Whether the job is to end before it runs.
    ends: bool,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);
static OPTIONS: Mutex<Options> = Mutex::new(Options::NONE);

/// Runs a hook of slurmstepd.
pub fn hook(hook: Hook, spank: &Spank) {
    // Hooks run one after the other; a second one at the same time would be a bug, and waiting for it another.
    let mut state = match STATE.try_lock() {
        Ok(state) => state,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => {
            return ffi::error(&log::line(hook.name(), "another hook still runs"));
        }
    };
    let state = state.get_or_insert_default();
    if hook == Hook::Init {
        state.config = Config::parse(spank.words());
    }
    #[cfg(feature = "faults")]
    if state.config.faults.contains(&crate::faults::Fault::Panic(hook)) {
        panic!("a panic was asked for");
    }
    match hook {
        Hook::Init => {
            warn_of_config(&state.config);
            Opt::ALL.into_iter().for_each(|opt| spank.register(opt));
        }
        Hook::InitPostOpt => {}
        Hook::UserInit => user_init(state, spank),
        Hook::TaskInit if state.ends => ffi::exit_now(EXIT_NO_TRIAL),
        Hook::TaskInit => {}
        Hook::TaskPostFork => task_post_fork(state, spank),
        Hook::TaskExit => task_exit(state, spank),
    }
}

/// One line for all that was not understood in plugstack.conf.
pub fn warn_of_config(config: &Config) {
    if !config.warnings.is_empty() {
        ffi::error(&log::line("init", &config.warnings.join("; ")));
    }
}

/// Notes an option's text; Slurm may call more than once.
pub fn option_given(opt: Opt, bytes: &[u8]) {
    let mut options = OPTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    options.set(opt, Given::of_bytes(opt, bytes));
}

/// The options, from Slurm's callbacks or, where `--export` kept those from the node, from the job's environment.
fn options(spank: &Spank) -> Options {
    let mut options = OPTIONS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for opt in Opt::ALL {
        if options.get(opt).is_none()
            && let Variable::Set(bytes) = spank.variable(&opt.variable(), opt.limit())
            && !bytes.is_empty()
        {
            options.set(opt, Given::of_bytes(opt, &bytes));
        }
    }
    options
}

fn user_init(state: &mut State, spank: &Spank) {
    let options = options(spank);
    if options.is_empty() {
        return;
    }
    let Some(job) = Job::of(spank) else {
        return ffi::error(&log::line("user_init", "Slurm does not say which job this is"));
    };
    let started = Instant::now();
    let submit_dir = spank.text("SLURM_SUBMIT_DIR", limits::OPTION_LEN);
    let asked = Asked::of(&options, submit_dir.as_deref());
    let texts = match &asked {
        Ok(Asked { dir: Some(dir), .. }) => {
            [dir.path().to_str(), options.text(Opt::Trial), options.text(Opt::Set)]
        }
        _ => Opt::ALL.map(|opt| options.text(opt)),
    };
    let digest = mark::digest(texts);
    let mark = spank.text(environment::RECORD_OF_JOB, MARK_LEN).and_then(|text| text.parse::<Mark>().ok());
    // In the batch step a mark is the submitter's leftover, or a forgery.
    let mark = mark.filter(|mark| mark.job == job.id && job.step != Step::Batch);
    let is_jobs_own = mark.as_ref().is_some_and(|mark| mark.options == digest);
    if is_jobs_own && (spank.has_variable_with("SWEEP_PARAMS=") || spank.has_variable_with("SWEEP_ERROR=")) {
        // The step has the job's variables from the script, which may have changed them for its own ends.
        return;
    }
    let behaviour = behaviour(&state.config);
    let run = Run { spank, job, options: &options, mark, is_jobs_own, digest, behaviour, started };
    let outcome = asked.and_then(|asked| run.resolve(asked));
    state.attempt = run.carry_out(outcome, state.config.strict, &mut state.ends);
}

fn behaviour(config: &Config) -> Behaviour {
    #[cfg(feature = "faults")]
    return Behaviour { stops: config.faults.contains(&crate::faults::Fault::StopChild) };
    #[cfg(not(feature = "faults"))]
    {
        let _ = config;
        Behaviour::default()
    }
}

/// What the options came to.
struct Resolved {
    asked: Asked,
    /// The trial, where there is a sweep.
    found: Option<Found>,
}

/// One run of user_init.
struct Run<'a> {
    spank: &'a Spank,
    job: Job,
    options: &'a Options,
    mark: Option<Mark>,
    is_jobs_own: bool,
    digest: String,
    behaviour: Behaviour,
    started: Instant,
}

impl Run<'_> {
    fn resolve(&self, asked: Asked) -> Result<(Resolved, Deadline), Error> {
        let deadline = Deadline::start();
        let Some(dir) = &asked.dir else { return Ok((Resolved { asked, found: None }, deadline)) };
        let reader = Reader { user: &self.job.user, dir, deadline, behaviour: self.behaviour };
        let index = reader.select(asked.selector, self.job.array_task)?;
        let found = reader.find(index)?;
        Ok((Resolved { asked, found: Some(found) }, deadline))
    }

    /// Whether this step is an attempt of its own.
    fn is_attempt(&self, resolved: Option<&Resolved>) -> bool {
        match self.job.step {
            Step::Batch => true,
            Step::Interactive | Step::Extern => false,
            Step::Srun(_) if self.job.node_rank != 0 || self.is_jobs_own => false,
            Step::Srun(_) => match &self.mark {
                None => true,
                Some(mark) => {
                    !mark.trial.as_ref().is_some_and(|marked| resolved.is_some_and(|r| r.is(marked)))
                }
            },
        }
    }

    fn carry_out(
        &self,
        outcome: Result<(Resolved, Deadline), Error>,
        strict: bool,
        ends: &mut bool,
    ) -> Option<Attempt> {
        let resolved = outcome.as_ref().ok().map(|(resolved, _)| resolved);
        let is_attempt = self.is_attempt(resolved);
        let (spank, options) = (self.spank, self.options);
        let mut attempt = Attempt::new(spank, &self.job, options, self.started, now_ns(), self.behaviour);
        let injected = match outcome {
            Ok((resolved, deadline)) => {
                let counted = if is_attempt {
                    let record = attempt.begin(&resolved, deadline);
                    Counted { attempt: attempt.number(), record }
                } else {
                    self.counted_by_job(&resolved)
                };
                self.leave_mark(resolved.marked(&counted));
                inject::inject(spank, options, &resolved, &counted)
            }
            Err(error) => {
                self.leave_mark(None);
                Err(log::causes(&error))
            }
        };
        if let Err(problem) = injected {
            inject::refuse(spank, &problem);
            ffi::error(&log::line("user_init", &problem));
            attempt.refuse(&problem);
            // A job of ours ends by `sweep exec`, which says more than we can.
            *ends = strict && is_attempt && !attempt.is_ours();
        }
        is_attempt.then_some(attempt)
    }

    /// The attempt that a step without one of its own is a part of: the batch step's by its mark, else the newest
    /// of this job's that stands in the trial's folder.
    fn counted_by_job(&self, resolved: &Resolved) -> Counted {
        let job = self.job.name();
        match self.mark.as_ref().and_then(|mark| mark.trial.as_ref()).filter(|marked| resolved.is(marked)) {
            Some(marked) => {
                let record = marked.start_ns.map(|start_ns| RecordName { job, start_ns });
                Counted { attempt: marked.attempt, record }
            }
            None => Counted::newest_of(resolved, &job),
        }
    }

    /// Tells the job's steps which trial is the job's.
    fn leave_mark(&self, trial: Option<MarkedTrial>) {
        if self.job.step == Step::Batch {
            let mark = Mark { job: self.job.id, options: self.digest.clone(), trial };
            self.spank.set_variable(environment::RECORD_OF_JOB, &mark.to_string());
        }
    }
}

impl Resolved {
    /// Whether this is the trial that a mark names.
    fn is(&self, marked: &MarkedTrial) -> bool {
        let same = |found: &Found| found.manifest.id == marked.sweep && found.trial.index == marked.trial.0;
        self.found.as_ref().is_some_and(same)
    }

    /// The trial for the job's mark.
    fn marked(&self, counted: &Counted) -> Option<MarkedTrial> {
        let found = self.found.as_ref()?;
        Some(MarkedTrial {
            sweep: found.manifest.id.clone(),
            trial: found.trial.index.label(),
            attempt: counted.attempt,
            start_ns: counted.record.as_ref().map(|record| record.start_ns),
        })
    }

    /// The trial's parameters with `--sweep-set` over them.
    fn params(&self) -> Params {
        let mut params = self.found.as_ref().map(|found| found.trial.params.clone()).unwrap_or_default();
        for (name, value) in self.asked.set.iter() {
            params.set(name, value.clone());
        }
        params
    }
}

fn task_post_fork(state: &mut State, spank: &Spank) {
    let Some(attempt) = &mut state.attempt else { return };
    if spank.number(sys::spank_item_S_TASK_ID) == Some(0) {
        write_site_record(&state.config, Hook::TaskPostFork, attempt.start());
    }
}

fn task_exit(state: &mut State, spank: &Spank) {
    let Some(attempt) = &mut state.attempt else { return };
    let status = spank.number(sys::spank_item_S_TASK_EXIT_STATUS).unwrap_or(0);
    if !attempt.task_ended(status.cast_signed()) {
        return;
    }
    let end = attempt.end(now_ns());
    if let Err(problem) = attempt.append_end(&end) {
        ffi::error(&log::line("task_exit", &problem));
    }
    write_site_record(&state.config, Hook::TaskExit, end);
    state.attempt = None;
}

fn write_site_record(config: &Config, hook: Hook, record: sweep_core::record::Record) {
    let Some(dir) = &config.audit else { return };
    match crate::audit::append(dir, &config.audit_limits, record) {
        Ok(None) => {}
        Ok(Some(report)) => ffi::info(&log::line("audit", &report)),
        Err(error) => ffi::error(&log::line(hook.name(), &log::causes(&error))),
    }
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
