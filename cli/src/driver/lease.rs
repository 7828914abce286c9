//! One driver at a time. Who drives holds the lease file of the highest fence; taking over is a link to the next
//! number, which only one can make. The highest lease file is never removed: one that is removed and made again could be
//! held twice. Whoever makes one of a lower number again does not hold it.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sweep_core::layout::SweepDir;
use sweep_core::schema::{self, Schema};

use crate::driver::calls;
use crate::error::{At, Error, Result};
use crate::task::identity::{host, process_start};

/// How often a holder renews its file.
const RENEWED_EVERY: Duration = Duration::from_secs(20);
/// A file that has not changed for so long, by one's own clock, has no holder any more.
const UNCHANGED_FOR: Duration = Duration::from_secs(60);
/// How long a command waits for a holder that lives.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often a command that waits looks again.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The content of a lease file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    schema: Schema,
    fence: u64,
    host: String,
    pid: u32,
    start: u64,
    /// Which process table the pid is of. Builds before this member wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<ProcessTable>,
    renewals: u64,
    released: bool,
}

/// A process table, which a host's name alone does not tell: containers share the name, and a host that was started
/// again has another table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ProcessTable {
    /// The kernel's name for this run of it.
    boot: String,
    /// The inode of the pid namespace.
    namespace: u64,
}

impl ProcessTable {
    /// Our own; none where the kernel does not say.
    fn own() -> Option<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let namespace = fs::metadata("/proc/self/ns/pid").ok()?.ino();
        Some(Self { boot, namespace })
    }
}

/// A lease that this process holds; dropping it releases it.
#[derive(Debug)]
pub struct Lease {
    dir: SweepDir,
    fence: u64,
    renewer: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Lease {
    /// Takes the lease of a sweep, waiting for a holder that lives and taking over from one that does not. `notice`
    /// hears once whom it waits for.
    ///
    /// # Errors
    /// Where another driver keeps it, or the file system fails.
    pub fn take(dir: &SweepDir, notice: impl FnOnce(&str)) -> Result<Self> {
        let began = Instant::now();
        let mut notice = Some(notice);
        let mut seen: Option<(Vec<u8>, Instant)> = None;
        loop {
            let highest = highest(dir)?;
            let free = match highest {
                None => true,
                Some(fence) => {
                    let path = dir.lease(fence);
                    let bytes = match fs::read(&path) {
                        Ok(bytes) => bytes,
                        // A later holder has cleared it away.
                        Err(error) if error.kind() == ErrorKind::NotFound => continue,
                        Err(error) => return Err(error).at("read", &path),
                    };
                    let content = parse(&path, &bytes)?;
                    if content.as_ref().is_some_and(Content::is_over) {
                        true
                    } else {
                        let unchanged = match &seen {
                            Some((before, since)) if *before == bytes => since.elapsed(),
                            _ => {
                                seen = Some((bytes, Instant::now()));
                                Duration::ZERO
                            }
                        };
                        if unchanged == Duration::ZERO && began.elapsed() > PATIENCE {
                            return Err(held(content.as_ref()));
                        }
                        unchanged >= UNCHANGED_FOR
                    }
                }
            };
            if free && let Some(lease) = Self::link(dir, highest.unwrap_or(0) + 1)? {
                return Ok(lease);
            }
            if began.elapsed() > Duration::from_secs(1)
                && let Some(notice) = notice.take()
            {
                notice("another command drives this sweep; waiting for it to end");
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Links a file of our own to a fence; none where another was first.
    fn link(dir: &SweepDir, fence: u64) -> Result<Option<Self>> {
        let content = Content::own(fence)?;
        let private = beside(&dir.lease(fence));
        write(&private, &content)?;
        let path = dir.lease(fence);
        let linked = fs::hard_link(&private, &path);
        // Over a network file system a link may be made and its answer lost; the count of links tells.
        let made = linked.is_ok() || fs::metadata(&private).is_ok_and(|metadata| metadata.nlink() == 2);
        fs::remove_file(&private).at("remove", &private)?;
        match linked {
            Err(error) if !made && error.kind() != ErrorKind::AlreadyExists => Err(error).at("link", &path),
            _ if !made => Ok(None),
            _ => {
                let lease = Self { dir: dir.clone(), fence, renewer: Some(renewer(path, content)) };
                Ok(Some(lease).filter(|lease| lease.check().is_ok()))
            }
        }
    }

    /// The number that this holder's events have.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Makes sure that nobody took over; to be called before each event and each submission.
    ///
    /// # Errors
    /// Where somebody did: nothing more may be done then.
    pub fn check(&self) -> Result<()> {
        if highest(&self.dir)? == Some(self.fence) {
            return Ok(());
        }
        Err(Error::world(format!("another driver took over `{}`", self.dir.path().display())).hint(
            "this process was held up for longer than a minute; nothing is lost, run the command again",
        ))
    }

    /// Removes lease files of long ago, all below `fence`; it never is this holder's own.
    pub(super) fn clear(&self, fence: u64) {
        for old in list(&self.dir).unwrap_or_default() {
            if old < fence.min(self.fence) {
                let _ = fs::remove_file(self.dir.lease(old));
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.renewer.take() {
            drop(stop);
            // The thread marks the file as released; if it cannot, the next driver waits a minute.
            let _ = thread.join();
        }
        calls::note(&self.dir);
    }
}

impl Content {
    fn own(fence: u64) -> Result<Self> {
        let pid = std::process::id();
        let start =
            process_start(pid).ok_or_else(|| Error::world(format!("cannot read `/proc/{pid}/stat`")))?;
        Ok(Self {
            schema: schema::CURRENT,
            fence,
            host: host(),
            pid,
            start,
            table: ProcessTable::own(),
            renewals: 0,
            released: false,
        })
    }

    /// Whether its holder is gone for certain: it said so, or it was a process of our own process table that is no
    /// more. That a pid is missing from another table says nothing.
    fn is_over(&self) -> bool {
        let is_ours = || self.host == host() && self.table.is_some() && self.table == ProcessTable::own();
        self.released || (is_ours() && process_start(self.pid) != Some(self.start))
    }
}

/// Renews a lease file until its sender is dropped, then marks it as released. A file that cannot be written is
/// tried again at the next turn; others see it unchanged by then.
fn renewer(path: PathBuf, mut content: Content) -> (Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = channel::<()>();
    let thread = std::thread::spawn(move || {
        while stopped.recv_timeout(RENEWED_EVERY) == Err(RecvTimeoutError::Timeout) {
            content.renewals += 1;
            let _ = replace(&path, &content);
        }
        content.released = true;
        let _ = replace(&path, &content);
    });
    (stop, thread)
}

/// The highest fence that anybody holds or held.
///
/// # Errors
/// Where the folder cannot be read.
pub fn highest(dir: &SweepDir) -> Result<Option<u64>> {
    Ok(list(dir)?.into_iter().max())
}

fn list(dir: &SweepDir) -> Result<Vec<u64>> {
    let folder = dir.leases();
    let mut fences = Vec::new();
    for entry in fs::read_dir(&folder).at("read", &folder)? {
        let name = entry.at("read", &folder)?.file_name();
        fences.extend(name.to_str().and_then(|name| name.strip_suffix(".json")?.parse::<u64>().ok()));
    }
    Ok(fences)
}

/// A lease's content; none where it is torn, which is no word of its holder's.
///
/// # Errors
/// Where its format is newer than ours.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Option<Content>> {
    match schema::check_json(path, bytes) {
        Err(error @ sweep_core::Error::Schema { .. }) => Err(error.into()),
        _ => Ok(serde_json::from_slice(bytes).ok()),
    }
}

fn held(content: Option<&Content>) -> Error {
    let holder =
        content.map_or_else(|| "another process".into(), |c| format!("process {} on {}", c.pid, c.host));
    Error::world(format!("{holder} drives this sweep")).hint("wait for it to end, or end it, and try again")
}

/// A name of our own in the same folder, never used twice.
fn beside(path: &Path) -> PathBuf {
    static USED: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = USED.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}.{}.{number}", host(), std::process::id()))
}

fn write(path: &Path, content: &Content) -> Result<()> {
    let mut json = serde_json::to_vec(content).expect("texts and numbers always serialize");
    json.push(b'\n');
    let mut file = fs::File::create(path).at("create", path)?;
    file.write_all(&json).and_then(|()| file.sync_data()).at("write", path)
}

fn replace(path: &Path, content: &Content) -> Result<()> {
    let new = beside(path);
    write(&new, content)?;
    fs::rename(&new, path).at("replace", path)
}

/// Leases that are taken, kept and lost.
#[cfg(test)]
mod tests {
    use super::*;

    fn sweep() -> (tempfile::TempDir, SweepDir) {
        let dir = tempfile::tempdir().unwrap();
        let sweep = SweepDir::new(dir.path());
        fs::create_dir(sweep.leases()).unwrap();
        (dir, sweep)
    }

    fn take(dir: &SweepDir) -> Lease {
        Lease::take(dir, |_| panic!("nobody should be waited for")).unwrap()
    }

    #[test]
    fn a_released_lease_passes_on_at_once() {
        let (_dir, sweep) = sweep();
        assert_eq!(take(&sweep).fence(), 1);
        let second = take(&sweep);
        assert_eq!(second.fence(), 2);
        second.check().unwrap();
        let names: Vec<_> = fs::read_dir(sweep.leases()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn a_holder_that_died_on_this_machine_is_taken_over_at_once() {
        let (_dir, sweep) = sweep();
        let mut content = Content::own(1).unwrap();
        content.start += 1;
        write(&sweep.lease(1), &content).unwrap();
        assert_eq!(take(&sweep).fence(), 2);
    }

    #[test]
    fn a_pid_that_is_missing_here_proves_nothing_of_another_process_table() {
        let mut content = Content::own(1).unwrap();
        content.start += 1;
        assert!(content.is_over());
        let table = ProcessTable::own().unwrap();
        let others = [
            Some(ProcessTable { namespace: table.namespace + 1, ..table.clone() }),
            Some(ProcessTable { boot: "another".into(), ..table }),
            // Of a build that did not say.
            None,
        ];
        for other in others {
            content.table = other;
            assert!(!content.is_over(), "{content:?}");
        }
        content.released = true;
        assert!(content.is_over());
    }

    #[test]
    fn a_lease_of_an_earlier_build_is_read() {
        let line =
            br#"{"schema":"1.0","fence":1,"host":"h","pid":7,"start":9,"renewals":2,"released":false}"#;
        let content = parse(Path::new("1.json"), line).unwrap().unwrap();
        assert_eq!((content.pid, content.table), (7, None));
    }

    #[test]
    fn a_holder_that_lost_its_lease_hears_of_it() {
        let (_dir, sweep) = sweep();
        let first = take(&sweep);
        write(&sweep.lease(2), &Content::own(2).unwrap()).unwrap();
        assert!(first.check().is_err());
    }

    #[test]
    fn only_one_of_many_gets_a_fence() {
        let (_dir, sweep) = sweep();
        let made: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Lease::link(&sweep, 1).ok().flatten())).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(made.len(), 1);
    }
}
