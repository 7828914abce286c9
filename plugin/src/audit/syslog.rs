//! A line for the system's log, straight into its socket. syslog(3) would wait where the log's queue is full, and
//! a job must not wait for a log: what the queue does not take is gone, and a later head says more.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use sweep_core::chain::SYSLOG_NAME;

/// Where the system's log listens.
pub const SOCKET: &str = "/dev/log";
/// `LOG_AUTHPRIV | LOG_NOTICE`.
const PRIORITY: i32 = libc::LOG_AUTHPRIV | libc::LOG_NOTICE;

/// Sends one line. The log adds the time.
///
/// # Errors
/// Where nobody listens, or the queue is full.
pub fn send(socket: &Path, line: &str) -> io::Result<()> {
    let datagram = UnixDatagram::unbound()?;
    datagram.set_nonblocking(true)?;
    let text = format!("<{PRIORITY}>{SYSLOG_NAME}[{}]: {line}", std::process::id());
    datagram.send_to(text.as_bytes(), socket).map(drop)
}

/// A log that listens, one that does not, and one that is not read.
#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn socket_path(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("sweep-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_line_arrives_with_its_facility_and_name() {
        let path = socket_path("listens");
        let log = UnixDatagram::bind(&path).unwrap();
        send(&path, "{\"file\":\"n1-202611.jsonl\"}").unwrap();
        let mut buffer = [0; 256];
        let len = log.recv(&mut buffer).unwrap();
        std::fs::remove_file(&path).unwrap();
        let expected = format!("<85>sweep-audit[{}]: {{\"file\":\"n1-202611.jsonl\"}}", std::process::id());
        assert_eq!(String::from_utf8_lossy(&buffer[..len]), expected);
    }

    #[test]
    fn a_log_that_nobody_reads_costs_no_wait() {
        let path = socket_path("unread");
        let log = UnixDatagram::bind(&path).unwrap();
        let started = Instant::now();
        let refused = (0..100_000).find_map(|_| send(&path, "x").err());
        std::fs::remove_file(&path).unwrap();
        drop(log);
        assert_eq!(refused.map(|error| error.kind()), Some(io::ErrorKind::WouldBlock));
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        assert!(send(&path, "x").is_err(), "nobody listens");
    }
}
