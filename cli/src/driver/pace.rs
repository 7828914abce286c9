//! How often a sweep is looked at: soon after something changed, ever more rarely while nothing does. Never faster
//! than the floor, however many watch.

use std::time::Duration;

/// The first wait between two looks.
const LEAST: Duration = Duration::from_millis(500);
/// The longest wait between two looks.
const MOST: Duration = Duration::from_secs(30);

/// The pace of one watcher of `T`.
#[derive(Debug)]
pub struct Pace<T> {
    wait: Duration,
    before: Option<T>,
}

impl<T> Default for Pace<T> {
    fn default() -> Self {
        Self { wait: LEAST, before: None }
    }
}

impl<T: PartialEq> Pace<T> {
    /// How long to wait after having seen this.
    pub fn after(&mut self, seen: T) -> Duration {
        let same = self.before.as_ref() == Some(&seen);
        self.wait = if same { (self.wait * 3 / 2).min(MOST) } else { LEAST };
        self.before = Some(seen);
        self.wait
    }
}

/// The pace of a watcher.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_sweep_is_looked_at_more_rarely_and_a_change_makes_it_soon_again() {
        let mut pace = Pace::default();
        assert_eq!(pace.after(1), LEAST);
        let waits: Vec<_> = (0..20).map(|_| pace.after(1)).collect();
        assert!(waits.is_sorted() && waits[0] > LEAST && waits[19] == MOST, "{waits:?}");
        assert_eq!(pace.after(2), LEAST);
    }
}
