//! Killing a submission at a point, and what must be true afterwards whatever the point was.

use std::time::{Duration, Instant};

use sweep_testbed::wait_for;

use crate::outcome::{Tally, say};
use crate::site::{Home, LIMIT, TRIALS, in_parallel, jobs};
use crate::tracer::Traced;

/// When a submission is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Right behind its n-th call that changes something.
    Call(usize),
    /// So long after its start.
    Time(Duration),
    /// So long after its directory was there.
    Made(Duration),
}

/// A submission that was to be killed.
pub struct Killed {
    /// Where it was made.
    pub home: Home,
    /// When it was to be killed.
    pub point: Point,
    /// Whether it lived until then.
    pub in_time: bool,
}

/// Submits a home's sweep and kills the command, and only it, at a point.
pub fn kill(home: Home, point: Point) -> Killed {
    let in_time = match point {
        Point::Call(count) => {
            let mut traced = Traced::start(&mut home.submission());
            traced.run_to(count) && traced.kill()
        }
        Point::Time(delay) | Point::Made(delay) => {
            let mut child = home.submission().spawn().unwrap();
            let waits = matches!(point, Point::Made(_));
            while waits && home.dir().is_none() && child.try_wait().unwrap().is_none() {
                std::thread::sleep(LOOK_EVERY);
            }
            // A point in time is what this is about; nothing is waited for.
            std::thread::sleep(delay);
            let in_time = child.try_wait().unwrap().is_none();
            child.kill().unwrap();
            child.wait().unwrap();
            in_time
        }
    };
    Killed { home, point, in_time }
}

/// How many kills are wanted.
pub struct Wanted {
    /// Random moments that are tried at least.
    pub moments: usize,
    /// Random moments that are tried at most, for [`Self::kills`].
    pub moments_most: usize,
    /// Kills that take effect.
    pub kills: usize,
    /// Submissions that are made at once: more would only wait for each other.
    pub at_once: usize,
}

/// Between two looks for a directory.
const LOOK_EVERY: Duration = Duration::from_micros(500);
/// Random moments of one round.
const ROUND: usize = 50;

/// Kills submissions behind each of their own calls and at random moments.
pub fn kill_everywhere(
    new: impl Fn(&str) -> Home + Sync,
    mut moments: Moments,
    wanted: &Wanted,
) -> Vec<Killed> {
    let calls = Traced::start(&mut new("traced").submission()).run_out();
    say(&format!("sweep submit makes {} calls that change something: {}", calls.len(), calls.join(" ")));
    let behind_calls: Vec<usize> = (1..=calls.len()).collect();
    let mut all =
        in_parallel(wanted.at_once, &behind_calls, |&n| kill(new(&format!("call{n}")), Point::Call(n)));
    let homes: Vec<Home> = (0..wanted.at_once).map(|n| new(&format!("usual{n}"))).collect();
    let mut usual = usual_time(&homes);
    let took_effect =
        |all: &[Killed]| all.iter().filter(|killed| killed.in_time && killed.home.dir().is_some()).count();
    let mut tried = 0;
    while tried < wanted.moments || (tried < wanted.moments_most && took_effect(&all) < wanted.kills) {
        let next: Vec<_> = (tried..tried + ROUND).map(|n| (n, moments.below(usual))).collect();
        tried += next.len();
        // When there are enough of them, the rest is spent where a sweep is.
        let made = tried > wanted.moments;
        let kill_at = |&(n, moment): &(usize, Duration)| {
            let point = if made { Point::Made(moment.mul_f64(0.4)) } else { Point::Time(moment) };
            kill(new(&format!("moment{n}")), point)
        };
        let round = in_parallel(wanted.at_once, &next, kill_at);
        // The machine is not always as fast as when the time was taken: most kills of a round should find a sweep.
        let late = round.iter().filter(|killed| !killed.in_time).count();
        let before = round.iter().filter(|killed| killed.home.dir().is_none()).count();
        if late > ROUND / 5 {
            usual = usual.mul_f64(0.8);
        } else if before > ROUND / 2 {
            usual = usual.mul_f64(1.2);
        }
        all.extend(round);
    }
    all
}

/// How long a submission takes that nothing slows down, when so many are made at once.
fn usual_time(homes: &[Home]) -> Duration {
    let times = in_parallel(homes.len(), homes, |home| {
        let began = Instant::now();
        assert!(home.submission().status().unwrap().success());
        began.elapsed()
    });
    // Of those that were slowed down by something else a kill would come too late.
    times.into_iter().min().unwrap()
}

/// Resumes every sweep that is there, waits for all trials, and counts what ran. `settled` waits until nothing can
/// start any more.
pub fn account(all: &[Killed], at_once: usize, settled: impl Fn()) -> Tally {
    account_runs(all, at_once, 1, |home| drop(home.resume()), settled)
}

/// As [`account`], where `go_on` is what a person does after the kill, and each trial must run so often in all.
pub fn account_runs(
    all: &[Killed],
    at_once: usize,
    expected: usize,
    go_on: impl Fn(&Home) + Sync,
    settled: impl Fn(),
) -> Tally {
    let there: Vec<&Home> =
        all.iter().map(|killed| &killed.home).filter(|home| home.dir().is_some()).collect();
    in_parallel(at_once, &there, |home| go_on(home));
    let ran = |home: &&Home| {
        let runs = home.runs();
        runs.len() == TRIALS && runs.values().all(|lines| lines.len() >= expected)
    };
    // Whatever did not run in this time is counted as lost.
    let _ = wait_for(LIMIT, || there.iter().all(ran).then_some(()));
    settled();
    in_parallel(4, &there, |home| {
        if ran(home) {
            home.wait_states(&["completed"; TRIALS]);
        }
    });
    let lines: Vec<usize> =
        there.iter().flat_map(|home| home.runs().into_values()).map(|l| l.len()).collect();
    for home in &there {
        let runs = home.runs();
        if runs.len() != TRIALS || runs.values().any(|lines| lines.len() != expected) {
            eprintln!("{}: {runs:?}", home.path.display());
        }
    }
    let killed = |killed: &&Killed| killed.in_time;
    Tally {
        kills: all.iter().filter(killed).filter(|killed| killed.home.dir().is_some()).count(),
        before: all.iter().filter(killed).filter(|killed| killed.home.dir().is_none()).count(),
        trials: there.len() * TRIALS,
        jobs: jobs(there.iter().copied()),
        lost: there.len() * TRIALS - lines.iter().filter(|count| **count >= expected).count(),
        twice: lines.iter().filter(|count| **count > expected).count(),
    }
}

/// Points in time that look random and are the same in every run (`SplitMix64`, Steele, Lea and Flood 2014).
pub struct Moments(pub u64);

impl Moments {
    /// The next one below `most`.
    pub fn below(&mut self, most: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The upper half of the bits, as a share of 2^32.
        let share = u32::try_from(mixed >> 32).expect("half of the bits");
        most.mul_f64(f64::from(share) / f64::from(u32::MAX))
    }
}
