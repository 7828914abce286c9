//! The loop of an agent: take what there is room for, wait for an end, write it down, take more. Everything happens in
//! the thread that the process ends with, since the trials are killed at its end.

use std::collections::HashMap;
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sweep_core::trial::Trial;

use crate::agent::bell::Bell;
use crate::agent::clock::Clock;
use crate::agent::keep::Keep;
use crate::agent::live::{Live, Run, reaped, step_ended};
use crate::agent::room::{Part, Room, Share};
use crate::agent::search::{Step, Steps};
use crate::agent::work::{Piece, Work};
use crate::agent::{Agent, Summary, Why, step};
use crate::driver::submit::own_binary;
use crate::error::{At, Error, Kind, Result};
use crate::task::argv::Values;
use crate::task::attempt::Usage;
use crate::task::kept::{self, Holds, Taken};
use crate::task::ledger::Keeping;
use crate::task::{remnants, wake};

/// Between two looks at what people and the search say.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// As much while it waits for a proposal.
const WAIT_EVERY: Duration = Duration::from_millis(100);
/// Between two words to a driver that something ended.
const WAKE_EVERY: Duration = Duration::from_millis(100);
/// How long a trial that was told to stop may take to obey, where the spec does not say.
const GRACE_S: u32 = 60;

/// Runs an agent's work to the end.
pub(super) fn serve(agent: &Agent, work: Work) -> Result<Summary> {
    let mut server = Server::new(agent, work)?;
    server.run();
    wake(&agent.dir);
    server.summary.rest = if server.work.may_grow() { 0 } else { server.work.rest() };
    match server.failure.take() {
        Some(error) => Err(error),
        None => Ok(server.summary),
    }
}

struct Server<'a> {
    agent: &'a Agent,
    work: Work,
    whole: Room,
    room: Room,
    live: HashMap<u32, Live>,
    bell: Bell,
    clock: Clock,
    keep: Keep,
    steps: Option<Steps>,
    summary: Summary,
    /// What went wrong with the folders; nothing is taken after it.
    failure: Option<Error>,
    /// Why nothing more is taken, once that is so.
    over: Option<Why>,
    looked: Instant,
    woke: Instant,
    /// When it last had something to do.
    busy: Instant,
    /// What the spec wants behind commands runs in threads of its own.
    ended: (Sender<Result<()>>, Receiver<Result<()>>),
    ending: u32,
}

/// What became of looking for another trial.
enum Next {
    /// One was taken, or passed over.
    Taken,
    /// There is no room for the next one now, or none to take.
    Later,
    /// There will be no more.
    Never(Why),
}

impl<'a> Server<'a> {
    fn new(agent: &'a Agent, work: Work) -> Result<Self> {
        agent.parent.watch()?;
        let now = Instant::now();
        let whole = agent.room();
        let manifest = &agent.manifest;
        let drives = work.may_grow() && (manifest.driven || manifest.retries.is_some());
        Ok(Self {
            agent,
            work,
            room: whole.clone(),
            whole,
            live: HashMap::new(),
            bell: Bell::new()?,
            clock: Clock::new(agent.allocation.ends),
            keep: Keep::begin(&agent.dir.trials_folder())?,
            steps: drives.then(|| Steps::new(&agent.dir)),
            summary: Summary::default(),
            failure: None,
            over: None,
            looked: now,
            woke: now,
            busy: now,
            ended: channel(),
            ending: 0,
        })
    }

    fn run(&mut self) {
        loop {
            if self.agent.parent.is_gone() {
                self.cut_off();
                return;
            }
            self.hear();
            self.reap();
            self.look_around();
            self.take();
            if self.is_done() {
                return;
            }
            let idle = self.live.is_empty() && self.ending == 0;
            self.bell.wait(if idle { WAIT_EVERY } else { LOOK_EVERY });
        }
    }

    /// Passes signals on, and notes one that ends this process.
    fn hear(&mut self) {
        for signal in self.bell.signals() {
            let ends = matches!(signal, Signal::SIGTERM | Signal::SIGINT);
            let is_second = ends && matches!(self.over, Some(Why::Told(_)));
            let passed = match signal {
                _ if is_second => Signal::SIGKILL,
                _ if ends => Signal::SIGTERM,
                other => other,
            };
            self.live.values().for_each(|live| live.send(passed));
            if ends {
                self.over = Some(Why::Told(signal as i32));
            }
        }
    }

    fn reap(&mut self) {
        let ended: Vec<(u32, ExitStatus, Usage)> = self
            .live
            .keys()
            .filter_map(|pid| reaped(*pid).map(|(status, usage)| (*pid, status, usage)))
            .collect();
        for (pid, status, usage) in ended {
            if let Some(live) = self.live.remove(&pid) {
                let result = self.end(live, status, usage);
                self.note(result);
            }
        }
        while let Ok(result) = self.ended.1.try_recv() {
            self.ending -= 1;
            self.note(result);
        }
    }

    fn note(&mut self, result: Result<()>) {
        if let Err(error) = result
            && self.failure.is_none()
        {
            self.failure = Some(error);
        }
    }

    fn end(&mut self, live: Live, status: ExitStatus, usage: Usage) -> Result<()> {
        let Live { run, part, began, piece, .. } = live;
        self.room.give(part);
        self.clock.note(began.elapsed());
        self.busy = Instant::now();
        self.keep.note();
        let success = status.success();
        let told = matches!(self.over, Some(Why::Told(_)));
        // What is told to end with its agent has no end of its own: Slurm, or the agent's own end, says why.
        if told && !success {
            self.summary.cut_off += 1;
            if let Run::Child(mut running) = run {
                running.say("the agent was told to end, and this with it");
            }
            return Ok(());
        }
        if success {
            self.summary.completed += 1;
        } else {
            self.summary.failed += 1;
        }
        let agent = self.agent;
        match run {
            Run::Step(mut child) => step_ended(agent, &piece, &mut child, status)?,
            Run::Child(running) if agent.manifest.around.after.is_empty() => {
                running.end(&agent.dir, &agent.manifest, status, usage)?;
            }
            Run::Child(running) => {
                let (dir, manifest, sender) =
                    (agent.dir.clone(), agent.manifest.clone(), self.ended.0.clone());
                let mut rope = self.bell.rope()?;
                self.ending += 1;
                std::thread::spawn(move || {
                    let _ = sender.send(running.end(&dir, &manifest, status, usage));
                    rope.ring();
                });
            }
        }
        if self.woke.elapsed() > WAKE_EVERY {
            wake(&agent.dir);
            self.woke = Instant::now();
        }
        if let Some(steps) = &mut self.steps {
            steps.hurry();
        }
        Ok(())
    }

    /// Looks at what people and the search say, now and then.
    fn look_around(&mut self) {
        if self.looked.elapsed() < LOOK_EVERY {
            return;
        }
        self.looked = Instant::now();
        if self.over.is_none() && self.agent.dir.stopped().exists() {
            self.over = Some(Why::Stopped);
        }
        if self.over == Some(Why::Stopped) {
            self.live.values_mut().for_each(|live| live.stop(Duration::ZERO));
        }
        if self.agent.manifest.driven {
            let grace = self.agent.manifest.driving.grace_s.unwrap_or(GRACE_S);
            let dir = &self.agent.dir;
            let vetoed = self.live.values_mut().filter(|live| dir.trial(live.piece.index).veto().exists());
            vetoed.for_each(|live| live.stop(Duration::from_secs(grace.into())));
        }
    }

    fn take(&mut self) {
        while self.failure.is_none() && self.over.is_none() {
            match self.take_next() {
                Ok(Next::Taken) => {}
                Ok(Next::Later) => return,
                Ok(Next::Never(why)) => self.over = Some(why),
                Err(error) => self.note(Err(error)),
            }
        }
    }

    fn take_next(&mut self) -> Result<Next> {
        if self.agent.count.is_some_and(|count| self.summary.started >= count) {
            return Ok(Next::Never(Why::Counted));
        }
        if self.room.slots == 0 {
            return Ok(Next::Later);
        }
        let Some(piece) = self.work.next().cloned() else { return Ok(Next::Later) };
        if !self.clock.allows_another(Instant::now()) {
            return Ok(Next::Never(Why::Time));
        }
        if self.agent.dir.stopped().exists() {
            return Ok(Next::Never(Why::Stopped));
        }
        let trial = kept::find(&self.agent.dir, piece.index)?;
        let share =
            Share::of_trial(&self.agent.manifest.packing, &Values { params: &trial.params, variables: &[] });
        let share = match share {
            Ok(share) => match self.whole.lacks(share) {
                None => share,
                Some(lack) => return self.pass_over(&trial, &Error::new(Kind::NotStarted, lack)),
            },
            Err(error) => return self.pass_over(&trial, &error.of_kind(Kind::NotStarted)),
        };
        let Some(part) = self.room.take(share) else { return Ok(Next::Later) };
        self.work.take();
        match self.claim(&piece) {
            Ok(Some(earlier)) => self.start(piece, trial, part, earlier)?,
            Ok(None) => self.room.give(part),
            Err(error) => {
                self.room.give(part);
                return Err(error);
            }
        }
        Ok(Next::Taken)
    }

    fn claim(&self, piece: &Piece) -> Result<Option<u32>> {
        let Agent { dir, identity, .. } = self.agent;
        let keeping = if self.agent.is_by_step() { Keeping::Now } else { Keeping::Together };
        let taken = kept::take(dir, &piece.token, piece.index, identity, self.work.holds(), keeping)?;
        Ok(match taken {
            Taken::Ours(earlier) => Some(earlier),
            Taken::Not => None,
        })
    }

    /// Ends a trial that cannot run in this task's allocation, which is the only one that it has. What was offered is
    /// left to another agent.
    fn pass_over(&mut self, trial: &Trial, error: &Error) -> Result<Next> {
        let Some(piece) = self.work.take() else { return Ok(Next::Later) };
        self.summary.too_large += 1;
        if self.work.holds() == Holds::Job
            && let Some(earlier) = self.claim(&piece)?
        {
            let Agent { dir, identity, .. } = self.agent;
            kept::refuse(dir, &piece.token, trial, identity, earlier, error)?;
            self.keep.note();
        }
        Ok(Next::Taken)
    }

    fn start(&mut self, piece: Piece, trial: Trial, part: Part, earlier: u32) -> Result<()> {
        let agent = self.agent;
        self.busy = Instant::now();
        self.keep.note();
        self.summary.started += 1;
        let began = Instant::now();
        let run = if agent.is_by_step() {
            let values = Values { params: &trial.params, variables: &[] };
            let args: Vec<String> =
                agent.packing().launch_args.iter().map(|word| values.fill(word)).collect::<Result<_>>()?;
            let binary = own_binary()?;
            let mut call = step::command(agent, &piece, part.share(), &args, self.work.holds(), &binary);
            Some(Run::Step(call.spawn().at("start", std::path::Path::new("srun"))?))
        } else {
            let (dir, manifest) = (&agent.dir, &agent.manifest);
            let further = part.variables();
            kept::start(dir, manifest, &piece.token, trial, &agent.identity, earlier, &further)?
                .map(|running| Run::Child(Box::new(running)))
        };
        match run {
            Some(run) => {
                let live = Live { run, part, began, piece, asked: None };
                self.live.insert(live.pid(), live);
            }
            None => {
                self.summary.failed += 1;
                self.room.give(part);
            }
        }
        Ok(())
    }

    /// Whether nothing runs and nothing will be taken; looks for more where more may come.
    fn is_done(&mut self) -> bool {
        let is_idle = self.live.is_empty() && self.ending == 0;
        if self.failure.is_some() || self.over.is_some() {
            if is_idle {
                self.summary.why = self.over.unwrap_or_default();
            }
            return is_idle;
        }
        if self.work.next().is_some() {
            return false;
        }
        match self.seek(is_idle) {
            Ok(Some(why)) => {
                self.summary.why = why;
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.note(Err(error));
                is_idle
            }
        }
    }

    /// Looks for more work; why there will be none, once that is known.
    fn seek(&mut self, is_idle: bool) -> Result<Option<Why>> {
        if self.work.look()? {
            self.busy = Instant::now();
            self.take();
            return Ok(None);
        }
        let is_driven = self.agent.manifest.driven;
        let Some(steps) = &mut self.steps else { return Ok(is_idle.then_some(Why::Done)) };
        let step = steps.check();
        if matches!(step, Step::Taken(true)) {
            return self.seek_again();
        }
        if is_idle && step != Step::Running {
            if is_driven && steps.is_finished()? || !is_driven && step == Step::Taken(false) {
                return Ok(Some(Why::Done));
            }
            if self.busy.elapsed() > self.agent.patience() {
                return Ok(Some(Why::Waited));
            }
        }
        if is_driven || is_idle {
            steps.begin(self.bell.rope()?);
        }
        Ok(None)
    }

    fn seek_again(&mut self) -> Result<Option<Why>> {
        if self.work.look()? {
            self.busy = Instant::now();
            self.take();
        }
        Ok(None)
    }

    /// Slurm does not know us any more and may start the trials again: nothing of them may be left.
    fn cut_off(&mut self) {
        self.over = Some(Why::CutOff);
        self.summary.why = Why::CutOff;
        for (_, live) in self.live.drain() {
            self.summary.cut_off += 1;
            if let Run::Child(mut running) = live.run {
                running.say("slurmstepd is gone, so Slurm may start this again; ending");
                let left = remnants::end_own(running.record());
                running.say(&format!("ended, {left} processes are left"));
            }
        }
    }
}
