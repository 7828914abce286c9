//! Following a sweep until it is over: look, take a step where there is one to take, wait. It holds nothing between
//! two steps, so that anybody else may take one too, and ends anywhere without loss.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use sweep_core::layout::SweepDir;

use crate::driver::advance::{has_work, step};
use crate::driver::look::{Look, look};
use crate::driver::pace::{self, Pace};
use crate::error::{Error, Kind, Result};

/// How a following ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Nothing will change any more.
    ToTheEnd,
    /// The watcher had enough.
    Left,
}

/// What a follower tells, and by what it is told to leave.
pub trait Watcher {
    /// Shows a look; whether that is the last word.
    fn see(&mut self, look: Look) -> bool;

    /// Says what is waited for, or what went wrong.
    fn notice(&self, text: &str);

    /// Whether to leave now.
    fn must_leave(&self) -> bool;
}

/// How often a wait looks whether it is over.
const TICK: Duration = Duration::from_millis(100);
/// A look takes at most this part of the time. A step does not count: it may have waited for the fence.
const SHARE: u32 = 10;
/// The longest rest that a slow look is cause for.
const LEAST_MOST: Duration = Duration::from_secs(60);
/// The first wait after a step that failed, and the longest.
const AFTER_FAILURE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// Follows a sweep. A step that fails by the world's fault is taken again later; `patience` says how long steps may
/// fail on end.
///
/// # Errors
/// What a step said, where it was not the world's fault or went on for too long.
pub fn follow(dir: &SweepDir, watcher: &mut dyn Watcher, patience: Duration) -> Result<Followed> {
    let mut pace = Pace::default();
    let mut failures: Option<(Instant, Duration)> = None;
    loop {
        let woken = modified(&dir.wake());
        let mut looked = Duration::ZERO;
        let wait = match turn(dir, watcher, &mut looked) {
            Ok(Turn::Over) => return Ok(Followed::ToTheEnd),
            Ok(Turn::Did) => {
                failures = None;
                pace = Pace::default();
                Duration::ZERO
            }
            Ok(Turn::Nothing(seen)) => {
                failures = None;
                pace.after(seen)
            }
            Err(error) if error.kind() == Kind::World => {
                let (since, wait) = failures.map_or((Instant::now(), AFTER_FAILURE.0), |(since, wait)| {
                    (since, (wait * 2).min(AFTER_FAILURE.1))
                });
                if since.elapsed() + wait > patience {
                    return Err(error);
                }
                watcher.notice(&complaint(&error, wait));
                failures = Some((since, wait));
                wait
            }
            Err(error) => return Err(error),
        };
        let least = (looked * SHARE).min(LEAST_MOST).max(pace::floor());
        if !rest(dir, watcher, woken, least, wait.max(least)) {
            return Ok(Followed::Left);
        }
    }
}

/// What one turn came to.
enum Turn {
    Over,
    Did,
    /// Nothing to do; how many trials stand in which state.
    Nothing(Vec<sweep_core::state::TrialState>),
}

/// Looks, and says how long that took; takes a step where there is one.
fn turn(dir: &SweepDir, watcher: &mut dyn Watcher, looked: &mut Duration) -> Result<Turn> {
    let began = Instant::now();
    let seen = look(dir)?;
    *looked = began.elapsed();
    if has_work(dir, &seen)? {
        let notice = |text: &str| watcher.notice(text);
        step(dir, &notice)?;
        watcher.see(seen);
        return Ok(Turn::Did);
    }
    let states = seen.trials.iter().map(|trial| trial.status.state).collect();
    Ok(if watcher.see(seen) { Turn::Over } else { Turn::Nothing(states) })
}

/// Waits: at least `least`, until a trial ends or `most` is over. False where the watcher leaves.
fn rest(
    dir: &SweepDir,
    watcher: &dyn Watcher,
    woken: Option<SystemTime>,
    least: Duration,
    most: Duration,
) -> bool {
    let began = Instant::now();
    while began.elapsed() < most {
        if watcher.must_leave() {
            return false;
        }
        if began.elapsed() >= least && modified(&dir.wake()) != woken {
            break;
        }
        std::thread::sleep(TICK.min(most.saturating_sub(began.elapsed())));
    }
    !watcher.must_leave()
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn complaint(error: &Error, wait: Duration) -> String {
    format!("{error}; trying again in {} s", wait.as_secs())
}
