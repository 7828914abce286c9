//! Makes what was written last, for all trials together: once a second while there is something new, and at the end.
//! What a killed process wrote is there without this; a machine that loses its power forgets at most the last second.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{At, Result};

/// How much a machine that loses its power may forget.
const EVERY: Duration = Duration::from_secs(1);

/// The thread that does it.
#[derive(Debug)]
pub struct Keep {
    is_dirty: Arc<AtomicBool>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keep {
    /// Begins to, for the file system that holds a folder.
    ///
    /// # Errors
    /// Where the folder cannot be opened.
    pub fn begin(folder: &Path) -> Result<Self> {
        let file = File::open(folder).at("open", folder)?;
        let is_dirty = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = channel::<()>();
        let dirty = Arc::clone(&is_dirty);
        let thread = std::thread::spawn(move || {
            loop {
                let ends = stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout);
                if dirty.swap(false, Ordering::Relaxed) {
                    sync(&file);
                }
                if ends {
                    return;
                }
            }
        });
        Ok(Self { is_dirty, stop: Some(stop), thread: Some(thread) })
    }

    /// Notes that something was written.
    pub fn note(&self) {
        self.is_dirty.store(true, Ordering::Relaxed);
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn sync(file: &File) {
    // SAFETY: the call takes a descriptor that is open as long as the file.
    let _ = unsafe { libc::syncfs(file.as_raw_fd()) };
}
