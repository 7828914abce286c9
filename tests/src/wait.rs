//! Waiting for something with a deadline. It never sleeps for a fixed time and hopes.

use std::thread;
use std::time::{Duration, Instant};

/// Between two looks. Short, because tests spend most of their time here; not so short that looking is the load.
const POLL: Duration = Duration::from_millis(30);

/// Asks `probe` until it answers, or returns `None` when `deadline` has passed. It is asked at least once.
pub fn wait_for<T>(deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if start.elapsed() >= deadline {
            return None;
        }
        thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    //! The two ends of a wait.
    use super::*;

    #[test]
    fn a_wait_ends_with_what_the_probe_found() {
        let mut looks = 0;
        let found = wait_for(Duration::from_secs(5), || {
            looks += 1;
            (looks == 3).then_some("here")
        });
        assert_eq!(found, Some("here"));
    }

    #[test]
    fn a_wait_gives_up_after_its_deadline_but_looks_once() {
        let mut looks = 0;
        let found: Option<()> = wait_for(Duration::ZERO, || {
            looks += 1;
            None
        });
        assert_eq!((found, looks), (None, 1));
    }
}
