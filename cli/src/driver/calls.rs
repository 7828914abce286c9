//! What a sweep has asked of Slurm: a small file a machine, of constant size, that everybody who works on the sweep adds
//! to. For people alone: it must never decide anything, and a count that cannot be written is no error.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sweep_core::layout::SweepDir;
use sweep_core::schema::{self, Schema};

use crate::driver::look::owner;
use crate::error::{At, Result};
use crate::executor::calls::{self, Calls};
use crate::task::identity::host;
use crate::task::now_ns;

/// Longest file that is read.
const LEN: u64 = 64 * 1024;

/// The content of a machine's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The file's version.
    schema: Schema,
    /// When the first call was made, in nanoseconds since 1970.
    pub first_ns: u64,
    /// When the last was.
    pub last_ns: u64,
    /// How often each of Slurm's commands was called.
    pub calls: Calls,
}

impl Asked {
    /// Adds what was asked on another machine.
    fn add(&mut self, other: &Self) {
        self.first_ns = self.first_ns.min(other.first_ns);
        self.last_ns = self.last_ns.max(other.last_ns);
        for (program, count) in &other.calls {
            *self.calls.entry(program.clone()).or_default() += count;
        }
    }
}

/// Adds what this process asked of Slurm since it last said so, where the sweep is this user's.
pub fn note(dir: &SweepDir) {
    if owner(dir).ok() != Some(nix::unistd::geteuid().as_raw()) {
        return;
    }
    let calls = calls::take();
    if !calls.is_empty() && add(dir, &calls).is_err() {
        // The next one who notes something tells it too.
        calls::give_back(&calls);
    }
}

fn add(dir: &SweepDir, calls: &Calls) -> std::io::Result<()> {
    let now = now_ns();
    let new = Asked { schema: schema::CURRENT, first_ns: now, last_ns: now, calls: calls.clone() };
    let path = dir.calls(&host());
    let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = match open() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(dir.calls_folder())?;
            open()?
        }
        other => other?,
    };
    // Processes of one machine see each other's locks on any file system, or there are none.
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        return Err(ErrorKind::WouldBlock.into());
    }
    let all = match read_file(&mut file) {
        Some(mut all) => {
            all.add(&new);
            all
        }
        None => new,
    };
    let mut bytes = serde_json::to_vec(&all).expect("texts and numbers always serialize");
    bytes.push(b'\n');
    file.rewind()?;
    file.write_all(&bytes)?;
    file.set_len(bytes.len() as u64)
}

/// None where nothing was written yet, or half of it.
fn read_file(file: &mut File) -> Option<Asked> {
    let mut bytes = Vec::new();
    file.take(LEN).read_to_end(&mut bytes).ok()?;
    let asked: Asked = serde_json::from_slice(&bytes).ok()?;
    (asked.schema.major == schema::CURRENT.major).then_some(asked)
}

/// What was asked from all machines; none where nobody asked anything.
///
/// # Errors
/// Where the folder is there and cannot be read.
pub fn read(dir: &SweepDir) -> Result<Option<Asked>> {
    let folder = dir.calls_folder();
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).at("read", &folder),
    };
    let mut all: Option<Asked> = None;
    for entry in entries {
        let path = entry.at("read", &folder)?.path();
        let of_machine = |path: &Path| read_file(&mut File::open(path).ok()?);
        match (&mut all, of_machine(&path)) {
            (Some(all), Some(asked)) => all.add(&asked),
            (all @ None, asked) => *all = asked,
            (Some(_), None) => {}
        }
    }
    Ok(all)
}

/// Counting on a machine.
#[cfg(test)]
mod tests {
    use super::*;

    fn calls(list: &[(&str, u64)]) -> Calls {
        list.iter().map(|(program, count)| ((*program).to_owned(), *count)).collect()
    }

    #[test]
    fn counts_of_all_machines_and_times_come_together_in_files_of_constant_size() {
        let folder = tempfile::tempdir().unwrap();
        let dir = SweepDir::new(folder.path());
        assert_eq!(read(&dir).unwrap(), None);
        for _ in 0..100 {
            add(&dir, &calls(&[("squeue", 1), ("sacct", 1)])).unwrap();
        }
        add(&dir, &calls(&[("sbatch", 3)])).unwrap();
        fs::copy(dir.calls(&host()), dir.calls("other")).unwrap();
        fs::write(dir.calls("torn"), "{\"sch").unwrap();
        let asked = read(&dir).unwrap().unwrap();
        assert_eq!(asked.calls, calls(&[("sacct", 200), ("sbatch", 6), ("squeue", 200)]));
        assert!(asked.first_ns <= asked.last_ns);
        assert!(fs::metadata(dir.calls(&host())).unwrap().len() < 300);
    }
}
