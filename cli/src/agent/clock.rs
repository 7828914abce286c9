//! Whether the time that is left would do for another trial. Pure but for the clock that it is asked with.

use std::time::{Duration, Instant};

/// How long trials took, and when the allocation ends.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    ends: Option<Instant>,
    longest: Duration,
}

/// What is left over for writing down how the last trial ended.
const MARGIN: Duration = Duration::from_secs(2);

impl Clock {
    /// Of an allocation that ends then.
    #[must_use]
    pub fn new(ends: Option<Instant>) -> Self {
        Self { ends, longest: Duration::ZERO }
    }

    /// Notes how long a trial took.
    pub fn note(&mut self, took: Duration) {
        self.longest = self.longest.max(took);
    }

    /// Whether a trial that starts now and takes as long as the longest so far would end in time. The first is always
    /// tried: nobody knows how long it takes.
    #[must_use]
    pub fn allows_another(&self, now: Instant) -> bool {
        let Some(ends) = self.ends else { return true };
        let left = ends.saturating_duration_since(now);
        self.longest == Duration::ZERO || left > self.longest + MARGIN
    }
}

/// Times by example.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_trial_is_begun_that_the_longest_so_far_would_not_have_ended_in_time() {
        let now = Instant::now();
        let s = Duration::from_secs;
        let mut clock = Clock::new(Some(now + s(60)));
        assert!(clock.allows_another(now + s(59)));
        clock.note(s(10));
        clock.note(s(3));
        assert!(clock.allows_another(now + s(40)) && !clock.allows_another(now + s(49)));
        assert!(!clock.allows_another(now + s(100)));
        assert!(Clock::new(None).allows_another(now + s(1_000_000)));
    }
}
