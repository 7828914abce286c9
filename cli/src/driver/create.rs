//! Making a sweep's directory: built under another name, synced, and renamed when complete, so that a sweep is
//! either whole or not there. It submits nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sweep_core::id::SweepId;
use sweep_core::layout::{self, SweepDir};
use sweep_core::manifest::{Manifest, Submission};
use sweep_core::trial::TableWriter;

use crate::driver::advance;
use crate::driver::batches::Groups;
use crate::driver::home::Home;
use crate::driver::{files, source};
use crate::error::{At, Error, Result};
use crate::executor::process::Call;
use crate::spec::{Origin, Spec};

/// The batch script of every job. A bare `exec` of a program that a node does not have would leave no word anywhere.
pub const JOB_SCRIPT: &str = r#"#!/bin/sh
# One task of a sweep: $1 the sweep command, $2 the sweep directory, $3 the batch, $4 the trial.
if ! [ -x "$1" ]; then
    echo "error: \`$1\` is not there on node ${SLURMD_NODENAME:-$(uname -n)}" >>"$2/batches/$3.${SLURM_ARRAY_TASK_ID:-0}.err"
    exit 74
fi
exec "$1" exec "$2" "$3" "$4"
"#;

/// The batch script of the job that drives a sweep.
pub const DRIVE_SCRIPT: &str = r#"#!/bin/sh
# The driver of a sweep: $1 the sweep command, $2 the sweep directory.
if ! [ -x "$1" ]; then
    echo "error: \`$1\` is not there on node ${SLURMD_NODENAME:-$(uname -n)}"
    exit 74
fi
exec "$1" drive "$2"
"#;

/// Bytes that are gathered before the trials table is written to.
const WRITE_LEN: usize = 256 * 1024;

/// A sweep that was made.
#[derive(Debug)]
pub struct Created {
    /// Its directory, absolute and without symlinks.
    pub dir: SweepDir,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its trials by their sbatch options.
    pub groups: Groups,
    /// How many trials it has.
    pub count: u32,
    /// Where trials begin.
    pub workdir: PathBuf,
}

/// Makes the directory of a spec's sweep. `versions` names what made it; `submission` is how its trials are going to
/// be submitted, so that a crash from here on loses nothing of what was asked.
///
/// # Errors
/// Those of the file system, or of a spec with more trials than a sweep may have.
pub fn create(
    spec: &Spec,
    home: &Home,
    versions: BTreeMap<String, String>,
    submission: Option<Submission>,
) -> Result<Created> {
    fs::create_dir_all(home.path()).at("make", home.path())?;
    let home_path = fs::canonicalize(home.path()).at("find", home.path())?;
    let id = new_id(&spec.name)?;
    let new = SweepDir::unfinished(&home_path, &id);
    fs::create_dir(new.path()).at("make", new.path())?;
    let complete = SweepDir::complete(&home_path, &id);
    // Frozen sources are in the sweep itself, and move with it.
    let workdir = if spec.source.is_empty() {
        workdir(&spec.folder, &spec.workdir, complete.path())
    } else {
        Ok(format!("{}/{}", layout::SOURCE, spec.workdir))
    };
    let manifest = workdir.map(|workdir| {
        let origin = Origin {
            id: id.clone(),
            created: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            versions,
            git_commit: git_commit(&spec.folder),
            workdir,
        };
        Manifest { submission, ..spec.manifest(origin) }
    });
    let built = manifest.and_then(|manifest| fill(spec, &new, manifest)).inspect_err(|_| {
        // What is not complete is nobody's; if even this fails, `.…new` is ignored all the same.
        let _ = fs::remove_dir_all(new.path());
    });
    let (manifest, groups, count) = built?;
    fs::rename(new.path(), complete.path()).at("rename", new.path())?;
    files::sync_dir(&home_path)?;
    files::replace_link(&home_path.join(layout::LATEST), id.as_str())?;
    let workdir = complete.path().join(&manifest.workdir);
    // A workdir that a parameter decides is known in the job only; it begins where the spec is.
    let workdir =
        fs::canonicalize(&workdir).or_else(|_| fs::canonicalize(&spec.folder)).at("find", &workdir)?;
    Ok(Created { dir: complete, manifest, groups, count, workdir })
}

fn fill(spec: &Spec, new: &SweepDir, manifest: Manifest) -> Result<(Manifest, Groups, u32)> {
    for folder in new.folders() {
        fs::create_dir(&folder).at("make", &folder)?;
    }
    let mut json = serde_json::to_vec_pretty(&manifest).expect("texts and numbers always serialize");
    json.push(b'\n');
    files::create_new(&new.manifest(), &json)?;
    files::create_new(&new.spec(), &spec.bytes)?;
    if let Some(base) = &spec.base {
        files::create_new(&new.base(), &base.bytes)?;
    }
    files::create_new(&new.job_script(), JOB_SCRIPT.as_bytes())?;
    source::freeze(&spec.source, &spec.folder, &new.source())?;
    if manifest.driven {
        files::create_new(&new.drive_script(), DRIVE_SCRIPT.as_bytes())?;
    }
    let (groups, count) = write_trials(spec, new, &manifest)?;
    files::sync_dir(new.path())?;
    Ok((manifest, groups, count))
}

fn write_trials(spec: &Spec, new: &SweepDir, manifest: &Manifest) -> Result<(Groups, u32)> {
    let trials_path = new.trials();
    let index_path = new.index();
    let open = |path: &Path| File::create_new(path).at("create", path);
    let trials_file = BufWriter::with_capacity(WRITE_LEN, open(&trials_path)?);
    let index_file = BufWriter::with_capacity(WRITE_LEN, open(&index_path)?);
    let mut table = TableWriter::new(trials_file, index_file).at("write", &trials_path)?;
    let mut groups = Groups::default();
    let shared = spec.shared_sbatch();
    let too_many = |error: sweep_search::Error| Error::user(error.to_string());
    // What depends on results waits for its driver; the first ones need none.
    let first = advance::first_trials(manifest).unwrap_or(usize::MAX);
    for trial in spec.trials(manifest.id.as_str()).map_err(too_many)?.take(first) {
        let trial = trial?;
        table.append(&trial).at("write", &trials_path)?;
        if trial.sbatch.is_empty() && spec.rungs.is_empty() {
            groups.add(trial.index, &shared);
        } else {
            groups.add(trial.index, &spec.sbatch_of(&trial)?);
        }
    }
    let count = table.count();
    let (trials_file, index_file) = table.into_parts();
    for (file, path) in [(trials_file, &trials_path), (index_file, &index_path)] {
        let file = file.into_inner().map_err(std::io::IntoInnerError::into_error).at("write", path)?;
        file.sync_all().at("write", path)?;
    }
    Ok((groups, count))
}

/// The working directory as the manifest has it: relative to the sweep's directory where that is inside the spec's
/// folder, so that the two can be moved together.
fn workdir(spec_folder: &Path, workdir: &str, sweep: &Path) -> Result<String> {
    let folder = fs::canonicalize(spec_folder).at("find", spec_folder)?;
    if Path::new(workdir).is_absolute() {
        return Ok(workdir.to_owned());
    }
    let up = sweep.strip_prefix(&folder).ok().map(|below| below.components().count());
    let base = up.map_or(folder, |levels| std::iter::repeat_n("..", levels).collect());
    // A path of the file system may hold `$`, and this text is filled in later.
    let base =
        base.to_str().ok_or_else(|| Error::user("the path of the spec is not UTF-8"))?.replace('$', "$$");
    Ok(if workdir == "." { base } else { format!("{base}/{workdir}") })
}

/// `<name>-<yyyymmdd>-<hhmmss>-<4 letters>`, in UTC.
fn new_id(name: &str) -> Result<SweepId> {
    let time = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    let mut random = [0; 4];
    let source = Path::new("/dev/urandom");
    File::open(source).and_then(|mut file| file.read_exact(&mut random)).at("read", source)?;
    let letters: String = random.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    Ok(format!("{name}-{time}-{letters}").parse()?)
}

/// The commit of the repository that holds the spec; git is asked only where there is one.
fn git_commit(folder: &Path) -> Option<String> {
    let folder = fs::canonicalize(folder).ok()?;
    folder.ancestors().find(|dir| dir.join(".git").exists())?;
    let folder = folder.to_str()?;
    let answer =
        Call::new("git").args(["-C", folder, "rev-parse", "HEAD"]).run(Duration::from_secs(5)).ok()?;
    let commit = answer.stdout.trim();
    (answer.success && !commit.is_empty()).then(|| commit.to_owned())
}

/// Directories that were made.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workdir_moves_with_its_sweep() {
        let dir = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(dir.path()).unwrap();
        let sweep = base.join(".sweeps/x");
        assert_eq!(workdir(&base, ".", &sweep).unwrap(), "../..");
        assert_eq!(workdir(&base, "code/${v}", &sweep).unwrap(), "../../code/${v}");
        assert_eq!(workdir(&base, "/abs", &sweep).unwrap(), "/abs");
        assert_eq!(workdir(&base, ".", Path::new("/elsewhere/x")).unwrap(), base.to_str().unwrap());
    }

    #[test]
    fn an_id_has_its_time() {
        let id = new_id("iris").unwrap();
        assert!(id.as_str().starts_with("iris-2") && id.time().is_some(), "{id}");
    }
}
