//! What an agent waits for: a child's end, a signal, a word of one of its threads, or a while. One pipe that all of them
//! ring, so that nothing is missed between two looks.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use signal_hook::consts::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::low_level::pipe;

use crate::error::{Error, Result};
use crate::task::parent;

/// What Slurm and people send to a job.
const HEARD: [i32; 6] = [SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGCONT];

/// The pipe, and which signals came.
#[derive(Debug)]
pub struct Bell {
    read: UnixStream,
    write: UnixStream,
    heard: Vec<(Signal, Arc<AtomicUsize>)>,
}

impl Bell {
    /// Begins to listen.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn new() -> Result<Self> {
        let cannot = |e: &dyn std::error::Error| Error::world("cannot catch signals").because(e);
        let (read, write) = UnixStream::pair().map_err(|e| cannot(&e))?;
        for end in [&read, &write] {
            end.set_nonblocking(true).map_err(|e| cannot(&e))?;
        }
        let mut heard = Vec::new();
        for number in HEARD.into_iter().chain([SIGCHLD, parent::GONE as i32]) {
            let signal = Signal::try_from(number).map_err(|e| cannot(&e))?;
            if number != SIGCHLD && signal != parent::GONE {
                let count = Arc::new(AtomicUsize::new(0));
                let counted = Arc::clone(&count);
                let count_it = move || {
                    counted.fetch_add(1, Ordering::Relaxed);
                };
                // SAFETY: the action only adds to an atomic number.
                unsafe { signal_hook::low_level::register(number, count_it) }.map_err(|e| cannot(&e))?;
                heard.push((signal, count));
            }
            // Registered behind it: whoever is woken finds the number raised.
            pipe::register(number, write.try_clone().map_err(|e| cannot(&e))?).map_err(|e| cannot(&e))?;
        }
        Ok(Self { read, write, heard })
    }

    /// Waits until it rings, at most so long.
    pub fn wait(&mut self, limit: Duration) {
        let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        let mut on = [PollFd::new(self.read.as_fd(), PollFlags::POLLIN)];
        // A signal that cuts the wait short has rung as well.
        let _ = poll(&mut on, timeout);
        let mut bytes = [0; 4096];
        while matches!(self.read.read(&mut bytes), Ok(1..)) {}
    }

    /// The signals that came since they were last asked for.
    pub fn signals(&mut self) -> Vec<Signal> {
        let came = |(signal, count): &(Signal, Arc<AtomicUsize>)| {
            (count.swap(0, Ordering::Relaxed) > 0).then_some(*signal)
        };
        self.heard.iter().filter_map(came).collect()
    }

    /// What a thread rings it with.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn rope(&self) -> Result<Rope> {
        let write = self.write.try_clone();
        write.map(Rope).map_err(|e| Error::world("cannot copy a file descriptor").because(&e))
    }
}

/// Rings a bell from another thread.
#[derive(Debug)]
pub struct Rope(UnixStream);

impl Rope {
    /// Rings it; a pipe that is full rings already.
    pub fn ring(&mut self) {
        let _ = self.0.write(&[0]);
    }
}

/// Bells of this process.
#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_signal_and_a_thread_ring_it() {
        let mut bell = Bell::new().unwrap();
        nix::sys::signal::raise(Signal::SIGUSR2).unwrap();
        let began = Instant::now();
        bell.wait(Duration::from_secs(60));
        assert_eq!(bell.signals(), [Signal::SIGUSR2]);
        assert_eq!(bell.signals(), []);
        let mut rope = bell.rope().unwrap();
        std::thread::spawn(move || rope.ring()).join().unwrap();
        bell.wait(Duration::from_secs(60));
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}
