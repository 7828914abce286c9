//! Running one program and measuring it: wall time and peak memory. It never polls: a look each few milliseconds would
//! be as coarse as what is measured.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::bench;
use crate::failure::{Failure, Outcome};

/// A program that ran and succeeded.
pub struct Measured {
    pub elapsed: Duration,
    /// Of the program or of the largest of those that it ran, whichever is more.
    pub peak_mib: f64,
    pub stdout: String,
}

impl Measured {
    pub fn ms(&self) -> f64 {
        ms(self.elapsed)
    }
}

pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Runs a command to its end; that it fails is an error.
pub fn run(command: &mut Command) -> Outcome<Measured> {
    let line = format!("{} {:?}", command.get_program().display(), command.get_args().collect::<Vec<_>>());
    let folder = bench::folder("output")?;
    // Files, because somebody would have to empty a pipe meanwhile.
    let (stdout, stderr) = (folder.join("stdout"), folder.join("stderr"));
    let create =
        |path: &PathBuf| File::create(path).map_err(Failure::doing(format!("create `{}`", path.display())));
    command.stdin(Stdio::null()).stdout(create(&stdout)?).stderr(create(&stderr)?);
    let start = Instant::now();
    let child = command.spawn().map_err(Failure::doing(format!("run `{line}`")))?;
    let (status, peak_kib) = wait(child.id());
    let elapsed = start.elapsed();
    let read = |path: &PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    if !status.success() {
        return Err(Failure::new(format!("`{line}` failed: {status}\n{}{}", read(&stdout), read(&stderr))));
    }
    #[expect(clippy::cast_precision_loss, reason = "no machine has so much memory")]
    let peak_mib = peak_kib as f64 / 1024.0;
    Ok(Measured { elapsed, peak_mib, stdout: read(&stdout) })
}

/// Waits for a child of ours and takes its peak memory in KiB, which std has no word for.
fn wait(pid: u32) -> (ExitStatus, i64) {
    let pid = i32::try_from(pid).expect("Linux process ids fit in an i32");
    let mut status = 0;
    // SAFETY: all zeros is a valid rusage, which is numbers only.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to locals of the right types that outlive the call.
        let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
        if waited == pid {
            return (ExitStatus::from_raw(status), usage.ru_maxrss);
        }
        let error = std::io::Error::last_os_error();
        assert_eq!(error.kind(), std::io::ErrorKind::Interrupted, "waiting for our own child: {error}");
    }
}

#[cfg(test)]
mod tests {
    //! Programs of known time and size.
    use super::*;

    #[test]
    fn time_and_memory_are_those_of_the_program() {
        let script = "import time; block = b'x' * (64 << 20); time.sleep(0.2); print('done')";
        let measured = run(Command::new("python3").args(["-c", script])).unwrap();
        assert!(measured.ms() >= 200.0, "{} ms", measured.ms());
        assert!(measured.peak_mib >= 64.0 && measured.peak_mib < 128.0, "{} MiB", measured.peak_mib);
        assert_eq!(measured.stdout, "done\n");
    }

    #[test]
    fn a_program_that_fails_is_an_error_with_its_words() {
        let failure = run(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).err().unwrap();
        assert!(failure.message.contains("why"), "{failure}");
    }
}
