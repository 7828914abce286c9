//! Waiting until nobody else uses the machine. It never waits for ever: what it found stands beside the results.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::step;

/// For how long the machine may stay busy before it is measured all the same.
const LIMIT: Duration = Duration::from_secs(120);
/// Between two looks; a share of the time needs a stretch of it.
const STRETCH: Duration = Duration::from_secs(2);
/// Most that others may use.
const BUSY_MAX: f64 = 0.08;

/// Waits, and says in words what it found.
pub fn wait() -> String {
    let start = Instant::now();
    let mut told = false;
    loop {
        let busy = busy(STRETCH);
        if busy <= BUSY_MAX || start.elapsed() >= LIMIT {
            let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
            let load = load.split(' ').next().unwrap_or("unknown").to_owned();
            return format!("the machine was {:.0} % busy (load average {load})", busy * 100.0);
        }
        if !told {
            step(format!("the machine is {:.0} % busy: waiting up to {} s", busy * 100.0, LIMIT.as_secs()));
            told = true;
        }
    }
}

/// The share of the processors' time that was used in a stretch of it.
fn busy(stretch: Duration) -> f64 {
    let read = || fs::read_to_string("/proc/stat").ok().and_then(|text| times(&text)).unwrap_or((0, 0));
    let (idle_before, all_before) = read();
    thread::sleep(stretch);
    let (idle, all) = read();
    share(idle - idle_before, all - all_before)
}

fn share(idle: u64, all: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "ticks of some seconds")]
    let idle_share = idle as f64 / all.max(1) as f64;
    1.0 - idle_share
}

/// Idle and all ticks since boot, from the first line of /proc/stat. Waiting for a disk counts as busy.
fn times(stat: &str) -> Option<(u64, u64)> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    // The last two, guests, are counted in the first two already.
    let ticks: Vec<u64> = fields.take(8).map_while(|field| field.parse().ok()).collect();
    Some((*ticks.get(3)?, ticks.iter().sum()))
}

#[cfg(test)]
mod tests {
    //! One line of /proc/stat.
    use super::*;

    #[test]
    fn idle_time_is_the_fourth_field() {
        let (idle, all) = times("cpu  10 0 20 60 5 1 2 2 99 99\ncpu0 1 1 1 1\n").unwrap();
        assert_eq!((idle, all), (60, 100));
        assert!((share(idle, all) - 0.4).abs() < 1e-9);
    }
}
