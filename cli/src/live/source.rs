//! Looks at what is shown, in a thread of its own: a sweep as rarely as a follower would, the open trial's files when
//! they have grown, the list of sweeps now and then. It never takes a step of a sweep.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime};

use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::state::TrialState;

use super::state::Message;
use crate::driver::home::Home;
use crate::driver::look::look;
use crate::driver::pace::{self, Pace};
use crate::report::detail::{Detail, Stamp, stamp};
use crate::report::list::List;
use crate::report::status::Status;

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The list of sweeps.
    Home,
    /// This sweep, from now on.
    Sweep(SweepDir),
    /// This trial of it besides, or none.
    Trial(Option<TrialIndex>),
    /// All of it as soon as may be.
    Look,
}

/// How often the files of an open trial are looked at.
const TICK: Duration = Duration::from_millis(250);
/// How often the list of sweeps is read.
const LIST_EVERY: Duration = Duration::from_secs(5);
/// A look takes at most this part of the time, also of a person who asks for one again and again.
const SHARE: u32 = 10;
/// The longest rest that a slow look is cause for.
const LEAST_MOST: Duration = Duration::from_secs(60);

/// Starts looking; it ends with the one who hears of it.
pub fn start(home: Home, orders: Receiver<Order>, messages: Sender<Message>) {
    std::thread::spawn(move || Source::new(home, messages).run(&orders));
}

struct Source {
    home: Home,
    messages: Sender<Message>,
    lists: bool,
    listed: Option<Instant>,
    sweep: Option<SweepDir>,
    metric: Option<String>,
    trial: Option<(TrialIndex, Option<Stamp>)>,
    pace: Pace<Vec<TrialState>>,
    /// When the next look may be, and when it is due.
    earliest: Instant,
    due: Instant,
    woken: Option<SystemTime>,
    hurry: bool,
}

impl Source {
    fn new(home: Home, messages: Sender<Message>) -> Self {
        let now = Instant::now();
        Self {
            home,
            messages,
            lists: false,
            listed: None,
            sweep: None,
            metric: None,
            trial: None,
            pace: Pace::default(),
            earliest: now,
            due: now,
            woken: None,
            hurry: false,
        }
    }

    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            match orders.recv_timeout(TICK) {
                Ok(order) => self.take(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.turn().is_none() {
                return;
            }
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Home => (self.lists, self.listed) = (true, None),
            Order::Sweep(dir) => {
                (self.sweep, self.trial, self.lists) = (Some(dir), None, false);
                (self.pace, self.due, self.earliest) = (Pace::default(), Instant::now(), Instant::now());
            }
            Order::Trial(trial) => self.trial = trial.map(|index| (index, None)),
            Order::Look => (self.hurry, self.listed) = (true, None),
        }
    }

    /// Looks at what is due; none where nobody listens any more.
    fn turn(&mut self) -> Option<()> {
        if self.lists && self.listed.is_none_or(|listed| listed.elapsed() >= LIST_EVERY) {
            self.listed = Some(Instant::now());
            self.tell(match List::of(&self.home) {
                Ok(list) => Message::Sweeps(list),
                Err(error) => Message::Said(error.to_string()),
            })?;
        }
        if let Some(dir) = self.sweep.clone().filter(|_| !self.lists) {
            let now = Instant::now();
            let woken = modified(&dir.wake());
            if now >= self.due || (now >= self.earliest && (self.hurry || woken != self.woken)) {
                (self.woken, self.hurry) = (woken, false);
                self.look(&dir)?;
            }
            self.read(&dir)?;
        }
        Some(())
    }

    fn look(&mut self, dir: &SweepDir) -> Option<()> {
        let began = Instant::now();
        let message = match look(dir) {
            Ok(look) => {
                let status = Box::new(Status::of(look).with_failure(dir, ""));
                self.metric = status.manifest.metric.as_ref().map(|metric| metric.name.clone());
                let states = status.trials.iter().map(|trial| trial.state).collect();
                self.due = Instant::now() + self.pace.after(states);
                let seen = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
                Message::Looked { dir: dir.clone(), status, seen }
            }
            Err(error) => {
                self.due = Instant::now() + LIST_EVERY;
                Message::Said(error.to_string())
            }
        };
        self.earliest = Instant::now() + (began.elapsed() * SHARE).min(LEAST_MOST).max(pace::floor());
        self.due = self.due.max(self.earliest);
        self.tell(message)
    }

    /// Reads the open trial's files, where they have grown.
    fn read(&mut self, dir: &SweepDir) -> Option<()> {
        let Some((index, before)) = self.trial else { return Some(()) };
        let folder = dir.trial(index);
        let now = stamp(&folder);
        if before == Some(now) {
            return Some(());
        }
        self.trial = Some((index, Some(now)));
        self.tell(Message::Detail(index, Detail::of(&folder, self.metric.as_deref())))
    }

    fn tell(&self, message: Message) -> Option<()> {
        self.messages.send(message).ok()
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
