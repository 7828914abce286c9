//! Work on many things at once: reading small files waits for a file system far more than for a processor. It never
//! changes an answer, nor the order of the answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::error::Result;

/// Most threads of a look. A network file system answers each in its own time.
const THREADS: usize = 16;

/// Does two things at once.
pub(super) fn both<A, B: Send>(here: impl FnOnce() -> A, there: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|scope| {
        let there = scope.spawn(there);
        let here = here();
        (here, there.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Does `work` on each part of `0..len` and gives the answers in order. Parts are of `part` things; one that is alone is
/// done here, without a thread.
///
/// # Errors
/// The first error in the order of the parts.
pub(super) fn in_parts<R: Send>(
    len: usize,
    part: usize,
    work: impl Fn(std::ops::Range<usize>) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let count = len.div_ceil(part);
    let range = |place: usize| place * part..((place + 1) * part).min(len);
    if count <= 1 {
        return (0..count).map(|place| work(range(place))).collect();
    }
    let next = AtomicUsize::new(0);
    let turn = || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= count {
                return done;
            }
            done.push((place, work(range(place))));
        }
    };
    let mut answers: Vec<(usize, Result<R>)> = thread::scope(|scope| {
        let threads: Vec<_> = (1..count.min(THREADS)).map(|_| scope.spawn(turn)).collect();
        let mut answers = turn();
        for thread in threads {
            answers.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        answers
    });
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Answers in order, whoever was first.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn every_thing_is_worked_on_once_and_answers_are_in_order() {
        for (len, part) in [(0, 7), (1, 7), (7, 7), (8, 7), (1000, 7), (1000, 5000)] {
            let parts = in_parts(len, part, |range| Ok(range.collect::<Vec<_>>())).unwrap();
            assert_eq!(parts.concat(), (0..len).collect::<Vec<_>>(), "{len} by {part}");
        }
    }

    #[test]
    fn the_first_error_in_order_is_told() {
        let work = |range: std::ops::Range<usize>| {
            if range.start >= 20 { Err(Error::world(format!("at {}", range.start))) } else { Ok(()) }
        };
        assert_eq!(in_parts(100, 10, work).unwrap_err().to_string(), "at 20");
    }
}
