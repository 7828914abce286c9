//! What befalls the cluster while trials run, one thing at a time, drawn from a fixed sequence. It must never end a
//! process that is not below the test's own cluster.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::Duration;

use sweep_testbed::Daemon;

use crate::site::{Site, Sweep};

/// Between two strikes: trials are to run, too.
const PAUSE: Duration = Duration::from_secs(1);

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    CancelRunning,
    CancelWaiting,
    Requeue,
    KillDriver,
    RestartController,
    RestartNode,
    Look,
}

impl Act {
    /// Each as often as its weight says.
    const WEIGHTS: [(Self, u64); 7] = [
        (Self::CancelRunning, 8),
        (Self::CancelWaiting, 8),
        (Self::Requeue, 14),
        (Self::KillDriver, 5),
        (Self::RestartController, 1),
        (Self::RestartNode, 2),
        (Self::Look, 1),
    ];

    fn name(self) -> &'static str {
        match self {
            Self::CancelRunning => "running trials cancelled",
            Self::CancelWaiting => "waiting trials cancelled",
            Self::Requeue => "running trials requeued",
            Self::KillDriver => "drivers killed",
            Self::RestartController => "slurmctld restarted",
            Self::RestartNode => "slurmd restarted",
            Self::Look => "looks of a person",
        }
    }
}

/// Who strikes, and what was done.
pub struct Chaos<'a> {
    site: &'a Site,
    draws: u64,
    done: BTreeMap<Act, usize>,
}

impl<'a> Chaos<'a> {
    pub fn new(site: &'a Site) -> Self {
        Self { site, draws: 0, done: BTreeMap::new() }
    }

    /// The next number of a fixed sequence (splitmix64), below a bound.
    fn draw(&mut self, bound: usize) -> usize {
        self.draws = self.draws.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.draws ^ (self.draws >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    /// Lets one thing happen.
    pub fn strike(&mut self, sweeps: &[Sweep<'_>]) {
        thread::sleep(PAUSE);
        let weights: u64 = Act::WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut place = self.draw(weights as usize) as u64;
        let mut acts = Act::WEIGHTS.into_iter();
        let act = loop {
            let (act, weight) = acts.next().expect("a place below the sum of all weights");
            match place.checked_sub(weight) {
                Some(rest) => place = rest,
                None => break act,
            }
        };
        if self.happens(act, sweeps) {
            *self.done.entry(act).or_default() += 1;
        }
    }

    fn happens(&mut self, act: Act, sweeps: &[Sweep<'_>]) -> bool {
        match act {
            Act::CancelRunning => {
                self.trial("RUNNING").is_some_and(|job| self.site.try_as_root("scancel", &[&job]))
            }
            Act::CancelWaiting => {
                self.trial("PENDING").is_some_and(|job| self.site.try_as_root("scancel", &[&job]))
            }
            Act::Requeue => {
                self.trial("RUNNING").is_some_and(|job| self.site.try_as_root("scontrol", &["requeue", &job]))
            }
            Act::KillDriver => {
                let sweep = &sweeps[self.draw(sweeps.len())];
                self.kill_driver(sweep)
            }
            Act::RestartController => self.site.cluster.restart(Daemon::Slurmctld).map(|()| true).unwrap(),
            Act::RestartNode => {
                let node = self.draw(2) as u16;
                self.site.cluster.restart(Daemon::Slurmd(node)).map(|()| true).unwrap()
            }
            Act::Look => {
                let sweep = &sweeps[self.draw(sweeps.len())];
                sweep.sweep(&["status"]).code.is_some()
            }
        }
    }

    /// A trial's job in this state.
    fn trial(&mut self, state: &str) -> Option<String> {
        let mut lines = self.site.queue(state);
        lines.retain(|line| !line.contains(".driver "));
        (!lines.is_empty()).then(|| {
            let line = &lines[self.draw(lines.len())];
            line.split(' ').next().unwrap().to_owned()
        })
    }

    /// Kills the driver, if another is behind it: one that is killed before it has a successor is followed by nobody
    /// until somebody says `sweep resume`, which is what the manual says.
    fn kill_driver(&self, sweep: &Sweep<'_>) -> bool {
        let waits = format!(" {}.driver PENDING", sweep.id);
        if !self.site.queue("").iter().any(|line| line.contains(&waits)) {
            return false;
        }
        let drives = |pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
            words.get(1) == Some(&b"drive".as_slice())
                && words.get(2).copied() == Some(sweep.dir().as_os_str().as_encoded_bytes())
        };
        let pids = self.site.cluster.processes().into_iter().map(|(pid, _)| pid).filter(drives);
        let killed = pids.map(|pid| {
            // SAFETY: a plain system call; the process was seen just now below the cluster's keeper.
            unsafe { libc::kill(pid, libc::SIGKILL) }
        });
        killed.count() > 0
    }

    /// Waiting trials that were cancelled.
    pub fn cancelled_waiting(&self) -> usize {
        self.done.get(&Act::CancelWaiting).copied().unwrap_or(0)
    }

    /// Makes sure that nothing was left out by chance.
    pub fn assert_everything_happened(&self) {
        for (act, _) in Act::WEIGHTS {
            assert!(self.done.contains_key(&act), "never: {}", act.name());
        }
    }

    /// What was done, as rows of a table.
    pub fn rows(&self) -> String {
        self.done.iter().map(|(act, count)| format!("| {} | {count} |\n", act.name())).collect()
    }
}
