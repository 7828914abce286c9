//! Where a row is played: a user's home with a sweep in it, an audit directory, and a treasure of root's beside them
//! that no row may reach. It knows what must hold after any row, and nothing of what is tried.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use sweep_core::environment::ERROR;
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::record::{Kind, Record};
use sweep_testbed::artifacts;
use tempfile::TempDir;

use crate::stub_driver::{Script, Trace, USER};
use crate::sweep_on_disk::{Sweep, site_records};

/// What stands in the file that only root may read: it must never be seen anywhere.
const SECRET: &str = "the-secret-of-root";
/// Longest that a hook may take with a file system that hangs: its own bound, and what a busy machine adds.
const HOOK_LIMIT_MS: u128 = 8000;

/// The place of one row.
pub struct Place {
    /// The user's home.
    pub home: TempDir,
    /// The audit directory.
    pub audit: TempDir,
    /// Root's own.
    pub treasure: TempDir,
    /// The user's sweep, in their home.
    pub dir: SweepDir,
    /// The row's job.
    pub job: u32,
    before: BTreeMap<PathBuf, String>,
}

impl Place {
    pub fn new() -> Self {
        static JOB: AtomicU32 = AtomicU32::new(100);
        let (home, audit, treasure) = (folder(), folder(), folder());
        chown(home.path(), Some(USER), Some(USER)).unwrap();
        let owner = Some((USER, USER));
        let dir = Sweep { owner, ..Sweep::default() }.write(home.path());
        fs::write(treasure.path().join("secret"), SECRET).unwrap();
        fs::set_permissions(treasure.path().join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(treasure.path().join("open"), "for all to read").unwrap();
        let before = listing(treasure.path());
        Self { home, audit, treasure, dir, job: JOB.fetch_add(1, Ordering::Relaxed), before }
    }

    /// A file of the treasure.
    pub fn treasure(&self, name: &str) -> PathBuf {
        self.treasure.path().join(name)
    }

    /// The folder of the trial that rows use.
    pub fn trial(&self) -> PathBuf {
        self.dir.trial(TrialIndex(1)).path().to_owned()
    }

    /// Makes the trial's folder, as `sweep exec` or an attempt before would have.
    pub fn make_trial(&self) -> PathBuf {
        let path = self.trial();
        fs::create_dir_all(&path).unwrap();
        for path in [path.parent().unwrap(), &path] {
            chown(path, Some(USER), Some(USER)).unwrap();
        }
        path
    }

    /// Puts a symlink of the user's in the place of whatever is there.
    pub fn link(&self, path: &Path, target: &Path) {
        remove(path);
        symlink(target, path).unwrap();
        lchown(path, Some(USER), Some(USER)).unwrap();
    }

    /// The script of the row's job up to its options.
    pub fn script(&self) -> Script {
        Script::batch(self.job, &[&format!("audit={}", self.audit.path().display())])
    }

    /// Runs the job with the sweep's trial 1.
    pub fn run(&self) -> String {
        self.run_script(self.script().trial(self.dir.path(), "t001").start().end(0))
    }

    /// Runs a script of the row's job.
    pub fn run_script(&self, script: Script) -> String {
        self.give_to_user();
        self.judge(&script.get(&["lr", ERROR]).run(&artifacts::plugin().unwrap()).all_well())
    }

    /// Looks at all that must hold after any row; what became of the job in a few words.
    pub fn judge(&self, trace: &Trace) -> String {
        for words in trace.words("hook") {
            let took: u128 = words[3].parse().unwrap();
            assert!(took / 1000 < HOOK_LIMIT_MS, "{} took {took} us", words[1]);
        }
        let site = site_records(self.audit.path(), self.job);
        self.check_site(&site);
        self.check_files();
        let said = trace.errors().concat() + &format!("{site:?}{:?}", trace.get(ERROR));
        assert!(!said.contains(SECRET), "root's secret is told");
        assert!(!said.chars().any(char::is_control), "{said:?}");
        let own = self.own_records();
        let job = match (trace.get("lr"), trace.get(ERROR)) {
            (Some(_), None) => "job has its trial".to_owned(),
            (None, Some(error)) => {
                assert!(site[0].refused.iter().any(|reason| !reason.is_empty()), "{site:?}");
                format!("job without trial: {}", reason(&error))
            }
            other => panic!("{other:?}: all or nothing"),
        };
        let copy = match own.as_slice() {
            [] => "site's record alone",
            [Kind::Start] => "site's record, user's copy without end",
            [Kind::Start, Kind::End] => "both records",
            other => panic!("{other:?}"),
        };
        format!("{job}; {copy}")
    }

    /// What the row has prepared as root is the user's before the job begins, as if the user had.
    fn give_to_user(&self) {
        for (path, text) in listing(self.home.path()) {
            if text.starts_with("0 ") && !has_two_names(&path) {
                lchown(&path, Some(USER), Some(USER)).unwrap();
            }
        }
    }

    /// What stands in the plain files of records in the trial's folder, which is no symlink.
    fn own_records(&self) -> Vec<Kind> {
        let folder = self.trial();
        let is_folder = fs::symlink_metadata(&folder).is_ok_and(|metadata| metadata.is_dir());
        let entries = fs::read_dir(folder).into_iter().filter(|_| is_folder).flatten().flatten();
        let files = entries.filter(|entry| {
            let name = entry.file_name();
            name.as_encoded_bytes().starts_with(b"record.")
                && entry.file_type().is_ok_and(|kind| kind.is_file())
        });
        let records = files.flat_map(|entry| Record::parse_file(&fs::read(entry.path()).unwrap()));
        records.map(|record| record.kind).collect()
    }

    fn check_site(&self, site: &[Record]) {
        let kinds: Vec<Kind> = site.iter().map(|record| record.kind).collect();
        assert_eq!(kinds, [Kind::Start, Kind::End], "the site's record");
        assert!(site.iter().all(|r| (r.uid, r.gid, r.node.as_str()) == (USER, USER, "stub1")), "{site:?}");
    }

    /// Nothing of root's has changed, and nothing in the user's home is newly root's.
    pub fn check_files(&self) {
        assert_eq!(listing(self.treasure.path()), self.before, "root's files");
        for (path, text) in listing(self.home.path()) {
            let is_rows_own = has_two_names(&path);
            assert!(!text.starts_with("0 ") || is_rows_own, "{} is root's: {text}", path.display());
        }
    }
}

/// The part of a message that does not depend on names and numbers.
fn reason(error: &str) -> String {
    const REASONS: [&str; 16] = [
        "Permission denied",
        "No such file",
        "Not a directory",
        "Too many levels",
        "Invalid argument",
        "Input/output error",
        "No such device",
        "is damaged",
        "is not a sweep directory",
        "no answer within 5 s",
        "control characters",
        "not UTF-8",
        "longer than",
        "is not a trial",
        "would shadow",
        "more than the limit",
    ];
    let known = REASONS.iter().find(|reason| error.contains(*reason));
    known.map_or_else(|| format!("unknown: {error}"), |reason| (*reason).to_owned())
}

/// Whether this is a row's own hard link to a file of root's.
fn has_two_names(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.nlink() == 2)
}

/// A folder of root's that all may enter. In memory: some rows run hundreds of jobs, and each syncs what it writes.
fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("sweep-hostile-").tempdir_in("/dev/shm").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Removes whatever is there.
pub fn remove(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path).unwrap(),
        Ok(_) => fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}

/// Everything below a folder, with owner, mode, length and last write, never through a symlink or another file system.
fn listing(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let device = fs::metadata(folder).unwrap().dev();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.dev() != device {
            continue;
        }
        let (uid, mode, len) = (metadata.uid(), metadata.mode(), metadata.len());
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        all.insert(path.clone(), format!("{uid} {mode:o} {len} {changed:?}"));
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
    all
}
