//! How often a sweep is looked at: soon after something changed, ever more rarely while nothing does. Never faster than
//! the site allows.

use std::time::Duration;

use crate::driver::site::site;

/// The first wait between two looks.
const LEAST: Duration = Duration::from_millis(500);
/// The longest wait between two looks.
const MOST: Duration = Duration::from_secs(30);

/// The pace of one watcher of `T`.
#[derive(Debug)]
pub struct Pace<T> {
    least: Duration,
    most: Duration,
    wait: Duration,
    before: Option<T>,
}

impl<T> Default for Pace<T> {
    fn default() -> Self {
        let site = site();
        Self::between(site.least_wait.unwrap_or(LEAST), site.most_wait.unwrap_or(MOST))
    }
}

/// The shortest time between two looks, whatever happens in between.
#[must_use]
pub fn floor() -> Duration {
    site().least_wait.unwrap_or_default()
}

impl<T> Pace<T> {
    fn between(least: Duration, most: Duration) -> Self {
        Self { least, most: most.max(least), wait: least, before: None }
    }
}

impl<T: PartialEq> Pace<T> {
    /// How long to wait after having seen this.
    pub fn after(&mut self, seen: T) -> Duration {
        let same = self.before.as_ref() == Some(&seen);
        self.wait = if same { (self.wait * 3 / 2).min(self.most) } else { self.least };
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
        let mut pace = Pace::between(LEAST, MOST);
        assert_eq!(pace.after(1), LEAST);
        let waits: Vec<_> = (0..20).map(|_| pace.after(1)).collect();
        assert!(waits.is_sorted() && waits[0] > LEAST && waits[19] == MOST, "{waits:?}");
        assert_eq!(pace.after(2), LEAST);
    }

    #[test]
    fn no_wait_is_shorter_than_the_site_wants() {
        let s = Duration::from_secs;
        let mut pace = Pace::between(s(40), MOST);
        let waits: Vec<_> = (0..5).map(|_| pace.after(1)).collect();
        assert_eq!(waits, [s(40); 5]);
        let mut pace = Pace::between(s(4), s(7));
        let waits: Vec<_> = (0..4).map(|_| pace.after(1)).collect();
        assert_eq!(waits, [s(4), s(6), s(7), s(7)]);
    }
}
