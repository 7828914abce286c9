//! A file system whose server stops answering: the smallest FUSE server there is. It answers the kernel's greeting
//! and nothing else. Ended by closing its device, which ends everybody who waits for it.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use crate::stub_driver::USER;

/// The kernel's first question.
const FUSE_INIT: u32 = 26;
/// Longer than any question.
const BUFFER: usize = 1 << 17;
/// The header before each question: length, opcode, number and more.
const HEADER: usize = 40;

/// What becomes of questions after the greeting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// They are taken and never answered: who waits for one cannot even be killed.
    Takes,
    /// Nobody takes them.
    Sleeps,
}

/// A mounted file system that hangs.
pub struct Hanging {
    path: PathBuf,
    connection: PathBuf,
    server: Option<std::thread::JoinHandle<()>>,
}

impl Hanging {
    /// Mounts it as the user's.
    pub fn mount(path: &Path, server: Server) -> Self {
        fs::create_dir(path).unwrap();
        chown(path, Some(USER), Some(USER)).unwrap();
        let device = File::options()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .expect("`/dev/fuse`, for a file system that hangs");
        let options =
            format!("fd={},rootmode=40755,user_id={USER},group_id={USER},allow_other", device.as_raw_fd());
        let (kind, target) = (c"fuse", CString::new(path.as_os_str().as_bytes()).unwrap());
        let options = CString::new(options).unwrap();
        let flags = libc::MS_NOSUID | libc::MS_NODEV;
        // SAFETY: C strings that live as long as the call.
        let code = unsafe {
            libc::mount(kind.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast())
        };
        assert_eq!(code, 0, "mount: {}", std::io::Error::last_os_error());
        let connection = connection(path);
        let greeted = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || serve(device, server, &greeted.0));
        greeted.1.recv().unwrap();
        Self { path: path.to_owned(), connection, server: Some(thread) }
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        // Ends all who wait, the server's own read among them.
        let _ = fs::write(self.connection.join("abort"), "1");
        let path = CString::new(self.path.as_os_str().as_bytes()).unwrap();
        // SAFETY: a C string that lives as long as the call.
        unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

/// Where the kernel lets a mount's connection be ended: a folder named after the mount's device.
fn connection(path: &Path) -> PathBuf {
    let control = Path::new("/sys/fs/fuse/connections");
    if fs::read_dir(control).is_ok_and(|mut entries| entries.next().is_none()) {
        let _ = std::process::Command::new("mount").args(["-t", "fusectl", "none"]).arg(control).status();
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let line = mounts.lines().find(|line| line.split(' ').nth(4) == path.to_str()).unwrap();
    let minor = line.split(' ').nth(2).unwrap().split(':').nth(1).unwrap();
    control.join(minor)
}

fn serve(mut device: File, server: Server, greeted: &std::sync::mpsc::Sender<()>) {
    let mut buffer = vec![0; BUFFER];
    let len = device.read(&mut buffer).unwrap();
    let opcode = u32::from_ne_bytes(buffer[4..8].try_into().unwrap());
    assert!(len > HEADER && opcode == FUSE_INIT, "the kernel greets first");
    // The answer: its header (length, error, number), then version 7.12 and no wishes.
    let mut answer = vec![0; 16 + 24];
    answer[..4].copy_from_slice(&40_u32.to_ne_bytes());
    answer[8..16].copy_from_slice(&buffer[8..16]);
    answer[16..20].copy_from_slice(&7_u32.to_ne_bytes());
    answer[20..24].copy_from_slice(&12_u32.to_ne_bytes());
    // Bytes that one write may have.
    answer[36..40].copy_from_slice(&4096_u32.to_ne_bytes());
    device.write_all(&answer).unwrap();
    greeted.send(()).unwrap();
    match server {
        Server::Takes => while device.read(&mut buffer).is_ok() {},
        // Until the connection is ended, which poll tells as an error.
        Server::Sleeps => {
            let mut poll = libc::pollfd { fd: device.as_raw_fd(), events: 0, revents: 0 };
            // SAFETY: one pollfd of ours.
            unsafe { libc::poll(&raw mut poll, 1, 60_000) };
        }
    }
}
