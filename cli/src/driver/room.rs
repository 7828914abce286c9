//! Room in the queue: how many of the trials that wait behind a limit of Slurm's may be asked for now. Pure; it never
//! asks Slurm, and what Slurm last said is all it knows of the limit.

use std::time::Duration;

use crate::driver::look::{Full, Look};

/// After so long Slurm is asked again at the earliest and at the latest, however full the queue still seems: the limit
/// may count what others have there, or ended jobs, or have been raised. In between it is asked after as long again as it
/// has refused so far.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(300));
/// Room is used once it is this part of what was in the queue when it was full: so a sweep of any size makes few calls,
/// and the queue stays nearly full.
const SHARE: u32 = 10;

/// How many trials may be submitted after this look; none leaves it open, because no limit stood in the way.
#[must_use]
pub fn of_look(look: &Look, now_ns: u64) -> Option<usize> {
    look.full.as_ref().map(|full| room(full, look.open_jobs, now_ns) as usize)
}

fn room(full: &Full, open: Option<u32>, now_ns: u64) -> u32 {
    let free = open.map_or(0, |open| full.open.saturating_sub(open));
    if free >= (full.open / SHARE).max(1) {
        return free;
    }
    let refused_for = Duration::from_nanos(full.time_ns.saturating_sub(full.since_ns));
    let waited = Duration::from_nanos(now_ns.saturating_sub(full.time_ns));
    // One trial finds out whether there is room; after it twice as many as went in.
    if waited >= refused_for.clamp(ASK_AGAIN.0, ASK_AGAIN.1) {
        full.taken.saturating_mul(2).max(1)
    } else {
        0
    }
}

/// Rooms by example.
#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn full(open: u32) -> Full {
        Full { error: "limit".into(), open, time_ns: 100 * S, since_ns: 100 * S, taken: 0 }
    }

    #[test]
    fn what_ended_since_the_queue_was_full_is_room_once_it_is_worth_a_call() {
        let rooms = [100, 120, 91, 90, 40, 0].map(|open| room(&full(100), Some(open), 105 * S));
        assert_eq!(rooms, [0, 0, 0, 10, 60, 100]);
        assert_eq!(room(&full(100), None, 105 * S), 0);
        assert_eq!([3, 2].map(|open| room(&full(3), Some(open), 105 * S)), [0, 1]);
    }

    #[test]
    fn slurm_is_asked_again_ever_more_rarely_and_for_more_once_it_says_yes() {
        assert_eq!([114, 115].map(|now| room(&full(0), Some(7), now * S)), [0, 1]);
        let refused_for = |s: u64| Full { since_ns: (100 - s) * S, ..full(0) };
        assert_eq!([159, 160].map(|now| room(&refused_for(60), Some(7), now * S)), [0, 1]);
        let long = Full { since_ns: 0, time_ns: 4_000 * S, ..full(0) };
        assert_eq!([4_299, 4_300].map(|now| room(&long, Some(7), now * S)), [0, 1]);
        assert_eq!(room(&Full { taken: 8, ..full(0) }, Some(7), 120 * S), 16);
    }
}
